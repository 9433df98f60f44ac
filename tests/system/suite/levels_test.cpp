// A method that tells levels of resolution apart, from a suite to its table, and its features to `resolute rank`.

#include "core/files/json.h"
#include "tests/support/folders.h"
#include "tests/system/program.h"

namespace resolute::system_test::levels_test {
namespace {

const fs::path kSuite = tests::source_folder() / "tests/system/suite/levels.toml";

class LevelsTest : public SharedFolder {
 protected:
  static void SetUpTestSuite() {
    SharedFolder::SetUpTestSuite();
    succeeded(resolute({"suite", "run", kSuite, "--store", store(), "--slots", "2"}));
  }

  // Folders of the finished jobs of a kind.
  static std::vector<fs::path> jobs_of(const std::string& kind) {
    std::vector<fs::path> jobs;
    for (const auto& entry : fs::recursive_directory_iterator(store() / "jobs"))
      if (entry.path().filename() == "spec.json" && json_of(entry.path()).at("kind") == kind)
        jobs.push_back(entry.path().parent_path());
    return jobs;
  }
  // The result of the one evaluation of a training with or without levels that takes queries for `level`.
  static fs::path evaluation(bool levels, const std::string& level) {
    for (const fs::path& folder : jobs_of("evaluation")) {
      const core::Json specification = json_of(folder / "spec.json");
      const auto training = specification.at("training").get<std::string>();
      const core::Json options =
          json_of(store() / "jobs" / training.substr(0, 2) / training / "spec.json").at("options");
      if (options.at("varying_length") == levels && specification.at("protocol").at("query_level") == level)
        return folder;
    }
    ADD_FAILURE() << "no evaluation at level " << level;
    return {};
  }
};

TEST_F(LevelsTest, one_training_is_asked_for_two_levels_and_the_table_has_no_reference) {
  EXPECT_EQ(jobs_of("training").size(), 2U);
  EXPECT_EQ(jobs_of("evaluation").size(), 3U);
  const std::string table = text_of(store() / "suites/levels/tables/all.md");
  for (const char* text : {"level agreement", "mask spread", "highest level", "No reference: no number of \"Learning"})
    EXPECT_THAT(table, HasSubstr(text));
  const core::Json known = json_of(evaluation(true, "known") / "result.json").at("metrics");
  const core::Json highest = json_of(evaluation(true, "highest") / "result.json").at("metrics");
  EXPECT_EQ(known.at("level_agreement"), 1.0);
  EXPECT_EQ(highest.at("level_agreement"), 0.0);  // every query is an LR image
  EXPECT_EQ(known.at("mask_spread"), highest.at("mask_spread"));
  EXPECT_GT(known.at("mask_spread").get<double>(), 0.0);
  const core::Json plain = json_of(evaluation(false, "known") / "result.json").at("metrics");
  EXPECT_FALSE(plain.contains("mask_spread"));
  EXPECT_FALSE(plain.contains("level_agreement"));
}

TEST_F(LevelsTest, features_are_ranked_by_as_many_dimensions_as_each_query_has) {
  for (const bool levels : {false, true}) {
    const fs::path folder = evaluation(levels, "known");
    const core::Json output = json_of(resolute({"rank", folder / "features.h5", "--json"}));
    EXPECT_EQ(output.at("map"), json_of(folder / "result.json").at("metrics").at("map_full"));
  }
}

}  // namespace
}  // namespace resolute::system_test::levels_test
