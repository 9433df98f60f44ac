#include "datasets/sources/source.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "datasets/sample_path.h"
#include "datasets/sources/caviar.h"
#include "datasets/sources/csv.h"
#include "datasets/sources/cuhk03.h"
#include "datasets/sources/dukemtmc.h"
#include "datasets/sources/listing.h"
#include "datasets/sources/market1501.h"
#include "datasets/sources/mlr_folders.h"
#include "datasets/sources/pku_reid.h"
#include "datasets/sources/stand_in.h"
#include "datasets/sources/sysu.h"
#include "datasets/sources/viper.h"
#include "datasets/sources/vru.h"

namespace resolute::datasets {
namespace {

struct Source {
  std::string_view name;
  std::string_view own_folder;  // where `root` may be its parent; empty: never
  std::string_view landmark;    // a folder that only the data set's own folder has
  std::vector<Sample> (*list)(core::FileSystem&, const std::filesystem::path&);
  void (*write_stand_in)(NewFolder&, const SyntheticOptions&);
  // Null: its images are files.
  std::unique_ptr<RawReader> (*open)(core::FileSystem&, const std::filesystem::path&) = nullptr;
  SyntheticOptions stand_in = {};  // settings that the layout can have
};

constexpr Source kSources[] = {
    {"caviar",
     sources::kCaviarFolder,
     "0001001.jpg",
     sources::list_caviar,
     sources::write_caviar,
     nullptr,
     {.images_per_camera = 10}},
    {"csv", "", "images.csv", sources::list_csv, sources::write_csv},
    {"cuhk03", sources::kCuhk03Folder, sources::kCuhk03File, sources::list_cuhk03_labeled, sources::write_cuhk03,
     sources::open_cuhk03},
    {"cuhk03-detected", sources::kCuhk03Folder, sources::kCuhk03File, sources::list_cuhk03_detected,
     sources::write_cuhk03, sources::open_cuhk03},
    {"dukemtmc", sources::kDukemtmcFolder, "bounding_box_train", sources::list_dukemtmc, sources::write_dukemtmc},
    {"market1501", sources::kMarket1501Folder, "bounding_box_train", sources::list_market1501,
     sources::write_market1501},
    {"mlr-folders", "", "query", sources::list_mlr_folders, sources::write_mlr_folders},
    {"mlr-folders-by-identity", "", "query", sources::list_mlr_folders, sources::write_mlr_folders_by_identity},
    {"pku-reid", sources::kPkuReidFolder, "train", sources::list_pku_reid, sources::write_pku_reid},
    {"synthetic", "", "bounding_box_train", sources::list_market1501, sources::write_market1501},
    {"sysu", "", "images.csv", sources::list_sysu, sources::write_sysu},
    {"viper",
     sources::kViperFolder,
     "cam_a",
     sources::list_viper,
     sources::write_viper,
     nullptr,
     {.images_per_camera = 1}},
    {"vru",
     sources::kVruFolder,
     "Pic",
     sources::list_vru,
     sources::write_vru,
     nullptr,
     {.cameras = 1, .images_per_camera = 8, .subject = Subject::kVehicle}},
};

const Source& find_source(std::string_view name) {
  for (const Source& source : kSources)
    if (source.name == name) return source;
  throw core::input_error(fmt::format("source '{}' is unknown", sources::printable(name)), {},
                          fmt::format("choose one of {}", fmt::join(source_names(), ", ")));
}

// Manifests are text that others read: whatever a file system allows, a path in them is plain.
void check_paths(const std::vector<Sample>& samples) {
  for (const Sample& sample : samples) {
    std::string_view problem = path_problem(sample.path);
    if (problem.empty() && sources::printable(sample.path) != sample.path) problem = "its bytes are not UTF-8";
    if (!problem.empty())
      throw core::input_error(fmt::format("'{}' cannot stand in a manifest", sources::printable(sample.path)), problem,
                              "rename it");
  }
}

void check_identities(const std::vector<Sample>& samples) {
  struct Seen {
    const Sample* first = nullptr;
    std::size_t count = 0;
  };
  std::map<std::int64_t, Seen> identities;
  for (const Sample& sample : samples) {
    if (sample.identity == 0) continue;
    Seen& seen = identities[sample.identity];
    if (seen.first == nullptr) seen.first = &sample;
    ++seen.count;
    if ((seen.first->subset == "train") != (sample.subset == "train"))
      throw core::input_error(fmt::format("identity {} is both in training ('{}') and in test ('{}')", sample.identity,
                                          seen.first->subset == "train" ? seen.first->path : sample.path,
                                          seen.first->subset == "train" ? sample.path : seen.first->path),
                              "no identity may be in both", "take one of them out");
  }
  for (const auto& [identity, seen] : identities)
    if (seen.count < 2)
      throw core::input_error(fmt::format("identity {} has only one image, '{}'", identity, seen.first->path),
                              "a match needs two", "add another image of it or take this one out");
}

}  // namespace

std::filesystem::path source_root(core::FileSystem& files, std::string_view source, const std::filesystem::path& root) {
  const Source& known = find_source(source);
  if (!files.exists(root))
    throw core::input_error(fmt::format("folder '{}' does not exist", root.string()),
                            fmt::format("the images of source '{}' are read from it", source), "check the path");
  if (!known.own_folder.empty() && !files.exists(root / known.landmark) && files.exists(root / known.own_folder))
    return root / known.own_folder;
  return root;
}

std::vector<Sample> list_samples(core::FileSystem& files, std::string_view source, const std::filesystem::path& root) {
  std::vector<Sample> samples = find_source(source).list(files, source_root(files, source, root));
  std::sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) { return a.path < b.path; });
  check_paths(samples);
  check_identities(samples);
  return samples;
}

std::unique_ptr<RawReader> open_raw(core::FileSystem& files, std::string_view source,
                                    const std::filesystem::path& root) {
  const std::filesystem::path own = source_root(files, source, root);
  const Source& known = find_source(source);
  if (known.open != nullptr) return known.open(files, own);
  return std::make_unique<RawFolder>(files, own);
}

std::vector<std::string_view> source_names() {
  std::vector<std::string_view> names;
  for (const Source& source : kSources) names.push_back(source.name);
  return names;
}

SyntheticOptions stand_in_options(std::string_view layout) { return find_source(layout).stand_in; }

void write_stand_in(core::FileSystem& files, const std::filesystem::path& out, std::string_view layout,
                    const SyntheticOptions& options) {
  const Source& source = find_source(layout);
  if (source.write_stand_in == sources::write_market1501) return write_synthetic(files, out, options);
  // Sets in general need two images by a camera; a layout that has but one is content with it.
  SyntheticOptions checked = options;
  if (source.stand_in.images_per_camera == 1) checked.images_per_camera = std::max(checked.images_per_camera, 2);
  validate(checked);
  core::Json settings = to_json(options);
  settings["layout"] = std::string(layout);
  sources::write_whole(files, out, core::canonical_json(settings) + "\n",
                       [&](NewFolder& folder) { source.write_stand_in(folder, options); });
}

}  // namespace resolute::datasets
