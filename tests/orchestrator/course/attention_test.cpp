#include "orchestrator/course/attention.h"

#include <gtest/gtest.h>

namespace resolute::tests::attention_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;

const core::MonotonicTime kBegin{1h};
const Instant kNow{100s};

TEST(Attention, takes_a_long_pause_between_two_steps_for_an_absence) {
  Attention attention;
  EXPECT_FALSE(attention.begin_step(kBegin, 5s, 15s)) << "the first step follows none";
  attention.keep_up(kBegin, kNow, false, 3s);
  EXPECT_FALSE(attention.begin_step(kBegin + 4999ms, 5s, 15s));
  EXPECT_FALSE(attention.claims_in_doubt(kBegin + 4999ms));
  EXPECT_EQ(attention.begin_step(kBegin + 5s, 5s, 15s), 5s);
  EXPECT_TRUE(attention.claims_in_doubt(kBegin + 19'999ms));
  EXPECT_FALSE(attention.claims_in_doubt(kBegin + 20s));
}

TEST(Attention, is_attentive_since_it_was_last_behind_or_a_step_took_long) {
  Attention attention;
  attention.keep_up(kBegin, kNow, true, 3s);
  EXPECT_EQ(attention.since(), kNow);
  attention.keep_up(kBegin + 3s, kNow + 3s, false, 3s);
  EXPECT_EQ(attention.since(), kNow) << "a step may take so long";
  attention.keep_up(kBegin + 6001ms, kNow + 6001ms, false, 3s);
  EXPECT_EQ(attention.since(), kNow + 6001ms);
  attention.keep_up(kBegin + 7s, kNow + 7s, true, 3s);
  EXPECT_EQ(attention.since(), kNow + 7s);
}

}  // namespace
}  // namespace resolute::tests::attention_test
