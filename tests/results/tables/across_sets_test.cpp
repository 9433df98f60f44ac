//! Columns whose rows train on one data set and are asked on another: what a cell holds against its parts, and how the
//! two data sets are told.

#include <gmock/gmock.h>

#include "experiments/specification/outputs.h"
#include "tests/results/made_up_suite.h"
#include "tests/support/matches.h"

namespace resolute::results::across_sets_test {
namespace {

using namespace testing;

//! The made-up suite, whose rows train on "easy" and are asked there and on "hard".
struct Across : Suite {
  Across() {
    experiments::TablePlan& table = plan.tables[0];
    table.datasets = {"easy", "easy->hard"};
    for (experiments::RowPlan& row : table.rows) {
      CellPlan cell{"easy->hard", {}, {}};
      for (int trial = 0; trial < trials; ++trial) add_asked(cell, row.id, trial);
      row.cells[1] = cell;
    }
  }
  void add_asked(CellPlan& cell, const std::string& row, int trial) {
    const std::string name = fmt::format("{} hard {}", row, trial);
    const JobId of_training = training(fmt::format("{} easy {}", row, trial)), asked = id("asked " + name);
    experiments::PackSettings hard;
    hard.name = "hard";
    plan.jobs.push_back({asked, experiments::EvaluationSpecification{of_training, hard, {}, {}}, {of_training}, 1, ""});
    cell.evaluations.push_back(asked);
    EvaluationRecord made = record<EvaluationRecord>(evaluation(name));
    made.job = asked;
    made.weights_sha256 = record<TrainingRecord>(of_training).weights_sha256;
    made.provenance.training = of_training;
    records[asked] = made;
  }
  EvaluationRecord& asked(const std::string& name) { return record<EvaluationRecord>(id("asked " + name)); }
  Cell cell() const { return cell_of(tables(), 1, 2); }
};

TEST(AcrossSets, another_pack_and_split_than_the_trainings_are_as_they_should_be) {
  const Across suite;
  EXPECT_EQ("easy->hard", suite.cell().dataset);
  EXPECT_EQ(CellStatus::kComplete, suite.cell().status) << suite.cell().why;
  EXPECT_TRUE(suite.tables().complete);
  EXPECT_EQ(suite.training("multi easy 0"), suite.cell().jobs[0].training);
}

TEST(AcrossSets, parts_that_do_not_fit_together_are_still_found) {
  const auto status_after = [](const auto& change) {
    Across suite;
    change(suite);
    return suite.cell().status;
  };
  const std::string other = core::sha256_hex("other");
  EXPECT_EQ(CellStatus::kStale, status_after([&](Across& s) { s.asked("multi hard 0").weights_sha256 = other; }));
  EXPECT_EQ(CellStatus::kStale,
            status_after([&](Across& s) { s.asked("multi hard 0").provenance.pack_sha256 = other; }))
      << "the store's pack of the set that is asked is another";
  const auto without_seal = [&](Across& s) {
    s.records.erase(id("seal hard"));
    s.asked("multi hard 0").provenance.pack_sha256 = other;
  };
  EXPECT_EQ(CellStatus::kMixed, status_after(without_seal)) << "its trials were asked on two packs";
  const auto trained_on_others = [&](Across& s) {
    s.record<TrainingRecord>(s.training("multi easy 0")).provenance.pack_sha256 = other;
  };
  EXPECT_EQ(CellStatus::kMixed, status_after(trained_on_others)) << "its trials trained on two packs";
}

TEST(AcrossSets, the_best_on_the_way_is_of_the_trainings_own_test) {
  Across suite;
  suite.plan.tables[0].metrics = {"rank1", experiments::kBestOnTest};
  const SuiteTables tables = aggregate(
      suite.plan,
      [&](const JobId& job) {
        const auto found = suite.records.find(job);
        return found == suite.records.end() ? std::nullopt : std::optional(found->second);
      },
      {}, [](const JobId&) { return std::optional(0.875); });
  EXPECT_EQ(87.5, cell_of(tables, 1, 1).mean);
  EXPECT_EQ(CellStatus::kNotApplicable, cell_of(tables, 1, 3).status);
}

TEST(AcrossSets, texts_name_both_data_sets) {
  Across suite;
  suite.asked("multi hard 0").weights_sha256 = core::sha256_hex("other");
  const std::string markdown = to_markdown(suite.tables());
  EXPECT_THAT(markdown, HasSubstr(" easy → hard rank-1 | easy → hard mAP |"));
  EXPECT_THAT(markdown, HasSubstr("- `stale`, RAIN, \"multi\" on easy → hard: "));
  const std::string csv = to_csv(suite.tables());
  EXPECT_THAT(csv, StartsWith("table,row,label,dataset,metric,"));
  EXPECT_THAT(csv.substr(0, csv.find('\n')), EndsWith(",status,jobs,trained_on,asked_on"));
  EXPECT_EQ(4U, tests::count_of(csv, ",easy,hard\n"));
  EXPECT_EQ(4U, tests::count_of(csv, ",easy,easy\n"));
  const core::Json table = to_json(suite.tables()).at("tables").at(0);
  EXPECT_EQ(core::Json({"easy", "easy->hard"}), table.at("datasets"));
  const core::Json& cells = table.at("rows").at(0).at("cells");
  EXPECT_EQ("easy", cells.at(2).at("trained_on"));
  EXPECT_EQ("hard", cells.at(2).at("asked_on"));
  EXPECT_FALSE(cells.at(0).contains("asked_on"));
}

TEST(AcrossSets, latex_has_two_heads) {
  const std::string text = to_latex(Across().tables());
  // Beside ours of the first metric stands the paper's number.
  EXPECT_THAT(text, HasSubstr("    \\toprule\n     & \\multicolumn{5}{c}{trained on easy} \\\\\n"
                              "    \\cmidrule(lr){2-6}\n"
                              "     & \\multicolumn{3}{c}{easy} & \\multicolumn{2}{c}{hard} \\\\\n"
                              "    \\cmidrule(lr){2-4}\\cmidrule(lr){5-6}\n    method & "));
}

}  // namespace
}  // namespace resolute::results::across_sets_test
