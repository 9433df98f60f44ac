// The catalogue on stand-ins, as somebody without any of the data sets runs it: under mpirun, a coordinator and
// two agents.

#include <algorithm>
#include <map>
#include <set>

#include "core/files/json.h"
#include "tests/support/folders.h"
#include "tests/support/slice.h"
#include "tests/system/program.h"

namespace resolute::system_test::catalogue_test {
namespace {

const fs::path kSuites = tests::source_folder() / "experiments/suites";
const std::vector<std::string> kPapers{"rain", "ftwa", "msifla", "resolution_adaptive", "cadnet"};
const std::set<std::string> kRoots{"CUHK03", "VIPER", "CAVIAR", "MARKET1501", "DUKEMTMC", "SYSU", "VRU", "PKU_REID"};

// Nobody has said where any raw images are.
std::map<std::string, std::string> without_roots() {
  auto environment = program_environment();
  for (const std::string& root : kRoots) environment.erase(root);
  return environment;
}

const std::set<std::string> kTables{"rain-table-1",
                                    "rain-table-2",
                                    "rain-table-3",
                                    "rain-loss-weights",
                                    "rain-readings",
                                    "rain-table-4",
                                    "rain-figure-3",
                                    "rain-figure-4",
                                    "rain-figure-5",
                                    "ftwa-table-1",
                                    "ftwa-table-2",
                                    "msifla-table-1",
                                    "msifla-table-2",
                                    "msifla-table-3",
                                    "msifla-table-4",
                                    "msifla-figure-6",
                                    "resolution-adaptive-main",
                                    "resolution-adaptive-ablation",
                                    "resolution-adaptive-query-level",
                                    "mechanisms-mechanisms",
                                    "cadnet-table-1",
                                    "cadnet-table-2",
                                    "cadnet-table-3"};
// Suites that "all" leaves out.
const std::vector<std::string> kApart{"mechanisms"};
// RAIN's figures 3a and 3b, and 5.
const std::set<std::string> kFigures{"rain-figure-3-mlr-cuhk03-multi-level-sample-identity",
                                     "rain-figure-3-mlr-cuhk03-multi-level-sample-resolution",
                                     "rain-figure-5-mlr-cuhk03-train-labelled-fraction-rank1"};
// RAIN's figure 4 and MSIFLA's 6.
const std::set<std::string> kGalleries{"rain-figure-4", "msifla-figure-6"};

// The suite that runs: of all papers, and where a commit runs its slice, of one.
class CatalogueTest : public SharedFolder {
 protected:
  static void SetUpTestSuite() {
    SharedFolder::SetUpTestSuite();
    succeeded(run_program({"mpirun", "-np", "3", kBin / "resolute", "suite", "run", kSuites / (paper() + ".toml"),
                           "--profile", "smoke", "--store", store(), "--slots", "1"},
                          without_roots()));
  }
  // "all", or one of the catalogue's suites.
  static std::string paper() {
    if (tests::slice_commit().empty()) return "all";
    std::vector<std::string> suites = kPapers;
    suites.insert(suites.end(), kApart.begin(), kApart.end());
    return tests::slice("suites of the catalogue", suites, 1).front();
  }
  // Those of the suite, which itself leaves its name out. "all" is of the papers.
  static std::set<std::string> expected(const std::set<std::string>& ids) {
    if (paper() == "all") {
      std::set<std::string> of_papers = ids;
      for (const std::string& apart : kApart)
        std::erase_if(of_papers, [&](const std::string& id) { return id.starts_with(apart + "-"); });
      return of_papers;
    }
    std::string prefix = paper() + "-";
    std::ranges::replace(prefix, '_', '-');
    std::set<std::string> own;
    for (const std::string& id : ids)
      if (id.starts_with(prefix)) own.insert(id.substr(prefix.size()));
    return own;
  }
  static core::Json asked(const std::string& command) {
    return json_of(run_program({kBin / "resolute", "suite", command, kSuites / (paper() + ".toml"), "--profile",
                                "smoke", "--store", store(), "--json"},
                               without_roots()));
  }
};

TEST_F(CatalogueTest, every_table_and_figure_has_all_of_its_numbers) {
  const core::Json tables = asked("table");
  std::set<std::string> ids;
  for (const core::Json& table : tables.at("tables")) {
    ids.insert(table.at("id"));
    for (const core::Json& row : table.at("rows"))
      for (const core::Json& cell : row.at("cells"))
        EXPECT_EQ(cell.at("status"), "complete") << table.at("id") << " " << row.at("id") << " " << cell.at("dataset");
  }
  EXPECT_EQ(ids, expected(kTables));
  EXPECT_FALSE(ids.empty());
}

TEST_F(CatalogueTest, the_papers_figures_are_on_the_report) {
  const core::Json report = asked("report");
  std::set<std::string> figures, galleries;
  for (const core::Json& figure : report.at("figures")) {
    figures.insert(figure.at("id"));
    EXPECT_EQ(figure.value("stand_in", false), true) << figure.at("id") << " is of made-up images";
  }
  for (const core::Json& block : report.at("galleries")) galleries.insert(block.at("table"));
  for (const std::string& id : expected(kFigures)) EXPECT_TRUE(figures.contains(id)) << id;
  EXPECT_EQ(galleries, expected(kGalleries));
}

// All of the papers' tables have run by then, where all run.
TEST_F(CatalogueTest, the_suites_apart_from_all_run_too) {
  if (paper() != "all") GTEST_SKIP() << "a slice runs one suite";
  for (const std::string& apart : kApart) {
    const fs::path suite = kSuites / (apart + ".toml");
    succeeded(run_program(
        {kBin / "resolute", "suite", "run", suite, "--profile", "smoke", "--store", store(), "--slots", "2"},
        without_roots()));
    const core::Json tables = json_of(
        run_program({kBin / "resolute", "suite", "table", suite, "--profile", "smoke", "--store", store(), "--json"},
                    without_roots()));
    EXPECT_EQ(tables.at("tables").size(), 1U);
    EXPECT_EQ(tables.at("complete"), true);
  }
}

TEST_F(CatalogueTest, what_papers_share_is_not_run_again) {
  std::vector<std::string> suites{paper()};
  if (paper() == "all") {
    suites = kPapers;
    suites.emplace_back("ablations");
  }
  for (const std::string& suite : suites) {
    const auto plan = succeeded(run_program(
        {kBin / "resolute", "suite", "run", kSuites / (suite + ".toml"), "--profile", "smoke", "--store", store()},
        without_roots()));
    EXPECT_THAT(plan.err, HasSubstr(" 0 now, 0 failed, 0 unfinished")) << suite;
  }
}

}  // namespace
}  // namespace resolute::system_test::catalogue_test
