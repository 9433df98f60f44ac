#include "orchestrator/course/starting_attempts.h"

#include <gtest/gtest.h>

namespace resolute::tests::starting_attempts_test {
namespace {

using namespace orchestrator;

const JobIndex kJob{3}, kOther{4};

Prepared listener_at(int port) { return {{"0123", 2}, port, "10.0.0.1", ""}; }

TEST(StartingAttempts, launches_a_job_of_one_rank_once_it_has_its_files) {
  StartingAttempts starting;
  starting.begin(kJob, 2);
  EXPECT_TRUE(starting.makes_files(kJob, 2));
  EXPECT_FALSE(starting.makes_files(kJob, 1)) << "an earlier attempt";
  EXPECT_FALSE(starting.has_files(kJob, 2));
  EXPECT_FALSE(starting.launchable(kJob));
  EXPECT_EQ(starting.making_files(), 1);
  starting.files_made(kJob, false);
  EXPECT_FALSE(starting.makes_files(kJob, 2));
  EXPECT_TRUE(starting.has_files(kJob, 2));
  EXPECT_FALSE(starting.has_files(kJob, 1));
  EXPECT_EQ(starting.making_files(), 0);
  ASSERT_TRUE(starting.launchable(kJob));
  EXPECT_FALSE(starting.launch(kJob));
  EXPECT_FALSE(starting.starts(kJob));
  EXPECT_FALSE(starting.launchable(kJob)) << "it is launched once";
}

TEST(StartingAttempts, queues_a_gang_when_its_listener_is_known) {
  StartingAttempts starting;
  starting.begin(kJob, 2);
  starting.listen(kJob, listener_at(70));
  EXPECT_FALSE(starting.queued()) << "it has no files yet";
  starting.files_made(kJob, true);
  EXPECT_FALSE(starting.launchable(kJob));
  starting.listen(kJob, listener_at(71));
  starting.listen(kJob, listener_at(72));
  EXPECT_EQ(starting.take_queue(), std::vector<JobIndex>{kJob}) << "the first listener counts";
  EXPECT_FALSE(starting.queued());
  ASSERT_TRUE(starting.launchable(kJob));
  const auto listener = starting.launch(kJob);
  ASSERT_TRUE(listener);
  EXPECT_EQ(listener->port, 71);
}

TEST(StartingAttempts, waits_for_an_agent_only_while_a_gang_has_no_listener) {
  StartingAttempts starting;
  EXPECT_FALSE(starting.waits_for_store(kJob));
  starting.begin(kJob, 2);
  EXPECT_TRUE(starting.waits_for_store(kJob));
  starting.files_made(kJob, true);
  EXPECT_FALSE(starting.waits_for_store(kJob));
  starting.listen(kJob, listener_at(71));
  EXPECT_TRUE(starting.waits_for_store(kJob));
}

TEST(StartingAttempts, gives_up_in_each_phase_and_only_the_attempt_that_is_named) {
  for (const int phase : {0, 1, 2}) {
    StartingAttempts starting;
    starting.begin(kJob, 2);
    starting.begin(kOther, 2);
    if (phase > 0) starting.files_made(kJob, true);
    if (phase > 1) starting.listen(kJob, listener_at(71));
    EXPECT_FALSE(starting.give_up(kJob, 1)) << phase;
    EXPECT_TRUE(starting.starts(kJob)) << phase;
    EXPECT_TRUE(starting.give_up(kJob, 2)) << phase;
    EXPECT_FALSE(starting.give_up(kJob, 2)) << phase;
    EXPECT_FALSE(starting.launchable(kJob)) << "though it may stand in the queue";
    EXPECT_TRUE(starting.makes_files(kOther, 2)) << phase;
  }
}

TEST(StartingAttempts, begins_a_later_attempt_anew) {
  StartingAttempts starting;
  starting.begin(kJob, 2);
  starting.files_made(kJob, false);
  starting.forget(kJob);
  EXPECT_FALSE(starting.starts(kJob));
  starting.begin(kJob, 3);
  EXPECT_TRUE(starting.makes_files(kJob, 3));
  EXPECT_FALSE(starting.launchable(kJob));
}

}  // namespace
}  // namespace resolute::tests::starting_attempts_test
