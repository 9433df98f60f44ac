#include "datasets/pack/manifest_replay.h"

#include <algorithm>

#include "core/hash/sha256.h"
#include "datasets/samples/listing.h"

namespace resolute::datasets {
namespace {

// "'a.jpg' has identity 3 there and 4 here"; empty where both are the same.
template <class Value>
std::string differs(const std::string& path, std::string_view what, const Value& there, const Value& here) {
  if (there == here) return {};
  return fmt::format("'{}' has {} {} there and {} here", sources::printable(path), what, there, here);
}

std::string first_of(std::initializer_list<std::string> differences) {
  for (const std::string& difference : differences)
    if (!difference.empty()) return difference;
  return {};
}

std::string sample_difference(std::size_t row, const Sample& there, const Sample& here) {
  if (there.path != here.path)
    return fmt::format("row {} is '{}' there and '{}' here", row, sources::printable(there.path),
                       sources::printable(here.path));
  return first_of({differs(here.path, "identity", there.identity, here.identity),
                   differs(here.path, "camera", there.camera, here.camera),
                   differs(here.path, "subset", there.subset, here.subset),
                   differs(here.path, "rate", there.rate, here.rate),
                   differs(here.path, "test sets", there.test_sets, here.test_sets)});
}

std::string size_difference(std::size_t there, std::size_t here) {
  return there == here ? std::string() : fmt::format("{} images there, {} here", there, here);
}

}  // namespace

std::vector<PackRow> read_manifest(core::FileSystem& files, const fs::path& path) {
  const std::string where = fmt::format("'{}'", path.string());
  return manifest_from_json(core::parse_json(core::read_named_text(files, path, kLargestManifest), where), where);
}

std::string listing_difference(std::span<const PackRow> published, std::span<const Sample> here) {
  for (std::size_t i = 0; i < std::min(published.size(), here.size()); ++i)
    if (std::string difference = sample_difference(i, published[i].sample, here[i]); !difference.empty())
      return difference;
  return size_difference(published.size(), here.size());
}

std::string image_difference(const PackRow& published, const RawReader& raw) {
  const std::string& path = published.sample.path;
  return differs(path, "SHA-256", published.source_sha256, core::sha256_hex(core::as_text(raw.read(path))));
}

std::string manifest_difference(std::span<const PackRow> published, std::span<const PackRow> here) {
  for (std::size_t i = 0; i < std::min(published.size(), here.size()); ++i) {
    const PackRow& a = published[i];
    const PackRow& b = here[i];
    if (a == b) continue;
    return first_of({sample_difference(i, a.sample, b.sample),
                     differs(b.sample.path, "SHA-256", a.source_sha256, b.source_sha256),
                     differs(b.sample.path, "native height", a.native_height, b.native_height),
                     differs(b.sample.path, "native width", a.native_width, b.native_width),
                     differs(b.sample.path, "truncated", a.truncated, b.truncated)});
  }
  return size_difference(published.size(), here.size());
}

}  // namespace resolute::datasets
