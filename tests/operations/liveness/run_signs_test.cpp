#include "operations/liveness/run_signs.h"

#include <gtest/gtest.h>

namespace resolute::tests::run_signs_test {
namespace {

using namespace operations;
using slurm::JobState;

const slurm::Time kNoon = std::chrono::sys_days(std::chrono::year(2026) / 1 / 31) + std::chrono::hours(12);
constexpr const char* kName = "resolute-tiny-0123456789ab-1";

StoredSubmission submitted() {
  StoredBatch batch;
  batch.batch.job_name = kName;
  batch.generation = 0;
  batch.known = {{12, "", kNoon}};
  StoredSubmission submission;
  submission.request.suite = "tiny";
  submission.batches = {batch};
  return submission;
}

slurm::QueuedJob queued(JobState state) {
  slurm::QueuedJob job;
  job.id = 12;
  job.state = state;
  job.name = kName;
  return job;
}

//! One run, of allocation 1, of which nothing has been heard for `silence`.
struct SilentRun {
  explicit SilentRun(std::chrono::seconds silence) {
    status.live = true;
    status.runs = {{"tiny", 1, true}};
    status.jobs.running = 2;
    signs["tiny"].silence = silence;
    signs["tiny"].running = 2;
  }
  bool live_after(const std::vector<StoredSubmission>& submissions, const SlurmAnswer& answer) const {
    auto corrected = status;
    correct(corrected, submissions, answer, signs);
    EXPECT_EQ(corrected.jobs.running, corrected.live ? 2 : 0);
    EXPECT_EQ(corrected.jobs.ready, corrected.live ? 0 : 2);
    EXPECT_EQ(corrected.runs[0].live, corrected.live);
    return corrected.live;
  }
  operations::SuiteStatus status;
  RunSigns signs;
};

TEST(RunSigns, a_silent_run_whose_job_slurm_says_is_over_is_not_at_work) {
  const SilentRun run(std::chrono::minutes(1));
  EXPECT_FALSE(run.live_after({submitted()}, {}));
  EXPECT_FALSE(run.live_after({submitted()}, {{queued(JobState::kNodeFail)}, {}}));
  EXPECT_FALSE(run.live_after({submitted()}, {{queued(JobState::kPending)}, {}})) << "it was requeued";
  EXPECT_TRUE(run.live_after({submitted()}, {{queued(JobState::kRunning)}, {}}));
  EXPECT_TRUE(run.live_after({submitted()}, {{queued(JobState::kCompleting)}, {}}));
  EXPECT_TRUE(run.live_after({submitted()}, {{}, "Socket timed out"})) << "nobody knows";
  EXPECT_TRUE(run.live_after({}, {})) << "it was not submitted";
  auto other = submitted();
  other.other_user = "anna";
  EXPECT_TRUE(run.live_after({other}, {})) << "SLURM does not tell us of it";
  auto second = submitted();
  second.batches[0].batch.first_allocation = 2;
  auto renamed = submitted();
  renamed.request.suite = "before";
  EXPECT_FALSE(run.live_after({renamed}, {})) << "the suite had another name when it was submitted";
  EXPECT_TRUE(run.live_after({second}, {})) << "its allocation is none of the submission's";
  EXPECT_TRUE(SilentRun(std::chrono::seconds(3)).live_after({submitted()}, {})) << "it was heard of";
  const SilentRun young(std::chrono::seconds(8));
  EXPECT_TRUE(young.live_after({submitted()}, {})) << "SLURM may not show its job yet";
  EXPECT_TRUE(young.live_after({submitted()}, {{queued(JobState::kNodeFail)}, {}})) << "its processes may live";
  for (const JobState state : {JobState::kCancelled, JobState::kFailed, JobState::kTimeout})
    EXPECT_FALSE(young.live_after({submitted()}, {{queued(state)}, {}})) << "SLURM has ended its processes";
  SilentRun here(std::chrono::minutes(1));
  here.signs["tiny"].local = true;
  EXPECT_TRUE(here.live_after({submitted()}, {})) << "its process is there";
}

TEST(RunSigns, a_job_at_work_that_says_nothing_for_minutes_may_have_lost_its_first_node) {
  auto job = queued(JobState::kRunning);
  job.begin = kNoon;
  auto views = join({submitted()}, {{job}, {}}, false);
  advise_on_silence(views, "tiny", SilentRun(std::chrono::minutes(2)).signs, kNoon + std::chrono::hours(1));
  EXPECT_EQ(views[0].advice, "");
  advise_on_silence(views, "tiny", SilentRun(std::chrono::minutes(7)).signs, kNoon + std::chrono::minutes(1));
  EXPECT_EQ(views[0].advice, "") << "its last start was silent";
  advise_on_silence(views, "tiny", SilentRun(std::chrono::minutes(7)).signs, kNoon + std::chrono::hours(1));
  EXPECT_EQ(views[0].advice, "has said nothing for 7 min; if its first node is down: `scontrol requeue 12`");
}

}  // namespace
}  // namespace resolute::tests::run_signs_test
