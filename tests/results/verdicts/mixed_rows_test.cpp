#include "results/verdicts/mixed_rows.h"

#include <gmock/gmock.h>

#include "results/records/record.h"
#include "tests/results/made_up_suite.h"

namespace resolute::results::mixed_rows_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

//! Two rows on two data sets with three trials, all of one class unless a test says otherwise.
struct Mixed : Suite {
  Mixed() : Suite(3) {}
  void ran(const std::string& name, const std::string& numeric_class) {
    record<TrainingRecord>(training(name)).provenance.numeric_class = numeric_class;
  }
  void evaluated(const std::string& name, const std::string& numeric_class) {
    record<EvaluationRecord>(evaluation(name)).provenance.numeric_class = numeric_class;
  }
  std::vector<MixedRow> rows() const {
    std::vector<std::string> classes;
    for (const experiments::PlannedJob& job : plan.jobs) {
      const auto found = records.find(job.id);
      classes.push_back(found == records.end() ? "" : numeric_class_of(found->second));
    }
    return mixed_rows(plan, classes);
  }
};

TEST(MixedRows, are_none_where_each_row_is_in_one_class) {
  Mixed suite;
  for (const char* trial : {"0", "1", "2"}) suite.ran(std::string("multi easy ") + trial, "kernels=b");
  EXPECT_THAT(suite.rows(), IsEmpty()) << "another row may be in another class";
  EXPECT_EQ(mixed_rows_hint(0), "");
}

TEST(MixedRows, keep_the_class_of_most_trials_and_have_the_others_made_anew_with_their_evaluations) {
  Mixed suite;
  suite.ran("multi hard 0", "kernels=b");
  const auto rows = suite.rows();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].dataset, "hard");
  EXPECT_EQ(rows[0].row, "RAIN, \"multi\"");
  EXPECT_THAT(rows[0].classes, testing::StartsWith("2 and 1 trainings ran in 2 numeric classes"));
  EXPECT_THAT(rows[0].others, ElementsAre(suite.training("multi hard 0")));
  EXPECT_THAT(jobs_to_remake(suite.plan, rows),
              ElementsAre(suite.training("multi hard 0"), suite.evaluation("multi hard 0")));
}

TEST(MixedRows, of_equal_classes_keep_that_which_the_table_has_most_and_then_the_first_by_name) {
  Mixed suite;
  suite.records.erase(suite.training("multi easy 2"));  // has not run
  suite.ran("multi easy 0", "a");
  EXPECT_THAT(suite.rows()[0].others, ElementsAre(suite.training("multi easy 0"))) << "the table has more of 'class a'";
  Mixed even;
  even.plan.tables[0].rows.resize(1);
  even.plan.tables[0].rows[0].cells.resize(1);
  even.records.erase(even.training("baseline easy 2"));
  even.ran("baseline easy 0", "b");
  even.ran("baseline easy 1", "a");
  EXPECT_THAT(even.rows()[0].others, ElementsAre(even.training("baseline easy 0")));
}

TEST(MixedRows, have_evaluations_alone_made_anew_where_their_trainings_are_in_one_class) {
  Mixed suite;
  suite.evaluated("baseline easy 1", "kernels=b");
  const auto rows = suite.rows();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_THAT(jobs_to_remake(suite.plan, rows), ElementsAre(suite.evaluation("baseline easy 1")));
}

TEST(MixedRows, of_two_tables_are_chosen_once) {
  Mixed suite;
  suite.records.erase(suite.training("multi easy 2"));
  suite.ran("multi easy 0", "a");
  experiments::TablePlan other = suite.plan.tables[0];
  other.id = "other";
  other.rows.erase(other.rows.begin());
  other.rows[0].cells.resize(1);  // 'a' and 'class a' are level here, and 'a' is first by name
  suite.plan.tables.push_back(other);
  const auto rows = suite.rows();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].table, "levels");
  EXPECT_EQ(mixed_rows_hint(1),
            "1 row mixes numeric classes: `resolute suite rerun --mixed` makes the fewer trials anew");
}

}  // namespace
}  // namespace resolute::results::mixed_rows_test
