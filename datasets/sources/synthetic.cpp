#include "datasets/sources/synthetic.h"

#include <array>
#include <future>
#include <string>
#include <system_error>
#include <vector>

#include "core/error.h"
#include "datasets/sources/listing.h"
#include "datasets/sources/market1501.h"
#include "datasets/sources/person.h"
#include "datasets/sources/vehicle.h"

namespace resolute::datasets {
namespace {

namespace fs = std::filesystem;

constexpr int kRevision = 1;         // raised when an image of the same settings changes
constexpr int kVehicleRevision = 1;  // the same of vehicles
constexpr double kAmplitude = 0.24;  // of a grating at full contrast, of full scale
constexpr int kQuality = 95;
constexpr std::array<const char*, 3> kSubsets{"bounding_box_train", "bounding_box_test", "query"};
constexpr const char* kSettingsFile = "synthetic.json";

void check_range(std::string_view name, double value, double low, double high) {
  if (value >= low && value <= high) return;  // a NaN is outside
  throw core::input_error(fmt::format("{} of a synthetic data set is {}", name, value),
                          fmt::format("it must be {} to {}", low, high));
}

std::string settings_text(const SyntheticOptions& options) { return core::canonical_json(to_json(options)) + "\n"; }

enum class Standing { kAbsent, kSame, kOther };

// What stands under `out` already. An empty folder counts as absent.
Standing look_at(core::FileSystem& files, const fs::path& out, const std::string& settings) {
  if (!files.exists(out)) return Standing::kAbsent;
  const auto found = core::read_text_if_exists(files, out / kSettingsFile);
  if (found) return *found == settings ? Standing::kSame : Standing::kOther;
  return files.list(out).empty() ? Standing::kAbsent : Standing::kOther;
}

core::RuntimeError occupied(const fs::path& out) {
  return core::input_error(fmt::format("folder '{}' holds something else", out.string()),
                           "a synthetic data set of other settings, or other files",
                           "name another folder or remove it");
}

void write_file(core::FileSystem& files, const fs::path& path, std::span<const std::byte> bytes) {
  auto file = files.open_for_write(path, core::OpenMode::kCreateNew);
  file->write(bytes);
  file->close();
}

Image render(const SyntheticOptions& options, int identity, int camera, int image) {
  return options.subject == Subject::kVehicle ? render_vehicle(options, identity, camera, image)
                                              : render_person(options, identity, camera, image);
}

void write_images(core::FileSystem& files, const fs::path& folder, const SyntheticOptions& options) {
  for (const char* subset : kSubsets) files.create_directories(folder / subset);
  for (int identity = 0; identity < options.identities; ++identity)
    for (int camera = 0; camera < options.cameras; ++camera)
      for (int image = 0; image < options.images_per_camera; ++image) {
        const bool training = identity < options.identities / 2;
        const char* subset = training ? "bounding_box_train" : image == 0 ? "query" : "bounding_box_test";
        // Identity 0 of the naming is a distractor; cameras and frames count from 1 as well.
        write_file(files, folder / subset / sources::market1501_name(identity + 1, camera + 1, image + 1),
                   encode_jpeg(render(options, identity, camera, image), kQuality));
      }
}

// One fsync waits for one journal commit of the file system; calls made side by side share it. Measured for 512
// images: 5.4 s one after the other, and as below 0.8 s.
void sync_all(core::FileSystem& files, const fs::path& folder) {
  std::vector<fs::path> images;
  for (const char* subset : kSubsets)
    for (const std::string& name : files.list(folder / subset)) images.push_back(folder / subset / name);
  constexpr std::size_t kSideBySide = 32;
  std::vector<std::future<void>> parts;
  for (std::size_t part = 0; part < kSideBySide; ++part)
    parts.push_back(std::async(std::launch::async, [&files, &images, part] {
      for (std::size_t i = part; i < images.size(); i += kSideBySide) files.sync_path(images[i]);
    }));
  for (std::future<void>& part : parts) part.get();
  for (const char* subset : kSubsets) files.sync_path(folder / subset);
  files.sync_path(folder / kSettingsFile);
  files.sync_path(folder);
}

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
  const std::string settings = settings_text(options);
  switch (look_at(files, out, settings)) {
    case Standing::kSame:
      return;
    case Standing::kOther:
      throw occupied(out);
    case Standing::kAbsent:
      break;
  }
  // "DIR/" has an empty file name: the temporary folder has to stand beside DIR.
  const fs::path target = out.has_filename() ? out : out.parent_path();
  const fs::path parent = target.has_parent_path() ? target.parent_path() : fs::path(".");
  const fs::path temporary = core::temporary_beside(target);
  try {
    files.create_directories(temporary);
    write_images(files, temporary, options);
    write_file(files, temporary / kSettingsFile, core::as_byte_span(settings));
    sync_all(files, temporary);
    files.rename(temporary, target);
    files.sync_path(parent);
  } catch (...) {
    std::error_code ignored;  // the first error is the one to report
    fs::remove_all(temporary, ignored);
    // Another process may have put the same data set there first.
    if (look_at(files, target, settings) == Standing::kSame) return;
    throw;
  }
}

}  // namespace resolute::datasets
