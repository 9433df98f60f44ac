//! Figures of tables' numbers: bars, curves and sweeps hold what the tables and the evaluations say, and nothing of
//! what is not there.

#include "report/figures/result_figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/figures/training_curves.h"
#include "tests/results/made_up_suite.h"

namespace resolute::report::result_figures_test {
namespace {

using results::CmcPoint;
using results::Suite;
using testing::ElementsAre;

std::vector<std::string> names_of(const Figure& figure) {
  std::vector<std::string> names;
  for (const FigureSeries& series : figure.series) names.push_back(series.name);
  return names;
}

// Intervals of no mean.
results::MetricIntervals none(const results::Row&, const std::string&, const std::vector<std::string>&) { return {}; }
std::map<int, results::MetricIntervals> no_curve(const std::vector<results::JobId>&) { return {}; }

TEST(AblationFigures, a_bar_stands_at_each_mean_and_a_mark_at_the_papers_number) {
  const auto figures = ablation_figures(Suite().tables(), none);
  ASSERT_EQ(figures.size(), 2U);
  const Figure& rank1 = figures[0];
  EXPECT_EQ(rank1.id, "levels-rank1-bars");
  EXPECT_EQ(rank1.y.title, "rank-1, per cent");
  EXPECT_THAT(rank1.x.categories, ElementsAre("Baseline | HR", "RAIN, \"multi\""));
  EXPECT_THAT(names_of(rank1), ElementsAre("easy", "easy, the paper", "hard"));
  const FigurePoint& multi = rank1.series[0].points.at(1);
  EXPECT_DOUBLE_EQ(*multi.y, 53.125);  // 50 and 56.25
  EXPECT_FALSE(multi.low || multi.high) << "a deviation is no interval";
  ASSERT_EQ(rank1.series[1].points.size(), 1U);
  EXPECT_TRUE(rank1.series[1].reference);
  EXPECT_EQ(rank1.series[1].points[0].x, 1);
  EXPECT_EQ(rank1.series[1].points[0].y, 78.9);
}

TEST(AblationFigures, a_caption_speaks_of_marks_where_a_paper_has_a_number) {
  const auto speaks = [](const results::SuiteTables& tables) {
    std::vector<bool> marks;
    for (const Figure& figure : ablation_figures(tables, none))
      marks.push_back(figure.caption.find("Marks are the paper's numbers.") != std::string::npos);
    return marks;
  };
  results::SuiteTables tables = Suite().tables();
  EXPECT_THAT(speaks(tables), ElementsAre(true, false)) << "of rank-1 alone";
  for (results::Row& row : tables.tables.at(0).rows)
    for (results::Cell& cell : row.cells) cell.reference.reset();
  EXPECT_THAT(speaks(tables), ElementsAre(false, false));
  tables.tables[0].rows.at(0).cells.back().reference = 1;
  EXPECT_THAT(speaks(tables), ElementsAre(false, true)) << "one cell is enough";
}

TEST(AblationFigures, a_bar_has_the_interval_of_its_mean_where_there_is_one) {
  const auto figures = ablation_figures(
      Suite().tables(), [](const results::Row& row, const std::string& dataset, const std::vector<std::string>&) {
        return row.id == "multi" && dataset == "hard" ? results::MetricIntervals{{"rank1", {53.125, 40, 60}}}
                                                      : results::MetricIntervals();
      });
  const Figure& rank1 = figures.at(0);
  EXPECT_THAT(rank1.caption, testing::HasSubstr("95 % interval"));
  const FigurePoint& multi = rank1.series.at(2).points.at(1);
  EXPECT_EQ(multi.low, 40);
  EXPECT_EQ(multi.high, 60);
  EXPECT_FALSE(rank1.series[0].points.at(1).low.has_value()) << "no deviation where others have intervals";
}

TEST(AblationFigures, a_mean_that_is_not_over_queries_says_that_it_has_no_interval) {
  Suite suite;
  suite.plan.tables[0].metrics = {"resolution_probe"};
  for (auto& [job, record] : suite.records)
    if (auto* evaluation = std::get_if<results::EvaluationRecord>(&record)) evaluation->metrics["resolution_probe"] = 1;
  EXPECT_THAT(ablation_figures(suite.tables(), none).at(0).caption, testing::HasSubstr("has no interval"));
}

TEST(AblationFigures, a_mean_that_is_not_there_has_no_bar_and_a_table_without_one_no_figure) {
  Suite suite;
  suite.records.erase(suite.evaluation("multi easy 1"));
  const auto figures = ablation_figures(suite.tables(), none);
  EXPECT_FALSE(figures.at(0).series.at(0).points.at(1).y.has_value());
  EXPECT_TRUE(figures[0].series[0].points[0].y.has_value());
  suite.records.clear();
  EXPECT_TRUE(ablation_figures(suite.tables(), none).empty());
}

TEST(PaperFigures, a_bar_is_ours_minus_the_papers_number_between_marks_at_the_margin) {
  results::SuiteTables tables = Suite().tables();
  EXPECT_TRUE(paper_figures(tables).empty()) << "nothing was compared";
  results::Table& table = tables.tables.at(0);
  table.margin = 3;
  table.rows[1].cells[0].against_paper = results::AgainstPaper{-4, -9, 1, results::PaperVerdict::kUndecided};
  table.rows[1].cells[2].against_paper = results::AgainstPaper{2};
  const auto figures = paper_figures(tables);
  ASSERT_EQ(figures.size(), 1U) << "rank-1 alone";
  const Figure& figure = figures[0];
  EXPECT_EQ(figure.id, "levels-rank1-paper");
  EXPECT_THAT(figure.x.categories, ElementsAre("RAIN, \"multi\"")) << "rows that were compared";
  EXPECT_THAT(names_of(figure), ElementsAre("easy", "hard", "margin, ±3"));
  EXPECT_EQ(figure.series[0].points.at(0).y, -4);
  EXPECT_EQ(figure.series[0].points[0].low, -9);
  EXPECT_EQ(figure.series[0].points[0].high, 1);
  EXPECT_FALSE(figure.series[1].points.at(0).low) << "queries that could not be read";
  EXPECT_TRUE(figure.series[2].reference);
  ASSERT_EQ(figure.series[2].points.size(), 2U);
  EXPECT_EQ(figure.series[2].points[0].y, -3);
  EXPECT_EQ(figure.series[2].points[1].y, 3);
  EXPECT_THAT(figure.caption, testing::EndsWith("ends of the margin."));
  table.rows[1].cells[0].paper_dataset = "mlr-cuhk03";
  table.rows[1].cells[2].paper_dataset = "hard";
  for (const auto& made : {paper_figures(tables), ablation_figures(tables, none)})
    EXPECT_THAT(made.at(0).caption, testing::EndsWith(". paper: mlr-cuhk03; here: easy."))
        << "on hard it is the paper's";
}

Suite with_stand_in(const std::string& id) {
  Suite suite;
  experiments::PackSettings pack{.name = id, .source = settings::Source::kViper};
  pack.synthetic = settings::stand_in_of(pack.source);
  suite.plan.datasets.push_back({id, pack, {}});
  return suite;
}

TEST(AblationFigures, bars_of_a_stand_in_are_named_as_such) {
  const auto figures = ablation_figures(with_stand_in("hard").tables(), none);
  EXPECT_THAT(names_of(figures.at(0)), ElementsAre("easy", "easy, the paper", "hard (stand-in)"));
  EXPECT_TRUE(figures[0].stand_in);
  EXPECT_TRUE(to_json(figures[0]).at("stand_in").get<bool>());
  EXPECT_FALSE(to_json(ablation_figures(Suite().tables(), none).at(0)).contains("stand_in"));
}

CmcCurves curves_of(const Suite& suite) {
  CmcCurves curves;
  for (int trial : {0, 1}) {
    const double more = 0.25 * trial;
    curves[suite.evaluation("multi easy " + std::to_string(trial))] = {
        CmcPoint{0, 1, 0.25 + more}, CmcPoint{0, 5, 0.5 + more}, CmcPoint{2, 1, 0.5 + more}, CmcPoint{4, 1, more}};
  }
  curves[suite.evaluation("baseline easy 0")] = {CmcPoint{0, 1, 0.125}, CmcPoint{2, 1, 0.125}};
  return curves;
}

TEST(CmcFigures, a_curve_is_the_mean_over_the_trials_that_are_there) {
  const Suite suite;
  std::vector<std::size_t> asked;
  const auto intervals = [&](const std::vector<results::JobId>& evaluations) {
    asked.push_back(evaluations.size());
    return std::map<int, results::MetricIntervals>{{0, {{"rank1", {37.5, 20, 60}}}}, {2, {{"rank5", {1, 2, 3}}}}};
  };
  const auto figures = cmc_figures(suite.plan, suite.tables(), curves_of(suite), intervals);
  ASSERT_EQ(figures.size(), 1U) << "nothing is there of the other data set";
  EXPECT_THAT(asked, ElementsAre(1, 2)) << "of the trials that are there";
  EXPECT_EQ(figures[0].y.from, 0);
  EXPECT_THAT(figures[0].x.ticks, ElementsAre(1, 5));
  EXPECT_THAT(names_of(figures[0]), ElementsAre("Baseline | HR", "RAIN, \"multi\""));
  const auto& points = figures[0].series[1].points;
  ASSERT_EQ(points.size(), 2U);
  EXPECT_EQ(points[0].x, 1);
  EXPECT_EQ(points[0].y, 37.5);
  EXPECT_EQ(points[0].low, 20);
  EXPECT_EQ(points[0].high, 60);
  EXPECT_EQ(points[1].x, 5);
  EXPECT_EQ(points[1].y, 62.5);
  EXPECT_FALSE(points[1].low.has_value()) << "no interval of this rank";
}

TEST(CmcFigures, rows_of_some_trials_are_named_and_rows_whose_parts_do_not_fit_have_no_curve) {
  const auto figures_after = [](const auto& change) {
    Suite suite;
    change(suite);
    return cmc_figures(suite.plan, suite.tables(), curves_of(suite), no_curve);
  };
  const std::string other = core::sha256_hex("other");
  const Figure partial = figures_after([](Suite&) {}).at(0);
  EXPECT_THAT(partial.caption, testing::EndsWith(" Baseline | HR: 1 of 2 trials."));
  const auto stale = [&](Suite& suite) {
    suite.record<results::TrainingRecord>(suite.training("multi easy 1")).weights_sha256 = other;
  };
  EXPECT_THAT(names_of(figures_after(stale).at(0)), ElementsAre("Baseline | HR"));
  const auto mixed = [](Suite& suite) {
    suite.plan.tables[0].strict_classes = true;
    suite.record<results::TrainingRecord>(suite.training("multi easy 0")).provenance.numeric_class = "class b";
  };
  EXPECT_THAT(names_of(figures_after(mixed).at(0)), ElementsAre("Baseline | HR"));
  const auto other_pack = [&](Suite& suite) {
    for (const char* name : {"baseline easy 0", "baseline easy 1"})
      suite.record<results::EvaluationRecord>(suite.evaluation(name)).provenance.pack_sha256 = other;
  };
  EXPECT_THAT(names_of(figures_after(other_pack).at(0)), ElementsAre("RAIN, \"multi\""));
}

TEST(CmcFigures, a_curve_on_a_stand_in_says_so) {
  const Suite suite = with_stand_in("easy"), other = with_stand_in("hard");
  const auto marked = cmc_figures(suite.plan, suite.tables(), curves_of(suite), no_curve);
  const auto plain = cmc_figures(other.plan, other.tables(), curves_of(other), no_curve);
  EXPECT_TRUE(marked.at(0).stand_in);
  EXPECT_THAT(marked[0].title, testing::HasSubstr("easy (stand-in)"));
  EXPECT_FALSE(plain.at(0).stand_in);
  EXPECT_THAT(plain[0].title, testing::EndsWith("easy"));
}

TEST(RateFigures, a_row_has_rank_1_at_each_rate_if_there_are_two_or_more) {
  const Suite suite;
  const auto figures =
      rate_figures(suite.plan, suite.tables(), curves_of(suite), [](const std::vector<results::JobId>&) {
        return std::map<int, results::MetricIntervals>{{4, {{"rank1", {12.5, 10, 20}}}}};
      });
  ASSERT_EQ(figures.size(), 1U);
  EXPECT_THAT(names_of(figures[0]), ElementsAre("RAIN, \"multi\""));
  EXPECT_EQ(figures[0].series[0].points[0].x, 2);
  EXPECT_EQ(figures[0].series[0].points[0].y, 62.5);
  EXPECT_EQ(figures[0].series[0].points[1].x, 4);
  EXPECT_EQ(figures[0].series[0].points[1].y, 12.5);
  EXPECT_EQ(figures[0].series[0].points[1].high, 20);
  EXPECT_FALSE(figures[0].series[0].points[0].high);
  EXPECT_THAT(to_json(figures[0]).at("x").at("ticks"), core::Json({2.0, 4.0})) << "no rate between two";
}

//! Rows that differ in the share of labelled images, as listed; the row with nothing differs in its steps too.
struct Sweep {
  Suite suite;
  explicit Sweep(const std::vector<std::optional<double>>& shares) {
    auto& table = suite.plan.tables.at(0);
    table.datasets = {"easy"};
    table.rows.clear();
    suite.plan.jobs.clear();
    for (std::size_t i = 0; i < shares.size(); ++i) {
      const std::string name = "row" + std::to_string(i);
      table.rows.push_back({name, name, {suite.cell(name, "easy")}});
      for (auto& job : suite.plan.jobs)
        if (auto* training = std::get_if<experiments::TrainingSpecification>(&job.specification))
          if (job.id == suite.training(name + " easy 0") || job.id == suite.training(name + " easy 1")) {
            training->recipe.labelled_fraction = shares[i].value_or(0.25);
            if (!shares[i]) training->recipe.steps += 1;
          }
    }
  }
  std::vector<Figure> figures() const {
    return sweep_figures(suite.plan, suite.tables(),
                         [](const results::Row&, const std::string&, const std::vector<std::string>&) {
                           return results::MetricIntervals{{"rank1", {50, 40, 60}}};
                         });
  }
};

TEST(SweepFigures, rows_that_differ_in_one_setting_make_a_curve_over_it_in_the_order_of_its_values) {
  const auto figures = Sweep({1.0, 0.125, 0.5, std::nullopt}).figures();
  ASSERT_EQ(figures.size(), 2U) << "rank-1 and mAP";
  EXPECT_EQ(figures[0].x.title, "train.labelled_fraction") << "as suites spell it";
  EXPECT_EQ(figures[0].y.title, "rank-1, per cent");
  EXPECT_EQ(figures[1].y.title, "mAP, per cent");
  EXPECT_EQ(figures[0].group, figures[1].group);
  EXPECT_NE(figures[0].id, figures[1].id);
  EXPECT_EQ(figures[0].series.at(0).points.at(0).low, 40);
  EXPECT_FALSE(figures[1].series.at(0).points.at(0).low);
  ASSERT_EQ(figures[0].series.size(), 1U) << "the row that differs in more stands alone";
  std::vector<double> at;
  for (const FigurePoint& point : figures[0].series[0].points) at.push_back(point.x);
  EXPECT_THAT(at, ElementsAre(0.125, 0.5, 1.0));
}

TEST(SweepFigures, stand_on_a_logarithmic_scale_where_values_span_ten_times_and_each_is_named) {
  EXPECT_FALSE(Sweep({1.0, 0.125, 0.5}).figures().at(0).x.log);
  const Figure wide = Sweep({1.0, 0.1, 0.01}).figures().at(0);
  EXPECT_TRUE(wide.x.log);
  EXPECT_THAT(wide.x.ticks, ElementsAre(0.01, 0.1, 1));
  EXPECT_EQ(to_json(wide).at("x").at("scale"), "log");
  EXPECT_FALSE(Sweep({1.0, 0.1, 0.0}).figures().at(0).x.log) << "zero has no place there";
}

TEST(SweepFigures, are_named_by_the_words_that_labels_have_in_common) {
  const auto name = [](const std::vector<std::string>& labels) {
    Sweep sweep({1.0, 0.5, 0.25});
    for (std::size_t row = 0; row < 3; ++row) sweep.suite.plan.tables[0].rows[row].label = labels[row];
    return sweep.figures().at(0).series.at(0).name;
  };
  EXPECT_EQ(name({"share 1", "share 0.5", "share 0.25"}), "share");
  EXPECT_EQ(name({"RAIN, 100 % of labels", "RAIN, 50 % of labels", "RAIN, 25 % of labels"}), "RAIN, % of labels");
  EXPECT_EQ(name({"a", "a a", "a a a"}), "a");
  EXPECT_EQ(name({"all", "half", "quarter"}), "train.labelled_fraction");
}

TEST(SweepFigures, two_values_are_no_sweep) { EXPECT_TRUE(Sweep({1.0, 0.5}).figures().empty()); }

TEST(TrainingCurves, each_training_is_a_series_of_its_rows_name_read_once_and_thinned_by_means) {
  Suite suite;
  // A second row that is another evaluation of the same trainings.
  suite.plan.tables[0].rows[0].cells[0].evaluations = suite.plan.tables[0].rows[1].cells[0].evaluations;
  std::map<experiments::JobId, int> asked;
  const auto lookup = [&](const experiments::JobId& training) {
    ++asked[training];
    results::TrainingNumbers numbers;
    for (std::uint64_t step = 1; step <= 1000; ++step)
      numbers.steps[step] = {1, {{"loss", static_cast<double>(step)}, {"gradient_norms/networks", 1}}};
    numbers.steps[500].values["evaluation/mAP"] = 0.5;
    numbers.steps[500].values["losses/adversarial_level_4"] = 0.5;
    numbers.steps[500].values["evaluation/recovered_psnr_2"] = 31.5;
    numbers.steps[500].values["evaluation/queries"] = 16;
    return numbers;
  };
  const auto figures = training_curves(suite.plan, lookup);
  for (const auto& [training, times] : asked) EXPECT_EQ(times, 1);
  ASSERT_EQ(figures.size(), 8U) << "losses, mAP and PSNR on two data sets; norms and counts are for machines";
  for (const Figure& figure : figures) EXPECT_EQ(figure.group, "Adversarial levels");
  EXPECT_EQ(figures[3].y.title, "adversarial loss, level 4");
  EXPECT_EQ(figures[3].title, "Adversarial levels: adversarial loss, level 4, easy");
  EXPECT_EQ(figures[0].y.title, "mAP, per cent");
  EXPECT_EQ(figures[1].y.title, "PSNR recovered, r = 2 (dB)");
  EXPECT_EQ(figures[1].series[0].points.at(0).y, 31.5);
  const Figure& loss = figures[2];
  EXPECT_EQ(loss.y.title, "loss, all terms");
  ASSERT_EQ(loss.series.size(), 2U) << "a training is drawn once";
  EXPECT_EQ(loss.series[0].name, loss.series[1].name);
  EXPECT_EQ(loss.series[1].trial, 1);
  ASSERT_EQ(loss.series[0].points.size(), 100U);
  EXPECT_DOUBLE_EQ(loss.series[0].points[0].x, 5.5);
  EXPECT_DOUBLE_EQ(*loss.series[0].points[99].y, 995.5);
  EXPECT_EQ(figures[0].series[0].points.at(0).y, 50);
}

TEST(TrainingCurves, are_drawn_once_of_trainings_that_several_sets_are_asked_on) {
  Suite suite;
  experiments::TablePlan& table = suite.plan.tables[0];
  table.datasets[1] = "easy->hard";
  for (experiments::RowPlan& row : table.rows) row.cells[1] = {"easy->hard", row.cells[0].evaluations, {}};
  results::TrainingNumbers numbers;
  numbers.steps[1] = {1, {{"loss", 1.5}}};
  const auto figures = training_curves(suite.plan, [&](const experiments::JobId&) { return numbers; });
  ASSERT_EQ(figures.size(), 1U);
  EXPECT_THAT(figures[0].title, testing::EndsWith("loss, all terms, easy"))
      << "no test is asked on the way but their own";
}

}  // namespace
}  // namespace resolute::report::result_figures_test
