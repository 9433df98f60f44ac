#include <gmock/gmock.h>

#include "core/files/file_system.h"
#include "experiments/specification/metrics.h"
#include "results/records/training_log.h"
#include "results/tables/table_notes.h"
#include "tests/results/made_up_suite.h"
#include "tests/support/temporary_folder.h"

namespace resolute::results::best_on_test_test {
namespace {

using namespace testing;
using experiments::kBestOnTest;

struct BestOnTheWayTest : Test {
  tests::TemporaryFolder folder_;
  core::FileSystem& files_ = core::real_file_system();
  experiments::StoreLayout store_{folder_.path()};
  JobId training_ = id("training");

  void log(int attempt, const std::string& text) {
    core::write_atomic(files_, store_.attempt_file(training_, attempt, kEvaluationLogName), std::string_view(text));
  }
  static std::string line(int step, double rank1) {
    return fmt::format("{{\"epoch\":1.5,\"metrics\":{{\"mAP\":0.9,\"rank1\":{}}},\"step\":{}}}\n", rank1, step);
  }
  std::optional<double> best() { return best_rank1_on_the_way(files_, store_, training_); }
};

TEST_F(BestOnTheWayTest, is_the_best_of_all_attempts) {
  EXPECT_EQ(std::nullopt, best());
  log(1, line(10, 0.25) + line(20, 0.5));
  EXPECT_EQ(0.5, best());
  log(3, line(30, 0.375));
  EXPECT_EQ(0.5, best());
  log(4, line(40, 0.625));
  EXPECT_EQ(0.625, best());
}

TEST_F(BestOnTheWayTest, of_a_step_that_several_attempts_logged_the_last_counts) {
  log(1, line(10, 0.25) + line(20, 0.75));
  log(2, line(20, 0.5));
  EXPECT_EQ(0.5, best());
}

TEST_F(BestOnTheWayTest, leaves_out_what_is_torn_damaged_or_no_evaluation) {
  const std::string torn = line(20, 0.75);
  log(1, line(10, 0.25) + torn.substr(0, torn.size() - 1));
  EXPECT_EQ(0.25, best()) << "a line without its end";
  log(1, line(10, 0.25) + "{\"epoch\"\n" + line(20, 0.75));
  EXPECT_EQ(0.25, best()) << "what follows a damaged line";
  log(1,
      "{\"step\":5}\n{\"metrics\":{\"mAP\":0.5},\"step\":6}\n{\"metrics\":3,\"step\":7}\n{\"metrics\":"
      "{\"rank1\":null},\"step\":8}\n" +
          line(10, 0.125));
  EXPECT_EQ(0.125, best());
  log(1, "");
  EXPECT_EQ(std::nullopt, best());
}

TEST(AsksAsTrainingDoes, whatever_it_leaves_besides_and_however_many_galleries_it_draws) {
  experiments::EvaluationSpecification evaluation;
  const experiments::MethodOptions baseline = experiments::BaselineOptions{}, ftwa = experiments::FtwaOptions{};
  EXPECT_TRUE(asks_as_training_does(evaluation, baseline));
  evaluation.protocol.draws = 5;
  evaluation.protocol.panels = 3;
  evaluation.protocol.resolution_probe = true;
  evaluation.protocol.sample_rates = {2, 3};
  EXPECT_TRUE(asks_as_training_does(evaluation, baseline));
  const auto with = [&](const auto& change, const experiments::MethodOptions& method) {
    experiments::EvaluationSpecification other = evaluation;
    change(other);
    return asks_as_training_does(other, method);
  };
  const auto distance = [](settings::DistanceName name) { return [=](auto& one) { one.protocol.distance = name; }; };
  EXPECT_FALSE(with(distance(settings::DistanceName::kCosine), baseline));
  EXPECT_TRUE(with(distance(settings::DistanceName::kWeighted), ftwa)) << "its own";
  EXPECT_FALSE(with(distance(settings::DistanceName::kEqual), ftwa));
  EXPECT_FALSE(with([](auto& one) { one.protocol.name = settings::ProtocolName::kWholeGallery; }, baseline));
  EXPECT_FALSE(with([](auto& one) { one.protocol.query_rates = {6}; }, baseline));
  EXPECT_FALSE(with([](auto& one) { one.protocol.flip = true; }, baseline));
  EXPECT_FALSE(with([](auto& one) { one.protocol.re_ranking = true; }, baseline));
  const auto by_query = [](auto& one) { one.split.lr_side = settings::LrSide::kQuery; };
  EXPECT_FALSE(with(by_query, baseline));
  EXPECT_TRUE(with(
      [&](auto& one) {
        by_query(one);
        one.protocol.name = settings::ProtocolName::kWholeGallery;
      },
      baseline));
}

//! The made-up suite with the metric, and what its trainings logged.
struct Logged : Suite {
  std::map<JobId, double> logged;
  Logged() {
    plan.tables[0].metrics = {"rank1", kBestOnTest};
    for (const char* row : {"baseline", "multi"})
      for (const char* dataset : {"easy", "hard"})
        for (int trial = 0; trial < 2; ++trial) logged[training(fmt::format("{} {} {}", row, dataset, trial))] = 0.875;
  }
  SuiteTables tables() const {
    const auto records_of = [&](const JobId& job) {
      const auto found = records.find(job);
      return found == records.end() ? std::nullopt : std::optional(found->second);
    };
    return aggregate(plan, records_of, {}, [&](const JobId& training) {
      const auto found = logged.find(training);
      return found == logged.end() ? std::nullopt : std::optional(found->second);
    });
  }
};

TEST(BestOnTest, is_the_best_on_the_way_or_the_evaluations_own) {
  Logged suite;
  suite.logged[suite.training("baseline easy 1")] = 0.125;  // below its evaluation's 0.3125
  const Cell cell = cell_of(suite.tables(), 0, 1);
  EXPECT_EQ(CellStatus::kComplete, cell.status);
  EXPECT_THAT(cell.values, ElementsAre(87.5, 31.25));
  EXPECT_DOUBLE_EQ((87.5 + 31.25) / 2, *cell.mean);
  EXPECT_FALSE(cell.chance);
  EXPECT_EQ(28.125, cell_of(suite.tables(), 0, 0).mean) << "the result is the last step's";
}

TEST(BestOnTest, a_row_without_a_log_or_asked_otherwise_has_a_dash_and_the_table_is_complete) {
  Logged suite;
  suite.logged.erase(suite.training("multi easy 1"));
  for (experiments::PlannedJob& job : suite.plan.jobs)
    if (auto* evaluation = std::get_if<experiments::EvaluationSpecification>(&job.specification))
      if (evaluation->training == suite.training("baseline easy 0")) evaluation->protocol.flip = true;
  const SuiteTables tables = suite.tables();
  EXPECT_TRUE(tables.complete);
  for (const std::size_t row : {0U, 1U}) EXPECT_EQ(CellStatus::kNotApplicable, cell_of(tables, row, 1).status);
  EXPECT_EQ(CellStatus::kComplete, cell_of(tables, 1, 3).status);
  EXPECT_EQ(CellStatus::kComplete, cell_of(tables, 1, 0).status) << "other metrics stand";
  // While a trial is on its way nobody knows.
  suite.records.erase(suite.evaluation("multi hard 0"));
  suite.records.erase(suite.training("multi hard 0"));
  suite.logged.erase(suite.training("multi hard 0"));
  EXPECT_EQ(CellStatus::kIncomplete, cell_of(suite.tables(), 1, 3).status);
}

TEST(BestOnTest, is_marked_and_never_taken_for_a_result) {
  Logged suite;
  suite.plan.tables[0].rows[1].cells[0].references.clear();
  suite.logged[suite.training("baseline easy 0")] = 1;  // the best of its column
  const SuiteTables tables = suite.tables();
  EXPECT_EQ("rank-1, best on test (not a result)", heading_of(kBestOnTest));
  EXPECT_FALSE(is_per_query(kBestOnTest)) << "nothing is compared with it";
  const std::string markdown = to_markdown(tables), tex = to_latex(tables);
  EXPECT_THAT(markdown, HasSubstr("easy rank-1, best on test (not a result)"));
  EXPECT_THAT(markdown, HasSubstr("- rank-1, best on test (not a result): the best of a training's evaluations on the "
                                  "way and its last, chosen on the test set itself"));
  EXPECT_EQ(std::string::npos, tex.find("\\bfseries")) << tex;
}

}  // namespace
}  // namespace resolute::results::best_on_test_test
