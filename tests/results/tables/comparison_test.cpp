#include "results/tables/comparison.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "core/random/random.h"
#include "experiments/specification/outputs.h"
#include "results/scores/bootstrap.h"
#include "tests/results/made_up_suite.h"
#include "tests/support/temporary_folder.h"

namespace resolute::results::comparison_test {
namespace {

using namespace testing;

//! The made-up suite with queries of 8 people behind its numbers; its table compares with row "baseline".
struct Compared : Suite {
  explicit Compared(int with_trials = 2) : Suite(with_trials) {
    plan.tables[0].compare_with = "baseline";
    for (auto& [job, record] : records)
      if (auto* evaluation = std::get_if<EvaluationRecord>(&record)) give_queries(*evaluation);
  }

  //! Scores in quarters of a draw, better for the row "multi"; one query has no match.
  void give_queries(EvaluationRecord& record) {
    const bool multi = record.metrics.at("rank1") >= 0.5;
    core::RandomStream random("comparison test", {record.metrics.at("rank1") == 0.25 ? 1U : 2U});
    std::vector<QueryScore>& scores = queries[record.job];
    double rank1 = 0;
    double precision = 0;
    for (int q = 0; q < 16; ++q) {
      const double share = static_cast<double>(random.below(3) + (multi ? 2 : 0)) / 4;
      scores.push_back({fmt::format("q{:02}.jpg", q), q / 2, 2, 2 + q % 3, true, {share, 1, 1, 1}, share / 2});
      rank1 += share / 16;
      precision += share / 32;
    }
    scores.push_back({"nobody.jpg", 99, 2, 2, false, {}, 0});
    record.metrics["rank1"] = rank1;
    for (const char* rank : {"rank5", "rank10"}) record.metrics[rank] = 1;
    record.metrics["mAP"] = precision;
    record.metrics["resolution_probe"] = multi ? 0.625 : 0.9375;
  }
};

//! Why multi has no difference on "easy"; its numbers and those of "hard" stand all the same.
std::string reason(const Suite& suite) {
  const SuiteTables tables = suite.tables();
  const Cell& cell = cell_of(tables, 1, 0);
  EXPECT_EQ(cell.status, CellStatus::kComplete);
  EXPECT_FALSE(cell.difference);
  EXPECT_EQ(cell.difference_why, cell_of(tables, 1, 1).difference_why);
  EXPECT_EQ(std::string::npos, cell.difference_why.find('\n'));
  EXPECT_THAT(to_markdown(tables), HasSubstr("- none for RAIN, \"multi\" on easy: "));
  EXPECT_EQ(cell.difference_why, to_json(tables)["tables"][0]["rows"][1]["cells"][0]["difference_why"]);
  return cell.difference_why;
}

TEST(Comparison, prints_as_golden) {
  Compared suite(kFewestTrials);
  suite.plan.tables[0].metrics = {"rank1", "mAP", "resolution_probe"};
  suite.plan.tables[0].claims = {
      {"easy", "rank1", "rain", "mlr-cuhk03", {"baseline", "multi"}},
      {"hard", "rank1", "rain", "mlr-cuhk03", {"multi", "baseline"}},
      {"hard", "resolution_probe", "rain", "mlr-cuhk03", {"baseline", "multi"}, experiments::ClaimKind::kPrinted}};
  expect_goldens("compared", suite.tables());
}

TEST(Comparison, an_incomplete_row_prints_as_golden) {
  Compared suite;
  suite.records.erase(suite.evaluation("multi easy 1"));
  suite.plan.tables[0].claims = {{"easy", "rank1", "rain", "mlr-cuhk03", {"baseline", "multi"}}};
  expect_goldens("compared_incomplete", suite.tables());
}

TEST(Comparison, a_difference_is_that_of_the_means_with_its_interval) {
  const Compared suite;
  const SuiteTables tables = suite.tables();
  for (std::size_t c = 0; c < 4; ++c) {
    EXPECT_FALSE(cell_of(tables, 0, c).difference);
    const Difference& difference = cell_of(tables, 1, c).difference.value();
    EXPECT_EQ(difference.to, "baseline");
    EXPECT_EQ(difference.trials, 2);
    EXPECT_NEAR(difference.mean, *cell_of(tables, 1, c).mean - *cell_of(tables, 0, c).mean, 1e-12);
    EXPECT_LT(difference.low, difference.mean);
    EXPECT_GT(difference.high, difference.mean);
  }
  // As paired by hand.
  std::vector<std::vector<PairedQuery>> trials(2);
  for (std::size_t t = 0; t < 2; ++t) {
    const auto& multi = suite.queries.at(suite.evaluation(fmt::format("multi easy {}", t)));
    const auto& baseline = suite.queries.at(suite.evaluation(fmt::format("baseline easy {}", t)));
    for (std::size_t q = 0; q < 16; ++q)
      trials[t].push_back({multi[q].identity, {100 * (multi[q].cmc[0] - baseline[q].cmc[0])}});
  }
  const BootstrapInterval interval = paired_bootstrap(trials, 1)[0];
  EXPECT_EQ(cell_of(tables, 1, 0).difference->low, interval.low);
  EXPECT_EQ(cell_of(tables, 1, 0).difference->high, interval.high);
}

TEST(Comparison, the_order_of_queries_in_their_file_changes_no_bit) {
  Compared suite;
  const std::string once = core::canonical_json(to_json(suite.tables()));
  for (auto& [job, scores] : suite.queries) std::reverse(scores.begin(), scores.end());
  EXPECT_EQ(once, core::canonical_json(to_json(suite.tables())));
}

TEST(Comparison, a_probe_and_an_incomplete_cell_have_no_difference) {
  Compared suite;
  suite.plan.tables[0].metrics = {"rank1", "resolution_probe"};
  const SuiteTables probed = suite.tables();
  EXPECT_TRUE(cell_of(probed, 1, 0).difference);
  EXPECT_FALSE(cell_of(probed, 1, 1).difference);
  EXPECT_EQ(cell_of(probed, 1, 1).mean, 62.5);
  EXPECT_EQ(cell_of(probed, 1, 1).chance, 50);
  suite.records.erase(suite.evaluation("baseline hard 0"));
  const SuiteTables some = suite.tables();
  EXPECT_TRUE(cell_of(some, 1, 0).difference);
  EXPECT_EQ(cell_of(some, 1, 2).status, CellStatus::kComplete);
  EXPECT_FALSE(cell_of(some, 1, 2).difference);
}

TEST(Comparison, is_of_queries_where_another_metric_stands_first_and_one_row_lacks_it) {
  Compared suite;
  const Difference known = cell_of(suite.tables(), 1, 0).difference.value();
  suite.plan.tables[0].metrics = {"weight_hr_rho", "rank1"};
  const SuiteTables tables = suite.tables();
  EXPECT_EQ(cell_of(tables, 1, 0).status, CellStatus::kNotApplicable);
  EXPECT_FALSE(cell_of(tables, 1, 0).difference);
  EXPECT_EQ(cell_of(tables, 1, 1).difference.value().low, known.low);
  EXPECT_EQ(cell_of(tables, 1, 1).difference.value().mean, known.mean);
}

TEST(Comparison, of_rows_with_fewer_trials_those_that_both_have_are_paired) {
  Compared suite;
  suite.plan.tables[0].rows[1].cells[0].evaluations.pop_back();
  const SuiteTables tables = suite.tables();
  EXPECT_EQ(cell_of(tables, 1, 0).difference->trials, 1);
  EXPECT_EQ(cell_of(tables, 1, 2).difference->trials, 2);
}

TEST(Comparison, queries_that_are_not_the_same_leave_a_reason_with_both_jobs) {
  const std::string rows_id = Compared().evaluation("multi easy 1").hex.substr(0, 12);
  const std::string baselines_id = Compared().evaluation("baseline easy 1").hex.substr(0, 12);
  const auto changed = [&](const auto& change) {
    Compared suite;
    change(suite.queries.at(suite.evaluation("multi easy 1")));
    return reason(suite);
  };
  const auto both = AllOf(HasSubstr(rows_id), HasSubstr(baselines_id));
  EXPECT_THAT(changed([](auto& queries) { queries.erase(queries.begin() + 3); }),
              AllOf(both, HasSubstr("query 'q03.jpg' at rate 2 of " + baselines_id)));
  EXPECT_THAT(changed([](auto& queries) {
                queries.push_back({"extra\n.jpg", 1, 2, 2, true, {0, 0, 0, 0}, 0});
              }),
              AllOf(both, HasSubstr("query 'extra?.jpg' at rate 2 of " + rows_id)));
  EXPECT_THAT(changed([](auto& queries) { queries[0].rate = 8; }), both);
  EXPECT_THAT(changed([](auto& queries) { queries[0].identity = 3; }), both);
  EXPECT_THAT(changed([](auto& queries) { queries[0].has_match = false; }), both);
  Compared nobody;
  for (auto& [job, queries] : nobody.queries)
    for (QueryScore& query : queries) query.has_match = false;
  EXPECT_THAT(reason(nobody), HasSubstr("no query has a match"));
}

TEST(Comparison, rows_that_ran_in_different_numeric_classes_have_a_difference_and_a_footnote) {
  Compared suite;
  const Difference before = *cell_of(suite.tables(), 1, 0).difference;
  for (int trial = 0; trial < 2; ++trial) {
    const std::string name = fmt::format("multi easy {}", trial);
    suite.record<EvaluationRecord>(suite.evaluation(name)).provenance.numeric_class = "class b";
    suite.record<TrainingRecord>(suite.training(name)).provenance.numeric_class = "class b";
  }
  const SuiteTables tables = suite.tables();
  const Difference after = *cell_of(tables, 1, 0).difference;
  EXPECT_EQ(after.low, before.low);
  EXPECT_EQ(after.high, before.high);
  EXPECT_THAT(after.footnotes, ElementsAre(HasSubstr("2 and 2 trainings ran in 2 numeric classes")));
  EXPECT_THAT(cell_of(tables, 1, 2).difference->footnotes, IsEmpty());
  EXPECT_THAT(to_markdown(tables), AllOf(HasSubstr("¹ |"), HasSubstr("\n- ¹ 2 and 2 trainings")));
  EXPECT_THAT(to_latex(tables), AllOf(HasSubstr("no verdict\\tnote{1}"), HasSubstr("\\item[1] 2 and 2 trainings")));
  EXPECT_EQ(to_json(tables)["tables"][0]["rows"][1]["cells"][0]["difference"]["footnotes"], core::Json({1}));
  suite.plan.tables[0].strict_classes = true;
  EXPECT_THAT(reason(suite), HasSubstr("2 numeric classes"));
  EXPECT_TRUE(cell_of(suite.tables(), 1, 2).difference);
}

// Trained on GPUs, evaluated on CPUs (evaluate.device = "cpu").
TEST(Comparison, rows_whose_trainings_ran_in_one_class_and_evaluations_in_another_have_one) {
  Compared suite;
  for (auto& [job, record] : suite.records)
    if (auto* training = std::get_if<TrainingRecord>(&record)) training->provenance.numeric_class = "gpu";
  EXPECT_TRUE(cell_of(suite.tables(), 1, 0).difference);
}

TEST(Comparison, says_so_where_it_rests_on_fewer_trials_than_a_mean) {
  Compared suite(6);
  EXPECT_THAT(to_markdown(suite.tables()), testing::Not(HasSubstr("], 5 trials")));
  suite.plan.tables[0].rows[1].cells[0].evaluations.pop_back();
  EXPECT_THAT(to_markdown(suite.tables()), HasSubstr("], 5 trials † |"));
}

//! Of row "multi" on "easy".
MetricIntervals intervals_of(const Compared& suite) {
  const SuiteTables tables = suite.tables();
  const Table& table = tables.tables[0];
  return mean_intervals(table.rows[1], "easy", table.metrics, [&](const JobId& job) { return suite.queries.at(job); });
}

TEST(MeanIntervals, hold_the_mean_and_are_those_of_differences_from_nothing) {
  Compared suite;
  const auto intervals = intervals_of(suite);
  ASSERT_EQ(intervals.size(), 2U);
  for (const auto& [metric, interval] : intervals) {
    const double mean = *suite.tables().tables[0].rows[1].at("easy", metric).mean;
    EXPECT_NEAR(interval.mean, mean, 1e-9);
    EXPECT_LT(interval.low, mean);
    EXPECT_GT(interval.high, mean);
  }
  for (const char* trial : {"0", "1"})
    for (QueryScore& score : suite.queries.at(suite.evaluation(std::string("baseline easy ") + trial)))
      score.cmc = {}, score.average_precision = 0;
  const auto difference = cell_of(suite.tables(), 1, 0).difference;
  ASSERT_TRUE(difference);
  EXPECT_DOUBLE_EQ(intervals.at("rank1").low, difference->low);
  EXPECT_DOUBLE_EQ(intervals.at("rank1").high, difference->high);
}

TEST(MeanIntervals, are_of_means_over_queries_that_are_there) {
  Compared suite;
  suite.plan.tables[0].metrics = {"resolution_probe", "rank1"};
  EXPECT_THAT(intervals_of(suite), ElementsAre(Key("rank1")));
  suite.queries.at(suite.evaluation("multi easy 1")).clear();
  EXPECT_THAT(intervals_of(suite), IsEmpty()) << "an evaluation that left no queries";
  suite.records.erase(suite.evaluation("multi easy 0"));
  EXPECT_THAT(intervals_of(suite), IsEmpty());
}

TEST(Comparison, without_a_row_to_compare_with_no_query_is_asked_for) {
  Suite suite;
  EXPECT_NO_THROW(suite.tables());
  EXPECT_EQ(suite.tables().tables[0].compare_with, "");
}

TEST(Comparison, of_fewer_than_five_trials_says_that_it_is_none) {
  for (int trials : {1, 2, 4}) {
    const SuiteTables tables = Compared(trials).tables();
    const std::string line = fmt::format("{} trial{}: no verdict", trials, trials == 1 ? "" : "s");
    EXPECT_THAT(to_markdown(tables), HasSubstr("], " + line + " |"));
    EXPECT_THAT(to_latex(tables), HasSubstr("], " + line));
    const core::Json difference = to_json(tables)["tables"][0]["rows"][1]["cells"][0]["difference"];
    EXPECT_EQ(difference["verdict"], "no verdict");
    EXPECT_EQ(difference["survives_holm"], false);
  }
  EXPECT_THAT(to_markdown(Compared(5).tables()), Not(HasSubstr("no verdict")));
}

TEST(Comparison, is_marked_where_it_survives_holms_adjustment_for_all_that_the_table_shows) {
  Compared suite(kFewestTrials);
  const SuiteTables tables = suite.tables();
  EXPECT_EQ(tables.tables[0].comparisons, 4U);  // two data sets, two metrics
  for (std::size_t c = 0; c < 4; ++c) {
    const Difference& difference = cell_of(tables, 1, c).difference.value();
    EXPECT_LT(difference.p, 0.01);
    EXPECT_GE(difference.p_holm, difference.p);
    EXPECT_LE(difference.p_holm, 4 * difference.p);
  }
  EXPECT_THAT(to_markdown(tables),
              AllOf(HasSubstr("] † |"), HasSubstr("4 comparisons here; †: p < 0.05 after Holm's adjustment")));
  EXPECT_THAT(to_latex(tables), HasSubstr("] \\(\\dagger\\)"));
}

//! Ids of the rows that are the best of "easy", rank-1.
std::vector<std::string> best_of(const Suite& suite) {
  std::vector<std::string> best;
  const SuiteTables tables = suite.tables();
  for (const Row& row : tables.tables.at(0).rows)
    if (row.cells.at(0).best) best.push_back(row.id);
  return best;
}

TEST(Best, is_ahead_of_each_other_row_by_a_whole_interval_whichever_row_the_table_compares_with) {
  Compared suite(kFewestTrials);
  for (const char* with : {"baseline", "multi", ""}) {
    suite.plan.tables[0].compare_with = with;
    EXPECT_THAT(best_of(suite), ElementsAre("multi")) << with;
  }
  EXPECT_THAT(to_markdown(suite.tables()), ContainsRegex("\\*\\*[0-9.]+ ± [0-9.]+\\*\\* \\(78.9\\)"));
  EXPECT_TRUE(to_json(suite.tables())["tables"][0]["rows"][1]["cells"][0].at("best").get<bool>());
  EXPECT_FALSE(to_json(suite.tables())["tables"][0]["rows"][0]["cells"][0].contains("best"));
  // One that is as good takes it from the first, and so does one that was asked other queries.
  experiments::RowPlan again = suite.plan.tables[0].rows[1];
  again.id = "again";
  suite.plan.tables[0].rows.push_back(again);
  EXPECT_THAT(best_of(suite), IsEmpty());
  suite.plan.tables[0].rows.pop_back();
  suite.queries.at(suite.evaluation("baseline easy 0")).at(0).path = "another.jpg";
  EXPECT_THAT(best_of(suite), IsEmpty());
}

TEST(Best, is_nothing_of_few_trials_of_luck_and_of_one_row) {
  for (const int trials : {1, 2, 4}) EXPECT_THAT(best_of(Compared(trials)), IsEmpty()) << trials;
  Compared lucky(kFewestTrials);
  for (int trial = 0; trial < kFewestTrials; ++trial) {
    auto& multi = lucky.queries.at(lucky.evaluation(fmt::format("multi easy {}", trial)));
    const auto& baseline = lucky.queries.at(lucky.evaluation(fmt::format("baseline easy {}", trial)));
    for (std::size_t q = trial == 0 ? 2 : 0; q < 16; ++q) multi[q].cmc = baseline[q].cmc;
  }
  for (const char* with : {"baseline", "multi", ""}) {
    lucky.plan.tables[0].compare_with = with;
    EXPECT_THAT(best_of(lucky), IsEmpty()) << with;
  }
  Compared alone(kFewestTrials);
  alone.plan.tables[0].rows.erase(alone.plan.tables[0].rows.begin());
  alone.plan.tables[0].compare_with.clear();
  EXPECT_THAT(best_of(alone), IsEmpty());
}

//! The row "multi" on "easy".
std::map<int, MetricIntervals> curves_of(const Compared& suite) {
  return curve_intervals(suite.plan.tables[0].rows[1].cells[0].evaluations,
                         [&](const JobId& job) { return suite.queries.at(job); });
}

TEST(CurveIntervals, are_those_of_means_and_at_a_rate_those_of_its_queries_alone) {
  Compared suite;
  const auto curves = curves_of(suite);
  const BootstrapInterval whole = intervals_of(suite).at("rank1");
  EXPECT_THAT(curves.at(0), ElementsAre(Key("rank1"), Key("rank10"), Key("rank20"), Key("rank5")));
  EXPECT_EQ(curves.at(0).at("rank1").low, whole.low);
  EXPECT_EQ(curves.at(0).at("rank1").high, whole.high);
  for (auto& [job, queries] : suite.queries) std::erase_if(queries, [](const auto& query) { return query.rate != 3; });
  EXPECT_THAT(curves, ElementsAre(Key(0), Key(2), Key(3), Key(4)));
  EXPECT_EQ(curves.at(3).at("rank1").low, intervals_of(suite).at("rank1").low);
  EXPECT_EQ(curves.at(3).size(), 1U);
  suite.queries.at(suite.evaluation("multi easy 0")).clear();
  EXPECT_THAT(curves_of(suite), IsEmpty()) << "a trial without such queries";
}

TEST(Comparison, that_a_cell_and_a_claim_show_counts_once) {
  Compared suite(kFewestTrials);
  suite.plan.tables[0].claims = {{"easy", "rank1", "rain", "caviar", {"baseline", "multi"}},
                                 {"easy", "rank1", "rain", "caviar", {"multi", "baseline"}}};
  const Table both = suite.tables().tables[0];
  EXPECT_EQ(both.comparisons, 4U);
  for (const ComparedClaim& claim : both.claims)
    EXPECT_EQ(claim.differences.at(0)->p_holm, both.rows[1].cells[0].difference->p_holm);
  suite.plan.tables[0].compare_with.clear();
  const SuiteTables claims = suite.tables();
  EXPECT_EQ(claims.tables[0].comparisons, 1U);
  EXPECT_THAT(to_markdown(claims), HasSubstr("- 1 comparison here; †"));
}

TEST(Claims, are_judged_by_means_alone_where_no_interval_is_known) {
  Suite suite(kFewestTrials);  // baseline 27.5 and multi 52.5 on easy; no queries
  auto claim = [&](std::vector<std::string> rows) {
    suite.plan.tables[0].claims = {{"easy", "rank1", "rain", "caviar", std::move(rows)}};
    return suite.tables().tables[0].claims.at(0);
  };
  EXPECT_EQ(claim({"baseline", "multi"}).status, Verdict::kInTheMeans);
  EXPECT_EQ(claim({"multi", "baseline"}).status, Verdict::kUndecided);
  EXPECT_EQ(claim({"multi", "multi"}).status, Verdict::kUndecided);
  const ComparedClaim mixed = claim({"baseline", "multi", "baseline"});
  EXPECT_EQ(mixed.status, Verdict::kUndecided);
  EXPECT_THAT(mixed.steps, ElementsAre(Verdict::kInTheMeans, Verdict::kUndecided));
  EXPECT_EQ(mixed.rows[1].label, "RAIN, \"multi\"");
  EXPECT_EQ(mixed.rows[1].mean, 52.5);
  EXPECT_THAT(to_markdown(suite.tables()), HasSubstr(": undecided: 27.5 → 52.5 (in the means), 52.5 → 27.5"));
}

TEST(Claims, hold_where_each_whole_interval_says_so_and_are_contradicted_where_one_says_the_opposite) {
  Compared suite(kFewestTrials);
  experiments::TablePlan& table = suite.plan.tables[0];
  table.claims = {{"easy", "rank1", "rain", "caviar", {"baseline", "multi"}}};
  const Difference compared = cell_of(suite.tables(), 1, 0).difference.value();
  table.compare_with.clear();  // claims do not wait for it
  const auto held = [&] { return suite.tables().tables[0].claims.at(0); };
  const ComparedClaim claim = held();
  EXPECT_EQ(claim.status, Verdict::kHolds);
  EXPECT_EQ(claim.trials, 5);
  EXPECT_EQ(claim.differences.at(0)->to, "baseline");
  EXPECT_EQ(claim.differences[0]->low, compared.low);
  EXPECT_EQ(claim.differences[0]->high, compared.high);
  EXPECT_THAT(to_markdown(suite.tables()), HasSubstr(fmt::format("multi\": holds: {:+.1f} [{:+.1f}, {:+.1f}] †",
                                                                 compared.mean, compared.low, compared.high)));
  table.claims[0].worse_to_better = {"multi", "baseline"};
  EXPECT_EQ(held().status, Verdict::kContradicted);
  // From one person's luck in one trial: every other query of multi is the baseline's.
  for (int trial = 0; trial < 5; ++trial) {
    auto& multi = suite.queries.at(suite.evaluation(fmt::format("multi easy {}", trial)));
    const auto& baseline = suite.queries.at(suite.evaluation(fmt::format("baseline easy {}", trial)));
    for (std::size_t q = trial == 0 ? 2 : 0; q < 16; ++q) multi[q].cmc = baseline[q].cmc;
  }
  EXPECT_EQ(held().status, Verdict::kUndecided);
  table.claims[0].worse_to_better = {"baseline", "multi"};
  EXPECT_EQ(held().status, Verdict::kInTheMeans);
  EXPECT_LE(held().differences.at(0)->low, 0);
  suite.queries.at(suite.evaluation("multi easy 1")).pop_back();
  suite.queries.at(suite.evaluation("multi easy 1")).pop_back();  // cannot be paired any more
  EXPECT_EQ(held().differences.at(0), std::nullopt);
  EXPECT_EQ(held().status, Verdict::kInTheMeans);
}

//! A third row, "twin": on easy what multi is.
struct Three : Compared {
  Three() : Compared(kFewestTrials) {
    experiments::TablePlan& table = plan.tables[0];
    table.rows.push_back(table.rows[1]);
    table.rows.back().id = table.rows.back().label = "twin";
    table.compare_with.clear();
  }
  ComparedClaim some(std::vector<std::string> rows) {
    experiments::ClaimPlan claim{"easy", "rank1", "msifla", "mlr-vru", std::move(rows)};
    claim.form = experiments::ClaimForm::kSome;
    plan.tables[0].claims = {claim};
    return tables().tables[0].claims.at(0);
  }
};

TEST(Claims, that_some_rows_are_above_one_hold_where_one_of_them_is) {
  Three suite;
  const ComparedClaim holds = suite.some({"baseline", "baseline", "multi"});
  EXPECT_THAT(holds.steps, ElementsAre(Verdict::kUndecided, Verdict::kHolds)) << "each against the first";
  EXPECT_EQ(holds.status, Verdict::kHolds);
  EXPECT_EQ(holds.differences.at(1)->to, "baseline");
  EXPECT_THAT(to_markdown(suite.tables()),
              HasSubstr("Baseline \\| HR < some of Baseline \\| HR, RAIN, \"multi\": holds: "));
  const core::Json json = to_json(suite.tables())["tables"][0]["claims"][0];
  EXPECT_EQ("some", json["form"]);
  EXPECT_EQ("holds", json["status"]);
  EXPECT_THAT(suite.some({"multi", "baseline", "multi"}).steps,
              ElementsAre(Verdict::kContradicted, Verdict::kUndecided));
  EXPECT_EQ(suite.some({"multi", "baseline", "multi"}).status, Verdict::kUndecided) << "not all are below";
  EXPECT_EQ(suite.some({"multi", "baseline"}).status, Verdict::kContradicted);
  // A row that is not there yet might be above; one that is, stays so.
  suite.plan.tables[0].rows[2].cells[0].evaluations.push_back(suite.evaluation("multi hard 0"));
  suite.records.erase(suite.evaluation("multi hard 0"));
  EXPECT_EQ(suite.some({"multi", "baseline", "twin"}).status, Verdict::kOpen);
  EXPECT_EQ(suite.some({"baseline", "multi", "twin"}).status, Verdict::kHolds);
  suite.plan.tables[0].rows[1].cells[0].evaluations.pop_back();
  EXPECT_EQ(suite.some({"baseline", "multi"}).status, Verdict::kNoVerdict);
}

TEST(Claims, have_no_verdict_where_a_row_has_fewer_than_five_trials) {
  Compared suite(kFewestTrials);
  suite.plan.tables[0].claims = {{"easy", "rank1", "rain", "caviar", {"baseline", "multi"}}};
  suite.plan.tables[0].rows[1].cells[0].evaluations.pop_back();
  const SuiteTables tables = suite.tables();
  EXPECT_EQ(tables.tables[0].claims.at(0).status, Verdict::kNoVerdict);
  EXPECT_THAT(to_markdown(tables), HasSubstr("multi\": 4 trials: no verdict: +"));
  EXPECT_EQ(to_json(tables)["tables"][0]["claims"][0]["trials"], 4);
}

TEST(Claims, stay_open_until_their_rows_are_complete) {
  Suite suite(kFewestTrials);
  suite.records.erase(suite.evaluation("multi easy 1"));
  suite.plan.tables[0].claims = {{"easy", "rank1", "rain", "caviar", {"baseline", "multi"}},
                                 {"easy", "rank1", "rain", "caviar", {"baseline", "baseline", "multi"}}};
  const auto claims = suite.tables().tables[0].claims;
  EXPECT_THAT(claims[0].steps, ElementsAre(Verdict::kOpen));
  EXPECT_THAT(claims[1].steps, ElementsAre(Verdict::kUndecided, Verdict::kOpen));
  for (const ComparedClaim& claim : claims) EXPECT_EQ(claim.status, Verdict::kOpen);
}

TEST(Claims, pass_over_a_row_that_has_no_mean) {
  Compared suite(kFewestTrials);
  experiments::TablePlan& table = suite.plan.tables[0];
  table.rows.push_back(table.rows[1]);
  table.rows.back().id = table.rows.back().label = "gap";
  table.rows.back().cells[0].evaluations.push_back(suite.evaluation("multi hard 0"));
  suite.records.erase(suite.evaluation("multi hard 0"));
  table.claims = {{"easy", "rank1", "rain", "caviar", {"multi", "gap", "baseline"}}};
  const ComparedClaim claim = suite.tables().tables[0].claims.at(0);
  EXPECT_THAT(claim.steps, ElementsAre(Verdict::kOpen, Verdict::kContradicted));
  EXPECT_EQ(claim.status, Verdict::kContradicted) << "whatever the gap will score";
  EXPECT_EQ(claim.differences.at(1)->to, "multi");
}

TEST(Claims, of_a_number_that_is_better_when_lower_go_with_its_fall) {
  Table table{"t", "T", {"resolution_probe"}, {"easy"}, {}, {}};
  for (const double mean : {90.0, 60.0}) {
    Cell cell;
    cell.dataset = "easy";
    cell.metric = "resolution_probe";
    cell.status = CellStatus::kComplete;
    cell.mean = mean;
    cell.trials = kFewestTrials;
    table.rows.push_back({fmt::format("{}", mean), fmt::format("row {}", mean), {cell}});
  }
  experiments::TablePlan plan;
  for (const auto& rows : {std::vector<std::string>{"90", "60"}, {"60", "90"}})
    plan.claims.push_back({"easy", "resolution_probe", "paper", "caviar", rows});
  compare_rows(table, plan, {}, {});
  EXPECT_EQ(table.claims[0].status, Verdict::kInTheMeans);
  EXPECT_EQ(table.claims[1].status, Verdict::kUndecided);
  const std::string text = to_markdown(table, {});
  EXPECT_THAT(text, HasSubstr("row 90 > row 60: in the means: 90.0 → 60.0"));
  EXPECT_THAT(text, HasSubstr("row 60 > row 90: undecided: 60.0 → 90.0"));
}

TEST(Claims, name_the_papers_data_set_and_ours_with_the_mark_of_its_column) {
  Suite suite(kFewestTrials);
  suite.plan.tables[0].claims = {{"easy", "rank1", "rain", "mlr-cuhk03", {"baseline", "multi"}}};
  SuiteTables tables = suite.tables();
  const std::string line = "Stated in the text (rank-1; paper: mlr-cuhk03; here: easy): Baseline";
  EXPECT_THAT(to_markdown(tables), HasSubstr("- " + line));
  EXPECT_THAT(to_latex(tables), HasSubstr("\\item " + line));
  tables.tables[0].stand_ins = {"easy"};
  EXPECT_THAT(to_markdown(tables), HasSubstr("paper: mlr-cuhk03; here: easy (stand-in)): Baseline"));
}

TEST(Claims, of_text_and_of_tables_stand_and_count_apart) {
  Suite suite(kFewestTrials);
  using experiments::ClaimKind;
  suite.plan.tables[0].claims = {
      {"easy", "rank1", "rain", "caviar", {"multi", "baseline"}, ClaimKind::kPrinted},
      {"easy", "rank1", "rain", "caviar", {"baseline", "multi"}, ClaimKind::kStated},
      {"hard", "rank1", "rain", "caviar", {"multi", "baseline"}, ClaimKind::kStated},
  };
  const std::string text = to_markdown(suite.tables());
  const auto at = [&](const std::string& part) {
    EXPECT_THAT(text, HasSubstr(part));
    return text.find(part);
  };
  EXPECT_LT(at("- Stated in the text: 2 orders: 1 in the means, 1 undecided\n- Stated in the text (rank-1"),
            at("- Printed in a table (rank-1; paper: caviar; here: easy): RAIN"));
  EXPECT_EQ(to_json(suite.tables())["tables"][0]["claims"][0]["kind"], "printed");
}

class ComparedInAStore : public testing::Test {
 protected:
  ComparedInAStore() {
    for (auto& [job, record] : suite_.records) {
      if (auto* evaluation = std::get_if<EvaluationRecord>(&record)) {
        const std::string text = csv_text(suite_.queries.at(job));
        core::write_atomic(files_, store_.job_folder(job) / experiments::kQueriesOutput.file, std::string_view(text));
        evaluation->outputs[experiments::kQueriesOutput.file] = core::sha256_hex(text);
      }
      write(job);
    }
  }
  void write(const JobId& job) {
    core::write_atomic(files_, store_.result_file(job), std::string_view(record_text(suite_.records.at(job))));
  }
  //! Why multi has no difference on "hard".
  std::string reason() {
    const SuiteTables tables = aggregate(suite_.plan, files_, store_);
    EXPECT_TRUE(cell_of(tables, 1, 0).difference);
    EXPECT_TRUE(cell_of(tables, 1, 2).mean);
    EXPECT_FALSE(cell_of(tables, 1, 2).difference);
    return cell_of(tables, 1, 2).difference_why;
  }

  core::FileSystem& files_ = core::real_file_system();
  tests::TemporaryFolder folder_;
  experiments::StoreLayout store_{folder_.path()};
  Compared suite_;
};

TEST_F(ComparedInAStore, is_the_same_as_from_memory) {
  EXPECT_EQ(core::canonical_json(to_json(aggregate(suite_.plan, files_, store_))),
            core::canonical_json(to_json(suite_.tables())));
}

TEST_F(ComparedInAStore, a_file_that_its_record_does_not_name_costs_a_difference_and_no_number) {
  const JobId job = suite_.evaluation("multi hard 1");
  core::write_atomic(files_, store_.job_folder(job) / experiments::kQueriesOutput.file,
                     std::string_view(csv_text<QueryScore>({})));
  EXPECT_THAT(reason(), HasSubstr("queries.csv"));
  std::filesystem::remove(store_.job_folder(job) / experiments::kQueriesOutput.file);
  EXPECT_THAT(reason(), HasSubstr("queries.csv"));
  suite_.record<EvaluationRecord>(job).outputs.clear();
  write(job);
  EXPECT_THAT(reason(), HasSubstr("left no 'queries.csv'"));
}

}  // namespace
}  // namespace resolute::results::comparison_test
