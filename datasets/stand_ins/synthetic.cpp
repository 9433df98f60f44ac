#include "datasets/stand_ins/synthetic.h"

#include "core/error.h"
#include "datasets/stand_ins/person.h"
#include "datasets/stand_ins/vehicle.h"

namespace resolute::datasets {
namespace {

constexpr int kRevision = 1;         // raised when an image of the same settings changes
constexpr int kVehicleRevision = 1;  // the same of vehicles
constexpr double kAmplitude = 0.24;  // of a grating at full contrast, of full scale

// The keys of an image's draws.
struct Keys {
  Keys(const SyntheticSettings& settings, int identity_number, int camera_number, int image_number)
      : seed(settings.seed),
        identity(static_cast<std::uint64_t>(identity_number)),
        camera(static_cast<std::uint64_t>(camera_number)),
        image(static_cast<std::uint64_t>(image_number)) {
    RESOLUTE_EXPECT(identity_number >= 0 && camera_number >= 0 && image_number >= 0,
                    "identities, cameras and images count from 0");
  }
  core::RandomStream of_identity(std::string_view purpose) const { return {purpose, {seed, identity}}; }
  core::RandomStream of_camera(std::string_view purpose) const { return {purpose, {seed, camera}}; }
  core::RandomStream of_image(std::string_view purpose) const { return {purpose, {seed, identity, camera, image}}; }

  std::uint64_t seed, identity, camera, image;
};

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
  const Keys keys(settings, identity, camera, image);
  const sources::Traits traits = sources::draw_traits(keys.of_identity("synthetic-traits"));
  const sources::Colour tint = sources::draw_tint(keys.of_camera("synthetic-tint"));
  sources::Canvas canvas(settings.height, settings.width);
  sources::paint_background(canvas, keys.of_image("synthetic-background"));
  sources::paint_person(canvas, traits, kAmplitude * settings.fine_contrast, keys.of_image("synthetic-pose"));
  sources::expose(canvas, tint, keys.of_image("synthetic-light"));
  return canvas.finish();
}

Image render_vehicle(const SyntheticSettings& settings, int identity, int camera, int image) {
  const Keys keys(settings, identity, camera, image);
  const sources::VehicleTraits traits = sources::draw_vehicle_traits(keys.of_identity("synthetic-vehicle-traits"));
  const sources::Colour tint = sources::draw_tint(keys.of_camera("synthetic-vehicle-tint"));
  const sources::VehiclePose pose =
      sources::draw_vehicle_pose(traits, settings.height, settings.width, keys.of_image("synthetic-vehicle-pose"));
  sources::Canvas canvas(pose.image_height, pose.image_width);
  sources::paint_ground(canvas, pose, keys.of_image("synthetic-vehicle-ground"));
  sources::paint_vehicle(canvas, traits, pose, kAmplitude * settings.fine_contrast,
                         keys.of_image("synthetic-vehicle-paint"));
  sources::expose(canvas, tint, keys.of_image("synthetic-vehicle-light"));
  return canvas.finish();
}

}  // namespace resolute::datasets
