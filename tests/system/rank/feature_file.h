#pragma once
//! \file
//! Feature files for the tests of `resolute rank`, and the fixture that runs it.

#include <map>

#include "datasets/hdf5/array_file.h"
#include "tests/support/folders.h"
#include "tests/system/program.h"

namespace resolute::system_test {

using Shape = std::vector<std::uint64_t>;
using Order = std::vector<std::size_t>;
using Integers = std::vector<std::int64_t>;
using datasets::NamedArray;

inline const fs::path kGolden = tests::source_folder() / "tests/golden";

//! A feature file before it is written; a test bends it first.
struct FeatureFile {
  std::map<std::string, NamedArray<float>> floats;
  std::map<std::string, NamedArray<std::int64_t>> integers;

  void write(const fs::path& path) const {
    datasets::ArrayFileWriter writer;
    for (const auto& [name, array] : floats) writer.add(name, array.shape, array.values);
    for (const auto& [name, array] : integers) writer.add(name, array.shape, array.values);
    writer.write(core::real_file_system(), path);
  }
  void set(const std::string& name, Integers values) { integers[name] = {{values.size()}, std::move(values)}; }
  void remove(const std::string& name) {
    floats.erase(name);
    integers.erase(name);
  }
};

template <class T>
std::vector<T> picked(const std::vector<T>& rows, const Order& order, std::size_t width) {
  std::vector<T> to;
  for (std::size_t i : order)
    for (std::size_t k = 0; k < width; ++k) to.push_back(rows[i * width + k]);
  return to;
}

struct Side {
  std::vector<float> features;  // row-major
  Integers identities;
  Integers cameras;  // empty: unknown

  std::size_t rows() const { return identities.size(); }
  Side in_order(const Order& order, std::size_t dimension) const {
    return {picked(features, order, dimension), picked(identities, order, 1),
            cameras.empty() ? Integers() : picked(cameras, order, 1)};
  }
  void put_labels(FeatureFile& file, const std::string& group) const {
    file.set(group + "/identities", identities);
    if (cameras.size() == rows()) file.set(group + "/cameras", cameras);
  }
};

struct Problem {
  std::size_t dimension = 0;
  Side query;
  Side gallery;
  Integers prefix;  // empty: all dimensions

  Problem with_gallery_in(const Order& order) const {
    return {dimension, query, gallery.in_order(order, dimension), prefix};
  }
  FeatureFile labels() const {
    FeatureFile file;
    query.put_labels(file, "query");
    gallery.put_labels(file, "gallery");
    return file;
  }
  FeatureFile as_features() const {
    FeatureFile file = labels();
    file.floats["query/features"] = {{query.rows(), dimension}, query.features};
    file.floats["gallery/features"] = {{gallery.rows(), dimension}, gallery.features};
    if (!prefix.empty()) file.set("query/prefix", prefix);
    return file;
  }
  //! Squared distances of one query to all of the gallery.
  std::vector<double> distances_of(std::size_t q) const {
    std::size_t depth = prefix.empty() ? dimension : static_cast<std::size_t>(prefix[q]);
    std::vector<double> distances(gallery.rows(), 0.0);
    for (std::size_t g = 0; g < gallery.rows(); ++g)
      for (std::size_t k = 0; k < depth; ++k) {
        double difference = static_cast<double>(query.features[q * dimension + k]) -
                            static_cast<double>(gallery.features[g * dimension + k]);
        distances[g] += difference * difference;
      }
    return distances;
  }
  //! The same ranking as a matrix of distances. Float32 would round these, and so make ties: since their order alone
  //! counts, each stands as its place among its query's distinct distances, negative ones among them.
  FeatureFile as_distances() const {
    FeatureFile file = labels();
    NamedArray<float> matrix{{query.rows(), gallery.rows()}, {}};
    for (std::size_t q = 0; q < query.rows(); ++q) {
      std::vector<double> distances = distances_of(q);
      std::vector<double> distinct = distances;
      std::sort(distinct.begin(), distinct.end());
      distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
      for (double distance : distances) {
        auto place = std::lower_bound(distinct.begin(), distinct.end(), distance) - distinct.begin();
        matrix.values.push_back(static_cast<float>(place) - 2.5F);
      }
    }
    file.floats["distance"] = std::move(matrix);
    return file;
  }
};

//! Runs `resolute rank --json` on a file of its own.
class RankCommand : public testing::Test {
 protected:
  CommandOutput rank(const FeatureFile& file, std::vector<std::string> more = {}) {
    file.write(path_);
    return rank_path(std::move(more));
  }
  CommandOutput rank_path(std::vector<std::string> more = {}) {
    return resolute(joined({"rank", path_.string(), "--json"}, more));
  }
  ScratchFolder scratch_;
  fs::path path_ = scratch_ / "features.h5";
};

}  // namespace resolute::system_test
