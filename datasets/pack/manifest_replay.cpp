#include "datasets/pack/manifest_replay.h"

#include <algorithm>

#include "core/hash/sha256.h"
#include "datasets/samples/listing.h"

namespace resolute::datasets {
namespace {

// "'a.jpg' has identity 3 there and 4 here"; empty where both are the same.
template <class Value>
std::string differs(const std::string& path, std::string_view fact, const Value& published, const Value& listed) {
  if (published == listed) return {};
  return fmt::format("'{}' has {} {} there and {} here", sources::printable(path), fact, published, listed);
}

std::string first_of(std::initializer_list<std::string> differences) {
  for (const std::string& difference : differences)
    if (!difference.empty()) return difference;
  return {};
}

std::string sample_difference(std::size_t row, const Sample& published, const Sample& listed) {
  if (published.path != listed.path)
    return fmt::format("row {} is '{}' there and '{}' here", row, sources::printable(published.path),
                       sources::printable(listed.path));
  return first_of({differs(listed.path, "identity", published.identity, listed.identity),
                   differs(listed.path, "camera", published.camera, listed.camera),
                   differs(listed.path, "subset", published.subset, listed.subset),
                   differs(listed.path, "rate", published.rate, listed.rate),
                   differs(listed.path, "test sets", published.test_sets, listed.test_sets)});
}

std::string size_difference(std::size_t published, std::size_t listed) {
  return published == listed ? std::string() : fmt::format("{} images there, {} here", published, listed);
}

}  // namespace

std::vector<PackRow> read_manifest(core::FileSystem& files, const fs::path& path) {
  const std::string where = fmt::format("'{}'", path.string());
  return manifest_from_json(core::parse_json(core::read_named_text(files, path, kLargestManifest), where), where);
}

std::string listing_difference(std::span<const PackRow> published, std::span<const Sample> listed) {
  for (std::size_t i = 0; i < std::min(published.size(), listed.size()); ++i)
    if (std::string difference = sample_difference(i, published[i].sample, listed[i]); !difference.empty())
      return difference;
  return size_difference(published.size(), listed.size());
}

std::string image_difference(const PackRow& published, const RawReader& raw) {
  const std::string& path = published.sample.path;
  return differs(path, "SHA-256", published.source_sha256, core::sha256_hex(core::as_text(raw.read(path))));
}

std::string manifest_difference(std::span<const PackRow> published, std::span<const PackRow> listed) {
  for (std::size_t i = 0; i < std::min(published.size(), listed.size()); ++i) {
    const PackRow& a = published[i];
    const PackRow& b = listed[i];
    if (a == b) continue;
    return first_of({sample_difference(i, a.sample, b.sample),
                     differs(b.sample.path, "SHA-256", a.source_sha256, b.source_sha256),
                     differs(b.sample.path, "native height", a.native_height, b.native_height),
                     differs(b.sample.path, "native width", a.native_width, b.native_width),
                     differs(b.sample.path, "truncated", a.truncated, b.truncated)});
  }
  return size_difference(published.size(), listed.size());
}

}  // namespace resolute::datasets
