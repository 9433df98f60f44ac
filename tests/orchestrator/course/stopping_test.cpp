#include "orchestrator/course/stopping.h"

#include <gtest/gtest.h>

namespace resolute::tests::stopping_test {
namespace {

using namespace orchestrator;
using std::chrono::seconds;

const Instant kLimit{seconds(100)};

TEST(Stopping, kills_at_the_second_wish_and_gives_up_at_its_limit) {
  Stopping stopping;
  EXPECT_FALSE(stopping.wish(false, kLimit));
  EXPECT_FALSE(stopping.give_up_at());
  EXPECT_TRUE(stopping.wish(true, kLimit));
  EXPECT_EQ(stopping.give_up_at(), kLimit);
}

TEST(Stopping, kills_once) {
  Stopping stopping;
  stopping.wish(false, kLimit);
  stopping.wish(true, kLimit);
  EXPECT_FALSE(stopping.wish(true, kLimit + seconds(1)));
  EXPECT_EQ(stopping.give_up_at(), kLimit) << "a further wish does not move the limit";
}

TEST(Stopping, takes_a_first_wish_for_a_wish_though_a_notice_stops_the_run_already) {
  Stopping stopping;
  EXPECT_FALSE(stopping.wish(true, kLimit));
  EXPECT_FALSE(stopping.give_up_at());
  EXPECT_TRUE(stopping.wish(true, kLimit));
}

TEST(Stopping, kills_nothing_before_the_journal_knows_of_the_stop) {
  Stopping stopping;
  stopping.wish(false, kLimit);
  EXPECT_FALSE(stopping.wish(false, kLimit));
  EXPECT_FALSE(stopping.give_up_at());
  EXPECT_TRUE(stopping.wish(true, kLimit));
}

TEST(Stopping, tells_ranks_once_whatever_was_wished) {
  Stopping stopping;
  EXPECT_TRUE(stopping.tell_undecided());
  stopping.wish(true, kLimit);
  stopping.wish(true, kLimit);
  EXPECT_FALSE(stopping.tell_undecided());
}

TEST(Stopping, has_ended_once_that_was_decided_though_for_no_reason) {
  Stopping stopping;
  stopping.wish(true, kLimit);
  EXPECT_FALSE(stopping.ended());
  EXPECT_EQ(stopping.why(), "");
  stopping.end("");
  EXPECT_TRUE(stopping.ended());
  stopping.end("2 succeeded");
  EXPECT_EQ(stopping.why(), "2 succeeded");
}

}  // namespace
}  // namespace resolute::tests::stopping_test
