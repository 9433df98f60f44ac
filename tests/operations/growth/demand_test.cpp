#include "operations/growth/demand.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operations/submissions/batches.h"
#include "tests/operations/support/sample_submissions.h"

namespace resolute::operations::demand_test {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using operations::JobStanding;
using settings::JobKind;
using slurm::EndCause;
using slurm::JobState;
using tests::kNoon;

StoredBatch on_demand() {
  StoredBatch batch = tests::submitted().batches.front();
  batch.batch.on_demand = true;
  batch.last = batch.known.front();
  return batch;
}
Presence presence(const StoredBatch& batch, const std::vector<slurm::QueuedJob>& jobs = {},
                  Pardon pardon = Pardon::kNo) {
  std::vector<const slurm::QueuedJob*> queued;
  for (const auto& job : jobs) queued.push_back(&job);
  return presence_of(batch, queued, pardon);
}

TEST(Presence, is_free_before_the_first_generation_and_where_an_intent_has_no_answer) {
  StoredBatch batch = on_demand();
  batch.last = slurm::Intended{};
  EXPECT_EQ(presence(batch), Presence::kFree);
  batch.generation = -1;
  batch.last = slurm::NeverTried{};
  EXPECT_EQ(presence(batch), Presence::kFree);
}

TEST(Presence, is_what_slurm_says_while_it_has_the_job) {
  EXPECT_EQ(presence(on_demand(), {tests::queued(JobState::kPending)}), Presence::kWaits);
  EXPECT_EQ(presence(on_demand(), {tests::queued(JobState::kPending, "JobHeldUser")}), Presence::kWaits);
  EXPECT_EQ(presence(on_demand(), {tests::queued(JobState::kRunning)}), Presence::kRuns);
  EXPECT_EQ(presence(on_demand(), {tests::queued(JobState::kCompleting)}), Presence::kRuns);
}

TEST(Presence, of_a_job_that_is_gone_is_free_only_where_it_ended_for_want_of_work) {
  StoredBatch batch = on_demand();
  EXPECT_EQ(presence(batch), Presence::kBarred) << "somebody cancelled it while it waited, or SLURM lost it";
  for (const auto cause : {EndCause::kCancelled, EndCause::kConfiguration, EndCause::kTerminated}) {
    batch.runs = {tests::run(cause)};
    EXPECT_EQ(presence(batch), Presence::kBarred);
    EXPECT_EQ(presence(batch, {}, Pardon::kYes), Presence::kFree);
  }
  batch.runs = {tests::run(EndCause::kIdle)};
  EXPECT_EQ(presence(batch), Presence::kFree);
  batch.generation = 1;
  EXPECT_EQ(presence(batch), Presence::kBarred) << "the next generation has not begun, and SLURM has it no more";
  batch.last = slurm::Refused{"Invalid account"};
  EXPECT_EQ(presence(batch), Presence::kBarred);
  EXPECT_EQ(presence(batch, {}, Pardon::kYes), Presence::kFree);
}

TEST(Presence, is_barred_where_it_began_in_vain_again_and_again) {
  StoredBatch batch = on_demand();
  batch.runs.assign(kMostInVain, tests::run(EndCause::kIdle));
  batch.runs.back() = tests::run(EndCause::kIncomplete);
  EXPECT_EQ(presence(batch), Presence::kBarred);
  batch.runs[1].after.results = 1;
  EXPECT_EQ(presence(batch), Presence::kFree);
}

TEST(JobsThatGoOn, are_those_whose_script_has_not_written_its_end_yet) {
  StoredBatch batch = on_demand();
  EXPECT_EQ(jobs_that_go_on(batch, {tests::queued(JobState::kRunning)}).size(), 1U);
  EXPECT_THAT(jobs_that_go_on(batch, {tests::queued(JobState::kCompleted)}), IsEmpty());
  batch.runs = {tests::run(EndCause::kIdle)};
  EXPECT_THAT(jobs_that_go_on(batch, {tests::queued(JobState::kRunning)}), IsEmpty())
      << "its script has seconds to live";
  batch.generation = 1;
  EXPECT_EQ(jobs_that_go_on(batch, {tests::queued(JobState::kPending)}).size(), 1U) << "it queued itself again";
}

TEST(QueueWait, is_the_median_of_the_last_begins_or_longer_where_one_waits_longer_now) {
  StoredBatch batch = on_demand();
  EXPECT_EQ(queue_wait_of({&batch}, {}, kNoon), std::nullopt);
  batch.known.clear();
  for (int i = 0; i < 7; ++i) {
    batch.known.push_back({i + 1, "", kNoon + i * 1h});
    batch.runs.push_back(tests::run());
    batch.runs.back().job = i + 1;
    // 0, 10, 20, …, 60 minutes: of the last five the median is 40
    batch.runs.back().slurm_begin = kNoon + i * 1h + i * 10min;
  }
  batch.runs.push_back(batch.runs.back());
  batch.runs.back().restart = 1;  // whose wait since the requeue is not known
  batch.runs.back().slurm_begin = kNoon + 24h;
  EXPECT_EQ(queue_wait_of({&batch}, {}, kNoon + 24h), 40min);
  auto waiting = tests::queued(JobState::kPending);
  waiting.submitted = kNoon + 23h;
  EXPECT_EQ(queue_wait_of({&batch}, {waiting}, kNoon + 23h + 5min), 40min);
  EXPECT_EQ(queue_wait_of({&batch}, {waiting}, kNoon + 24h), 1h);
  waiting.name = "another";
  EXPECT_EQ(queue_wait_of({&batch}, {waiting}, kNoon + 24h), 40min);
}

// A shard, its seal, two trainings of two ranks, an evaluation of each.
experiments::Plan small_plan() {
  experiments::Plan plan;
  plan.suite = "tiny";
  const auto add = [&](const char* id, const experiments::JobSpecification& specification, int slots) {
    experiments::PlannedJob job;
    job.id = {id};
    job.specification = specification;
    job.slots = slots;
    plan.jobs.push_back(job);
  };
  add("a", experiments::ShardSpecification{}, 1);
  add("b", experiments::SealSpecification{}, 1);
  add("c1", experiments::TrainingSpecification{}, 2);
  add("c2", experiments::TrainingSpecification{}, 2);
  add("d1", experiments::EvaluationSpecification{}, 1);
  add("d2", experiments::EvaluationSpecification{}, 1);
  return plan;
}

struct Demands {
  experiments::Plan plan = small_plan();
  StoredSubmission submission;
  std::vector<JobStanding> standings{JobStanding::kSucceeded, JobStanding::kSucceeded, JobStanding::kReady,
                                     JobStanding::kReady,     JobStanding::kWaiting,   JobStanding::kWaiting};
  std::vector<orchestrator::ExpectedPath> expected = std::vector<orchestrator::ExpectedPath>(6);

  explicit Demands(const std::vector<Pool>& pools) {
    submission.request.token = "0123456789ab";
    submission.request.resources.nodes = 2;
    submission.request.resources.cpus_per_node = 4;
    submission.request.resources.time = 1h;
    submission.request.batches = batches_of("tiny", "0123456789ab", pools);
    for (const auto& batch : submission.request.batches) submission.batches.push_back({batch, "/folder"});
    for (auto& path : expected) path.expected_ms = 600'000, path.learned = true;
  }
  std::vector<PoolDemand> of(Pardon pardon = Pardon::kNo) const {
    return demands_of(submission, {}, {plan, standings, expected}, kNoon, pardon);
  }
};

TEST(Demands, count_what_is_ready_for_each_pool_and_what_its_allocations_can_do) {
  slurm::Resources small;
  small.cpus_per_node = 1;
  small.time = 10min;
  const Demands demands({{{JobKind::kPack, JobKind::kEvaluation}, {small}, 0, 1}, {{JobKind::kTraining}, {}, 1, 3}});
  const auto pools = demands.of();
  ASSERT_EQ(pools.size(), 2U);
  EXPECT_THAT(pools[0].kinds, ElementsAre(JobKind::kPack, JobKind::kEvaluation));
  EXPECT_EQ(pools[0].ready_jobs, 0);
  EXPECT_EQ(pools[0].ready_work, std::nullopt);
  ASSERT_EQ(pools[0].batches.size(), 1U);
  EXPECT_EQ(pools[0].batches[0].ranks, 1);
  EXPECT_EQ(pools[0].batches[0].size, 600);
  EXPECT_EQ(pools[1].ready_jobs, 2);
  EXPECT_EQ(pools[1].ready_ranks, 4);
  EXPECT_EQ(pools[1].ready_work, 40min) << "two jobs of ten minutes on two ranks";
  EXPECT_EQ(pools[1].most, 3);
  ASSERT_EQ(pools[1].batches.size(), 3U);
  EXPECT_FALSE(pools[1].batches[0].on_demand);
  EXPECT_TRUE(pools[1].batches[1].on_demand);
  EXPECT_EQ(pools[1].batches[1].ranks, 8) << "four processors of each of two nodes";
  EXPECT_EQ(pools[1].batches[1].size, 7200);
}

TEST(Demands, know_nothing_of_the_time_where_a_job_is_new) {
  Demands demands({{{}, {}, 1, 2}});
  demands.expected[3].learned = false;
  EXPECT_EQ(demands.of().at(0).ready_work, std::nullopt);
  demands.submission.request.slots = 3;
  EXPECT_EQ(demands.of().at(0).batches[1].ranks, 6) << "what was typed counts before what is asked of SLURM";
}

TEST(Demands, on_gpus_count_gpus) {
  Demands demands({{{}, {}, 0, 2}});
  demands.submission.request.resources.gpus_per_node = 8;
  EXPECT_EQ(demands.of().at(0).batches[0].ranks, 8) << "trainings on processors";
  std::get<experiments::TrainingSpecification>(demands.plan.jobs[2].specification).device = experiments::Device::kCuda;
  EXPECT_EQ(demands.of().at(0).batches[0].ranks, 16);
  demands.submission.request.jobs_per_gpu = 3;
  EXPECT_EQ(demands.of().at(0).batches[0].ranks, 48) << "places of jobs that share them";
}

TEST(Demands, leave_out_pools_whose_allocations_are_all_kept) {
  EXPECT_THAT(Demands({{{}, {}, 2, 2}}).of(), IsEmpty());
}

TEST(NextGenerations, are_of_kept_batches_only_where_they_are_pardoned_and_slurm_has_none) {
  StoredSubmission submission = tests::submitted();
  StoredBatch& batch = submission.batches.front();
  batch.last = batch.known.front();
  const auto next = [&](const std::vector<slurm::QueuedJob>& queued, Pardon pardon = Pardon::kYes) {
    std::vector<int> generations;
    for (const NextGeneration& one : next_generations(submission, queued, {}, pardon))
      generations.push_back(one.generation);
    return generations;
  };
  EXPECT_THAT(next({}), ElementsAre(1)) << "SLURM has lost it";
  EXPECT_THAT(next({}, Pardon::kNo), IsEmpty());
  EXPECT_THAT(next({tests::queued(JobState::kPending)}), IsEmpty());
  EXPECT_THAT(next({tests::queued(JobState::kCompleting)}), IsEmpty());
  EXPECT_THAT(next({tests::queued(JobState::kCancelled)}), ElementsAre(1));
  batch.last = slurm::Refused{"Invalid account"};
  EXPECT_THAT(next({}), ElementsAre(1));
  batch.last = slurm::Intended{};
  EXPECT_THAT(next({}), ElementsAre(0)) << "another try settles it";
  EXPECT_THAT(next({tests::queued(JobState::kPending)}), ElementsAre(0)) << "that settles whose the job is";
  batch.generation = -1;
  batch.last = slurm::NeverTried{};
  EXPECT_THAT(next({}), ElementsAre(0));
}

TEST(NextGenerations, on_demand_come_after_the_kept_ones_which_count_as_waiting) {
  const Demands demands({{{}, {}, 1, 3}});
  const auto batches_of = [&](Pardon pardon) {
    std::vector<int> batches;
    for (const NextGeneration& one : next_generations(demands.submission, {}, demands.of(pardon), pardon)) {
      batches.push_back(one.batch->batch.number);
      EXPECT_EQ(one.why.empty(), !one.batch->batch.on_demand);
    }
    return batches;
  };
  EXPECT_THAT(batches_of(Pardon::kYes), ElementsAre(1, 2)) << "two jobs are ready";
  EXPECT_THAT(batches_of(Pardon::kNo), ElementsAre(2, 3));
}

TEST(HasWork, looks_for_what_a_run_of_the_batch_would_start) {
  Demands demands({{{JobKind::kPack}, {}, 0, 1}, {{JobKind::kTraining}, {}, 0, 1}});
  const auto& batches = demands.submission.request.batches;
  EXPECT_FALSE(has_work(batches[0], demands.plan, demands.standings));
  EXPECT_TRUE(has_work(batches[1], demands.plan, demands.standings));
  demands.standings[0] = JobStanding::kFailed;
  EXPECT_TRUE(has_work(batches[0], demands.plan, demands.standings)) << "it is tried once more";
  demands.plan.jobs[1].after = {{"a"}};
  demands.standings[1] = JobStanding::kCancelled;
  EXPECT_FALSE(would_be_tried_again(demands.plan, demands.standings, 1)) << "what it needs has failed";
  demands.standings[0] = JobStanding::kSucceeded;
  EXPECT_TRUE(would_be_tried_again(demands.plan, demands.standings, 1));
  EXPECT_FALSE(would_be_tried_again(demands.plan, demands.standings, 2)) << "it is ready";
}

}  // namespace
}  // namespace resolute::operations::demand_test
