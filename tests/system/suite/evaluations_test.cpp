// One training asked in several ways, from a suite to its table, to `resolute rank` and to `suite compare`.

#include "core/files/json.h"
#include "datasets/hdf5/array_file.h"
#include "tests/support/folders.h"
#include "tests/system/program.h"

namespace resolute::system_test::evaluations_test {
namespace {

const fs::path kSuite = tests::source_folder() / "tests/system/suite/evaluations.toml";

class EvaluationsTest : public SharedFolder {
 protected:
  static void SetUpTestSuite() {
    SharedFolder::SetUpTestSuite();
    succeeded(resolute({"suite", "run", kSuite, "--store", store(), "--slots", "2"}));
    table_ = json_of(resolute({"suite", "table", kSuite, "--store", store(), "--json"})).at("tables").at(0);
  }
  static const core::Json& cell(const std::string& row, std::size_t at) {
    for (const core::Json& one : table_.at("rows"))
      if (one.at("id") == row) return one.at("cells").at(at);
    throw std::out_of_range(row);
  }
  // The folder of the row's evaluation on the first data set.
  static fs::path evaluation(const std::string& row) {
    const auto job = cell(row, 0).at("jobs").at(1).get<std::string>();
    return store() / "jobs" / job.substr(0, 2) / job;
  }
  static core::Json metrics(const std::string& row) { return json_of(evaluation(row) / "result.json").at("metrics"); }

  static inline core::Json table_;
};

TEST_F(EvaluationsTest, each_way_is_an_evaluation_of_one_training) {
  std::set<std::string> trainings, evaluations;
  for (const core::Json& row : table_.at("rows")) {
    trainings.insert(row.at("cells").at(0).at("jobs").at(0));
    evaluations.insert(row.at("cells").at(0).at("jobs").at(1));
  }
  EXPECT_EQ(1U, trainings.size());
  EXPECT_EQ(7U, evaluations.size());
  for (const char* row : {"cosine", "flipped", "expanded", "re-ranked"})
    EXPECT_NE(metrics("plain").at("mAP"), metrics(row).at("mAP")) << row;
  for (const char* row : {"multi-shot", "whole"}) EXPECT_EQ(metrics("plain").at("mAP"), metrics(row).at("mAP")) << row;
}

TEST_F(EvaluationsTest, rank_says_of_the_features_what_the_evaluation_says) {
  const auto ranked = [](const std::string& row, const std::vector<std::string>& more) {
    std::vector<std::string> command{"rank", (evaluation(row) / "features.h5").string(), "--json"};
    command.insert(command.end(), more.begin(), more.end());
    return json_of(resolute({command.begin(), command.end()}));
  };
  for (const char* row : {"plain", "cosine", "flipped", "multi-shot", "whole"}) {
    const core::Json output = ranked(row, {});
    EXPECT_EQ(output.at("map"), metrics(row).at("mAP")) << row;
    EXPECT_EQ(output.at("minp"), metrics(row).at("mINP")) << row;
  }
  EXPECT_EQ(ranked("whole", {}).at("cmc").at(0), metrics("whole").at("rank1"));
  const core::Json again = ranked("re-ranked", {"--re-rank=5,2,0.3"});
  EXPECT_EQ(again.at("map"), metrics("re-ranked").at("mAP"));
  EXPECT_EQ(again.at("cmc").at(0), metrics("re-ranked").at("rank1"));
}

TEST_F(EvaluationsTest, rank_by_the_protocol_of_the_evaluation_gives_all_of_its_numbers) {
  for (const char* row : {"plain", "cosine", "flipped", "multi-shot"}) {
    const core::Json job = json_of(evaluation(row) / "spec.json"), by = job.at("protocol"), wanted = metrics(row);
    Words command{"rank", evaluation(row) / "features.h5", "--json", "--protocol", by.at("name").get<std::string>()};
    for (const auto& [option, value] : {std::pair("--draws", by.at("draws")), {"--seed", job.at("split").at("seed")}})
      command.insert(command.end(), {option, value.dump()});
    if (by.contains("shots")) command.insert(command.end(), {"--shots", by.at("shots").dump()});
    const core::Json found = json_of(resolute(command));
    for (const std::size_t k : {1U, 5U, 10U, 20U})
      EXPECT_EQ(found.at("cmc").at(k - 1), wanted.at(fmt::format("rank{}", k))) << row;
    EXPECT_EQ(found.at("chance_cmc").at(0), wanted.at("chance_rank1")) << row;
    for (const auto& [ours, metric] : {std::pair("map", "mAP"),
                                       {"minp", "mINP"},
                                       {"map_single", "map_single"},
                                       {"chance_map", "chance_mAP"},
                                       {"queries", "queries"}})
      EXPECT_EQ(found.at(ours), wanted.at(metric)) << row << metric;
  }
  const fs::path features = evaluation("multi-shot") / "features.h5";
  EXPECT_THAT(succeeded(resolute({"rank", features, "--protocol", "multi-shot", "--draws", "3", "--seed", "9"})).out,
              HasSubstr("\nmulti-shot: rank-k over 3 galleries drawn by seed 9, with 5 images of each identity; "));
}

TEST_F(EvaluationsTest, the_last_column_is_the_mean_over_data_sets) {
  for (std::size_t metric = 0; metric < 3; ++metric) {
    const double people = cell("whole", metric).at("mean"), others = cell("whole", 3 + metric).at("mean");
    EXPECT_DOUBLE_EQ((people + others) / 2, cell("whole", 6 + metric).at("mean"));
  }
  EXPECT_EQ("mean", cell("cosine", 6).at("dataset"));
  EXPECT_TRUE(cell("cosine", 6).at("difference").is_object());
}

TEST_F(EvaluationsTest, two_profiles_of_the_suite_are_compared) {
  const core::Json comparison = json_of(
      resolute({"suite", "compare", kSuite, kSuite, "--other-profile", "cosine", "--store", store(), "--json"}));
  ASSERT_GE(comparison.at("settings").size(), 1U);
  EXPECT_EQ("evaluate.distance", comparison.at("settings").at(0).at("key"));
  EXPECT_EQ("cosine", comparison.at("settings").at(0).at("second"));
  bool compared = false;
  for (const core::Json& number : comparison.at("numbers")) {
    if (number.at("row") == "cosine") {
      EXPECT_TRUE(number.at("same_jobs"));
    }
    if (number.at("row") != "plain" || number.at("metric") != "mAP" || number.at("dataset") != "people") continue;
    compared = true;
    // The other profile's plain row is the cosine row of the first.
    EXPECT_DOUBLE_EQ(cell("cosine", 1).at("difference").at("mean").get<double>(),
                     number.at("difference").at("mean").get<double>());
  }
  EXPECT_TRUE(compared);
  const auto text = resolute({"suite", "compare", kSuite, kSuite, "--other-profile", "cosine", "--store", store()});
  EXPECT_THAT(text.out, HasSubstr("# evaluations (no profile) and evaluations (cosine)"));
}

TEST_F(EvaluationsTest, suites_from_pipes_are_compared) {
  for (const std::string files : {"<(cat \"$1\") \"$1\"", "\"$1\" <(cat \"$1\")", "<(cat \"$1\") <(cat \"$1\")"}) {
    const std::string command = "\"$0\" suite compare " + files + " --store \"$2\"";
    const auto output = succeeded(run_program({"bash", "-c", command, kBin / "resolute", kSuite, store()}));
    EXPECT_THAT(output.out, AllOf(HasSubstr("/dev/fd/"), HasSubstr("None differ in the rows of both."))) << files;
  }
}

constexpr const char* kUsualTest = R"(suite = "usual"
title = "Market-1501's usual test, LR queries"
[defaults]
method = "baseline"
trials = 1
backbone = "resnet-small"
height = 32
width = 16
rates = [2, 3]
train = { steps = 3, identities = 3, images = 2, train_rates = [2, 3], pad = 2 }
split = { partition = "official", lr_camera = 1, lr_side = "query", query_rates = [2, 3] }
evaluate.protocol = "whole-gallery"
[[dataset]]
id = "market"
source = "market1501"
root = "raw"
[[table]]
id = "usual"
title = "LR queries"
metrics = ["rank1", "mAP", "mINP"]
datasets = ["market"]
  [[table.row]]
  id = "baseline"
  label = "Baseline"
)";

// The whole set has 3,368 queries and, without junk, 15,913 gallery images
// (tests/datasets/sources/market1501_test.cpp).
TEST(UsualTest, every_query_in_low_resolution_meets_the_whole_gallery_at_once) {
  ScratchFolder scratch;
  succeeded(resolute({"data", "synth", "--layout", "market1501", "--irregular", "yes", "--out", scratch / "raw",
                      "--identities", "12", "--cameras", "3", "--height", "32", "--width", "16"}));
  std::size_t queries = 0, images = 0, distractors = 0;
  for (const auto& entry : fs::recursive_directory_iterator(scratch / "raw")) {
    const std::string folder = entry.path().parent_path().filename(), name = entry.path().filename();
    if (!name.ends_with(".jpg") || name.starts_with("-1_")) continue;
    queries += folder == "query";
    images += folder == "bounding_box_test";
    distractors += folder == "bounding_box_test" && name.starts_with("0000_");
  }
  ASSERT_EQ(std::tuple(16U, 51U, 3U), std::tuple(queries, images, distractors));

  write(scratch / "usual.toml", kUsualTest);
  const Words suite{scratch / "usual.toml", "--store", scratch / "store"};
  succeeded(resolute(joined(joined({"suite", "run"}, suite), {"--slots", "2"})));
  const auto tables = json_of(resolute(joined(joined({"suite", "table"}, suite), {"--json"}))).at("tables");
  const core::Json& cells = tables.at(0).at("rows").at(0).at("cells");
  const auto id = cells.at(0).at("jobs").at(1).get<std::string>();
  const fs::path evaluation = scratch / "store/jobs" / id.substr(0, 2) / id;

  // One camera alone saw the last person, whose query has no match.
  const core::Json metrics = json_of(evaluation / "result.json").at("metrics");
  EXPECT_EQ(queries - 1, metrics.at("queries"));
  const datasets::ArrayFileReader features(evaluation / "features.h5");
  EXPECT_EQ(queries - 1, features.read_int64("query/identities", 1).values.size());
  const auto cameras = features.read_int64("query/cameras", 1).values;
  EXPECT_EQ((std::set<std::int64_t>{1, 2, 3}), std::set(cameras.begin(), cameras.end()));
  const auto gallery = features.read_int64("gallery/identities", 1).values;
  EXPECT_EQ(images, gallery.size());
  EXPECT_EQ(distractors, static_cast<std::size_t>(std::count(gallery.begin(), gallery.end(), 0)));

  const core::Json ranked = json_of(resolute({"rank", evaluation / "features.h5", "--json"}));
  const std::vector<core::Json> wanted{ranked.at("cmc").at(0), ranked.at("map"), ranked.at("minp")};
  for (std::size_t metric = 0; metric < 3; ++metric) {
    EXPECT_EQ("complete", cells.at(metric).at("status"));
    EXPECT_DOUBLE_EQ(100 * wanted[metric].get<double>(), cells.at(metric).at("mean").get<double>());
  }
}

}  // namespace
}  // namespace resolute::system_test::evaluations_test
