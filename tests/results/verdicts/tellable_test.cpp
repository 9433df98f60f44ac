#include "results/verdicts/tellable.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/hash/sha256.h"
#include "core/random/random.h"
#include "results/records/query_scores.h"
#include "results/records/record.h"
#include "tests/support/temporary_folder.h"

namespace resolute::results::tellable_test {
namespace {

using namespace testing;
using experiments::JobId;

//! Two rows on 40 drawn people, of whom each trial tests 20, in so many trials.
struct TellableTest : Test {
  tests::TemporaryFolder folder_;
  core::FileSystem& files_ = core::real_file_system();
  std::set<JobId> done_;
  experiments::StoreLayout store_{folder_.path()};
  experiments::Plan plan_;

  void make_plan(int trials) {
    plan_ = {};
    experiments::PackSettings pack;
    pack.name = "easy";
    pack.source = settings::Source::kSynthetic;
    pack.synthetic = settings::SyntheticSettings{};
    pack.synthetic->identities = 40;
    experiments::TablePlan table{"levels", "Levels", {"mINP", "rank1"}, {"easy"}, {}};
    for (const char* row : {"single", "multi"}) {
      experiments::CellPlan cell{"easy", {}, {}};
      for (int trial = 0; trial < trials; ++trial) {
        const JobId job = evaluation(row, trial);
        plan_.jobs.push_back({job, experiments::EvaluationSpecification{{}, pack, {}, {}}, {}, 1, ""});
        cell.evaluations.push_back(job);
      }
      table.rows.push_back({row, row, {cell}});
    }
    plan_.tables.push_back(table);
  }
  static JobId evaluation(const std::string& row, int trial) {
    return {core::sha256_hex(fmt::format("evaluation {} {}", row, trial))};
  }
  std::vector<Tellable> tellable() { return results::tellable(plan_, done_, files_, store_); }

  //! Queries of 20 people per trial; those of "multi" are the better by a person's own share.
  void finish(const std::string& row, int trial) {
    std::vector<QueryScore> queries;
    for (int person = 0; person < 20; ++person) {
      const double share = 0.5 + (row == "multi" ? (person % 2 == 0 ? 0.2 : -0.2) : 0);
      queries.push_back({fmt::format("{:02}.jpg", person), person, 2, 2, true, {share, 1, 1, 1}, share});
    }
    const std::string text = csv_text(queries);
    const JobId job = evaluation(row, trial);
    core::write_atomic(files_, store_.job_folder(job) / "queries.csv", std::string_view(text));
    EvaluationRecord record;
    record.job = job;
    record.weights_sha256 = record.features_sha256 = core::sha256_hex("x");
    record.metrics = {{"rank1", 0.5}, {"rank5", 1}, {"rank10", 1}, {"rank20", 1}, {"mAP", 0.5}};
    record.provenance = {core::sha256_hex("pack"), core::sha256_hex("split"), "class", {core::sha256_hex("t")}};
    record.outputs = {{"queries.csv", core::sha256_hex(text)}};
    core::write_atomic(files_, store_.result_file(job), std::string_view(record_text(record)));
    done_.insert(job);
  }
};

TEST_F(TellableTest, is_that_of_the_model_where_nothing_has_run) {
  make_plan(10);
  const auto all = tellable();
  ASSERT_EQ(1U, all.size());
  const Tellable& one = all[0];
  EXPECT_EQ("rank1", one.metric);
  EXPECT_EQ(10, one.shape.trials);
  EXPECT_EQ(20, one.shape.people);
  EXPECT_EQ(0.5, one.shape.shared);
  EXPECT_FALSE(one.rows_measured);
  EXPECT_FALSE(one.paper) << "no row has the paper's number";
  // 8 images of each person: 4 queries. Rest: 10² + 40² / 4.
  EXPECT_NEAR(2.802 * std::sqrt(400 * 0.55 / 20 + 2.25 / 10 + 500.0 / 200), *one.rows, 1e-9);
  EXPECT_EQ(
      fmt::format("levels on easy: 10 trials × 20 people tell rows {:.1f} points of rank-1 apart (model)", *one.rows),
      to_text(one));
  EXPECT_THAT(model_text(),
              HasSubstr("20 points over people in a difference of rows and 25 in a row's own number, 1.5"));
}

TEST_F(TellableTest, tells_a_step_of_the_paper_that_is_too_small) {
  make_plan(10);
  plan_.tables[0].rows[0].cells[0].references = {{"rank1", 77.6}};
  plan_.tables[0].rows[1].cells[0].references = {{"rank1", 78.9}};
  EXPECT_FALSE(tellable()[0].small) << "no claim says that these two are ordered";
  plan_.tables[0].claims = {{"easy", "rank1", "rain", "mlr-cuhk03", {"single", "multi"}}};
  const Tellable one = tellable()[0];
  ASSERT_TRUE(one.small);
  EXPECT_NEAR(1.3, one.small->points, 1e-9);
  ASSERT_TRUE(one.paper);
  EXPECT_GT(*one.paper, *one.rows) << "what makes a person hard does not cancel out";
  EXPECT_THAT(to_text(one),
              EndsWith("from the paper's number (model); the paper's step of 1.3 (single < multi; paper: mlr-cuhk03; "
                       "here: easy) is below that"));
  EXPECT_EQ("single", to_json(one)["small_step"]["lower"]);
  EXPECT_EQ("mlr-cuhk03", to_json(one)["small_step"]["paper_dataset"]);
  plan_.tables[0].claims[0].paper_dataset = "easy";
  EXPECT_THAT(to_text(tellable()[0]), EndsWith("(single < multi) is below that"));
  plan_.tables[0].rows[1].cells[0].references = {{"rank1", 97.6}};
  EXPECT_FALSE(tellable()[0].small);
}

TEST_F(TellableTest, is_by_the_stores_own_trials_where_five_are_there) {
  make_plan(8);
  plan_.tables[0].rows[1].cells[0].references = {{"rank1", 60}};
  for (int trial = 0; trial < 4; ++trial)
    for (const char* row : {"single", "multi"}) finish(row, trial);
  EXPECT_FALSE(tellable()[0].rows_measured) << "four";
  finish("multi", 4);
  EXPECT_FALSE(tellable()[0].rows_measured);
  EXPECT_TRUE(tellable()[0].paper_measured);
  finish("single", 4);
  const Tellable one = tellable()[0];
  EXPECT_TRUE(one.rows_measured);
  // People alone differ, by ± 20: in every trial the same.
  const double variance = 400 * 20.0 / 19;
  EXPECT_NEAR(2.802 * std::sqrt(variance * (0.5 + 0.5 / 8) / 20), *one.rows, 1e-6);
  EXPECT_NEAR(*one.rows, *one.paper, 1e-6) << "the other row is the same for all";
  EXPECT_THAT(to_text(one), HasSubstr("apart (this store's trials), ours "));
  // A damaged file is as if it were not there.
  core::write_atomic(files_, store_.job_folder(evaluation("single", 4)) / "queries.csv", std::string_view("x"));
  EXPECT_FALSE(tellable()[0].rows_measured);
}

TEST_F(TellableTest, of_people_whom_nobody_has_counted_nothing_is_said) {
  make_plan(5);
  for (experiments::PlannedJob& job : plan_.jobs) {
    auto& pack = std::get<experiments::EvaluationSpecification>(job.specification).pack;
    pack.source = settings::Source::kCsv;
    pack.synthetic.reset();
  }
  EXPECT_THAT(tellable(), IsEmpty());
}

TEST_F(TellableTest, a_table_of_one_row_tells_of_the_papers_number_alone) {
  make_plan(1);
  plan_.tables[0].rows.pop_back();
  EXPECT_FALSE(tellable()[0].rows);
  EXPECT_THAT(to_text(tellable()[0]), HasSubstr("1 trial × 20 people tell nothing"));
  plan_.tables[0].metrics = {"mINP"};
  EXPECT_THAT(tellable(), IsEmpty()) << "of no metric has each query a value";
}

}  // namespace
}  // namespace resolute::results::tellable_test
