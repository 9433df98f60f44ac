#include "orchestrator/course/elsewhere.h"

#include <gtest/gtest.h>

namespace resolute::tests::elsewhere_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;

const Instant kNow{100s};
const core::MonotonicTime kBegin{1h};

TEST(Elsewhere, looks_once_for_each_held_job_when_its_time_has_come) {
  Elsewhere elsewhere;
  elsewhere.hold({7}, kNow + 1s);
  elsewhere.hold({3}, kNow);
  elsewhere.hold({1}, kNow);
  EXPECT_EQ(elsewhere.take_held(kNow - 1ms), std::vector<JobIndex>());
  EXPECT_EQ(elsewhere.take_held(kNow), (std::vector<JobIndex>{{1}, {3}}));
  EXPECT_EQ(elsewhere.take_held(kNow), std::vector<JobIndex>());
  EXPECT_EQ(elsewhere.take_held(kNow + 1s), std::vector<JobIndex>{{7}});
}

TEST(Elsewhere, passes_over_numbers_that_other_runs_have_used) {
  Elsewhere elsewhere;
  elsewhere.use_attempts({3}, 5);
  EXPECT_EQ(elsewhere.free_attempt({3}, 1), 6);
  EXPECT_EQ(elsewhere.free_attempt({3}, 6), 6);
  EXPECT_EQ(elsewhere.free_attempt({3}, 9), 9);
  EXPECT_EQ(elsewhere.free_attempt({4}, 1), 1) << "another job";
}

TEST(Elsewhere, awaits_many_results_more_rarely_than_few) {
  Elsewhere elsewhere;
  EXPECT_TRUE(elsewhere.await_due(kBegin, 5s));
  elsewhere.await(63);
  EXPECT_FALSE(elsewhere.await_due(kBegin + 4999ms, 5s));
  EXPECT_TRUE(elsewhere.await_due(kBegin + 5s, 5s));
  elsewhere.await(128);
  EXPECT_TRUE(elsewhere.await_due(kBegin + 10s, 5s)) << "set by what was awaited before";
  EXPECT_FALSE(elsewhere.await_due(kBegin + 24s, 5s));
  EXPECT_TRUE(elsewhere.await_due(kBegin + 25s, 5s));
}

TEST(Elsewhere, decides_by_a_full_look_for_a_second_after_its_last_answer) {
  Elsewhere elsewhere;
  EXPECT_FALSE(elsewhere.looked(kBegin));
  elsewhere.begin_look(kBegin);
  elsewhere.begin_call();
  elsewhere.begin_call();
  EXPECT_TRUE(elsewhere.looking());
  EXPECT_FALSE(elsewhere.end_call(kBegin + 2s));
  EXPECT_TRUE(elsewhere.looking());
  EXPECT_TRUE(elsewhere.end_call(kBegin + 5s));
  EXPECT_FALSE(elsewhere.looking());
  EXPECT_TRUE(elsewhere.looked(kBegin + 5999ms));
  EXPECT_FALSE(elsewhere.looked(kBegin + 6s));
}

TEST(Elsewhere, does_not_decide_by_a_full_look_of_which_a_call_failed) {
  Elsewhere elsewhere;
  elsewhere.begin_look(kBegin);
  elsewhere.begin_call();
  elsewhere.begin_call();
  elsewhere.fail();
  elsewhere.end_call(kBegin);
  EXPECT_TRUE(elsewhere.end_call(kBegin));
  EXPECT_FALSE(elsewhere.looked(kBegin));
  elsewhere.begin_look(kBegin);
  elsewhere.begin_call();
  elsewhere.end_call(kBegin);
  EXPECT_TRUE(elsewhere.looked(kBegin)) << "the next look stands for itself";
}

}  // namespace
}  // namespace resolute::tests::elsewhere_test
