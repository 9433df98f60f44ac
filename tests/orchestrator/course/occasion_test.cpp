#include "orchestrator/course/occasion.h"

#include <gtest/gtest.h>

namespace resolute::tests::occasion_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;

const Instant kNow{100s};

TEST(Occasion, is_due_at_first_and_whenever_something_has_happened) {
  Occasion occasion;
  EXPECT_TRUE(occasion.is_due(kNow));
  occasion.take();
  occasion.wait(std::nullopt);
  EXPECT_FALSE(occasion.is_due(kNow + 1h));
  occasion.arise();
  EXPECT_TRUE(occasion.arisen());
  EXPECT_TRUE(occasion.is_due(kNow));
}

TEST(Occasion, is_due_from_the_time_on_that_was_waited_for) {
  Occasion occasion;
  occasion.take();
  occasion.wait(kNow + 1s);
  EXPECT_FALSE(occasion.is_due(kNow + 999ms));
  EXPECT_TRUE(occasion.is_due(kNow + 1s));
  EXPECT_FALSE(occasion.arisen());
  occasion.wait(std::nullopt);
  EXPECT_FALSE(occasion.is_due(kNow + 1s));
}

TEST(Occasion, knows_since_when_there_is_no_work) {
  Occasion occasion;
  occasion.note_work(kNow);
  occasion.arise();
  occasion.take();
  EXPECT_EQ(kNow, occasion.idle_since()) << "an event is no work";
  occasion.note_work(kNow + 1s);
  EXPECT_EQ(kNow + 1s, occasion.idle_since());
}

}  // namespace
}  // namespace resolute::tests::occasion_test
