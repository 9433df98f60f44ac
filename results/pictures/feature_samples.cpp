#include "results/pictures/feature_samples.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "core/random/random.h"
#include "datasets/hdf5/array_file.h"
#include "datasets/samples/name_key.h"
#include "experiments/specification/outputs.h"

namespace resolute::results {
namespace {

std::set<std::int64_t> draw_identities(const datasets::Split& split, int count) {
  std::set<std::int64_t> all;
  for (const datasets::QueryItem& item : split.query) all.insert(item.identity);
  std::vector<std::int64_t> order(all.begin(), all.end());
  core::RandomStream stream("sample-identities", {split.options.seed, datasets::name_key(split.pack)});
  stream.shuffle(std::span(order));
  order.resize(std::min(order.size(), static_cast<std::size_t>(count)));
  return {order.begin(), order.end()};
}

}  // namespace

std::vector<SampleImage> choose_sample(const datasets::Split& split, const std::vector<int>& rates, int identities) {
  const std::set<std::int64_t> wanted = draw_identities(split, identities);
  std::map<std::size_t, SampleImage> by_row;
  const auto add = [&](const auto& item) {
    if (wanted.contains(item.identity)) by_row[item.row] = {item.row, 1, item.identity, item.camera};
  };
  for (const datasets::QueryItem& item : split.query)
    if (!item.came_low) add(item);
  for (const datasets::GalleryItem& item : split.gallery) add(item);
  std::vector<SampleImage> images;
  for (auto& [row, image] : by_row)
    for (int rate : rates) {
      image.rate = rate;
      images.push_back(image);
    }
  return images;
}

std::pair<std::string, std::string> write_samples(core::FileSystem& files, const std::filesystem::path& folder,
                                                  std::span<const SampleImage> images, std::span<const float> features,
                                                  std::span<const std::int64_t> prefix) {
  RESOLUTE_EXPECT(!images.empty() && features.size() % images.size() == 0, "every image has a row of features");
  RESOLUTE_EXPECT(prefix.empty() || prefix.size() == images.size(), "every image has a prefix or none has");
  std::vector<std::int64_t> identities, cameras, rates, rows;
  for (const SampleImage& image : images) {
    identities.push_back(image.identity);
    cameras.push_back(image.camera);
    rates.push_back(image.rate);
    rows.push_back(static_cast<std::int64_t>(image.row));
  }
  const std::uint64_t count = images.size();
  datasets::ArrayFileWriter writer;
  writer.add("features", {count, features.size() / count}, features);
  const auto add = [&](const char* name, std::span<const std::int64_t> values) { writer.add(name, {count}, values); };
  add("identities", identities);
  add("cameras", cameras);
  add("rates", rates);
  add("row", rows);
  if (!prefix.empty()) add("prefix", prefix);
  const std::string name = experiments::kSamplesOutput.file;
  return {name, writer.write(files, folder / name)};
}

}  // namespace resolute::results
