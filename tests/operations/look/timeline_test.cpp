#include "operations/look/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/orchestrator/support/read_journals.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::timeline_test {
namespace {

using namespace operations;
using namespace orchestrator;
using testing::ElementsAre;

Instant at(int second) { return Instant(std::chrono::seconds(1'700'000'000 + second)); }
experiments::JobId id(char digit) { return {"abcd" + std::string(60, digit)}; }
JobAdded added(int number, char digit, bool gpus = false) {
  JobAdded job;
  job.job = {number};
  job.id = id(digit);
  job.gpus = gpus;
  return job;
}
AgentJoined joined(int number, const std::string& host) { return {{number}, host, 4, 4, 0, ""}; }
Placed placed(int job, int attempt, Placement placement) { return {{job}, attempt, std::move(placement), -1, "", {}}; }
AttemptEnded ended(int job, int attempt, Cause cause) { return {{job}, attempt, cause, "it said so", false, {}, ""}; }

//! "d@node 1 2+0 3-7 done": the job's digit, node, slots and GPUs, begin and end in seconds, outcome.
std::vector<std::string> lines_of(const Timeline& timeline) {
  const auto seconds = [](Instant when) { return (when - at(0)) / std::chrono::seconds(1); };
  std::vector<std::string> lines;
  for (const TimelineAttempt& one : timeline.attempts)
    lines.push_back(fmt::format("{}{}@{} {}+{} {}-{} {}", one.job.hex.back(), one.attempt, timeline.hosts.at(one.node),
                                one.slots, one.gpus, seconds(one.begin),
                                one.end ? fmt::to_string(seconds(*one.end)) : "", name_of(one.outcome)));
  return lines;
}

//! Records of one allocation, a second apart; a run's begin is a new epoch.
struct Records {
  TimelineOfRecords timeline{State{}};
  std::int64_t epoch = 0;
  int second = 0;

  Records& operator<<(const Event& event) {
    timeline.take(epoch, at(++second), event);
    return *this;
  }
};

TEST(Timeline, what_somebody_stopped_or_another_run_has_is_no_failure) {
  EXPECT_EQ(kind_of(AttemptHeldElsewhere()), "elsewhere");
  EXPECT_EQ(kind_of(Cause::kClaimLost), "elsewhere");
  for (const Cause cause : {Cause::kInterrupted, Cause::kPreempted, Cause::kWalltime, Cause::kCancelled})
    EXPECT_EQ(kind_of(cause), "stopped");
  for (const Cause cause : {Cause::kSignal, Cause::kOutOfMemory, Cause::kAgentLost, Cause::kCoordinatorLost})
    EXPECT_EQ(kind_of(cause), "failed");
  EXPECT_EQ(kind_of(AttemptDone()), "done");
  EXPECT_EQ(kind_of(AttemptOutcome()), "running");
}

TEST(Timeline, an_attempt_lasts_from_its_placement_to_its_end_and_each_retry_is_its_own) {
  Records records;
  records << RunStarted{} << added(0, 'a') << joined(0, "east") << placed(0, 1, {{{0}, 2}}) << Started{{0}, 1}
          << ended(0, 1, Cause::kOutOfMemory) << placed(0, 2, {{{0}, 2}}) << ended(0, 2, Cause::kSignal)
          << placed(0, 3, {{{0}, 2}}) << JobSucceeded{{0}, 3} << RunEnded{RunEnd::kComplete, "all done"};
  const Timeline timeline = records.timeline.finish(false);
  EXPECT_THAT(lines_of(timeline),
              ElementsAre("a1@east 2+0 4-6 out-of-memory", "a2@east 2+0 7-8 signal", "a3@east 2+0 9-10 done"));
  EXPECT_EQ(timeline.attempts[0].words, "it said so");
  ASSERT_EQ(timeline.runs.size(), 1U);
  EXPECT_EQ(timeline.runs[0].words, "complete; all done");
  EXPECT_EQ(run_seconds(timeline), 10);
  EXPECT_EQ(slot_seconds(timeline), 2 * (2 + 1 + 1));
}

TEST(Timeline, a_gang_has_a_part_on_each_host_and_agents_of_one_host_share_it) {
  Records records;
  records << RunStarted{} << added(0, 'a', true) << joined(0, "east") << joined(1, "west") << joined(2, "east")
          << placed(0, 1, {{{1}, 3}, {{2}, 1}}) << JobSucceeded{{0}, 1};
  const Timeline timeline = records.timeline.finish(true);
  EXPECT_THAT(timeline.hosts, ElementsAre("east", "west"));
  EXPECT_THAT(lines_of(timeline), ElementsAre("a1@west 3+3 6-7 done", "a1@east 1+1 6-7 done"));
  EXPECT_EQ(gpu_seconds(timeline), 4);
}

TEST(Timeline, shares_of_several_agents_on_one_host_are_one_part_there) {
  Records records;
  records << RunStarted{} << added(0, 'a', true) << joined(0, "east") << joined(1, "east") << joined(2, "west")
          << placed(0, 1, {{{0}, 2}, {{2}, 1}, {{1}, 1}}) << JobSucceeded{{0}, 1};
  const Timeline timeline = records.timeline.finish(false);
  EXPECT_THAT(lines_of(timeline), ElementsAre("a1@east 3+3 6-7 done", "a1@west 1+1 6-7 done"));
  EXPECT_EQ(slot_seconds(timeline), 4);
}

TEST(Timeline, hosts_stand_in_the_order_in_which_they_joined_whoever_is_left_at_the_end) {
  State known;
  known.agents[{1}].host = "west";
  known.agents[{2}].host = "north";
  Records records{.timeline = TimelineOfRecords(known)};
  records << RunStarted{} << joined(0, "east") << joined(1, "west");
  EXPECT_THAT(records.timeline.finish(true).hosts, ElementsAre("east", "west", "north"));
}

TEST(Timeline, a_result_that_was_there_before_is_no_attempt) {
  Records records;
  records << RunStarted{} << added(0, 'a') << JobSucceeded{{0}, 0};
  EXPECT_TRUE(records.timeline.finish(false).attempts.empty());
}

TEST(Timeline, what_is_open_runs_while_its_run_may_live_and_was_lost_with_it_otherwise) {
  Records records;
  records << RunStarted{} << added(0, 'a') << joined(0, "east") << placed(0, 1, {{{0}, 1}}) << Started{{0}, 1};
  const Timeline live = records.timeline.finish(true);
  EXPECT_THAT(lines_of(live), ElementsAre("a1@east 1+0 4- running"));
  EXPECT_TRUE(live.runs[0].going_on);
  EXPECT_EQ(slot_seconds(live), 1) << "up to the last record";
  const Timeline dead = records.timeline.finish(false);
  EXPECT_THAT(lines_of(dead), ElementsAre("a1@east 1+0 4-5 coordinator-lost"));
  EXPECT_FALSE(dead.runs[0].going_on);
  EXPECT_EQ(dead.runs[0].words, "fell silent");
}

TEST(Timeline, what_a_lost_run_left_ends_with_its_own_last_record_not_with_the_next_runs_first) {
  Records records;
  records << RunStarted{} << added(0, 'a') << joined(0, "east") << placed(0, 1, {{{0}, 1}}) << Started{{0}, 1};
  records.epoch = 2;
  records.second = 100;
  records << AgentLost{{0}, "gone"} << ended(0, 1, Cause::kCoordinatorLost) << RunStarted{} << joined(1, "west")
          << placed(0, 2, {{{1}, 1}}) << JobSucceeded{{0}, 2};
  const Timeline timeline = records.timeline.finish(true);
  EXPECT_THAT(lines_of(timeline), ElementsAre("a1@east 1+0 4-5 coordinator-lost", "a2@west 1+0 105-106 done"));
  ASSERT_EQ(timeline.runs.size(), 2U);
  EXPECT_EQ(timeline.runs[0].end, at(5));
  EXPECT_EQ(timeline.runs[1].begin, at(103));
}

TEST(Timeline, a_run_that_is_taken_over_no_longer_goes_on_though_the_next_has_not_begun_yet) {
  Records records;
  records << RunStarted{} << added(0, 'a') << joined(0, "east") << placed(0, 1, {{{0}, 1}}) << Started{{0}, 1};
  records.epoch = 2;
  records.second = 100;
  records << AgentLost{{0}, "gone"};
  const Timeline timeline = records.timeline.finish(true);
  EXPECT_THAT(lines_of(timeline), ElementsAre("a1@east 1+0 4-5 coordinator-lost"));
  EXPECT_FALSE(timeline.runs[0].going_on);
  EXPECT_EQ(timeline.runs[0].words, "fell silent");
  EXPECT_EQ(run_seconds(timeline), 4);
}

TEST(Timeline, what_nobody_ended_is_over_when_the_next_run_begins) {
  Records records;
  records << RunStarted{} << added(0, 'a') << joined(0, "east") << placed(0, 1, {{{0}, 1}}) << Started{{0}, 1};
  records.epoch = 2;
  records.second = 100;
  records << RunStarted{} << joined(1, "east");
  EXPECT_THAT(lines_of(records.timeline.finish(true)), ElementsAre("a1@east 1+0 4-5 coordinator-lost"));
}

TEST(Timeline, records_of_journals_that_are_gone_are_made_up_for_by_what_is_known_or_left_out) {
  State known;
  known.numbers[id('a').hex] = {0};
  known.jobs.resize(1);
  known.agents[{0}].host = "east";
  TimelineOfRecords records(known);
  records.take(3, at(1), JobSucceeded{{0}, 4});  // placed in a journal that is gone
  records.take(3, at(2), placed(0, 5, {{{0}, 2}, {{7}, 1}}));
  records.take(3, at(3), placed(1, 1, {{{0}, 2}}));
  records.take(3, at(4), JobSucceeded{{0}, 5});
  EXPECT_THAT(lines_of(records.finish(false)), ElementsAre("a5@east 2+0 2-4 done"));
}

TEST(Timeline, a_placement_that_is_taken_back_for_another_runs_sake_says_so) {
  Records records;
  records << RunStarted{} << added(0, 'a') << joined(0, "east") << placed(0, 1, {{{0}, 1}})
          << HeldElsewhere{{0}, 1, {}, "another suite has it"};
  EXPECT_THAT(lines_of(records.timeline.finish(true)), ElementsAre("a1@east 1+0 4-5 held elsewhere"));
  // Every few seconds, for as long as that takes, and under one number: the attempt was none.
  for (int again = 0; again < 3; ++again)
    records << placed(0, 1, {{{0}, 1}}) << HeldElsewhere{{0}, 1, {}, "another suite has it"};
  records << placed(0, 1, {{{0}, 1}}) << JobSucceeded{{0}, 1};
  EXPECT_THAT(lines_of(merged({records.timeline.finish(true)})),
              ElementsAre("a1@east 1+0 10-11 held elsewhere", "a1@east 1+0 12-13 done"));
}

TEST(Timeline, allocations_merge_in_the_order_of_time_with_one_node_a_host) {
  Records first, second;
  first << RunStarted{} << added(0, 'a') << joined(0, "east") << placed(0, 1, {{{0}, 1}}) << JobSucceeded{{0}, 1};
  second << RunStarted{} << added(0, 'b') << added(1, 'c') << joined(0, "west") << joined(1, "east");
  second.second = 3;
  second << placed(1, 1, {{{1}, 1}}) << placed(0, 1, {{{0}, 1}}) << JobSucceeded{{0}, 1} << JobSucceeded{{1}, 1};
  const Timeline timeline = merged({first.timeline.finish(false), second.timeline.finish(false)});
  EXPECT_THAT(timeline.hosts, ElementsAre("east", "west"));
  EXPECT_THAT(lines_of(timeline), ElementsAre("a1@east 1+0 4-5 done", "c1@east 1+0 4-7 done", "b1@west 1+0 5-6 done"));
}

TEST(Timeline, counts_the_gpus_that_are_set_aside_while_nothing_holds_them) {
  Records records;
  const auto aside = [&] { return records.timeline.finish(true).runs.back().aside_gpu_seconds; };
  const auto now = [&] { return records.timeline.finish(true).runs.back().gpus_aside; };
  records << RunStarted{} << added(0, 'a', true) << joined(0, "east") << joined(1, "west");
  EXPECT_EQ(now(), 0);
  records << GpuSetAside{{0}, "GPU-1", at(90), "ECC"} << GpuSetAside{{0}, "GPU-1", at(90), "ECC"};
  EXPECT_EQ(now(), 1) << "told twice, it is one GPU";
  records << GpuReturned{{0}, "GPU-1"};
  EXPECT_EQ(aside(), 2);
  records << placed(0, 1, {{{1}, 3}}) << HostSetAside{"west", at(90), "x"};
  EXPECT_EQ(now(), 1) << "what runs there goes on";
  records << JobSucceeded{{0}, 1};
  EXPECT_EQ(now(), 4);
  EXPECT_EQ(aside(), 3);
  records << GpuSetAside{{1}, "GPU-2", at(90), "ECC"} << HostReturned{"west"};
  EXPECT_EQ(aside(), 11);
  EXPECT_EQ(now(), 1);
  records << AgentLost{{1}, "x"};
  EXPECT_EQ(now(), 0);
  records << HostExcluded{"east", "x"} << HostDrained{"east", true, "x"} << HostDrained{"east", false, "x"};
  EXPECT_EQ(aside(), 11 + 1 + 4 + 4);
  EXPECT_EQ(now(), 0);
  records << GpuSetAside{{0}, "GPU-1", at(90), "ECC"} << RunEnded{RunEnd::kComplete, ""} << added(1, 'b');
  EXPECT_EQ(records.timeline.finish(false).runs.back().aside_gpu_seconds, 21);
}

TEST(Timeline, an_hour_of_a_gpu_that_jobs_share_counts_once) {
  Records records;
  records << RunStarted{} << added(0, 'a', true) << added(1, 'b', true) << added(2, 'c', true) << joined(0, "node")
          << GpusShared{{0}, 2, {"0", "1", "2", "3"}} << placed(0, 1, {{{0}, 1}}) << placed(1, 1, {{{0}, 2}})
          << placed(2, 1, {{{0}, 1}});
  records << ended(2, 1, Cause::kOutOfMemory) << placed(2, 2, {{{0}, 1}});
  const Timeline timeline = records.timeline.finish(true);
  std::vector<double> gpus;
  for (const TimelineAttempt& one : timeline.attempts) gpus.push_back(gpus_of(one));
  EXPECT_THAT(gpus, ElementsAre(0.5, 1, 0.5, 1)) << "what ran out of memory runs alone";
  EXPECT_DOUBLE_EQ(gpu_seconds(timeline), 0.5 * 4 + 1 * 3 + 0.5 * 1);
}

TEST(Timeline, is_read_from_the_journals_of_a_suite_and_empty_where_it_never_ran) {
  core::FileSystem& files = core::real_file_system();
  const TemporaryFolder folder;
  const experiments::StoreLayout store{folder.path()};
  files.create_directories(store.root() / "suites");
  EXPECT_TRUE(read_timeline(files, store, "study").runs.empty());
  write_run(store.suite_folder("study"),
            {added(0, 'a'), joined(0, "east"), placed(0, 1, {{{0}, 1}}), Started{{0}, 1},
             RankExited{{0}, 1, 0, 0, 0, "", false}, JobSucceeded{{0}, 1}, RunEnded{RunEnd::kComplete, ""}},
            at(1));
  const Timeline timeline = read_timeline(files, store, "study");
  EXPECT_THAT(lines_of(timeline), ElementsAre("a1@east 1+0 4-7 done"));
  ASSERT_EQ(timeline.runs.size(), 1U);
  EXPECT_EQ(timeline.runs[0].words, "complete");
}

}  // namespace
}  // namespace resolute::tests::timeline_test
