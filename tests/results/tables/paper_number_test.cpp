#include "results/tables/paper_number.h"

#include <gmock/gmock.h>

#include <set>

#include "core/error.h"
#include "core/random/random.h"
#include "results/tables/comparison.h"
#include "tests/results/made_up_suite.h"

namespace resolute::results::paper_number_test {
namespace {

using namespace testing;

//! The made-up suite with five trials of 12 people, tested anew in each. Row "multi" on "easy" has the paper's 78.9.
struct Papers : Suite {
  Papers() {
    for (experiments::RowPlan& row : plan.tables[0].rows)
      for (CellPlan& cell : row.cells) {
        experiments::PackSettings pack;
        pack.name = cell.dataset;
        for (int trial = 2; trial < 5; ++trial) add_trial(cell, row.id, pack, trial);
      }
    for (auto& [job, record] : records)
      if (auto* evaluation = std::get_if<EvaluationRecord>(&record)) give_queries(*evaluation, 0.75);
  }

  //! \param share rank-1 of a person, to which a tenth is added or taken away
  void give_queries(EvaluationRecord& record, double share) {
    std::vector<QueryScore>& scores = queries[record.job];
    scores.clear();
    double rank1 = 0;
    for (int person = 0; person < 12; ++person) {
      const double score = share + (person % 2 == 0 ? 0.1 : -0.1);
      scores.push_back({fmt::format("q{:02}.jpg", person), person, 2, 2, true, {score, 1, 1, 1}, score / 2});
      rank1 += score / 12;
    }
    record.metrics["rank1"] = rank1;
    record.metrics["mAP"] = rank1 / 2;
  }

  void set_paper(double number) { plan.tables[0].rows[1].cells[0].references["rank1"] = number; }
  std::optional<AgainstPaper> against() const { return cell_of(tables(), 1, 0).against_paper; }
};

TEST(PaperNumber, the_verdict_is_that_of_two_one_sided_tests) {
  core::RandomStream random("paper number test", {});
  std::map<PaperVerdict, int> seen;
  for (int i = 0; i < 2000; ++i) {
    const double mean = 60 + 5 * random.normal(), half = 0.2 + 4 * random.uniform(), inner = half * 1.645 / 1.96;
    const BootstrapInterval interval{.mean = mean,
                                     .low = mean - half,
                                     .high = mean + half,
                                     .p = 1,
                                     .inner_low = mean - inner,
                                     .inner_high = mean + inner};
    const AgainstPaper against = against_paper(mean, 60, 0, 5, interval, 2);
    EXPECT_DOUBLE_EQ(mean - 60, against.difference);
    EXPECT_DOUBLE_EQ(mean - half - 60, *against.low);
    EXPECT_DOUBLE_EQ(mean + half - 60, *against.high);
    // Each one-sided test at 5 % rejects "at least 2 points away" on its side where the mean lies 1.645 standard errors
    // within the margin.
    const double error = half / 1.96, away = std::abs(mean - 60);
    const PaperVerdict verdict = away + 1.645 * error < 2  ? PaperVerdict::kReproduces
                                 : away - 1.96 * error > 2 ? PaperVerdict::kDiffers
                                                           : PaperVerdict::kUndecided;
    EXPECT_EQ(verdict, against.verdict) << mean << " ± " << half;
    EXPECT_EQ(PaperVerdict::kTooFewTrials, against_paper(mean, 60, 0, 4, interval, 2).verdict);
    ++seen[against.verdict];
  }
  EXPECT_EQ(3U, seen.size());
  EXPECT_EQ(PaperVerdict::kNoInterval, against_paper(61, 60, 0, 9, {}, 2).verdict);
}

TEST(PaperNumber, of_a_number_off_a_plot_holds_wherever_within_its_error_the_number_lies) {
  core::RandomStream random("paper number test: error", {});
  std::map<PaperVerdict, int> seen;
  for (int i = 0; i < 500; ++i) {
    const double mean = 60 + 5 * random.normal(), half = 0.2 + 2 * random.uniform(), error = 2 * random.uniform();
    const BootstrapInterval interval{mean, mean - half, mean + half, 1, mean - 0.84 * half, mean + 0.84 * half};
    const AgainstPaper against = against_paper(mean, 60, error, 5, interval, 2);
    EXPECT_DOUBLE_EQ(mean - 60, against.difference);
    std::set<PaperVerdict> anywhere;
    double low = 1e9, high = -1e9;
    for (int at = -10; at <= 10; ++at) {
      const AgainstPaper exact = against_paper(mean, 60 + error * at / 10, 0, 5, interval, 2);
      anywhere.insert(exact.verdict);
      low = std::min(low, *exact.low);
      high = std::max(high, *exact.high);
    }
    EXPECT_NEAR(low, *against.low, 1e-9);
    EXPECT_NEAR(high, *against.high, 1e-9);
    EXPECT_EQ(anywhere.size() == 1 ? *anywhere.begin() : PaperVerdict::kUndecided, against.verdict);
    ++seen[against.verdict];
  }
  EXPECT_EQ(3U, seen.size());
}

TEST(PaperNumber, off_a_plot_widens_what_is_printed_and_may_take_the_verdict_away) {
  Papers suite;
  suite.set_paper(75);
  suite.plan.tables[0].margin = 8;
  const AgainstPaper printed = suite.against().value();
  EXPECT_EQ(PaperVerdict::kReproduces, printed.verdict);
  suite.plan.tables[0].rows[1].cells[0].paper.errors["rank1"] = 3;
  const AgainstPaper read_off = suite.against().value();
  EXPECT_DOUBLE_EQ(*printed.low - 3, *read_off.low);
  EXPECT_DOUBLE_EQ(*printed.high + 3, *read_off.high);
  EXPECT_EQ(PaperVerdict::kUndecided, read_off.verdict);
  EXPECT_EQ(3, to_json(suite.tables())["tables"][0]["rows"][1]["cells"][0]["reference_error"]);
  // A mean over data sets is off by no more than the mean of its parts' errors.
  suite.plan.tables[0].mean_of = {"easy", "hard"};
  suite.plan.tables[0].rows[1].cells[1].references["rank1"] = 75;
  EXPECT_EQ(1.5, suite.tables().tables[0].rows[1].at("mean", "rank1").reference_error);
}

TEST(PaperNumber, says_on_which_data_set_the_paper_has_it_where_ours_is_another) {
  Papers suite;
  experiments::PaperCell& paper = suite.plan.tables[0].rows[1].cells[0].paper;
  paper.datasets["rank1"] = "easy";
  const SuiteTables ours = suite.tables();
  EXPECT_EQ("", other_datasets(ours.tables[0], "easy", "rank1"));
  EXPECT_THAT(to_markdown(ours), Not(HasSubstr("paper: easy")));
  paper.datasets["rank1"] = "mlr-cuhk03";
  const SuiteTables tables = suite.tables();
  EXPECT_EQ("paper: mlr-cuhk03; here: easy", other_datasets(tables.tables[0], "easy", "rank1"));
  EXPECT_THAT(to_markdown(tables), HasSubstr("| easy rank-1 (paper: mlr-cuhk03) |"));
  EXPECT_THAT(to_latex(tables), HasSubstr("easy rank-1 (paper: mlr-cuhk03): "));
  EXPECT_EQ("mlr-cuhk03", to_json(tables)["tables"][0]["rows"][1]["cells"][0]["paper_dataset"]);
  experiments::PublishedRow published{"m", "M", {{"easy", {{"rank1", 50.0}}}}};
  published.paper["easy"].datasets["rank1"] = "caviar";
  suite.plan.tables[0].published = {published};
  const SuiteTables both = suite.tables();
  EXPECT_EQ("paper: caviar, mlr-cuhk03; here: easy", other_datasets(both.tables[0], "easy", "rank1"));
  EXPECT_EQ("caviar", to_json(both)["tables"][0]["published"][0]["paper_datasets"]["easy"]["rank1"]);
  EXPECT_THAT(to_markdown(both), HasSubstr("| easy rank-1 (paper: caviar, mlr-cuhk03) |"));
}

TEST(PaperNumber, the_interval_is_that_of_our_mean_shifted_by_the_papers_number) {
  const Papers suite;
  const SuiteTables tables = suite.tables();
  const Row& row = tables.tables[0].rows[1];
  const auto queries = [&](const JobId& job) { return suite.queries.at(job); };
  const BootstrapInterval interval = mean_intervals(row, "easy", {"rank1"}, queries).at("rank1");
  const AgainstPaper against = suite.against().value();
  EXPECT_NEAR(75 - 78.9, against.difference, 1e-9);
  EXPECT_DOUBLE_EQ(interval.low - 78.9, *against.low);
  EXPECT_DOUBLE_EQ(interval.high - 78.9, *against.high);
  // Nobody else asked for a number.
  EXPECT_FALSE(cell_of(tables, 0, 0).against_paper);
  EXPECT_FALSE(cell_of(tables, 1, 1).against_paper);
  EXPECT_FALSE(cell_of(tables, 1, 2).against_paper);
}

TEST(PaperNumber, the_margin_decides) {
  Papers suite;
  const auto verdict = [&](double paper, double margin) {
    suite.set_paper(paper);
    suite.plan.tables[0].margin = margin;
    return suite.against()->verdict;
  };
  EXPECT_EQ(PaperVerdict::kUndecided, verdict(75, 2));
  EXPECT_EQ(PaperVerdict::kReproduces, verdict(75, 8));
  EXPECT_EQ(PaperVerdict::kDiffers, verdict(95, 2));
  EXPECT_EQ(PaperVerdict::kDiffers, verdict(55, 2));
  EXPECT_EQ(PaperVerdict::kReproduces, verdict(95, 50));
}

TEST(PaperNumber, fewer_than_five_trials_have_no_verdict) {
  Papers suite;
  suite.plan.tables[0].rows[1].cells[0].evaluations.pop_back();
  EXPECT_EQ(PaperVerdict::kTooFewTrials, suite.against()->verdict);
  EXPECT_TRUE(suite.against()->low);
  EXPECT_THAT(to_markdown(suite.tables()), HasSubstr("], 4 trials: no verdict |"));
  EXPECT_THAT(to_latex(suite.tables()), HasSubstr("], 4 trials: no verdict\n"));
}

TEST(PaperNumber, a_cell_that_is_not_complete_is_not_compared_and_one_without_queries_has_no_interval) {
  Papers suite;
  suite.queries.at(suite.evaluation("multi easy 3")).clear();
  EXPECT_EQ(PaperVerdict::kNoInterval, suite.against()->verdict);
  EXPECT_FALSE(suite.against()->low);
  const auto unread = [&](const EvaluationRecord&) -> std::vector<QueryScore> {
    throw core::input_error("there is no queries.csv");
  };
  const RecordLookup records = [&](const JobId& job) { return suite.records.at(job); };
  const SuiteTables tables = aggregate(suite.plan, records, unread);
  EXPECT_EQ(PaperVerdict::kNoInterval, cell_of(tables, 1, 0).against_paper->verdict);
  EXPECT_FALSE(cell_of(aggregate(suite.plan, records), 1, 0).against_paper) << "nobody can ask for queries";
  suite.records.erase(suite.evaluation("multi easy 3"));
  EXPECT_FALSE(suite.against());
}

TEST(PaperNumber, of_a_mean_over_data_sets_and_of_a_metric_that_is_not_per_query) {
  Papers suite;
  suite.plan.tables[0].metrics = {"mINP", "rank1"};
  suite.plan.tables[0].mean_of = {"easy", "hard"};
  for (auto& [job, record] : suite.records)
    if (auto* evaluation = std::get_if<EvaluationRecord>(&record)) evaluation->metrics["mINP"] = 0.25;
  for (CellPlan& cell : suite.plan.tables[0].rows[1].cells) cell.references = {{"mINP", 20.0}, {"rank1", 70.0}};
  const SuiteTables tables = suite.tables();
  for (const std::size_t cell : {0U, 2U, 4U}) EXPECT_FALSE(cell_of(tables, 1, cell).against_paper) << "mINP";
  for (const std::size_t cell : {1U, 3U, 5U}) {
    ASSERT_TRUE(cell_of(tables, 1, cell).against_paper);
    EXPECT_NEAR(5, cell_of(tables, 1, cell).against_paper->difference, 1e-9);
  }
}

TEST(PaperNumber, stands_below_the_table_and_in_the_document) {
  Papers suite;
  suite.plan.tables[0].margin = 2.5;
  const SuiteTables tables = suite.tables();
  const AgainstPaper against = suite.against().value();
  const std::string number = fmt::format("{:+.1f} [{:+.1f}, {:+.1f}]", against.difference, *against.low, *against.high);
  const std::string markdown = to_markdown(tables);
  EXPECT_THAT(
      markdown,
      HasSubstr("\nAgainst the paper's numbers (ours − paper, which is taken as exact unless it was read off a plot; "
                "95 % interval for new people of this kind and new trainings; margin ±2.5 points; reproduces: "));
  EXPECT_THAT(markdown, HasSubstr(fmt::format("| RAIN, \"multi\" | {} undecided |", number)));
  EXPECT_THAT(markdown.substr(markdown.find("Against the paper")),
              Not(HasSubstr("| Baseline \\| HR ")));  // it asks for none
  EXPECT_THAT(to_latex(tables), HasSubstr("easy rank-1: " + number + " undecided\n"));
  const core::Json cell = to_json(tables)["tables"][0]["rows"][1]["cells"][0];
  EXPECT_EQ(cell["against_paper"], (core::Json{{"difference", against.difference},
                                               {"low", *against.low},
                                               {"high", *against.high},
                                               {"margin", 2.5},
                                               {"verdict", "undecided"}}));
  EXPECT_FALSE(to_json(tables)["tables"][0]["rows"][0]["cells"][0].contains("against_paper"));
}

TEST(PaperNumber, beside_one_a_table_says_of_which_step_ours_are) {
  Papers suite;
  constexpr const char* kStep = "our numbers are of the last training step; public code of this field often reports";
  EXPECT_THAT(to_markdown(suite.tables()), HasSubstr(kStep));
  suite.plan.tables[0].rows[1].cells[0].references.clear();
  EXPECT_THAT(to_markdown(suite.tables()), Not(HasSubstr(kStep)));
  suite.plan.tables[0].published = {{"sing", "SING", {{"easy", {{"rank1", 67.7}}}}}};
  EXPECT_THAT(to_markdown(suite.tables()), HasSubstr(kStep));
  EXPECT_THAT(to_latex(suite.tables()), HasSubstr(kStep));
}

}  // namespace
}  // namespace resolute::results::paper_number_test
