#include "orchestrator/store/store_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace resolute::tests::store_watch_test {
namespace {

using namespace orchestrator;
using std::chrono::milliseconds;
using std::chrono::seconds;
using namespace std::chrono_literals;

const core::MonotonicTime kBegin{std::chrono::hours(1)};

TEST(StoreWatch, pauses_at_the_first_error_and_asks_after_a_second_doubling_to_sixty) {
  StoreWatch watch;
  EXPECT_FALSE(watch.pause());
  EXPECT_FALSE(watch.probe_due(kBegin));
  EXPECT_TRUE(watch.failed("mkdir", kBegin));
  auto now = kBegin;
  for (const int wait : {1, 2, 4, 8, 16, 32, 60, 60, 60}) {
    ASSERT_TRUE(watch.pause());
    EXPECT_FALSE(watch.probe_due(now + seconds(wait) - milliseconds(1))) << wait;
    now += seconds(wait);
    EXPECT_TRUE(watch.probe_due(now)) << wait;
    EXPECT_FALSE(watch.failed("probe", now)) << "the pause has begun already";
  }
  EXPECT_EQ(watch.pause()->since, kBegin);
  EXPECT_EQ(watch.pause()->why, "probe");
  watch.answered(now);
  EXPECT_FALSE(watch.pause());
  EXPECT_FALSE(watch.probe_due(now + seconds(1000)));
  watch.failed("again", now + seconds(61));
  EXPECT_TRUE(watch.probe_due(now + seconds(62))) << "it was well for a minute: another trouble";
}

TEST(StoreWatch, counts_what_fails_between_two_probes_once) {
  StoreWatch watch;
  watch.failed("first", kBegin);
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(watch.failed("another", kBegin + milliseconds(i)));
  EXPECT_EQ(watch.pause()->why, "first");
  EXPECT_TRUE(watch.probe_due(kBegin + seconds(1)));
}

TEST(StoreWatch, waits_longer_where_a_probe_succeeds_and_nothing_else_does) {
  StoreWatch watch;
  watch.failed("mkdir", kBegin);
  watch.answered(kBegin + seconds(1));
  watch.failed("mkdir", kBegin + seconds(1));
  EXPECT_EQ(watch.pause()->since, kBegin);
  EXPECT_FALSE(watch.probe_due(kBegin + seconds(2)));
  EXPECT_TRUE(watch.probe_due(kBegin + seconds(3)));
  watch.answered(kBegin + seconds(3));
  EXPECT_TRUE(watch.doubtful());
  watch.worked();
  EXPECT_FALSE(watch.doubtful());
  watch.failed("mkdir", kBegin + seconds(10));
  EXPECT_TRUE(watch.probe_due(kBegin + seconds(11))) << "something was started: another trouble";
  EXPECT_EQ(watch.pause()->since, kBegin + seconds(10));
}

TEST(StoreWatch, waits_scale) {
  StoreWatch watch(0.01);
  watch.failed("mkdir", kBegin);
  EXPECT_FALSE(watch.probe_due(kBegin + milliseconds(9)));
  EXPECT_TRUE(watch.probe_due(kBegin + milliseconds(10)));
}

TEST(WhileStorageFails, calls_again_until_it_succeeds_with_waits_that_double_to_a_minute) {
  int calls = 0;
  std::vector<milliseconds> waits;
  while_storage_fails(
      [&] {
        if (++calls <= 8) throw core::system_error("x", ESTALE);
      },
      [] { return false; }, [&](milliseconds wait) { waits.push_back(wait); });
  EXPECT_EQ(calls, 9);
  EXPECT_THAT(waits, testing::ElementsAre(1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s));
}

TEST(WhileStorageFails, passes_on_what_another_call_would_not_mend_and_all_where_there_is_no_time) {
  int calls = 0;
  const auto never = [](milliseconds) { ADD_FAILURE() << "it waits"; };
  const auto fail = [&](int error_number) {
    return [&calls, error_number] {
      ++calls;
      throw core::system_error("x", error_number);
    };
  };
  EXPECT_THROW(while_storage_fails(
                   fail(EACCES), [] { return false; }, never),
               core::RuntimeError);
  EXPECT_THROW(while_storage_fails(
                   fail(EIO), [] { return true; }, never),
               core::RuntimeError);
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace resolute::tests::store_watch_test
