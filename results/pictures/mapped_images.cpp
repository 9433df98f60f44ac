#include "results/pictures/mapped_images.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "core/error.h"
#include "datasets/hdf5/array_file.h"

namespace resolute::results {
namespace {

constexpr std::size_t kMappedIdentities = 16;  // the first of the gallery
constexpr std::size_t kMostMapped = 400;       // images: the work grows with their square

//! Row i of each array describes image i. Another program may have written the file, and nothing else checks this.
void check_rows(const std::filesystem::path& path, std::string_view name, std::uint64_t images,
                std::uint64_t features) {
  if (images == features) return;
  throw core::input_error(fmt::format("'{}': data set '{}' has {} rows", path.string(), name, images),
                          fmt::format("the features beside it have {}", features));
}

//! The features of one image of a file, behind those that are there.
void add_features(const std::vector<float>& features, std::size_t row, MappedImages& to) {
  const auto first = features.begin() + static_cast<std::ptrdiff_t>(row * to.dimensions);
  to.features.insert(to.features.end(), first, first + static_cast<std::ptrdiff_t>(to.dimensions));
}

//! Images of one side whose identity is mapped, as far as there is room.
void take(const std::filesystem::path& path, const datasets::ArrayFileReader& file, const std::string& side,
          const std::set<std::int64_t>& mapped, const std::vector<int>& rates, MappedImages& to) {
  const auto features = file.read_float32(side + "/features", 2);
  const auto identities = file.read_int64(side + "/identities", 1);
  check_rows(path, side + "/identities", identities.values.size(), features.shape.at(0));
  const std::size_t dimensions = features.shape.at(1);
  if (!to.identities.empty() && dimensions != to.dimensions)
    throw core::input_error(fmt::format("'{}': features of the {} have {} dimensions", path.string(), side, dimensions),
                            fmt::format("those of the other side have {}", to.dimensions));
  to.dimensions = dimensions;
  for (std::size_t row = 0; row < identities.values.size() && to.identities.size() < kMostMapped; ++row) {
    if (!mapped.contains(identities.values[row])) continue;
    add_features(features.values, row, to);
    to.identities.push_back(identities.values[row]);
    to.rates.push_back(row < rates.size() ? rates[row] : 1);
  }
}

}  // namespace

MappedImages read_mapped_images(const std::filesystem::path& path, const std::vector<int>& query_rates) {
  MappedImages images;
  const datasets::ArrayFileReader file(path);
  if (file.has("distance") || !file.has("gallery/features")) return images;
  std::set<std::int64_t> mapped;
  for (const std::int64_t identity : file.read_int64("gallery/identities", 1).values)
    if (identity > 0 && mapped.size() < kMappedIdentities) mapped.insert(identity);
  take(path, file, "query", mapped, query_rates, images);
  const std::size_t queries = images.identities.size();
  take(path, file, "gallery", mapped, {}, images);
  std::fill(images.rates.begin() + static_cast<std::ptrdiff_t>(queries), images.rates.end(), 0);
  return images;
}

MappedImages read_sampled_images(const std::filesystem::path& path) {
  const datasets::ArrayFileReader file(path);
  const auto features = file.read_float32("features", 2);
  const auto identities = file.read_int64("identities", 1).values, rates = file.read_int64("rates", 1).values,
             rows = file.read_int64("row", 1).values;
  check_rows(path, "identities", identities.size(), features.shape.at(0));
  check_rows(path, "rates", rates.size(), features.shape.at(0));
  check_rows(path, "row", rows.size(), features.shape.at(0));
  MappedImages images;
  images.sampled = true;
  images.dimensions = features.shape.at(1);
  const std::size_t people = std::set(identities.begin(), identities.end()).size(),
                    looks = std::set(rates.begin(), rates.end()).size();
  const std::size_t most = people == 0 ? 0 : std::max<std::size_t>(1, kMostMapped / (people * looks));
  const std::size_t most_people = looks == 0 ? 0 : std::max<std::size_t>(1, kMostMapped / looks);
  std::map<std::int64_t, std::set<std::int64_t>> taken;  // rows of the pack, by identity
  for (std::size_t i = 0; i < identities.size(); ++i) {
    if (!taken.contains(identities[i]) && taken.size() >= most_people) continue;
    auto& person = taken[identities[i]];
    if (!person.contains(rows[i]) && person.size() >= most) continue;
    person.insert(rows[i]);
    add_features(features.values, i, images);
    images.identities.push_back(identities[i]);
    images.rates.push_back(static_cast<int>(rates[i]));
  }
  return images;
}

}  // namespace resolute::results
