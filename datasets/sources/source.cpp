#include "datasets/sources/source.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "datasets/sources/listing.h"
#include "datasets/sources/market1501.h"
#include "datasets/sources/pku_reid.h"
#include "datasets/sources/vru.h"

namespace resolute::datasets {
namespace {

struct Source {
  std::string_view name;
  std::string_view own_folder;  // where `root` may be its parent; empty: never
  std::string_view landmark;    // a folder that only the data set's own folder has
  std::vector<Sample> (*list)(core::FileSystem&, const std::filesystem::path&);
};

constexpr Source kSources[] = {
    {"market1501", sources::kMarket1501Folder, "bounding_box_train", sources::list_market1501},
    {"pku-reid", sources::kPkuReidFolder, "train", sources::list_pku_reid},
    {"synthetic", "", "bounding_box_train", sources::list_market1501},
    {"vru", sources::kVruFolder, "Pic", sources::list_vru},
};

const Source& find_source(std::string_view name) {
  for (const Source& source : kSources)
    if (source.name == name) return source;
  throw core::input_error(fmt::format("source '{}' is unknown", sources::printable(name)), {},
                          "choose 'market1501', 'pku-reid', 'synthetic' or 'vru'");
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
  check_identities(samples);
  return samples;
}

}  // namespace resolute::datasets
