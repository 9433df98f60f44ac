#include "results/exports/logged_numbers.h"

#include <gmock/gmock.h>

#include "tests/results/exports/stored_suite.h"

namespace resolute::results::logged_numbers_test {
namespace {

using namespace testing;

class LoggedNumbersTest : public StoredSuite {
 protected:
  TrainingNumbers read() { return read_training_numbers(files_, store_, job_); }
  JobId job_ = suite_.training("multi easy 0");
};

TEST_F(LoggedNumbersTest, a_step_has_its_numbers_by_name_and_no_texts) {
  put(job_, "attempt-001-metrics.jsonl", step_line(1, 3) + step_line(2, 2));
  const auto read = this->read();
  ASSERT_THAT(read.steps, SizeIs(2));
  EXPECT_THAT(read.steps.at(1).values,
              ElementsAre(Pair("learning_rate_factor", 1.0), Pair("loss", 3.0), Pair("losses/triplet", 1.5)));
  EXPECT_THAT(read.warnings, IsEmpty());
}

TEST_F(LoggedNumbersTest, of_steps_that_two_attempts_logged_the_later_line_counts_whole) {
  put(job_, "attempt-001-metrics.jsonl", step_line(1, 3) + R"({"step":2,"loss":9,"losses":{"old":1}})" + "\n");
  put(job_, "attempt-002-metrics.jsonl", step_line(2, 2) + step_line(3, 1));
  const auto read = this->read();
  ASSERT_THAT(read.steps, SizeIs(3));
  EXPECT_EQ(read.steps.at(1).attempt, 1);
  EXPECT_EQ(read.steps.at(2).attempt, 2);
  EXPECT_EQ(read.steps.at(2).values.at("loss"), 2);
  EXPECT_FALSE(read.steps.at(2).values.contains("losses/old"));
}

TEST_F(LoggedNumbersTest, evaluations_on_the_way_stand_at_their_step) {
  put(job_, "attempt-001-metrics.jsonl", step_line(1, 3));
  put(job_, "attempt-001-evaluations.jsonl",
      "{\"epoch\":1.0,\"metrics\":{\"mAP\":0.5},\"step\":1}\n{\"epoch\":2.0,\"metrics\":{\"mAP\":0.75},\"step\":7}\n");
  const auto read = this->read();
  EXPECT_EQ(read.steps.at(1).values.at("evaluation/mAP"), 0.5);
  EXPECT_EQ(read.steps.at(1).values.at("loss"), 3);
  EXPECT_THAT(read.steps.at(7).values, ElementsAre(Pair("evaluation/mAP", 0.75)));
}

TEST_F(LoggedNumbersTest, a_torn_last_line_is_left_out_silently_and_damage_by_name) {
  put(job_, "attempt-001-metrics.jsonl", step_line(1, 3) + R"({"step":2,"lo)");
  EXPECT_THAT(read().steps, SizeIs(1));
  EXPECT_THAT(read().warnings, IsEmpty());
  put(job_, "attempt-001-metrics.jsonl", step_line(1, 3) + std::string("\0\0\n", 3) + step_line(3, 1));
  EXPECT_THAT(read().steps, SizeIs(1));
  EXPECT_THAT(read().warnings, ElementsAre(AllOf(HasSubstr("metrics.jsonl', line 2"), HasSubstr("left out"))));
}

TEST_F(LoggedNumbersTest, a_number_that_is_none_costs_the_lines_from_it_on_and_is_named) {
  put(job_, "attempt-001-metrics.jsonl", step_line(1, 3) + "{\"step\":2,\"loss\":NaN}\n" + step_line(3, 1));
  const TrainingNumbers found = read();
  EXPECT_THAT(found.steps, ElementsAre(Key(1)));
  EXPECT_THAT(found.warnings, ElementsAre(HasSubstr("metrics.jsonl', line 2")));
}

TEST_F(LoggedNumbersTest, lines_of_another_worker_may_hold_anything) {
  put(job_, "attempt-001-metrics.jsonl",
      "{\"loss\":1}\n{\"step\":\"x\"}\n{\"step\":4,\"list\":[1],\"deep\":{\"er\":{\"x\":1},\"y\":2}}\n");
  EXPECT_THAT(read().steps, ElementsAre(Pair(4, Field(&LoggedNumbers::values, ElementsAre(Pair("deep/y", 2.0))))));
}

}  // namespace
}  // namespace resolute::results::logged_numbers_test
