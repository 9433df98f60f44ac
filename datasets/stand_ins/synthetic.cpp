#include "datasets/stand_ins/synthetic.h"

#include "core/error.h"
#include "datasets/stand_ins/person.h"
#include "datasets/stand_ins/vehicle.h"

namespace resolute::datasets {
namespace {

constexpr int kRevision = 1;         // raised when an image of the same settings changes
constexpr int kVehicleRevision = 1;  // the same of vehicles
constexpr double kAmplitude = 0.24;  // of a grating at full contrast, of full scale

}  // namespace

core::Json synthetic_json(const SyntheticSettings& settings) {
  const bool people = settings.subject == Subject::kPerson;
  core::Json json = settings::to_json(settings);
  json["source"] = settings::facts_of(settings::Source::kSynthetic).name;
  json["revision"] = people ? kRevision : kVehicleRevision;
  // Sets of people written before there were vehicles are still theirs.
  if (people) json.erase("subject");
  return json;
}

Image render_person(const SyntheticSettings& settings, int identity, int camera, int image) {
  RESOLUTE_EXPECT(identity >= 0 && camera >= 0 && image >= 0, "identities, cameras and images count from 0");
  const auto who = static_cast<std::uint64_t>(identity);
  const auto where = static_cast<std::uint64_t>(camera);
  const auto which = static_cast<std::uint64_t>(image);
  const std::uint64_t seed = settings.seed;
  const sources::Traits traits = sources::draw_traits(core::RandomStream("synthetic-traits", {seed, who}));
  const sources::Colour tint = sources::draw_tint(core::RandomStream("synthetic-tint", {seed, where}));
  sources::Canvas canvas(settings.height, settings.width);
  sources::paint_background(canvas, core::RandomStream("synthetic-background", {seed, who, where, which}));
  sources::paint_person(canvas, traits, kAmplitude * settings.fine_contrast,
                        core::RandomStream("synthetic-pose", {seed, who, where, which}));
  sources::expose(canvas, tint, core::RandomStream("synthetic-light", {seed, who, where, which}));
  return canvas.finish();
}

Image render_vehicle(const SyntheticSettings& settings, int identity, int camera, int image) {
  RESOLUTE_EXPECT(identity >= 0 && camera >= 0 && image >= 0, "identities, cameras and images count from 0");
  const auto who = static_cast<std::uint64_t>(identity);
  const auto where = static_cast<std::uint64_t>(camera);
  const auto which = static_cast<std::uint64_t>(image);
  const std::uint64_t seed = settings.seed;
  const sources::VehicleTraits traits =
      sources::draw_vehicle_traits(core::RandomStream("synthetic-vehicle-traits", {seed, who}));
  const sources::Colour tint = sources::draw_tint(core::RandomStream("synthetic-vehicle-tint", {seed, where}));
  const sources::VehiclePose pose = sources::draw_vehicle_pose(
      traits, settings.height, settings.width, core::RandomStream("synthetic-vehicle-pose", {seed, who, where, which}));
  sources::Canvas canvas(pose.image_height, pose.image_width);
  sources::paint_ground(canvas, pose, core::RandomStream("synthetic-vehicle-ground", {seed, who, where, which}));
  sources::paint_vehicle(canvas, traits, pose, kAmplitude * settings.fine_contrast,
                         core::RandomStream("synthetic-vehicle-paint", {seed, who, where, which}));
  sources::expose(canvas, tint, core::RandomStream("synthetic-vehicle-light", {seed, who, where, which}));
  return canvas.finish();
}

}  // namespace resolute::datasets
