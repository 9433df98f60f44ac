#include "datasets/pack/pack_images.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include "core/error.h"
#include "core/process/processors.h"
#include "core/process/side_by_side.h"
#include "datasets/manifest/manifest.h"
#include "datasets/pack/manifest_replay.h"
#include "datasets/pack/pack.h"
#include "datasets/pack/pack_file.h"
#include "datasets/samples/listing.h"
#include "datasets/sources/source.h"

namespace resolute::datasets {
namespace {

constexpr const char* kImagesFile = "images.json";

struct ImagesFile {
  std::string listing_sha256;
  std::vector<std::uint64_t> bytes;  // by row
};

// \throws RuntimeError (kCorrupt) for a text that we did not write
std::optional<ImagesFile> read_images_file(core::FileSystem& files, const fs::path& pack_folder) {
  const fs::path path = pack_folder / kImagesFile;
  const auto text = core::read_text_if_exists(files, path);
  if (!text) return std::nullopt;
  try {
    const std::string where = fmt::format("'{}'", path.string());
    const core::Json json = core::parse_json(*text, where);
    core::ObjectReader reader(json, where);
    core::read_schema(reader, "images", 1);
    ImagesFile read{reader.required<std::string>("listing_sha256"),
                    reader.required<std::vector<std::uint64_t>>("bytes")};
    reader.finish();
    return read;
  } catch (const core::RuntimeError& error) {
    throw core::corrupt_error(error.what(), {}, "remove the file: sizes of images are then compared no more");
  }
}

// How images differ from those that there were.
class Differences {
 public:
  enum Kind : std::size_t { kMissing, kAdded, kLabelled, kResized };
  void add(Kind kind, std::string difference) {
    if (all() == 0) first_ = std::move(difference);
    ++counts_.at(kind);
  }
  std::size_t all() const { return std::accumulate(counts_.begin(), counts_.end(), std::size_t{0}); }
  bool are_sizes_alone() const { return all() == counts_[kResized]; }
  std::string text() const {
    constexpr std::array<const char*, 4> kWords{"missing", "new", "of other labels", "of another size"};
    std::vector<std::string> kinds;
    for (std::size_t kind = 0; kind < counts_.size(); ++kind)
      if (counts_.at(kind) > 0) kinds.push_back(fmt::format("{} {}", counts_.at(kind), kWords.at(kind)));
    return fmt::format("{} path{}: {}; the first: {}", all(), all() == 1 ? " differs" : "s differ",
                       fmt::join(kinds, ", "), first_);
  }

 private:
  std::array<std::size_t, 4> counts_{};
  std::string first_;
};

// \param bytes of the rows' files; empty: not known, or no matter
Differences differences(const std::vector<PackRow>& rows, const std::vector<std::uint64_t>& bytes,
                        const SeenImages& seen) {
  Differences found;
  std::size_t i = 0, j = 0;  // both are sorted by path
  const auto shown = [](const Sample& sample) { return sources::printable(sample.path); };
  while (i < rows.size() || j < seen.samples.size()) {
    if (i == rows.size() || (j < seen.samples.size() && seen.samples[j].path < rows[i].sample.path)) {
      found.add(Differences::kAdded, fmt::format("'{}' is new", shown(seen.samples[j++])));
    } else if (j == seen.samples.size() || rows[i].sample.path < seen.samples[j].path) {
      found.add(Differences::kMissing, fmt::format("'{}' is missing", shown(rows[i++].sample)));
    } else {
      if (rows[i].sample != seen.samples[j])
        found.add(Differences::kLabelled, listing_difference(std::span(&rows[i], 1), std::span(&seen.samples[j], 1)));
      else if (!bytes.empty() && bytes[i] != seen.bytes[j])
        found.add(Differences::kResized,
                  fmt::format("'{}' has {} bytes there and {} here", shown(seen.samples[j]), bytes[i], seen.bytes[j]));
      ++i, ++j;
    }
  }
  return found;
}

// `data ingest` alone compares no more than labels (pack_images.h). It makes a pack to look at; results hang on others.
core::RuntimeError other_images_error(const PackSettings& pack, const fs::path& pack_folder, const fs::path& root,
                                      const std::string& why, CompareImages compare, bool may_be_the_same = false) {
  return core::input_error(
      fmt::format("'{}' does not hold the images that data set '{}' is packed from", root.string(), pack.name), why,
      fmt::format(
          "name the folder that it was packed from, or give these images another {}{}",
          compare == CompareImages::kLabels
              ? fmt::format("--name; if nobody needs the old pack, remove the folder '{}'", pack_folder.string())
              : "id",
          may_be_the_same ? "; --same-images compares every byte, and takes them where they are the same" : ""));
}

}  // namespace

SeenImages see_images(core::FileSystem& files, const PackSettings& pack, const fs::path& root,
                      std::vector<Sample> samples) {
  const auto raw = open_raw(files, pack.source, root);
  SeenImages seen{std::move(samples), {}};
  seen.bytes.reserve(seen.samples.size());
  for (const Sample& sample : seen.samples) {
    std::error_code error;
    seen.bytes.push_back(fs::file_size(raw->place(sample.path), error));
    if (error) throw core::system_error(fmt::format("cannot look at '{}'", raw->place(sample.path)), error.value());
  }
  return seen;
}

SeenImages see_images(core::FileSystem& files, const PackSettings& pack, const fs::path& root) {
  // Links are followed by who looks at labels and sizes alone: who packs refuses them.
  return see_images(files, pack, root,
                    list_samples(files, pack.source, root, pack.single_images, /*follow_links=*/true));
}

void require_images_of_pack(core::FileSystem& files, const fs::path& pack_folder, const SeenImages& seen,
                            const fs::path& root, CompareImages compare) {
  const PackFile pack = read_pack_file(files, pack_folder).pack;
  std::vector<std::uint64_t> bytes;
  if (compare == CompareImages::kSizes) {
    auto recorded = read_images_file(files, pack_folder);
    // One of another listing was left by a packing that another one replaced.
    if (recorded && recorded->listing_sha256 == pack.listing_sha256 && recorded->bytes.size() == pack.rows)
      bytes = std::move(recorded->bytes);
  }
  // Nearly always all is as it was: the manifest need not be read then.
  if (compare != CompareImages::kBytes && pack.listing_sha256 == listing_sha256(seen.samples) &&
      (bytes.empty() || bytes == seen.bytes))
    return;
  const std::vector<PackRow> rows = read_sealed_rows(files, pack_folder);
  if (const Differences found = differences(rows, bytes, seen); found.all() > 0)
    throw other_images_error(pack.options, pack_folder, root, found.text(), compare, found.are_sizes_alone());
  if (compare != CompareImages::kBytes) return;
  const auto raw = open_raw(files, pack.options.source, root);
  core::side_by_side(rows.size(), static_cast<std::size_t>(core::usable_processors()), [&](std::size_t i) {
    if (const std::string difference = image_difference(rows[i], *raw); !difference.empty())
      throw other_images_error(pack.options, pack_folder, root, difference, compare);
  });
}

std::set<int> shards_of_other_images(core::FileSystem& files, const fs::path& pack_folder, const PackSettings& pack,
                                     const SeenImages& seen) {
  std::set<int> shards;
  for (int shard = 0; shard < pack.shards; ++shard) shards.insert(shard);
  const auto recorded = read_images_file(files, pack_folder);
  if (!recorded || recorded->listing_sha256 != listing_sha256(seen.samples) ||
      recorded->bytes.size() != seen.bytes.size())
    return shards;
  std::erase_if(shards, [&](int shard) {
    const RowRange range = shard_rows(seen.bytes.size(), shard, pack.shards);
    const auto begin = static_cast<std::ptrdiff_t>(range.begin), end = static_cast<std::ptrdiff_t>(range.end);
    return std::equal(seen.bytes.begin() + begin, seen.bytes.begin() + end, recorded->bytes.begin() + begin);
  });
  return shards;
}

void record_images(core::FileSystem& files, const fs::path& pack_folder, const SeenImages& seen) {
  const core::Json json{{"bytes", seen.bytes}, {"listing_sha256", listing_sha256(seen.samples)}, {"schema", 1}};
  const std::string text = core::canonical_json(json) + "\n";
  const fs::path path = pack_folder / kImagesFile;
  if (core::read_text_if_exists(files, path) != text) core::write_atomic(files, path, text);
}

}  // namespace resolute::datasets
