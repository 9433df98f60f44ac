#include "orchestrator/course/planned_jobs.h"

#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>

namespace resolute::tests::planned_jobs_test {
namespace {

using namespace orchestrator;

PlannedJobs::Jobs three() {
  PlannedJobs::Jobs jobs(3);
  for (std::size_t i = 0; i < jobs.size(); ++i) jobs[i].id.hex = std::string(64, static_cast<char>('a' + i));
  return jobs;
}

TEST(PlannedJobs, finds_a_job_by_a_number_that_is_not_its_position) {
  PlannedJobs jobs(three());
  EXPECT_EQ(jobs.add({7}), 0U);
  EXPECT_EQ(jobs.add({2}), 1U);
  EXPECT_EQ(jobs.add({4}), 2U);
  EXPECT_EQ(jobs.numbers(), (std::vector<JobIndex>{{7}, {2}, {4}}));
  EXPECT_EQ(jobs.at({2}).id.hex.front(), 'b');
  EXPECT_EQ(jobs.position_of({4}), 2U);
}

TEST(PlannedJobs, refuses_numbers_of_earlier_plans_and_those_of_none) {
  PlannedJobs jobs(three());
  jobs.add({5});
  EXPECT_THROW(jobs.at({3}), std::out_of_range);
  EXPECT_THROW(jobs.at({6}), std::out_of_range);
}

TEST(PlannedJobs, lives_on_with_what_was_shared) {
  std::optional<PlannedJobs> jobs(three());
  jobs->add({0});
  const auto shared = jobs->share({0});
  EXPECT_EQ(shared.get(), &jobs->at({0})) << "no copy";
  EXPECT_EQ(jobs->share_all()->size(), jobs->size());
  jobs.reset();
  EXPECT_EQ(shared->id.hex.front(), 'a');
}

}  // namespace
}  // namespace resolute::tests::planned_jobs_test
