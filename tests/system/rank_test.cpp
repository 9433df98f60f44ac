// `resolute rank` as a user runs it: the figures of a brute-force twin in Python on 200 seeded cases, the same bytes
// whatever the order of the gallery, and one line for a file that is not what it should be.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>

#include "core/json.h"
#include "core/random.h"
#include "datasets/hdf5/array_file.h"
#include "tests/system/program.h"

namespace resolute::system_test {
namespace {

using Shape = std::vector<std::uint64_t>;
using Order = std::vector<std::size_t>;
using Integers = std::vector<std::int64_t>;
using datasets::NamedArray;

const fs::path kGolden = fs::path(RESOLUTE_SOURCE_DIR) / "tests/golden";

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

struct Case {
  std::uint64_t seed = 0;
  Problem problem;
  core::Json expected;  // "cmc" (its first ranks), "map", "chance_map", "queries", "queries_without_match"
};

//! The cases of tests/golden/ranking, their chance mAP from tests/golden/rank_command.
const std::vector<Case>& golden_cases() {
  static const std::vector<Case> all = [] {
    const auto ranking = core::parse_json(text_of(kGolden / "ranking/ranking.json"), "ranking.json");
    const auto chance = core::parse_json(text_of(kGolden / "rank_command/chance.json"), "chance.json");
    auto side = [](const core::Json& json) {
      Side to{{}, json.at("identities"), json.at("cameras")};
      for (const auto& row : json.at("features"))
        for (const auto& value : row) to.features.push_back(value.get<float>());
      return to;
    };
    std::vector<Case> cases;
    for (const auto& json : ranking.at("cases")) {
      const auto& other = chance.at("cases").at(cases.size());
      if (other.at("seed") != json.at("seed")) throw std::runtime_error("chance.json is of other cases");
      core::Json expected = json.at("expected");
      expected["chance_map"] = other.at("chance_map");
      cases.push_back({json.at("seed"),
                       {json.at("dimension"), side(json.at("query")), side(json.at("gallery")), json.at("prefix")},
                       std::move(expected)});
    }
    return cases;
  }();
  return all;
}

class RankCommand : public testing::Test {
 protected:
  CommandOutput rank(const FeatureFile& file, std::vector<std::string> more = {}) {
    file.write(path_);
    return rank_path(std::move(more));
  }
  CommandOutput rank_path(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments{"rank", path_.string(), "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return resolute(std::move(arguments));
  }
  //! What `resolute rank --json` says of the features of a case; run once, for all tests.
  const std::string& answer_to(const Case& example) {
    static std::map<std::uint64_t, std::string> answers;
    auto found = answers.find(example.seed);
    if (found != answers.end()) return found->second;
    auto output = rank(example.problem.as_features());
    EXPECT_EQ(code_of(output), 0) << output.err;
    EXPECT_EQ(output.err, "");
    return answers[example.seed] = output.out;
  }
  ScratchFolder scratch_;
  fs::path path_ = scratch_ / "features.h5";
};

void expect_scores(const std::string& answer, const core::Json& expected) {
  ASSERT_EQ(std::count(answer.begin(), answer.end(), '\n'), 1) << answer;
  const auto document = core::parse_json(answer, "answer");
  EXPECT_EQ(document.size(), 5U) << answer;
  std::vector<double> cmc = document.at("cmc");
  const std::vector<double> first = expected.at("cmc");
  ASSERT_EQ(cmc.size(), 50U);
  // No gallery has 50 images: the last rank counts every query.
  EXPECT_TRUE(std::is_sorted(cmc.begin(), cmc.end())) << answer;
  EXPECT_EQ(cmc.back(), expected.at("queries") == 0 ? 0.0 : 1.0);
  cmc.resize(first.size());
  EXPECT_THAT(cmc, testing::Pointwise(testing::DoubleNear(1e-9), first));
  EXPECT_NEAR(document.at("map").get<double>(), expected.at("map").get<double>(), 1e-9);
  EXPECT_NEAR(document.at("chance_map").get<double>(), expected.at("chance_map").get<double>(), 1e-9);
  EXPECT_EQ(document.at("queries"), expected.at("queries"));
  EXPECT_EQ(document.at("queries_without_match"), expected.at("queries_without_match"));
}

//! True if for some query a right and a wrong image are equally far.
bool has_tie(const Problem& problem) {
  for (std::size_t q = 0; q < problem.query.rows(); ++q) {
    std::vector<double> distances = problem.distances_of(q);
    auto is_right = [&](std::size_t g) { return problem.gallery.identities[g] == problem.query.identities[q]; };
    for (std::size_t a = 0; a < distances.size(); ++a)
      for (std::size_t b = 0; b < distances.size(); ++b)
        if (is_right(a) && !is_right(b) && distances[a] == distances[b]) return true;
  }
  return false;
}

bool all_features_are_equal(const Problem& problem) {
  std::vector<float> values = problem.query.features;
  values.insert(values.end(), problem.gallery.features.begin(), problem.gallery.features.end());
  return std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) == values.end();
}

TEST_F(RankCommand, golden_cases_hold_every_kind_that_they_are_to_prove) {
  std::map<std::string, int> cases;
  for (const Case& example : golden_cases()) {
    const Problem& problem = example.problem;
    ++cases["all"];
    cases["ties"] += has_tie(problem);
    cases["identical features"] += problem.gallery.rows() > 1 && all_features_are_equal(problem);
    cases["no cameras"] += problem.gallery.rows() > 0 && problem.gallery.cameras.empty();
    cases["empty gallery"] += problem.gallery.rows() == 0;
    cases["no query"] += problem.query.rows() == 0;
    cases["prefix"] += !problem.prefix.empty();
    cases["distractors"] += std::count(problem.gallery.identities.begin(), problem.gallery.identities.end(), 0) > 0;
    cases["junk"] += std::count(problem.gallery.identities.begin(), problem.gallery.identities.end(), -1) > 0;
  }
  EXPECT_EQ(cases["all"], 200);
  EXPECT_GE(cases["ties"], 80);
  EXPECT_GE(cases["identical features"], 30);
  EXPECT_GE(cases["no cameras"], 20);
  EXPECT_EQ(cases["empty gallery"], 10);
  EXPECT_GE(cases["no query"], 1);
  EXPECT_GE(cases["prefix"], 40);
  EXPECT_GE(cases["distractors"], 60);
  EXPECT_GE(cases["junk"], 60);
}

TEST_F(RankCommand, features_rank_as_by_brute_force) {
  for (const Case& example : golden_cases()) {
    SCOPED_TRACE(example.seed);
    expect_scores(answer_to(example), example.expected);
  }
}

TEST_F(RankCommand, distance_matrices_rank_as_by_brute_force_and_to_the_bit_as_their_features) {
  for (const Case& example : golden_cases()) {
    SCOPED_TRACE(example.seed);
    auto output = rank(example.problem.as_distances());
    ASSERT_EQ(code_of(output), 0) << output.err;
    expect_scores(output.out, example.expected);
    EXPECT_EQ(output.out, answer_to(example));
  }
}

// The text of a double reads back to the same double: the same bytes are the same bits.
TEST_F(RankCommand, order_of_the_gallery_changes_no_bit) {
  for (const Case& example : golden_cases()) {
    SCOPED_TRACE(example.seed);
    Order order = core::RandomStream("rank-command", {example.seed}).permutation(example.problem.gallery.rows());
    auto output = rank(example.problem.with_gallery_in(order).as_features());
    ASSERT_EQ(code_of(output), 0) << output.err;
    EXPECT_EQ(output.out, answer_to(example));
  }
}

//! Features that provoke: clusters tighter than float32 rounds their products, with exact repeats, far from the
//! origin; a gallery that no single block holds.
Problem tight_clusters(std::size_t queries, std::size_t images) {
  core::RandomStream random("rank-command-clusters", {images});
  Problem problem;
  problem.dimension = 32;
  std::vector<double> centres(3 * problem.dimension);
  for (double& value : centres) value = 20 + 0.01 * random.normal();
  auto fill = [&](Side& side, std::size_t rows) {
    for (std::size_t i = 0; i < rows; ++i) {
      std::size_t centre = static_cast<std::size_t>(random.below(3)) * problem.dimension;
      double spread = random.below(4) == 0 ? 0 : 1e-4;
      for (std::size_t k = 0; k < problem.dimension; ++k)
        side.features.push_back(static_cast<float>(centres[centre + k] + spread * random.normal()));
      side.identities.push_back(static_cast<std::int64_t>(random.below(600)) - 1);
      side.cameras.push_back(static_cast<std::int64_t>(random.below(4)));
    }
  };
  fill(problem.query, queries);
  fill(problem.gallery, images);
  for (std::size_t q = 0; q < queries; ++q) problem.prefix.push_back(q % 2 == 0 ? 32 : 20);
  return problem;
}

TEST_F(RankCommand, order_of_a_gallery_of_many_blocks_and_threads_change_no_bit) {
  Problem problem = tight_clusters(60, 5000);
  auto first = rank(problem.as_features());
  ASSERT_EQ(code_of(first), 0) << first.err;
  const auto scores = core::parse_json(first.out, "answer");
  EXPECT_GT(scores["queries"].get<int>(), 40);
  EXPECT_GT(scores["map"].get<double>(), 0);
  EXPECT_LT(scores["map"].get<double>(), 1);
  Order order(problem.gallery.rows());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = order.size() - 1 - i;
  EXPECT_EQ(rank(problem.with_gallery_in(order).as_features()).out, first.out);
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    SCOPED_TRACE(seed);
    order = core::RandomStream("rank-command", {seed}).permutation(problem.gallery.rows());
    std::string threads = std::to_string(1 + 2 * (seed % 2));
    EXPECT_EQ(rank(problem.with_gallery_in(order).as_features(), {"--threads", threads}).out, first.out);
  }
  EXPECT_EQ(rank(problem.with_gallery_in(order).as_distances()).out, first.out);
}

TEST_F(RankCommand, cameras_of_one_side_alone_leave_no_image_out) {
  for (const Case& example : golden_cases()) {
    if (!example.problem.gallery.cameras.empty() || example.problem.gallery.rows() == 0) continue;
    SCOPED_TRACE(example.seed);
    Problem problem = example.problem;
    Side& side = example.seed % 2 == 0 ? problem.query : problem.gallery;
    side.cameras.assign(side.rows(), 1);
    EXPECT_EQ(rank(problem.as_features()).out, answer_to(example));
  }
}

TEST_F(RankCommand, max_rank_is_the_length_of_the_curve_and_changes_nothing_else) {
  const Case& example = golden_cases()[0];
  const auto whole = core::parse_json(answer_to(example), "answer");
  for (std::size_t length : {1U, 8U, 200U}) {
    auto output = rank(example.problem.as_features(), {"--max-rank", std::to_string(length)});
    ASSERT_EQ(code_of(output), 0) << output.err;
    auto cut = core::parse_json(output.out, "answer");
    ASSERT_EQ(cut["cmc"].size(), length);
    for (std::size_t k = 0; k < length; ++k) EXPECT_EQ(cut["cmc"][k], whole["cmc"][std::min<std::size_t>(k, 49)]);
    cut["cmc"] = whole["cmc"];
    EXPECT_EQ(cut, whole);
  }
}

//! A good file of 3 queries and 4 images, and what a test does to it.
class HostileFeatures : public RankCommand {
 protected:
  struct Hostile {
    std::string part;  // what the message must say
    std::function<void(FeatureFile&)> bend;
  };
  static Problem good() {
    return {2,
            {{0, 0, 1, 1, 2, 0}, {5, 6, 5}, {1, 1, 2}},
            {{3, 0, 1, 0, 2, 0, 1, 2}, {5, 5, 6, -1}, {2, 1, 2, 1}},
            {1, 2, 2}};
  }
  void expect_refused(const FeatureFile& from, const std::vector<Hostile>& all) {
    auto whole = rank(from);
    ASSERT_EQ(code_of(whole), 0) << whole.err;
    for (const Hostile& hostile : all) {
      SCOPED_TRACE(hostile.part);
      FeatureFile file = from;
      hostile.bend(file);
      file.write(path_);
      expect_refused(hostile.part);
    }
  }
  //! What lies at `path_`: one line that names the file and says `part`, exit code 2, nothing on stdout.
  void expect_refused(const std::string& part) {
    auto output = rank_path();
    expect_refusal(output, 2, path_);
    EXPECT_NE(output.err.find(part), std::string::npos) << output.err;
  }
  void write_text(std::string_view text) { core::write_atomic(core::real_file_system(), path_, text); }
};

TEST_F(HostileFeatures, what_is_no_file_or_not_hdf5_is_refused) {
  expect_refused("No such file");
  for (const std::string& text :
       {std::string(), std::string("query,gallery\n1,2\n"), std::string("\x89HDF\r\n\x1a\n"),
        std::string("\x89HDF\r\n\x1a\n") + std::string(4000, '\xff'), std::string(100'000, '\0')}) {
    SCOPED_TRACE(text.substr(0, 20));
    write_text(text);
    expect_refused("HDF5");
  }
  fs::remove(path_);
  fs::create_directory(path_);
  expect_refused("not a regular file");
  fs::remove(path_);
  // A pipe that nobody writes to: to open it would wait for ever.
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  expect_refused("not a regular file");
}

TEST_F(HostileFeatures, file_cut_short_anywhere_is_refused) {
  good().as_features().write(path_);
  const std::string whole = text_of(path_);
  for (std::size_t part = 1; part < 16; ++part) {
    SCOPED_TRACE(part);
    write_text(std::string_view(whole).substr(0, whole.size() * part / 16));
    expect_refused("HDF5");
  }
  write_text(std::string_view(whole).substr(0, whole.size() - 1));
  expect_refused("HDF5");
}

TEST_F(HostileFeatures, missing_data_set_is_named) {
  std::vector<Hostile> all;
  for (const char* name : {"query/features", "query/identities", "gallery/features", "gallery/identities"})
    all.push_back({std::string("'") + name + "' is missing", [name](FeatureFile& file) { file.remove(name); }});
  all.push_back({"'query/identities' is missing", [](FeatureFile& file) { file = {}; }});
  all.push_back({"'query/identities' is missing", [](FeatureFile& file) {
                   for (const char* name : {"features", "identities", "cameras", "prefix"})
                     file.remove(std::string("query/") + name);
                   file.set("query", {1, 2, 3});
                 }});
  expect_refused(good().as_features(), all);
}

TEST_F(HostileFeatures, nan_and_infinity_are_refused_with_their_place) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  auto put = [](std::string name, std::size_t at, float value) {
    return [=](FeatureFile& file) { file.floats.at(name).values.at(at) = value; };
  };
  expect_refused(good().as_features(),
                 {{"value 1 of query feature 2 is nan", put("query/features", 5, kNan)},
                  {"value 0 of query feature 1 is inf", put("query/features", 2, kInfinity)},
                  {"value 0 of gallery feature 2 is nan", put("gallery/features", 4, kNan)},
                  {"value 1 of gallery feature 1 is -inf", put("gallery/features", 3, -kInfinity)},
                  // Beyond the prefix of query 0, and on a junk image: refused all the same.
                  {"value 1 of query feature 0 is nan", put("query/features", 1, kNan)},
                  {"value 1 of gallery feature 3 is nan", put("gallery/features", 7, kNan)}});
  expect_refused(good().as_distances(), {{"query 1 to gallery image 2 is nan", put("distance", 6, kNan)},
                                         {"query 2 to gallery image 3 is inf", put("distance", 11, kInfinity)},
                                         {"query 0 to gallery image 0 is -inf", put("distance", 0, -kInfinity)}});
}

TEST_F(HostileFeatures, sizes_that_disagree_are_refused) {
  auto set = [](std::string name, Integers values) { return [=](FeatureFile& file) { file.set(name, values); }; };
  auto resize = [](std::string name, std::uint64_t rows, std::uint64_t columns) {
    return [=](FeatureFile& file) { file.floats[name] = {{rows, columns}, std::vector<float>(rows * columns, 0.5F)}; };
  };
  expect_refused(good().as_features(), {{"3 identities and 2 cameras", set("query/cameras", {1, 1})},
                                        {"4 identities and 5 cameras", set("gallery/cameras", {1, 1, 1, 1, 1})},
                                        {"2 identities and 3 cameras", set("query/identities", {5, 6})},
                                        {"0 identities and 4 cameras", set("gallery/identities", {})},
                                        {"2 features and 3 identities", resize("query/features", 2, 2)},
                                        {"5 features and 4 identities", resize("gallery/features", 5, 2)},
                                        {"0 features and 4 identities", resize("gallery/features", 0, 2)},
                                        {"2 dimensions and gallery features 3", resize("gallery/features", 4, 3)},
                                        {"3 identities and 0 cameras", set("query/cameras", {})},
                                        {"2 prefix lengths and 3 queries", set("query/prefix", {1, 1})},
                                        {"0 prefix lengths and 3 queries", set("query/prefix", {})},
                                        {"prefix 0 of query 1", set("query/prefix", {1, 0, 2})},
                                        {"prefix 3 of query 2", set("query/prefix", {1, 2, 3})},
                                        {"prefix -1 of query 0", set("query/prefix", {-1, 2, 2})},
                                        {"no dimension", [&](FeatureFile& file) {
                                           resize("query/features", 3, 0)(file);
                                           resize("gallery/features", 4, 0)(file);
                                           file.remove("query/prefix");
                                         }}});
  expect_refused(good().as_distances(), {{"'distance' is 4×3", resize("distance", 4, 3)},
                                         {"'distance' is 3×3", resize("distance", 3, 3)},
                                         {"'distance' is 0×0", resize("distance", 0, 0)}});
}

TEST_F(HostileFeatures, wrong_type_and_number_of_dimensions_are_refused) {
  auto as_integers = [](std::string name) {
    return [=](FeatureFile& file) {
      const auto array = file.floats.at(name);
      file.floats.erase(name);
      file.integers[name] = {array.shape, Integers(array.values.begin(), array.values.end())};
    };
  };
  auto as_floats = [](std::string name) {
    return [=](FeatureFile& file) {
      const auto array = file.integers.at(name);
      file.integers.erase(name);
      file.floats[name] = {array.shape, std::vector<float>(array.values.size(), 1.0F)};
    };
  };
  auto reshape = [](std::string name, Shape shape) {
    return [=](FeatureFile& file) {
      if (file.floats.contains(name))
        file.floats[name].shape = shape;
      else
        file.integers.at(name).shape = shape;
    };
  };
  expect_refused(good().as_features(), {{"'query/features' is int64", as_integers("query/features")},
                                        {"'gallery/features' is int64", as_integers("gallery/features")},
                                        {"'query/identities' is float32", as_floats("query/identities")},
                                        {"'gallery/identities' is float32", as_floats("gallery/identities")},
                                        {"'query/cameras' is float32", as_floats("query/cameras")},
                                        {"'gallery/cameras' is float32", as_floats("gallery/cameras")},
                                        {"'query/prefix' is float32", as_floats("query/prefix")},
                                        {"'query/features' has 1 dimensions", reshape("query/features", {6})},
                                        {"'gallery/features' has 3 dimensions", reshape("gallery/features", {4, 2, 1})},
                                        {"'query/identities' has 2 dimensions", reshape("query/identities", {3, 1})},
                                        {"'gallery/cameras' has 2 dimensions", reshape("gallery/cameras", {1, 4})},
                                        {"'query/prefix' has 2 dimensions", reshape("query/prefix", {3, 1})}});
  expect_refused(good().as_distances(), {{"'distance' is int64", as_integers("distance")},
                                         {"'distance' has 1 dimensions", reshape("distance", {12})}});
}

}  // namespace
}  // namespace resolute::system_test
