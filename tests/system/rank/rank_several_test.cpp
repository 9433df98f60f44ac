// `resolute rank` of several files of the same queries, and its table of queries.

#include <gmock/gmock.h>

#include <sstream>

#include "core/random/random.h"
#include "tests/system/rank/feature_file.h"

namespace resolute::system_test::rank_several_test {
namespace {

// 30 people, two queries and two gallery images each; features are a person's place, blurred.
Problem people(double blur) {
  core::RandomStream random("rank-several", {7});
  Problem problem;
  problem.dimension = 4;
  std::vector<double> places(30 * problem.dimension);
  for (double& place : places) place = random.normal();
  const auto add = [&](Side& side, std::size_t person, std::int64_t camera) {
    for (std::size_t k = 0; k < problem.dimension; ++k)
      side.features.push_back(static_cast<float>(places[person * problem.dimension + k] + blur * random.normal()));
    side.identities.push_back(static_cast<std::int64_t>(person));
    side.cameras.push_back(camera);
  };
  for (std::size_t person = 0; person < 30; ++person)
    for (int image = 0; image < 2; ++image) {
      add(problem.query, person, 0);
      add(problem.gallery, person, 1);
    }
  return problem;
}

class RankOfSeveral : public RankCommand {
 protected:
  void SetUp() override {
    people(0.8).as_features().write(blurred_);
    people(0.3).as_features().write(sharp_);
  }
  core::Json alone(const fs::path& file) { return json_of(resolute({"rank", file.string(), "--json"})); }
  core::Json beside(const fs::path& first, const fs::path& second) {
    return json_of(resolute({"rank", first.string(), second.string(), "--json"})).at("files");
  }

  fs::path blurred_ = scratch_ / "blurred.h5", sharp_ = scratch_ / "sharp.h5";
};

TEST_F(RankOfSeveral, a_name_that_is_no_text_ends_no_ranking) {
  const fs::path odd = scratch_ / "caf\xe9.h5";
  fs::copy_file(sharp_, odd);
  EXPECT_THAT(beside(odd, sharp_)[0].at("file").get<std::string>(), testing::HasSubstr("caf\xef\xbf\xbd.h5"));
}

TEST_F(RankOfSeveral, each_has_its_own_figures_and_its_difference_from_the_first) {
  core::Json both = beside(blurred_, sharp_);
  ASSERT_EQ(both.size(), 2U);
  const core::Json difference = both[1].at("difference");
  both[1].erase("difference");
  for (const auto& [file, path] : {std::pair(both[0], blurred_), std::pair(both[1], sharp_)}) {
    core::Json single = alone(path);
    single["file"] = path.string();
    EXPECT_EQ(single, file);
  }
  // Every query has a match, so the mean of the differences is the difference of the means.
  EXPECT_NEAR(difference["map"]["mean"].get<double>(), both[1]["map"].get<double>() - both[0]["map"].get<double>(),
              1e-12);
  EXPECT_NEAR(difference["rank1"]["mean"].get<double>(),
              both[1]["cmc"][0].get<double>() - both[0]["cmc"][0].get<double>(), 1e-12);
  for (const char* metric : {"map", "rank1"}) {
    EXPECT_GT(difference[metric]["low"].get<double>(), 0) << metric;
    EXPECT_LT(difference[metric]["low"], difference[metric]["mean"]) << metric;
    EXPECT_LT(difference[metric]["mean"], difference[metric]["high"]) << metric;
  }
}

TEST_F(RankOfSeveral, a_file_beside_itself_differs_by_nothing) {
  const core::Json difference = beside(sharp_, sharp_)[1].at("difference");
  for (const char* metric : {"map", "rank1"})
    for (const char* end : {"low", "mean", "high"}) EXPECT_EQ(difference[metric][end], 0.0) << metric << end;
  const std::string text = succeeded(resolute({"rank", sharp_.string(), sharp_.string()})).out;
  EXPECT_THAT(text, HasSubstr("+0.00 [+0.00, +0.00]  +0.00 [+0.00, +0.00]\n"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 3) << text;
}

TEST_F(RankOfSeveral, files_of_other_queries_are_refused) {
  const auto expect_other = [&](const std::function<void(Problem&)>& change, const std::string& why) {
    Problem other = people(0.5);
    change(other);
    other.as_features().write(path_);
    expect_refusal(resolute({"rank", sharp_.string(), path_.string()}), 2,
                   fmt::format("'{}' has other queries than '{}' ({}); differences are paired by query", path_.string(),
                               sharp_.string(), why));
  };
  expect_other([](Problem& p) { p.query = p.query.in_order({0, 1, 2}, p.dimension); }, "3 and 60");
  expect_other([](Problem& p) { p.query.identities[4] = 9; }, "query 4 is of identity 9 and of 2");
  expect_other([](Problem& p) { p.query.cameras[4] = 9; }, "their cameras differ");
}

TEST_F(RankOfSeveral, the_table_of_queries_is_written_over_no_other_file) {
  const std::string features = text_of(sharp_);
  expect_refusal(resolute({"rank", sharp_.string(), "--csv", sharp_.string()}), 2,
                 fmt::format("'{}' is not replaced (it is a file of another format)", sharp_.string()));
  EXPECT_EQ(text_of(sharp_), features);
  const fs::path table = scratch_ / "queries.csv";
  for (const fs::path& file : {blurred_, sharp_})  // one of an earlier call is replaced
    EXPECT_EQ(code_of(resolute({"rank", file.string(), "--csv", table.string()})), 0);
  EXPECT_NE(text_of(table).find(sharp_.string()), std::string::npos);
}

TEST_F(RankOfSeveral, the_table_of_queries_has_each_files_queries_in_order) {
  const fs::path table = scratch_ / "queries.csv";
  Problem problem = people(0.8);
  problem.query.identities[3] = 77;  // nobody in the gallery
  problem.as_features().write(path_);
  const core::Json scores = json_of(resolute({"rank", path_.string(), "--csv", table.string(), "--json"}));
  std::istringstream lines(text_of(table));
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "file,query,identity,camera,rank,average_precision,inverse_negative_penalty");
  double sum = 0, first = 0;
  for (int query = 0; query < 60; ++query) {
    ASSERT_TRUE(std::getline(lines, line));
    std::vector<std::string> fields;
    std::istringstream row(line + ",");
    for (std::string field; std::getline(row, field, ',');) fields.push_back(field);
    ASSERT_EQ(fields.size(), 7U) << line;
    EXPECT_EQ(fields[0], path_.string());
    EXPECT_EQ(fields[1], std::to_string(query));
    EXPECT_EQ(fields[3], "0");
    EXPECT_EQ(fields[4].empty(), query == 3) << line;
    if (query == 3) continue;
    sum += std::stod(fields[5]);
    first += fields[4] == "1" ? 1 : 0;
  }
  EXPECT_FALSE(std::getline(lines, line));
  EXPECT_EQ(scores["queries"], 59);
  EXPECT_NEAR(sum / 59, scores["map"].get<double>(), 1e-12);
  EXPECT_NEAR(first / 59, scores["cmc"][0].get<double>(), 1e-12);
}

}  // namespace
}  // namespace resolute::system_test::rank_several_test
