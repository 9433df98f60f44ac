// Rows that train on one data set and are asked on another, from a suite to its tables and exports.

#include "core/files/json.h"
#include "tests/system/program.h"

namespace resolute::system_test::across_sets_test {
namespace {

constexpr const char* kDefaults = R"(suite = "across"
title = "Across sets, small"
[defaults]
method = "baseline"
trials = 1
backbone = "resnet-small"
height = 32
width = 16
rates = [2, 3]
train = { steps = 10, identities = 4, images = 2, train_rates = [2, 3], pad = 2 }
split.query_rates = [2, 3]
evaluate.draws = 3
)";

constexpr const char* kPeople = R"([[dataset]]
id = "people"
source = "synthetic"
identities = 12
images_per_camera = 3
image_height = 32
image_width = 16
[[dataset]]
id = "others"
source = "synthetic"
seed = 1
identities = 16
images_per_camera = 2
image_height = 32
image_width = 16
[[table]]
id = "across"
title = "Trained here, asked there"
metrics = ["rank1", "mAP"]
datasets = ["people"]
evaluate_on = ["people", "others"]
compare_with = "plain"
  [[table.row]]
  id = "plain"
  label = "Plain"
  [[table.row]]
  id = "cosine"
  label = "Cosine"
  evaluate.distance = "cosine"
)";

class AcrossSetsTest : public SharedFolder {
 protected:
  static void SetUpTestSuite() {
    SharedFolder::SetUpTestSuite();
    suite_ = store().parent_path() / "across.toml";
    write(suite_, std::string(kDefaults) + kPeople);
    succeeded(of_suite("run", {"--slots", "2"}));
    table_ = json_of(of_suite("table", {"--json"})).at("tables").at(0);
  }
  static CommandOutput of_suite(const std::string& command, const Words& more) {
    return resolute(joined({"suite", command, suite_, "--store", store()}, more));
  }
  static const core::Json& cell(std::size_t row, std::size_t at) {
    return table_.at("rows").at(row).at("cells").at(at);
  }
  static fs::path job(std::size_t row, std::size_t at, std::size_t which) {
    const auto id = cell(row, at).at("jobs").at(which).get<std::string>();
    return store() / "jobs" / id.substr(0, 2) / id;
  }

  static inline fs::path suite_;
  static inline core::Json table_;
};

TEST_F(AcrossSetsTest, one_training_is_asked_for_the_people_of_both_sets) {
  EXPECT_EQ(core::Json({"people", "people->others"}), table_.at("datasets"));
  std::set<std::string> trainings;
  for (const std::size_t row : {0U, 1U})
    for (const std::size_t at : {0U, 1U, 2U, 3U}) {
      EXPECT_EQ("complete", cell(row, at).at("status")) << cell(row, at).at("why");
      trainings.insert(cell(row, at).at("jobs").at(0));
    }
  EXPECT_EQ(1U, trainings.size());
  EXPECT_EQ("people", json_of(job(0, 2, 0) / "spec.json").at("pack").at("name"));
  const core::Json asked = json_of(job(0, 2, 1) / "spec.json");
  EXPECT_EQ("others", asked.at("pack").at("name"));
  // Half of each set is tested: 6 people with 3 images by the LR camera, and 8 with 2.
  EXPECT_EQ(6 * 3, json_of(job(0, 0, 1) / "result.json").at("metrics").at("queries"));
  const core::Json metrics = json_of(job(0, 2, 1) / "result.json").at("metrics");
  EXPECT_EQ(8 * 2, metrics.at("queries"));
  EXPECT_EQ(8, metrics.at("gallery_identities"));
}

TEST_F(AcrossSetsTest, its_numbers_are_those_of_its_features_and_have_intervals) {
  const core::Json ranked = json_of(resolute({"rank", job(0, 2, 1) / "features.h5", "--json"}));
  EXPECT_EQ(ranked.at("map"), json_of(job(0, 2, 1) / "result.json").at("metrics").at("mAP"));
  EXPECT_DOUBLE_EQ(100 * ranked.at("map").get<double>(), cell(0, 3).at("mean").get<double>());
  EXPECT_TRUE(cell(1, 3).at("difference").is_object()) << cell(1, 3);
}

TEST_F(AcrossSetsTest, exports_and_the_report_tell_both_sets) {
  ScratchFolder scratch;
  succeeded(of_suite("export", {"--csv", scratch / "csv"}));
  const std::string cells = text_of(scratch / "csv/cells.csv"), trials = text_of(scratch / "csv/trials.csv");
  EXPECT_THAT(cells.substr(0, cells.find('\n')), testing::EndsWith(",stand_in,trained_on,asked_on"));
  EXPECT_THAT(cells, HasSubstr("across,plain,people->others,mAP,"));
  EXPECT_THAT(cells, HasSubstr(",people,others\n"));
  EXPECT_THAT(trials, HasSubstr(",people,others\n"));
  const core::Json report = json_of(of_suite("report", {"--json"}));
  std::set<std::string> titles;
  for (const core::Json& figure : report.at("figures")) titles.insert(figure.at("title"));
  EXPECT_TRUE(titles.contains("Trained here, asked there: CMC, people → others (drawn)"));
  EXPECT_THAT(succeeded(of_suite("plan", {})).out,
              HasSubstr("table across: 2 rows in 2 columns: people, people → others"));
}

TEST_F(AcrossSetsTest, a_second_run_finds_all_of_it_done) {
  EXPECT_EQ(table_, json_of(of_suite("table", {"--json"})).at("tables").at(0));
  const core::Json jobs = json_of(of_suite("status", {"--json"})).at("jobs");
  EXPECT_EQ(2 * 2 + 1 + 4, jobs.at("succeeded")) << "a shard and a seal of each set, a training, four evaluations";
}

// Two copies of the images under two names, divided in two ways: no suite's words say that the people are the same.
TEST(AcrossSets, people_who_were_trained_on_are_not_asked_for) {
  ScratchFolder scratch;
  succeeded(resolute({"data", "synth", "--layout", "market1501", "--out", scratch / "raw", "--identities", "12",
                      "--cameras", "3", "--height", "32", "--width", "16"}));
  fs::copy(scratch / "raw", scratch / "copy", fs::copy_options::recursive);
  write(scratch / "s.toml", std::string(kDefaults) + R"([[dataset]]
id = "all"
source = "market1501"
root = "raw"
split.test_identities = 2
[[dataset]]
id = "some"
source = "market1501"
root = "copy"
split.partition = "official"
[[table]]
id = "t"
title = "T"
metrics = ["rank1"]
datasets = ["all"]
evaluate_on = ["all", "some"]
  [[table.row]]
  id = "r"
  label = "R"
)");
  const Words suite{scratch / "s.toml", "--store", scratch / "store"};
  const auto run = resolute(joined(joined({"suite", "run"}, suite), {"--slots", "2"}));
  EXPECT_NE(0, code_of(run));
  const core::Json status = json_of(resolute(joined(joined({"suite", "status"}, suite), {"--json"})));
  ASSERT_EQ(1U, status.at("failures").size()) << status;
  const std::string failure = status.at("failures").at(0).dump();
  EXPECT_THAT(failure, HasSubstr("asked on some"));
  EXPECT_THAT(failure, HasSubstr("of data set 'some' were trained on"));
  EXPECT_THAT(failure, HasSubstr("has the same bytes as a training image of 'all'"));
}

}  // namespace
}  // namespace resolute::system_test::across_sets_test
