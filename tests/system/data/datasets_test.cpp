// Every layout of raw images from a stand-in to a line of a table: rendered, packed, split, trained on and evaluated as
// experiments/suites/datasets_tour.toml says.

#include <map>
#include <set>
#include <sstream>

#include "core/files/json.h"
#include "tests/support/folders.h"
#include "tests/system/program.h"

namespace resolute::system_test::datasets_test {
namespace {

const fs::path kTour = tests::source_folder() / "experiments/suites/datasets_tour.toml";

// The variable of the suite that names a layout's folder.
const std::map<std::string, std::string> kVariables{{"caviar", "CAVIAR"},
                                                    {"csv", "CSV"},
                                                    {"cuhk03", "CUHK03"},
                                                    {"dukemtmc", "DUKEMTMC"},
                                                    {"market1501", "MARKET1501"},
                                                    {"mlr-folders", "MLR_FOLDERS"},
                                                    {"mlr-folders-by-identity", "MLR_FOLDERS_BY_IDENTITY"},
                                                    {"pku-reid", "PKU_REID"},
                                                    {"sysu", "SYSU"},
                                                    {"viper", "VIPER"},
                                                    {"vru", "VRU"}};

struct Query {
  std::string path;
  std::int64_t camera = 0;
  int rate = 0;
};

class DatasetsTest : public SharedFolder {
 protected:
  static void SetUpTestSuite() {
    SharedFolder::SetUpTestSuite();
    for (const auto& [layout, variable] : kVariables) {
      // CUHK03's people come by five pairs of cameras, few of them by the last.
      const std::string identities = layout == "cuhk03" ? "48" : "10";
      succeeded(resolute({"data", "synth", "--layout", layout, "--irregular", "yes", "--identities", identities,
                          "--height", "64", "--width", "32", "--out", *scratch_ / layout}));
    }
    succeeded(tour("run", {"--slots", "2"}));
    for (const auto& entry : fs::recursive_directory_iterator(store() / "jobs")) {
      if (entry.path().filename() != "spec.json") continue;
      const core::Json specification = json_of(entry.path());
      if (specification.at("kind") == "evaluation")
        evaluations_[specification.at("pack").at("name")] = entry.path().parent_path();
    }
  }

  // `resolute suite COMMAND` of the tour, on images as small as they may be.
  static CommandOutput tour(const std::string& command, const std::vector<std::string>& more = {}) {
    auto environment = program_environment();
    for (const auto& [layout, variable] : kVariables) environment[variable] = (*scratch_ / layout).string();
    std::vector<std::string> arguments{kBin / "resolute", "suite", command, kTour, "--store", store()};
    for (const char* setting : {"train.steps=2", "height=32"}) arguments.insert(arguments.end(), {"--set", setting});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program(std::move(arguments), std::move(environment));
  }
  // What a data set's evaluation asked.
  static std::vector<Query> queries(const std::string& dataset) {
    std::istringstream lines(text_of(evaluations_.at(dataset) / "queries.csv"));
    std::vector<Query> all;
    std::string line;
    std::getline(lines, line);  // the header
    while (std::getline(lines, line)) {
      std::vector<std::string> fields;
      std::istringstream text(line);
      for (std::string field; std::getline(text, field, ',');) fields.push_back(field);
      all.push_back({fields.at(0), std::stoll(fields.at(2)), std::stoi(fields.at(3))});
    }
    return all;
  }
  static std::set<std::int64_t> query_cameras(const std::string& dataset) {
    std::set<std::int64_t> cameras;
    for (const Query& query : queries(dataset)) cameras.insert(query.camera);
    return cameras;
  }
  static core::Json metrics(const std::string& dataset) {
    return json_of(evaluations_.at(dataset) / "result.json").at("metrics");
  }

  static inline std::map<std::string, fs::path> evaluations_;  // by data set
};

TEST_F(DatasetsTest, the_table_has_a_number_for_every_layout) {
  const std::string table = text_of(store() / "suites/datasets-tour/tables/all.md");
  EXPECT_EQ(evaluations_.size(), 15U);
  for (const auto& [dataset, folder] : evaluations_) {
    EXPECT_THAT(table, HasSubstr(dataset));
    EXPECT_GT(metrics(dataset).at("mAP").get<double>(), 0.0) << dataset;
    EXPECT_GT(metrics(dataset).at("gallery_identities").get<double>(), 0.0) << dataset;
    EXPECT_FALSE(queries(dataset).empty()) << dataset;
  }
}

TEST_F(DatasetsTest, a_plan_of_the_same_roots_finds_all_of_it_done) {
  const auto output = succeeded(tour("plan"));
  for (const char* done : {"evaluation    15, 15 done", "training      15, 15 done"})
    EXPECT_THAT(output.out, HasSubstr(done));
}

// VIPeR is asked in both directions, each from one camera alone.
TEST_F(DatasetsTest, the_named_camera_is_the_low_resolution_one) {
  EXPECT_EQ(query_cameras("mlr-viper-a"), std::set<std::int64_t>{1});
  EXPECT_EQ(query_cameras("mlr-viper-b"), std::set<std::int64_t>{2});
  EXPECT_EQ(query_cameras("mlr-market-1501"), std::set<std::int64_t>{1});
  EXPECT_EQ(query_cameras("mlr-dukemtmc"), std::set<std::int64_t>{1});
  EXPECT_EQ(query_cameras("mlr-market-1501-drawn").size(), 1U);
  for (const Query& query : queries("mlr-viper-a")) EXPECT_THAT(query.path, StartsWith("cam_a/"));
}

// Of each pair of CUHK03's cameras at most one asks, and the published set says who is asked about.
TEST_F(DatasetsTest, cuhk03_is_tested_on_its_published_sets) {
  const core::Json split = json_of(evaluations_.at("mlr-cuhk03") / "spec.json").at("split");
  EXPECT_EQ(split.at("partition"), "published");
  std::map<std::string, std::uint64_t> test_sets;  // by path, as the pack's manifest has them
  for (const auto& pack : fs::directory_iterator(store() / "packs")) {
    if (pack.path().filename().string().rfind("mlr-cuhk03-", 0) != 0) continue;
    const core::Json manifest = json_of(pack.path() / "manifest.json");
    for (const core::Json& row : manifest.at("rows")) test_sets[row.at("path")] = row.at("test_sets");
  }
  for (const Query& query : queries("mlr-cuhk03")) EXPECT_EQ(test_sets.at(query.path) & 1U, 1U) << query.path;
  const std::set<std::int64_t> cameras = query_cameras("mlr-cuhk03");
  for (const std::int64_t camera : cameras)
    EXPECT_FALSE(cameras.contains(camera % 2 == 1 ? camera + 1 : camera - 1)) << camera;
  EXPECT_EQ(metrics("mlr-cuhk03-detected").at("gallery_identities"), 2.0);
}

// The far camera's images are queries as they came.
TEST_F(DatasetsTest, caviars_queries_came_in_low_resolution) {
  const core::Json split = json_of(evaluations_.at("caviar") / "spec.json").at("split");
  EXPECT_EQ(split.at("lr_side"), "camera");
  for (const Query& query : queries("caviar")) {
    EXPECT_EQ(query.camera, 2) << query.path;
    EXPECT_TRUE(query.rate >= 2 && query.rate <= 4) << query.path;
  }
}

TEST_F(DatasetsTest, trials_beyond_the_published_sets_are_refused_while_planning) {
  const auto output = tour("plan", {"--set", "trials=21"});
  EXPECT_EQ(code_of(output), 2);
  EXPECT_THAT(output.err, HasSubstr("source 'cuhk03' publishes 20 test sets, one a trial"));
}

}  // namespace
}  // namespace resolute::system_test::datasets_test
