#include "orchestrator/course/chore.h"

#include <gtest/gtest.h>

namespace resolute::tests::chore_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;

TEST(Chore, is_due_at_once_and_then_an_interval_after_it_was_due_last) {
  const core::MonotonicTime begin{1h};
  Chore chore;
  EXPECT_TRUE(chore.due(begin, 10ms));
  EXPECT_FALSE(chore.due(begin + 9ms, 10ms));
  EXPECT_TRUE(chore.due(begin + 25ms, 10ms));
  EXPECT_FALSE(chore.due(begin + 34ms, 10ms)) << "what was missed is not made up for";
  EXPECT_TRUE(chore.due(begin + 35ms, 10ms));
}

TEST(Chore, is_due_at_once_where_it_is_hastened) {
  const core::MonotonicTime begin{1h};
  Chore chore;
  chore.due(begin, 10ms);
  chore.hasten();
  EXPECT_TRUE(chore.due(begin + 1ms, 10ms));
  EXPECT_FALSE(chore.due(begin + 2ms, 10ms));
}

TEST(Duties, are_due_each_by_itself) {
  const core::MonotonicTime begin{1h};
  Duties duties;
  for (const Duty duty : {Duty::kNoticeSilence, Duty::kAskWhatIsSpent}) {
    EXPECT_TRUE(duties[duty].due(begin, 10ms));
    EXPECT_FALSE(duties[duty].due(begin, 10ms));
  }
}

}  // namespace
}  // namespace resolute::tests::chore_test
