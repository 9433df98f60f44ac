// The whole catalogue on stand-ins, as somebody without any of the data sets runs it: under mpirun, a coordinator and
// two agents.

#include <map>
#include <set>

#include "core/files/json.h"
#include "tests/support/folders.h"
#include "tests/system/program.h"

namespace resolute::system_test::catalogue_test {
namespace {

const fs::path kSuites = tests::source_folder() / "experiments/suites";
const std::set<std::string> kRoots{"CUHK03", "VIPER", "CAVIAR", "MARKET1501", "SYSU", "VRU", "PKU_REID"};

// Nobody has said where any raw images are.
std::map<std::string, std::string> without_roots() {
  auto environment = program_environment();
  for (const std::string& root : kRoots) environment.erase(root);
  return environment;
}

class CatalogueTest : public SharedFolder {
 protected:
  static void SetUpTestSuite() {
    SharedFolder::SetUpTestSuite();
    succeeded(run_program({"mpirun", "-np", "3", kBin / "resolute", "suite", "run", kSuites / "all.toml", "--profile",
                           "smoke", "--store", store(), "--slots", "1"},
                          without_roots()));
  }
  static core::Json asked(const std::string& command, const std::string& suite) {
    return json_of(run_program(
        {kBin / "resolute", "suite", command, kSuites / suite, "--profile", "smoke", "--store", store(), "--json"},
        without_roots()));
  }
};

TEST_F(CatalogueTest, every_table_and_figure_has_all_of_its_numbers) {
  const core::Json tables = asked("table", "all.toml");
  std::set<std::string> ids;
  for (const core::Json& table : tables.at("tables")) {
    ids.insert(table.at("id"));
    for (const core::Json& row : table.at("rows"))
      for (const core::Json& cell : row.at("cells"))
        EXPECT_EQ(cell.at("status"), "complete") << table.at("id") << " " << row.at("id") << " " << cell.at("dataset");
  }
  EXPECT_EQ(ids, (std::set<std::string>{"rain-table-1", "rain-table-2", "rain-table-3", "rain-table-4", "rain-figure-3",
                                        "rain-figure-4", "rain-figure-5", "ftwa-table-1", "ftwa-table-2",
                                        "msifla-table-1", "msifla-table-2", "msifla-table-3", "msifla-table-4",
                                        "msifla-figure-6", "resolution-adaptive-main", "resolution-adaptive-ablation",
                                        "resolution-adaptive-query-level"}));
}

TEST_F(CatalogueTest, the_papers_figures_are_on_the_report) {
  const core::Json report = asked("report", "all.toml");
  std::set<std::string> figures, galleries;
  for (const core::Json& figure : report.at("figures")) {
    figures.insert(figure.at("id"));
    EXPECT_EQ(figure.value("stand_in", false), true) << figure.at("id") << " is of made-up images";
  }
  for (const core::Json& block : report.at("galleries")) galleries.insert(block.at("table"));
  // RAIN's figures 3a and 3b, and 5; its figure 4 and MSIFLA's 6 are galleries.
  for (const char* id :
       {"rain-figure-3-mlr-cuhk03-multi-level-sample-identity",
        "rain-figure-3-mlr-cuhk03-multi-level-sample-resolution", "rain-figure-5-mlr-cuhk03-recipe-labelled-fraction"})
    EXPECT_TRUE(figures.contains(id)) << id;
  EXPECT_EQ(galleries, (std::set<std::string>{"rain-figure-4", "msifla-figure-6"}));
}

TEST_F(CatalogueTest, each_papers_own_suite_has_nothing_left_to_run) {
  for (const char* suite : {"rain.toml", "ftwa.toml", "msifla.toml", "resolution_adaptive.toml", "ablations.toml"}) {
    const auto plan = succeeded(
        run_program({kBin / "resolute", "suite", "run", kSuites / suite, "--profile", "smoke", "--store", store()},
                    without_roots()));
    EXPECT_THAT(plan.err, HasSubstr(" 0 now, 0 failed, 0 unfinished")) << suite;
  }
}

}  // namespace
}  // namespace resolute::system_test::catalogue_test
