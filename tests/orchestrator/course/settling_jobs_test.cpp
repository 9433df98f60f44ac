#include "orchestrator/course/settling_jobs.h"

#include <gtest/gtest.h>

namespace resolute::tests::settling_jobs_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;

const core::MonotonicTime kBegin{1h};
using Jobs = std::vector<JobIndex>;

TEST(SettlingJobs, looks_for_each_once_at_a_time) {
  SettlingJobs settling;
  settling.add({3});
  settling.add({1});
  EXPECT_EQ(settling.begin_looks(kBegin), (Jobs{{1}, {3}}));
  settling.add({3});
  EXPECT_EQ(settling.begin_looks(kBegin), Jobs()) << "both looks are under way";
  EXPECT_TRUE(settling.end_look({3}));
  EXPECT_EQ(settling.begin_looks(kBegin), Jobs{{3}}) << "the store failed the look";
  EXPECT_EQ(settling.all(), (std::set<JobIndex>{{1}, {3}}));
}

TEST(SettlingJobs, gives_a_result_that_is_not_seen_its_time) {
  SettlingJobs settling;
  settling.add({1});
  settling.begin_looks(kBegin);
  settling.end_look({1});
  EXPECT_TRUE(settling.look_again({1}, kBegin, 2s));
  EXPECT_EQ(settling.begin_looks(kBegin + 19ms), Jobs());
  EXPECT_EQ(settling.begin_looks(kBegin + 20ms), Jobs{{1}});
  settling.end_look({1});
  EXPECT_TRUE(settling.look_again({1}, kBegin + 1999ms, 2s)) << "the time counts from the first look";
  EXPECT_FALSE(settling.look_again({1}, kBegin + 2s, 2s));
}

TEST(SettlingJobs, keeps_those_that_still_settle) {
  SettlingJobs settling;
  for (int job : {1, 2, 3}) settling.add({job});
  settling.keep([](JobIndex job) { return job.value != 2; });
  EXPECT_EQ(settling.all(), (std::set<JobIndex>{{1}, {3}}));
}

TEST(SettlingJobs, knows_that_a_job_was_settled_while_a_look_was_under_way) {
  SettlingJobs settling;
  settling.add({1});
  settling.begin_looks(kBegin);
  settling.remove({1});
  EXPECT_FALSE(settling.end_look({1}));
  EXPECT_EQ(settling.all(), std::set<JobIndex>());
}

}  // namespace
}  // namespace resolute::tests::settling_jobs_test
