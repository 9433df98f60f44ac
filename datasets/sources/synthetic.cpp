#include "datasets/sources/synthetic.h"

#include <string>

#include "core/error.h"
#include "datasets/sources/listing.h"
#include "datasets/sources/market1501.h"
#include "datasets/sources/person.h"
#include "datasets/sources/stand_in.h"
#include "datasets/sources/vehicle.h"

namespace resolute::datasets {
namespace {

namespace fs = std::filesystem;

constexpr int kRevision = 1;         // raised when an image of the same settings changes
constexpr int kVehicleRevision = 1;  // the same of vehicles
constexpr int kOddRevision = 2;      // raised when files of an irregular set of the same settings change; 1 was `true`
constexpr double kAmplitude = 0.24;  // of a grating at full contrast, of full scale

void check_range(std::string_view name, double value, double low, double high) {
  if (value >= low && value <= high) return;  // a NaN is outside
  throw core::input_error(fmt::format("{} of a synthetic data set is {}", name, value),
                          fmt::format("it must be {} to {}", low, high));
}

std::string settings_text(const SyntheticOptions& options) { return core::canonical_json(to_json(options)) + "\n"; }

}  // namespace

void validate(const SyntheticOptions& options) {
  check_range("identities", options.identities, 4, 9999);
  check_range("cameras", options.cameras, 1, 99);
  check_range("images per camera", options.images_per_camera, 2, 9999);
  check_range("height", options.height, 32, 1024);
  check_range("width", options.width, 16, 1024);
  check_range("fine contrast", options.fine_contrast, 0.0, 1.0);
}

Subject subject_from_name(std::string_view name) {
  for (const Subject subject : {Subject::kPerson, Subject::kVehicle})
    if (subject_name(subject) == name) return subject;
  throw core::input_error(fmt::format("subject '{}' is unknown", sources::printable(name)), {},
                          "choose 'person' or 'vehicle'");
}

std::string subject_name(Subject subject) { return subject == Subject::kPerson ? "person" : "vehicle"; }

core::Json to_json(const SyntheticOptions& options) {
  const bool people = options.subject == Subject::kPerson;
  core::Json json{{"source", "synthetic"},
                  {"revision", people ? kRevision : kVehicleRevision},
                  {"identities", options.identities},
                  {"cameras", options.cameras},
                  {"images_per_camera", options.images_per_camera},
                  {"height", options.height},
                  {"width", options.width},
                  {"seed", options.seed},
                  {"fine_contrast", options.fine_contrast}};
  // Sets of people written before there were vehicles are still theirs.
  if (!people) json["subject"] = subject_name(options.subject);
  if (options.irregular) json["irregular"] = kOddRevision;
  return json;
}

Image render_person(const SyntheticOptions& options, int identity, int camera, int image) {
  RESOLUTE_EXPECT(identity >= 0 && camera >= 0 && image >= 0, "identities, cameras and images count from 0");
  const auto who = static_cast<std::uint64_t>(identity);
  const auto where = static_cast<std::uint64_t>(camera);
  const auto which = static_cast<std::uint64_t>(image);
  const std::uint64_t seed = options.seed;
  const sources::Traits traits = sources::draw_traits(core::RandomStream("synthetic-traits", {seed, who}));
  const sources::Colour tint = sources::draw_tint(core::RandomStream("synthetic-tint", {seed, where}));
  sources::Canvas canvas(options.height, options.width);
  sources::paint_background(canvas, core::RandomStream("synthetic-background", {seed, who, where, which}));
  sources::paint_person(canvas, traits, kAmplitude * options.fine_contrast,
                        core::RandomStream("synthetic-pose", {seed, who, where, which}));
  sources::expose(canvas, tint, core::RandomStream("synthetic-light", {seed, who, where, which}));
  return canvas.finish();
}

Image render_vehicle(const SyntheticOptions& options, int identity, int camera, int image) {
  RESOLUTE_EXPECT(identity >= 0 && camera >= 0 && image >= 0, "identities, cameras and images count from 0");
  const auto who = static_cast<std::uint64_t>(identity);
  const auto where = static_cast<std::uint64_t>(camera);
  const auto which = static_cast<std::uint64_t>(image);
  const std::uint64_t seed = options.seed;
  const sources::VehicleTraits traits =
      sources::draw_vehicle_traits(core::RandomStream("synthetic-vehicle-traits", {seed, who}));
  const sources::Colour tint = sources::draw_tint(core::RandomStream("synthetic-vehicle-tint", {seed, where}));
  const sources::VehiclePose pose = sources::draw_vehicle_pose(
      traits, options.height, options.width, core::RandomStream("synthetic-vehicle-pose", {seed, who, where, which}));
  sources::Canvas canvas(pose.image_height, pose.image_width);
  sources::paint_ground(canvas, pose, core::RandomStream("synthetic-vehicle-ground", {seed, who, where, which}));
  sources::paint_vehicle(canvas, traits, pose, kAmplitude * options.fine_contrast,
                         core::RandomStream("synthetic-vehicle-paint", {seed, who, where, which}));
  sources::expose(canvas, tint, core::RandomStream("synthetic-vehicle-light", {seed, who, where, which}));
  return canvas.finish();
}

void write_synthetic(core::FileSystem& files, const fs::path& out, const SyntheticOptions& options) {
  validate(options);
  sources::write_whole(files, out, settings_text(options),
                       [&](NewFolder& folder) { sources::write_market1501(folder, options); });
}

}  // namespace resolute::datasets
