// `resolute rank` where no query has a match: a mean over nothing is no number.

#include <gmock/gmock.h>

#include "tests/system/rank/feature_file.h"

namespace resolute::system_test::rank_no_match_test {
namespace {

class RankWithoutAMatch : public RankCommand {
 protected:
  // Four people in query and gallery, each image its own direction. \param gallery who is in the gallery
  static FeatureFile people(const Integers& gallery, const Integers& cameras) {
    FeatureFile file;
    std::vector<float> features(16);
    for (std::size_t i = 0; i < 4; ++i) features[5 * i] = 1;
    for (const char* side : {"query", "gallery"}) {
      const std::string group = side;
      file.floats[group + "/features"] = {{4, 4}, features};
      file.set(group + "/identities", group == "query" ? Integers{1, 2, 3, 4} : gallery);
      file.set(group + "/cameras", group == "query" ? Integers{0, 0, 0, 0} : cameras);
    }
    return file;
  }
  static FeatureFile same_camera() { return people({1, 2, 3, 4}, {0, 0, 0, 0}); }
  static FeatureFile other_people() { return people({5, 6, 7, 8}, {1, 1, 1, 1}); }
  static FeatureFile half() { return people({1, 2, 3, 4}, {0, 0, 1, 1}); }

  void expect_no_score(const FeatureFile& file, const std::string& why, const std::vector<std::string>& more = {}) {
    const CommandOutput output = rank(file, more);
    EXPECT_EQ(code_of(output), 1) << output.err;
    const core::Json document = core::parse_json(output.out, "answer");
    for (const char* name : {"cmc", "map", "minp", "chance_map"}) EXPECT_EQ(document.at(name), nullptr) << name;
    EXPECT_THAT(document.at("why").get<std::string>(), HasSubstr(why));
    EXPECT_EQ(document.at("queries"), 0);
    EXPECT_EQ(document.at("queries_without_match"), 4);
    const CommandOutput text = resolute(joined({"rank", path_.string()}, more));
    EXPECT_EQ(code_of(text), 1);
    EXPECT_THAT(text.out, testing::AllOf(HasSubstr("mAP           – %  (chance – %)"), HasSubstr(why),
                                         HasSubstr("0 counted, 4 without a match"), Not(HasSubstr("0.00"))));
  }
};

TEST_F(RankWithoutAMatch, prints_dashes_and_why_and_ends_with_1) {
  expect_no_score(same_camera(), "all of its own camera");
  expect_no_score(other_people(), "no image of a query's identity");
  expect_no_score(people({-1, -1, -1, -1}, {1, 1, 1, 1}), "no image of a query's identity");
  FeatureFile distances = same_camera();
  for (const char* side : {"query/features", "gallery/features"}) distances.remove(side);
  distances.floats["distance"] = {{4, 4}, std::vector<float>(16, 1)};
  expect_no_score(distances, "all of its own camera");
}

TEST_F(RankWithoutAMatch, does_so_however_it_ranks) {
  expect_no_score(same_camera(), "all of its own camera", {"--cosine"});
  expect_no_score(same_camera(), "all of its own camera", {"--re-rank=2,1,0.3"});
  expect_no_score(other_people(), "no image of a query's identity", {"--max-rank", "1"});
}

// Features that are all alike, and similarities in the place of distances.
TEST_F(RankWithoutAMatch, warns_of_scores_that_are_far_below_chance) {
  const FeatureFile good = people({1, 2, 3, 4}, {1, 1, 1, 1});
  FeatureFile alike = good, similarities = good;
  for (const char* side : {"query/features", "gallery/features"}) {
    alike.floats[side].values.assign(16, 0.5F);
    similarities.remove(side);
  }
  similarities.floats["distance"] = {{4, 4}, good.floats.at("query/features").values};
  for (const FeatureFile& file : {alike, similarities}) {
    const CommandOutput output = rank(file, {});
    EXPECT_EQ(code_of(output), 0);
    EXPECT_EQ(core::parse_json(output.out, "answer").at("map"), 0.25);
    EXPECT_THAT(output.err, HasSubstr("mAP is below half of chance"));
  }
  EXPECT_EQ(rank(good, {}).err, "");
}

// The image that is drawn of its identity may be one of the query's own camera.
TEST_F(RankWithoutAMatch, in_a_drawn_gallery_has_none_though_the_whole_gallery_has) {
  FeatureFile file = people({1, 1, 1, 1}, {0, 0, 1, 1});
  int without = 0;
  for (int seed = 0; seed < 8; ++seed) {
    const Words draw{"--protocol", "single-shot", "--draws", "1", "--seed", std::to_string(seed)};
    const CommandOutput output = rank(file, draw);
    without += code_of(output);
    if (code_of(output) == 1)
      EXPECT_THAT(core::parse_json(output.out, "answer").at("why").get<std::string>(),
                  HasSubstr("no drawn gallery has a match of a query"));
  }
  EXPECT_THAT(without, testing::AllOf(testing::Gt(0), testing::Lt(8)));
}

TEST_F(RankWithoutAMatch, of_several_files_the_others_have_their_scores) {
  const fs::path good = scratch_ / "good.h5", bad = scratch_ / "bad.h5";
  people({1, 2, 3, 4}, {1, 1, 1, 1}).write(good);
  same_camera().write(bad);
  for (const auto& [first, second] : {std::pair(good, bad), {bad, good}, {bad, bad}}) {
    const CommandOutput text = resolute({"rank", first, second});
    EXPECT_EQ(code_of(text), 1) << text.err;
    EXPECT_THAT(text.out, HasSubstr(bad.string() + ": no query has a match"));
    EXPECT_EQ(text.out.find("100.00") == std::string::npos, first == second) << text.out;
    EXPECT_THAT(text.out, Not(HasSubstr("[")));
    const core::Json files = core::parse_json(resolute({"rank", first, second, "--json"}).out, "answer").at("files");
    EXPECT_EQ(files.at(0).at("map").is_null(), first == bad);
    EXPECT_FALSE(files.at(1).contains("difference"));
  }
}

TEST_F(RankWithoutAMatch, with_a_match_for_half_of_the_queries_there_is_a_score_of_those) {
  const core::Json document = json_of(rank(half()));
  EXPECT_EQ(document.at("map"), 1.0);
  EXPECT_EQ(document.at("queries"), 2);
  EXPECT_EQ(document.at("queries_without_match"), 2);
  EXPECT_FALSE(document.contains("why"));
  EXPECT_THAT(succeeded(resolute({"rank", path_.string()})).out, HasSubstr("2 counted, 2 without a match"));
}

}  // namespace
}  // namespace resolute::system_test::rank_no_match_test
