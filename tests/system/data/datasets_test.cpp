// Every layout of raw images from a stand-in to a line of a table: drawn, packed, split, trained on and evaluated as
// experiments/suites/datasets_tour.toml says, by a coordinator and two agents under mpirun, without a folder of the
// user's.

#include <fmt/format.h>

#include <map>
#include <set>
#include <sstream>

#include "core/files/json.h"
#include "tests/support/folders.h"
#include "tests/system/program.h"

namespace resolute::system_test::datasets_test {
namespace {

using testing::AllOf;

const fs::path kTour = tests::source_folder() / "experiments/suites/datasets_tour.toml";

struct Query {
  std::string path;
  std::int64_t camera = 0;
  int rate = 0;
};

class DatasetsTest : public SharedFolder {
 protected:
  static void SetUpTestSuite() {
    SharedFolder::SetUpTestSuite();
    succeeded(tour("run", {"--slots", "1"}, {"mpirun", "-np", "3"}));
    for (const auto& entry : fs::recursive_directory_iterator(store() / "jobs")) {
      if (entry.path().filename() != "spec.json") continue;
      const core::Json specification = json_of(entry.path());
      if (specification.at("kind") == "evaluation")
        evaluations_[specification.at("pack").at("name")] = entry.path().parent_path();
    }
  }

  // `resolute suite COMMAND` of the tour on stand-ins, packed as small as they may be, where none of its variables is
  // set. \param launcher what runs it
  static CommandOutput tour(const std::string& command, const Words& more = {}, const Words& launcher = {}) {
    auto environment = program_environment();
    for (const char* variable :
         {"CAVIAR", "CSV", "CUHK03", "DUKEMTMC", "MARKET1501", "MLR_FOLDERS", "MLR_FOLDERS_BY_IDENTITY", "PKU_REID",
          "SYSU", "CUHK03_NP", "MSMT17", "VEHICLEID", "VERI_776", "MLR_FOLDERS_BY_RESOLUTION", "VIPER", "VRU"})
      environment.erase(variable);
    const Words suite{kBin / "resolute", "suite", command,         kTour,   "--store",  store(),
                      "--stand-ins",     "--set", "train.steps=2", "--set", "height=32"};
    return run_program(joined(joined(launcher, suite), more), std::move(environment));
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
  EXPECT_EQ(evaluations_.size(), 23U);
  for (const auto& [dataset, folder] : evaluations_) {
    EXPECT_THAT(table, HasSubstr(dataset + (dataset == "drawn" ? " (drawn) rank-1" : " (stand-in) rank-1")));
    EXPECT_GT(metrics(dataset).at("mAP").get<double>(), 0.0) << dataset;
    EXPECT_GT(metrics(dataset).at("gallery_identities").get<double>(), 0.0) << dataset;
    EXPECT_FALSE(queries(dataset).empty()) << dataset;
  }
}

TEST_F(DatasetsTest, every_form_of_the_table_says_which_columns_are_stand_ins) {
  const auto printed = [](const char* format) { return succeeded(tour("table", {"--format", format})).out; };
  const std::string note = "stand-ins, not the real data: the images of mlr-cuhk03, mlr-cuhk03-detected, ";
  EXPECT_THAT(printed("markdown"), HasSubstr("- " + note));
  // A table of so many columns is one per data set there.
  EXPECT_THAT(printed("latex"),
              HasSubstr("\\item \\textcolor{red}{stand-ins, not the real data: the images of mlr-cuhk03 "));
  EXPECT_THAT(printed("latex"), HasSubstr("{\\textcolor{red}{mlr-viper-a (stand-in)}}"));
  EXPECT_THAT(printed("csv"), HasSubstr(",mlr-viper-a (stand-in),rank1,"));
  EXPECT_THAT(printed("csv"), HasSubstr(",drawn (drawn),rank1,"));
  const core::Json table = core::parse_json(printed("json"), "tables").at("tables").at(0);
  EXPECT_EQ(table.at("stand_ins").size(), 22U);
  EXPECT_EQ(core::Json({"drawn"}), table.at("drawn"));
  const core::Json report = json_of(tour("report", {"--json"}));
  std::size_t marked = 0;
  for (const core::Json& figure : report.at("figures")) {
    const bool drawn = figure.at("id").get<std::string>().find("-drawn-") != std::string::npos;
    const bool all = figure.at("section") == "ablations";
    EXPECT_EQ(figure.contains("stand_in"),
              all || !drawn || figure.at("id").get<std::string>().find("1501-drawn") != std::string::npos)
        << figure.at("id");
    marked += figure.contains("stand_in") ? 1 : 0;
  }
  EXPECT_GT(marked, 22U);
}

TEST_F(DatasetsTest, a_terminal_has_the_marks_in_red_unless_no_colour_is_wanted) {
  // `script` gives it a terminal.
  const std::string command =
      fmt::format("'{}' suite table '{}' --store '{}' --stand-ins --set train.steps=2 --set height=32",
                  (kBin / "resolute").string(), kTour.string(), store().string());
  const auto seen = [&](const char* no_colour) {
    auto environment = program_environment();
    environment["TERM"] = "xterm";
    environment["NO_COLOR"] = no_colour;
    return succeeded(run_program({"script", "-qec", command, "/dev/null"}, std::move(environment))).out;
  };
  EXPECT_THAT(seen(""), HasSubstr("caviar \x1b[31m(stand-in)\x1b[39m rank-1"));
  EXPECT_THAT(seen(""), HasSubstr("\n\x1b[31m- stand-ins, not the real data: "));
  EXPECT_THAT(seen("1"), AllOf(HasSubstr("caviar (stand-in) rank-1"), Not(HasSubstr("\x1b"))));
}

TEST_F(DatasetsTest, columns_can_be_chosen_and_are_there_already) {
  const auto output = succeeded(tour("plan", {"--datasets", "caviar,drawn"}));
  for (const char* done : {"evaluations 2 (2 done)", "trainings 2 (2 done)", "table tour: 1 row on 2 data sets",
                           "  caviar (stand-in)  ", "; images are drawn in the layout of caviar\n"})
    EXPECT_THAT(output.out, HasSubstr(done));
  const auto unknown = tour("plan", {"--datasets", "caviar,drwan"});
  EXPECT_EQ(code_of(unknown), 2);
  EXPECT_THAT(unknown.err, HasSubstr("has no data set 'drwan'; did you mean 'drawn'"));
}

TEST_F(DatasetsTest, a_plan_of_the_same_finds_all_of_it_done) {
  const auto output = succeeded(tour("plan"));
  for (const char* done : {"evaluations 23 (23 done)", "trainings 23 (23 done)"})
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
    for (const core::Json& row : manifest.at("rows")) test_sets[row.at("path")] = row.value("test_sets", 0U);
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
