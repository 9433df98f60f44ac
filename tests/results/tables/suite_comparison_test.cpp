#include "results/tables/suite_comparison.h"

#include <gmock/gmock.h>

#include "tests/results/made_up_suite.h"
#include "tests/support/matches.h"

namespace resolute::results::suite_comparison_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

//! The made-up suite and one whose rows train longer and, but for the baseline, better; queries of both.
struct Two {
  Suite first;
  Plan second = first.plan;

  Two() {
    second.suite = "longer";
    for (experiments::TablePlan& table : second.tables)
      for (experiments::RowPlan& row : table.rows)
        for (CellPlan& cell : row.cells)
          for (JobId& evaluation : cell.evaluations) evaluation = longer(evaluation, row.id == "multi" ? 0.125 : 0);
    for (const auto& [job, record] : first.records)
      if (const auto* evaluation = std::get_if<EvaluationRecord>(&record)) add_queries(*evaluation);
  }

  //! An evaluation of a training with 7 steps more, with its records.
  JobId longer(const JobId& evaluation, double gain) {
    auto record = first.record<EvaluationRecord>(evaluation);
    const JobId training = record.provenance.training, long_training = id("longer " + training.hex),
                long_evaluation = id("longer " + evaluation.hex);
    auto of_training = first.record<TrainingRecord>(training);
    of_training.job = long_training;
    record.job = long_evaluation;
    record.provenance.training = long_training;
    record.metrics["rank1"] += gain;
    first.records[long_training] = of_training;
    first.records[long_evaluation] = record;
    for (experiments::PlannedJob& job : second.jobs) {
      if (job.id == training) {
        job.id = long_training;
        std::get<experiments::TrainingSpecification>(job.specification).recipe.steps += 7;
      } else if (job.id == evaluation) {
        job.id = long_evaluation;
        std::get<experiments::EvaluationSpecification>(job.specification).training = long_training;
      }
    }
    return long_evaluation;
  }

  //! Ten people, as many of them found first as the metric says.
  void add_queries(const EvaluationRecord& evaluation) {
    std::vector<QueryScore> scores;
    for (int person = 0; person < 10; ++person) {
      QueryScore score;
      score.path = fmt::format("{}.png", person);
      score.identity = person;
      score.has_match = true;
      score.cmc = {evaluation.metrics.at("rank1"), 1, 1, 1};
      score.average_precision = evaluation.metrics.at("mAP");
      scores.push_back(score);
    }
    first.queries[evaluation.job] = scores;
  }

  SuiteComparison compare(const Plan& one, const Plan& two) const {
    return compare_suites(
        one, two,
        [&](const JobId& job) {
          const auto found = first.records.find(job);
          return found == first.records.end() ? std::nullopt : std::optional(found->second);
        },
        [&](const EvaluationRecord& record) { return first.queries.at(record.job); });
  }
};

TEST(SuiteComparison, names_the_setting_that_differs_and_by_what_the_numbers_do) {
  const Two two;
  const SuiteComparison comparison = two.compare(two.first.plan, two.second);
  ASSERT_EQ(1U, comparison.settings.size());
  EXPECT_EQ("train.steps", comparison.settings[0].key);
  EXPECT_EQ("0", comparison.settings[0].first);
  EXPECT_EQ("7", comparison.settings[0].second);
  EXPECT_EQ(4U, comparison.settings[0].rows.size());
  // Two rows on two data sets, two metrics each.
  ASSERT_EQ(8U, comparison.numbers.size());
  for (const ComparedNumber& number : comparison.numbers) {
    EXPECT_FALSE(number.same_jobs);
    ASSERT_TRUE(number.second.difference) << number.second.difference_why;
    const double gain = number.at.row == "multi" && number.metric == "rank1" ? 12.5 : 0;
    EXPECT_DOUBLE_EQ(gain, number.second.difference->mean);
    EXPECT_NEAR(gain, *number.second.mean - *number.first.mean, 1e-12);
  }
  const std::string text = to_markdown(comparison, "demo", "longer");
  EXPECT_THAT(text, HasSubstr("- `train.steps`: 0 → 7, in all 4 rows\n"));
  EXPECT_THAT(text, HasSubstr("+12.5 [+12.5, +12.5], 2 trials: no verdict"));
  EXPECT_THAT(text, HasSubstr("8 comparisons here; †"));
  EXPECT_EQ(12.5, to_json(comparison)["numbers"][4]["difference"]["mean"]);
}

TEST(SuiteComparison, names_the_table_of_a_label_that_stands_in_two) {
  const Two two;
  Plan twice = two.first.plan;
  twice.tables.push_back(twice.tables[0]);
  twice.tables[1].id = "again";
  twice.tables[1].rows.pop_back();
  const std::string& shared = twice.tables[1].rows[0].label;
  const std::string text = to_markdown(two.compare(twice, twice), "demo", "demo");
  for (const auto& table : twice.tables) EXPECT_THAT(text, HasSubstr(fmt::format("(table '{}')", table.id))) << shared;
  EXPECT_EQ(8U, tests::count_of(text, "(table '")) << "the other row has one table alone";
}

TEST(SuiteComparison, of_a_suite_with_itself_finds_the_same_jobs) {
  const Two two;
  const SuiteComparison comparison = two.compare(two.first.plan, two.first.plan);
  EXPECT_THAT(comparison.settings, IsEmpty());
  for (const ComparedNumber& number : comparison.numbers) EXPECT_TRUE(number.same_jobs);
  EXPECT_THAT(to_markdown(comparison, "demo", "demo"), HasSubstr("None differ in the rows of both."));
}

// Without pairs of queries nothing can be said of means over other trials.
TEST(SuiteComparison, takes_no_difference_of_means_over_other_trials_and_says_why_there_is_no_interval) {
  ComparedNumber number;
  number.at = {"levels", "baseline", "easy"};
  number.label = "Baseline";
  number.metric = number.first.metric = number.second.metric = "rank1";
  number.first.mean = 10;
  number.first.trials = number.second.trials = 2;
  number.second.mean = 15;
  number.second.difference_why = "another numeric class";
  SuiteComparison comparison;
  comparison.numbers = {number};
  EXPECT_THAT(to_markdown(comparison, "demo", "longer"), HasSubstr("+5.0"));
  EXPECT_EQ("another numeric class", to_json(comparison)["numbers"][0]["difference_why"]);
  comparison.numbers[0].second.trials = 1;
  const std::string text = to_markdown(comparison, "demo", "longer");
  EXPECT_THAT(text, AllOf(HasSubstr("other trials"), Not(HasSubstr("+5.0"))));
}

TEST(SuiteComparison, names_rows_that_one_suite_lacks) {
  Two two;
  two.second.tables[0].rows[0].id = "other";
  two.second.tables[0].datasets.pop_back();
  two.second.tables[0].rows[1].cells.pop_back();
  const SuiteComparison comparison = two.compare(two.first.plan, two.second);
  EXPECT_EQ(3U, comparison.only_first.size());
  EXPECT_EQ(2U, comparison.only_second.size());
  EXPECT_EQ(2U, comparison.numbers.size());
  const std::string text = to_markdown(comparison, "demo", "longer");
  EXPECT_THAT(text, HasSubstr("- only in demo: levels/baseline on easy\n"));
  EXPECT_THAT(text, HasSubstr("- only in longer: levels/other on easy\n"));
  EXPECT_THAT(text, HasSubstr("in the one row"));
}

TEST(SuiteComparison, of_no_common_row_says_what_rows_go_together_by) {
  const std::string hint = "No row is in both: rows go together by the ids of table, row and data set.\n";
  const auto text = [](const std::function<void(experiments::TablePlan&)>& rename) {
    Two two;
    for (experiments::TablePlan& table : two.second.tables) rename(table);
    return to_markdown(two.compare(two.first.plan, two.second), "demo", "longer");
  };
  EXPECT_THAT(text([](auto& table) { table.id += "-2"; }), HasSubstr(hint));
  EXPECT_THAT(text([](auto& table) {
                for (auto& row : table.rows) row.id += "-2";
              }),
              HasSubstr(hint));
}

TEST(SuiteComparison, without_results_says_what_is_missing) {
  Two two;
  two.first.records.clear();
  const SuiteComparison comparison = two.compare(two.first.plan, two.second);
  EXPECT_EQ(1U, comparison.settings.size());
  for (const ComparedNumber& number : comparison.numbers) EXPECT_FALSE(number.second.difference);
  EXPECT_THAT(to_markdown(comparison, "demo", "longer"), HasSubstr("incomplete"));
}

//! The made-up suite's rows, compared, with one training changed in every trial.
SuiteTables compared(const std::function<void(experiments::TrainingSpecification&)>& change) {
  Suite suite;
  suite.plan.tables[0].compare_with = "baseline";
  std::set<JobId> changed;
  for (const CellPlan& cell : suite.plan.tables[0].rows[1].cells)
    for (const JobId& evaluation : cell.evaluations)
      changed.insert(suite.record<EvaluationRecord>(evaluation).provenance.training);
  for (experiments::PlannedJob& job : suite.plan.jobs)
    if (changed.contains(job.id)) change(std::get<experiments::TrainingSpecification>(job.specification));
  suite.records.clear();
  suite.queries[id("none")];  // they can be asked for, and are not
  return suite.tables();
}

TEST(OtherSettings, of_a_row_are_named_below_the_differences_with_both_values) {
  const SuiteTables tables = compared([](experiments::TrainingSpecification& training) {
    training.split.train_pool = settings::TrainPool::kHrBothViews;
    training.recipe.steps = 600;
  });
  EXPECT_THAT(tables.tables[0].rows[0].other_settings, IsEmpty());
  const std::string line =
      "RAIN, \"multi\" differs from Baseline \\| HR in split.train_pool (hr-both-views, mlr), train.steps (600, 0)\n";
  EXPECT_THAT(to_markdown(tables), HasSubstr("- " + line));
  EXPECT_THAT(to_latex(tables), HasSubstr("split.train\\_pool (hr-both-views, mlr)"));
  const core::Json row = to_json(tables)["tables"][0]["rows"][1];
  EXPECT_EQ("split.train_pool", row["other_settings"][0]["key"]);
  EXPECT_EQ("hr-both-views", row["other_settings"][0]["value"]);
  EXPECT_EQ(0, row["other_settings"][1]["compared"]);
  EXPECT_FALSE(to_json(tables)["tables"][0]["rows"][0].contains("other_settings"));
}

TEST(OtherSettings, are_options_too_where_both_rows_have_one_method) {
  const auto text = [](const experiments::BaselineOptions& options) {
    return to_markdown(compared([&](experiments::TrainingSpecification& training) { training.method = options; }));
  };
  experiments::BaselineOptions options;
  EXPECT_THAT(text(options), Not(HasSubstr("differs from")));
  options.triplet = !options.triplet;
  EXPECT_THAT(text(options), HasSubstr("differs from Baseline \\| HR in baseline.triplet (false, true)\n"));
}

TEST(OtherSettings, of_a_method_in_python_are_no_options_of_ours) {
  const auto text = [](const std::string& program_options, int program) {
    return to_markdown(compared([&](experiments::TrainingSpecification& training) {
      experiments::BaselineOptions options;
      options.triplet = !options.triplet;
      training.method = options;
      training.recipe.steps = 600;
      training.recipe.program = program;
      training.recipe.program_options = program_options;
    }));
  };
  for (const char* options : {"{}", R"({"width":32})", R"({"a":1,"b":[2]})"})
    EXPECT_THAT(text(options, 1), AllOf(HasSubstr("train.steps (600, 0)"), Not(HasSubstr("baseline.triplet"))));
  for (const char* options : {"{}", R"({"width":32})", R"({"a":1,"b":[2]})"})
    EXPECT_THAT(text(options, 1), Not(HasSubstr("train.program"))) << "the row's label and a note tell that";
  EXPECT_THAT(text("", 1), AllOf(HasSubstr("baseline.triplet (false, true)"), HasSubstr("train.program (1, none)")))
      << "another program may read them";
}

TEST(OtherSettings, are_a_few_and_none_of_two_methods) {
  const std::string text = to_markdown(compared([](experiments::TrainingSpecification& training) {
    training.recipe.steps = 1;
    training.recipe.images = 2;
    training.recipe.lr_images = 1;
    training.recipe.train_rates = {2, 8};
    training.recipe.flip = 0.25;
    training.initial_weights = std::string(64, 'a');
    training.method = experiments::RainOptions();
  }));
  EXPECT_THAT(text,
              HasSubstr("HR in initial_weights (aaaaaaaaaaaa, none), train.flip (0.25, 0.5), train.images (2, 4), "
                        "train.lr_images (1, 0) and 2 more\n"));
  EXPECT_THAT(to_markdown(compared(
                  [](experiments::TrainingSpecification& training) { training.method = experiments::RainOptions(); })),
              Not(HasSubstr("differs from")));
}

}  // namespace
}  // namespace resolute::results::suite_comparison_test
