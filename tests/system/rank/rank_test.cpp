// `resolute rank` as a user runs it: the figures of a brute-force twin in Python on 200 seeded cases, and the same
// bytes whatever the order of the gallery.

#include <gmock/gmock.h>

#include <algorithm>

#include "core/files/json.h"
#include "core/random/random.h"
#include "tests/support/slice.h"
#include "tests/system/rank/feature_file.h"

namespace resolute::system_test::rank_test {
namespace {

struct Case {
  std::uint64_t seed = 0;
  Problem problem;
  core::Json expected;  // "cmc" (its first ranks), "map", "chance_map", "queries", "queries_without_match"
};

//! The cases of tests/golden/ranking that have a query, their chance mAP from tests/golden/rank_command.
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
    std::erase_if(cases, [](const Case& example) { return example.problem.query.identities.empty(); });
    return cases;
  }();
  return all;
}

class RankOfGoldenCases : public RankCommand {
 protected:
  //! What `resolute rank --json` says of the features of a case; run once, for all tests.
  const std::string& answer_to(const Case& example) {
    static std::map<std::uint64_t, std::string> answers;
    auto found = answers.find(example.seed);
    if (found != answers.end()) return found->second;
    auto output = rank(example.problem.as_features());
    const bool scored = example.expected.at("queries") != 0;
    EXPECT_EQ(code_of(output), scored ? 0 : 1) << output.err;
    // A few images in a random order, or features that are all alike.
    const bool low =
        scored && example.expected.at("map").get<double>() < example.expected.at("chance_map").get<double>() / 2;
    EXPECT_EQ(output.err.find("below half of chance") != std::string::npos, low) << output.err;
    EXPECT_EQ(output.err.empty(), !low) << output.err;
    return answers[example.seed] = output.out;
  }
};

// Means over no query are none.
void expect_no_score(const core::Json& document, const core::Json& expected) {
  for (const char* name : {"cmc", "map", "minp", "chance_map"}) EXPECT_EQ(document.at(name), nullptr) << name;
  EXPECT_THAT(document.at("why").get<std::string>(), StartsWith("no query has a match"));
  EXPECT_EQ(document.at("queries"), 0);
  EXPECT_EQ(document.at("queries_without_match"), expected.at("queries_without_match"));
}

void expect_scores(const std::string& answer, const core::Json& expected) {
  ASSERT_EQ(std::count(answer.begin(), answer.end(), '\n'), 1) << answer;
  const auto document = core::parse_json(answer, "answer");
  if (expected.at("queries") == 0) return expect_no_score(document, expected);
  EXPECT_EQ(document.size(), 7U) << answer;
  EXPECT_NEAR(document.at("minp").get<double>(), expected.at("minp").get<double>(), 1e-12);
  std::vector<double> cmc = document.at("cmc");
  const std::vector<double> first = expected.at("cmc");
  ASSERT_EQ(cmc.size(), 50U);
  // No gallery has 50 images: the last rank counts every query.
  EXPECT_TRUE(std::is_sorted(cmc.begin(), cmc.end())) << answer;
  EXPECT_EQ(cmc.back(), 1.0);
  cmc.resize(first.size());
  EXPECT_THAT(cmc, testing::Pointwise(testing::DoubleNear(1e-12), first));
  EXPECT_NEAR(document.at("map").get<double>(), expected.at("map").get<double>(), 1e-12);
  EXPECT_NEAR(document.at("chance_map").get<double>(), expected.at("chance_map").get<double>(), 1e-12);
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

TEST_F(RankOfGoldenCases, golden_cases_hold_every_kind_that_they_are_to_prove) {
  std::map<std::string, int> cases;
  for (const Case& example : golden_cases()) {
    const Problem& problem = example.problem;
    ++cases["all"];
    cases["ties"] += has_tie(problem);
    cases["identical features"] += problem.gallery.rows() > 1 && all_features_are_equal(problem);
    cases["no cameras"] += problem.gallery.rows() > 0 && problem.gallery.cameras.empty();
    cases["empty gallery"] += problem.gallery.rows() == 0;
    cases["prefix"] += !problem.prefix.empty();
    cases["distractors"] += std::count(problem.gallery.identities.begin(), problem.gallery.identities.end(), 0) > 0;
    cases["junk"] += std::count(problem.gallery.identities.begin(), problem.gallery.identities.end(), -1) > 0;
  }
  EXPECT_EQ(cases["all"], 198);
  EXPECT_GE(cases["ties"], 80);
  EXPECT_GE(cases["identical features"], 30);
  EXPECT_GE(cases["no cameras"], 20);
  EXPECT_EQ(cases["empty gallery"], 10);
  EXPECT_GE(cases["prefix"], 40);
  EXPECT_GE(cases["distractors"], 60);
  EXPECT_GE(cases["junk"], 60);
}

TEST_F(RankOfGoldenCases, features_rank_as_by_brute_force) {
  for (const Case& example : golden_cases()) {
    SCOPED_TRACE(example.seed);
    expect_scores(answer_to(example), example.expected);
  }
}

TEST_F(RankOfGoldenCases, distance_matrices_rank_as_by_brute_force_and_to_the_bit_as_their_features) {
  for (const Case& example : tests::slice("distances that rank", golden_cases(), 60)) {
    SCOPED_TRACE(example.seed);
    auto output = rank(example.problem.as_distances());
    expect_scores(output.out, example.expected);
    EXPECT_EQ(output.out, answer_to(example));
  }
}

// The text of a double reads back to the same double: the same bytes are the same bits.
TEST_F(RankOfGoldenCases, order_of_the_gallery_changes_no_bit) {
  for (const Case& example : tests::slice("orders that rank", golden_cases(), 60)) {
    SCOPED_TRACE(example.seed);
    Order order = core::RandomStream("rank-command", {example.seed}).permutation(example.problem.gallery.rows());
    auto output = rank(example.problem.with_gallery_in(order).as_features());
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

TEST_F(RankOfGoldenCases, order_of_a_gallery_of_many_blocks_and_threads_change_no_bit) {
  Problem problem = tight_clusters(60, 5000);
  auto first = succeeded(rank(problem.as_features()));
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

TEST_F(RankOfGoldenCases, cameras_of_one_side_alone_are_refused) {
  int refused = 0;
  for (const Case& example : golden_cases()) {
    if (!example.problem.gallery.cameras.empty() || example.problem.gallery.rows() == 0 ||
        example.problem.query.rows() == 0)
      continue;
    SCOPED_TRACE(example.seed);
    Problem problem = example.problem;
    const bool of_queries = example.seed % 2 == 0;
    Side& side = of_queries ? problem.query : problem.gallery;
    side.cameras.assign(side.rows(), 1);
    const std::string message =
        of_queries
            ? "'gallery/cameras' is missing and 'query/cameras' is there (gallery images of a query's own camera "
              "cannot be told); write both or, where cameras mean nothing, neither"
            : "'query/cameras' is missing and 'gallery/cameras' is there (";
    expect_refusal(rank(problem.as_features()), 2, message);
    expect_refusal(rank(problem.as_distances()), 2, message);
    ++refused;
  }
  EXPECT_GE(refused, 20);
}

TEST_F(RankOfGoldenCases, numbers_that_no_ranking_can_have_are_refused) {
  const Problem& problem = golden_cases().front().problem;
  expect_refusal(rank(problem.as_features(), {"--threads", "0"}), 2, "--threads 0 is too small");
  expect_refusal(rank(problem.as_features(), {"--csv", ""}), 2, "csv");
  expect_refusal(rank(problem.as_features(), {"--max-rank", "2147483647"}), 2, "--max-rank 2147483647 is too large");
  const auto refused = [&](std::vector<std::string> options, const std::string& why) {
    expect_refusal(rank(problem.as_features(), std::move(options)), 2, why);
  };
  refused({"--protocol", "single"}, "--protocol");
  refused({"--protocol", "single-shot", "--draws", "0"}, "--draws 0 is too small");
  refused({"--protocol", "multi-shot", "--shots", "1"}, "--shots 1 is too small");
  refused({"--protocol", "single-shot", "--seed", "-1"}, "--seed");
  refused({"--draws", "5"},
          "option --draws has no effect (protocol whole-gallery does not read it); give --protocol "
          "single-shot too, or leave it out");
  refused({"--protocol", "single-shot", "--shots", "3"}, "give --protocol multi-shot too");
}

TEST_F(RankOfGoldenCases, output_says_where_there_are_no_cameras) {
  std::map<bool, int> cases;
  for (const Case& example : golden_cases()) {
    if (example.problem.gallery.rows() == 0 || example.problem.query.rows() == 0) continue;
    const bool cameras = !example.problem.gallery.cameras.empty();
    EXPECT_EQ(core::parse_json(answer_to(example), "answer").at("cameras"), cameras) << example.seed;
    if (++cases[cameras] > 1) continue;
    example.problem.as_features().write(path_);
    const auto output = succeeded(resolute({"rank", path_.string()}));
    EXPECT_EQ(output.out.find("cameras  none in the file: no image is left out for its camera\n") == std::string::npos,
              cameras)
        << output.out;
    EXPECT_EQ(std::count(output.out.begin(), output.out.end(), '\n'), cameras ? 7 : 8) << output.out;
  }
  EXPECT_GE(cases[false], 20);
  EXPECT_GE(cases[true], 20);
}

// tests/golden/array_file/make_foreign.py wrote it: float16 and float64, integers of 8 to 32 bits, people from 0.
TEST_F(RankOfGoldenCases, a_dump_of_other_types_and_numbered_from_0_ranks_as_ours_numbered_from_1) {
  fs::copy_file(kGolden / "array_file/dump.h5", path_);
  const std::string answer = succeeded(rank_path()).out;
  Problem ours{2,
               {{0, 0.5F, 2, -1, 4, 4}, {1, 2, 3}, {1, 2, 1}},
               {{0, 1, 2, 2, 0.25F, 0, 4, 5, 2, -1}, {2, 1, 1, 3, -1}, {1, 2, 2, 2, 1}},
               {}};
  EXPECT_EQ(answer, succeeded(rank(ours.as_features())).out);
  EXPECT_EQ(json_of(rank_path()).at("queries"), 3);
}

// In float32 they would be ties.
TEST_F(RankOfGoldenCases, distances_of_float64_are_told_apart) {
  fs::copy_file(kGolden / "array_file/close.h5", path_);
  EXPECT_EQ(json_of(rank_path()).at("cmc").at(0), 1.0);
}

TEST_F(RankOfGoldenCases, max_rank_is_the_length_of_the_curve_and_changes_nothing_else) {
  const Case& example = golden_cases()[0];
  const auto whole = core::parse_json(answer_to(example), "answer");
  for (std::size_t length : {1U, 8U, 200U}) {
    auto cut = json_of(rank(example.problem.as_features(), {"--max-rank", std::to_string(length)}));
    ASSERT_EQ(cut["cmc"].size(), length);
    for (std::size_t k = 0; k < length; ++k) EXPECT_EQ(cut["cmc"][k], whole["cmc"][std::min<std::size_t>(k, 49)]);
    cut["cmc"] = whole["cmc"];
    EXPECT_EQ(cut, whole);
  }
}

}  // namespace
}  // namespace resolute::system_test::rank_test
