//! Columns whose rows train on one data set and are asked on another: what a cell holds against its parts, and how the
//! two data sets are told.

#include <gmock/gmock.h>

#include "experiments/specification/outputs.h"
#include "results/tables/setting_differences.h"
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
  EXPECT_EQ(CellStatus::kStale, status_after(trained_on_others)) << "the store's pack of the trained set is another";
  const auto without_either = [&](Across& s) {
    s.records.erase(id("seal easy"));
    trained_on_others(s);
  };
  EXPECT_EQ(CellStatus::kMixed, status_after(without_either)) << "its trials trained on two packs";
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

TEST(AcrossSets, settings_of_the_asked_set_tell_two_rows_apart) {
  experiments::TrainingSpecification training;
  experiments::EvaluationSpecification asked;
  asked.pack.name = "hard";
  const auto keys = [&](const auto& change, bool of_training = false) {
    experiments::EvaluationSpecification other = asked;
    experiments::TrainingSpecification trained = training;
    change(other.pack, other.split);
    if (of_training) trained.pack = other.pack, trained.split = other.split;
    std::vector<std::string> found;
    for (const DifferentSetting& one :
         different_settings(settings_of(training, asked, 2), settings_of(trained, other, 2)))
      found.push_back(one.key);
    return found;
  };
  using experiments::PackSettings, experiments::SplitSettings;
  EXPECT_THAT(keys([](PackSettings& pack, SplitSettings&) { pack.name = "harder"; }),
              ElementsAre("evaluate_on.pack.name"));
  EXPECT_THAT(keys([](PackSettings& pack, SplitSettings&) { pack.kernel = settings::Kernel::kCubic; }),
              ElementsAre("evaluate_on.pack.kernel"));
  EXPECT_THAT(keys([](PackSettings&, SplitSettings& split) { split.lr_camera = 1; }),
              ElementsAre("evaluate_on.split.lr_camera"));
  EXPECT_THAT(keys([](PackSettings&, SplitSettings& split) {
                split.tested = {1, 2};
              }),
              ElementsAre("evaluate_on.split.tested"));
  EXPECT_THAT(keys([](PackSettings&, SplitSettings&) {}), IsEmpty());
  asked.pack = training.pack;
  EXPECT_THAT(keys([](PackSettings&, SplitSettings& split) { split.lr_camera = 1; }, true),
              ElementsAre("split.lr_camera"))
      << "where a set is asked by its own trainings they say it";
}

TEST(AcrossSets, joined_sets_are_settings_by_name_and_their_packs_are_compared) {
  experiments::TrainingSpecification one, joined;
  experiments::PackSettings more;
  more.name = "more";
  joined.joined = {{more, {}}};
  const auto keys = [&](const experiments::TrainingSpecification& first,
                        const experiments::TrainingSpecification& second) {
    std::set<std::string> found;
    for (const DifferentSetting& setting : different_settings(settings_of(first, {}, 2), settings_of(second, {}, 2)))
      found.insert(setting.key);
    return found;
  };
  EXPECT_TRUE(keys(one, joined).contains("joined_with"));
  experiments::TrainingSpecification other = joined;
  other.joined[0].split.test_identities = 3;
  EXPECT_THAT(keys(joined, other), ElementsAre("joined_with.more.split.test_identities"));
  EXPECT_THAT(keys(joined, joined), IsEmpty());
}

TEST(AcrossSets, a_joined_pack_that_the_store_has_no_more_makes_a_cell_stale) {
  const auto cell_after = [](const std::vector<JoinedProvenance>& recorded, int trials_with) {
    Across suite;
    experiments::PackSettings more;
    more.name = "more";
    suite.plan.jobs.insert(suite.plan.jobs.begin(), {id("seal more"), experiments::SealSpecification{more}, {}, 1, ""});
    suite.records[id("seal more")] = SealRecord{id("seal more"), core::sha256_hex("pack more"), 8};
    for (experiments::PlannedJob& job : suite.plan.jobs)
      if (auto* training = std::get_if<experiments::TrainingSpecification>(&job.specification))
        training->joined = {{more, {}}};
    for (int trial = 0; trial < suite.trials; ++trial)
      suite.record<TrainingRecord>(suite.training(fmt::format("multi easy {}", trial))).provenance.joined =
          trial < trials_with ? recorded : std::vector<JoinedProvenance>{{core::sha256_hex("pack more"), "s"}};
    return cell_of(suite.tables(), 1, 0);
  };
  const std::string pack = core::sha256_hex("pack more"), other = core::sha256_hex("another");
  EXPECT_EQ(CellStatus::kComplete, cell_after({{pack, "s"}}, 2).status) << cell_after({{pack, "s"}}, 2).why;
  EXPECT_EQ(CellStatus::kStale, cell_after({{other, "s"}}, 2).status);
  EXPECT_EQ(CellStatus::kStale, cell_after({}, 1).status) << "it learnt from one set";
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
