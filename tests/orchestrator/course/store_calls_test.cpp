#include "orchestrator/course/store_calls.h"

#include <gtest/gtest.h>

namespace resolute::tests::store_calls_test {
namespace {

using namespace orchestrator;

TEST(StoreCalls, begins_a_call_again_only_after_its_end) {
  StoreCalls calls;
  EXPECT_FALSE(calls.has(StoreCall::kSync));
  EXPECT_TRUE(calls.begin(StoreCall::kSync));
  EXPECT_TRUE(calls.has(StoreCall::kSync));
  EXPECT_FALSE(calls.begin(StoreCall::kSync));
  calls.end(StoreCall::kSync);
  EXPECT_FALSE(calls.has(StoreCall::kSync));
  EXPECT_TRUE(calls.begin(StoreCall::kSync));
}

TEST(StoreCalls, holds_no_call_up_for_another) {
  StoreCalls calls;
  calls.begin(StoreCall::kProbe);
  EXPECT_TRUE(calls.begin(StoreCall::kReadRequests));
  calls.end(StoreCall::kProbe);
  EXPECT_TRUE(calls.has(StoreCall::kReadRequests));
  EXPECT_FALSE(calls.has(StoreCall::kProbe));
}

}  // namespace
}  // namespace resolute::tests::store_calls_test
