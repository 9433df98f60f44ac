#include "orchestrator/course/jobs_at_work.h"

#include <gtest/gtest.h>

namespace resolute::tests::jobs_at_work_test {
namespace {

using namespace orchestrator;

TEST(JobsAtWork, are_at_work_once_an_attempt_has_its_files_and_until_all_are_forgotten) {
  JobsAtWork jobs;
  EXPECT_FALSE(jobs.any());
  jobs.begin({3}, 2);
  jobs.begin({4}, 1);
  EXPECT_TRUE(jobs.starting.makes_files({3}, 2));
  EXPECT_EQ(2, jobs.attempts.at({3}).number);
  EXPECT_FALSE(jobs.any()) << "their files are being made";
  jobs.starting.files_made({3}, false);
  EXPECT_TRUE(jobs.any());
  jobs.forget({3});
  EXPECT_FALSE(jobs.any());
  EXPECT_TRUE(jobs.starting.makes_files({4}, 1));
}

TEST(JobsAtWork, that_are_forgotten_may_still_settle) {
  JobsAtWork jobs;
  jobs.begin({3}, 1);
  jobs.settling.add({3});
  jobs.forget({3});
  EXPECT_EQ(nullptr, jobs.attempts.find({3}, 1));
  EXPECT_FALSE(jobs.starting.starts({3}));
  EXPECT_EQ(std::set<JobIndex>{{3}}, jobs.settling.all());
}

}  // namespace
}  // namespace resolute::tests::jobs_at_work_test
