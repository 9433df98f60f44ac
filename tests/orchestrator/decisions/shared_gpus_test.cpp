// `--jobs-per-gpu`: several jobs at once on each GPU of an agent, and no two ranks of one job on the same.
#include <gmock/gmock.h>

#include "core/random/random.h"
#include "orchestrator/decisions/placement.h"
#include "tests/orchestrator/support/fleet.h"

namespace resolute::tests::shared_gpus_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr const char* kEccError = "CUDA error: uncorrectable ECC error encountered";

JobAdded on_gpus(int number, int ranks = 1) {
  JobAdded job = toy_job(number, ranks);
  job.gpus = true;
  return job;
}

// An agent with GPUs "A", "B", …, each for two jobs, and jobs with so many ranks.
State sharing(const std::vector<std::string>& gpus, const std::vector<int>& ranks) {
  std::vector<Event> events{toy_run(), toy_agent(0, "node", 2, static_cast<int>(gpus.size())),
                            GpusShared{{0}, 2, gpus}};
  for (std::size_t i = 0; i < ranks.size(); ++i) events.emplace_back(on_gpus(static_cast<int>(i), ranks[i]));
  return state_after(events);
}

std::vector<std::string> gpus_of(const State& state, int job) {
  std::vector<std::string> gpus;
  for (const auto& [gpu, jobs] : state.shared.at({0}).at_work)
    if (jobs.contains({job})) gpus.push_back(gpu);
  return gpus;
}

void end(State& state, int job, Cause cause, const std::string& evidence) {
  const std::vector<std::string> gpus = gpus_of(state, job);
  happen(state, {RankExited{{job}, 1, 0, 1, 0, evidence, false, gpus.front()},
                 AttemptEnded{{job}, 1, cause, evidence, true, {}, ""}});
  check_invariants(state);
}

std::string why_placed(const std::vector<Event>& events, int job) {
  std::string why;
  for (const Event& event : events)
    if (const auto* placed = std::get_if<Placed>(&event); placed != nullptr && placed->job.value == job)
      why = placed->why;
  return why;
}

TEST(SharedGpus, take_their_jobs_one_after_the_other) {
  State state = sharing({"A", "B"}, {1, 1, 1, 1, 1});
  EXPECT_THAT(why_placed(settle(state), 1), HasSubstr("; 1 of 3 free places on GPUs"));
  EXPECT_THAT(state.running, SizeIs(4));
  EXPECT_THAT(gpus_of(state, 0), ElementsAre("A"));
  EXPECT_THAT(gpus_of(state, 1), ElementsAre("B")) << "where less is to be done";
  EXPECT_THAT(gpus_kept_from(state, {0}, {0}), ElementsAre("B"));
  EXPECT_EQ(idle_gpus(state, {0}), 0);
}

TEST(SharedGpus, a_gang_gets_two_gpus_and_not_one_twice) {
  State state = sharing({"A", "B"}, {2, 2, 1});
  settle(state);
  EXPECT_THAT(gpus_of(state, 0), ElementsAre("A", "B"));
  EXPECT_THAT(gpus_of(state, 1), ElementsAre("A", "B"));
  EXPECT_TRUE(std::holds_alternative<Ready>(state.jobs[2].state));
}

TEST(SharedGpus, a_gang_waits_where_all_that_is_free_is_on_one_gpu) {
  State state = sharing({"A", "B"}, {1, 1, 1, 1, 2});
  settle(state);
  for (const int job : {1, 3}) happen(state, {rank_exit(job, 1, 0, 0), JobSucceeded{{job}, 1}});
  EXPECT_EQ(free_slots(state, true), 2) << "both on B";
  EXPECT_THAT(settle(state), IsEmpty());
  EXPECT_THAT(why_waiting(state, {}, at(0), {4}),
              HasSubstr("it needs 2 GPUs and 2 are free, on too few different GPUs"));
  happen(state, {rank_exit(0, 1, 0, 0), JobSucceeded{{0}, 1}});
  settle(state);
  EXPECT_THAT(gpus_of(state, 4), ElementsAre("A", "B"));
}

TEST(SharedGpus, a_gang_wider_than_the_gpus_is_given_up_whatever_their_places) {
  State state = sharing({"A", "B"}, {3, 1});
  settle(state);
  EXPECT_THAT(gpus_of(state, 1), SizeIs(1)) << "it waits for nobody";
  happen(state, {rank_exit(1, 1, 0, 0), JobSucceeded{{1}, 1}});
  settle(state);
  ASSERT_TRUE(std::holds_alternative<Failed>(state.jobs[0].state));
  EXPECT_THAT(std::get<Failed>(state.jobs[0].state).evidence, HasSubstr("it needs 3 GPUs and the run has 2"));
}

TEST(SharedGpus, a_job_that_ran_out_of_memory_runs_alone_and_says_nothing_of_the_gpu) {
  State state = sharing({"A"}, {1, 1, 1});
  settle(state);
  for (const int job : {0, 1}) end(state, job, Cause::kOutOfMemory, "CUDA out of memory");
  EXPECT_TRUE(state.accused_gpus.empty()) << "all that runs there shares its memory";
  EXPECT_THAT(why_placed(settle(state), 0), HasSubstr("alone on its GPU: it ran out of memory"));
  EXPECT_THAT(gpus_of(state, 0), ElementsAre("A"));
  EXPECT_THAT(state.running, SizeIs(1));
  EXPECT_EQ(free_slots(state, true), 0);
  happen(state, {rank_exit(0, 2, 0, 0), JobSucceeded{{0}, 2}});
  settle(state);
  EXPECT_THAT(gpus_of(state, 1), ElementsAre("A"));
  EXPECT_TRUE(std::holds_alternative<Ready>(state.jobs[2].state));
  check_invariants(state);
}

TEST(SharedGpus, one_that_is_set_aside_takes_all_its_places_out_and_has_one_job_as_its_trial) {
  State state = sharing({"A", "B"}, {1, 1, 1, 1, 1, 1, 1, 1});
  settle(state);
  for (const int job : {0, 2}) end(state, job, Cause::kDeviceError, kEccError);
  settle(state);
  EXPECT_THAT(gpus_aside(state.agents.at({0})), ElementsAre("A"));
  EXPECT_EQ(capacity(state, true), 2);
  EXPECT_EQ(capacity(state, true, &MachineClass::width), 1);
  EXPECT_THAT(state.running, SizeIs(2)) << "on B";
  happen(state, {GpuReturned{{0}, "A"}});
  check_invariants(state);
  settle(state);
  EXPECT_THAT(state.running, SizeIs(3));
  EXPECT_THAT(state.shared.at({0}).at_work.at("A"), SizeIs(1));
  const JobIndex trial = state.shared.at({0}).at_work.at("A").begin()->first;
  happen(state, {RankExited{trial, job_of(state, trial).attempts, 0, 0, 0, "", false, "A"},
                 JobSucceeded{trial, job_of(state, trial).attempts}});
  settle(state);
  EXPECT_THAT(state.shared.at({0}).at_work.at("A"), SizeIs(2)) << "it lives";
  check_invariants(state);
}

TEST(SharedGpus, a_job_goes_on_where_its_neighbours_ended_and_brings_the_gpu_back) {
  State state = sharing({"A", "B"}, {1, 1, 1, 1, 1, 1});
  settle(state);
  const auto fail = [&](int job) { end(state, job, Cause::kDeviceError, kEccError); };
  fail(0);
  settle(state);  // another one in its place
  std::vector<JobIndex> on_bad;
  for (const auto& [job, places] : state.shared.at({0}).at_work.at("A")) on_bad.push_back(job);
  ASSERT_THAT(on_bad, SizeIs(2));
  fail(on_bad.back().value);
  settle(state);
  ASSERT_THAT(gpus_aside(state.agents.at({0})), ElementsAre("A"));
  EXPECT_EQ(state.agents.at({0}).gpus, 2);
  happen(state, {Progressed{on_bad.front(), job_of(state, on_bad.front()).attempts, 10},
                 RankExited{on_bad.front(), job_of(state, on_bad.front()).attempts, 0, 0, 0, "", false, "A"}});
  EXPECT_EQ(state.agents.at({0}).gpus, 4);
  check_invariants(state);
}

TEST(SharedGpus, fast_ones_are_shared_before_a_slow_one_is_used) {
  State state = state_after({toy_run(), on_gpus(0), on_gpus(1), on_gpus(2), on_gpus(3), on_gpus(4)});
  AgentJoined agent = toy_agent(0, "node", 1, 3);
  agent.numeric_class = "H200";
  happen(state, {agent, GpusShared{{0}, 2, {"A", "B", "C"}}});
  for (const auto& [gpu, speed] : {std::pair("A", 100), std::pair("B", 1000), std::pair("C", 1000)})
    happen(state, {BurnedIn{{0}, gpu, "aaaa", "", speed, 0, {}}});
  check_invariants(state);
  EXPECT_EQ(slow_count(state, {0}, true), 2);
  EXPECT_THAT(why_placed(settle(state), 4), HasSubstr("on a slow place by its burn-in"));
  EXPECT_THAT(gpus_of(state, 3), ElementsAre("C"));
  EXPECT_THAT(gpus_of(state, 4), ElementsAre("A"));
}

TEST(SharedGpus, events_that_no_run_can_produce_are_refused) {
  for (const auto& shared : {GpusShared{{0}, 2, {"A"}}, GpusShared{{0}, 2, {"A", "A"}}, GpusShared{{0}, 9, {"A", "B"}},
                             GpusShared{{0}, 0, {"A", "B"}}}) {
    State state = state_after({toy_run(), toy_agent(0, "node", 1, 2)});
    EXPECT_THROW(apply(state, shared), core::RuntimeError);
  }
  State twice = sharing({"A"}, {});
  EXPECT_THROW(apply(twice, GpusShared{{0}, 2, {"A"}}), core::RuntimeError);
  State crowded = sharing({"A", "B"}, {3});
  EXPECT_THROW(apply(crowded, toy_placed(0, 1, {{{0}, 3}})), core::RuntimeError) << "three ranks on two GPUs";
  EXPECT_NO_THROW(apply(twice, GpusShared{{7}, 2, {"A"}})) << "an agent that is not there";
}

TEST(SharedGpus, one_bad_gpu_of_four_costs_three_attempts_and_no_job) {
  Fleet fleet({.agents = 1, .gpus = 4, .jobs_per_gpu = 2}, 80, [](const Place& place, int, Instant) {
    return place.gpu == "0" ? End{50ms, 1, kEccError} : End{};
  });
  fleet.run();
  EXPECT_EQ(80, fleet.succeeded());
  EXPECT_EQ(3, fleet.attempts.at({0, "0"})) << "two in a row, and one that was there beside the second";
  EXPECT_EQ(2, fleet.most_at_work);
  EXPECT_LE(fleet.now - at(0), 60s) << "80 of 4 s at six places take 56 s";
}

// Some GPUs are bad, for ever or for a while; a good one is left on each agent. Job 0 is a gang.
TEST(SharedGpus, whatever_gpus_are_bad_no_good_job_is_lost) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    core::RandomStream random("shared gpus", {seed});
    const int agents = 1 + static_cast<int>(random.below(3)), gpus = 2 + static_cast<int>(random.below(4));
    const int each = 2 + static_cast<int>(random.below(3));
    std::map<Place, Instant> bad;  // until when
    for (int agent = 0; agent < agents; ++agent)
      for (int gpu = 1; gpu < gpus; ++gpu)
        if (random.below(4) == 0)
          bad[{agent, std::to_string(gpu)}] = at(random.below(2) == 0 ? 100'000 : kLongestTime.count());
    const Milliseconds lives(1000 + static_cast<std::int64_t>(random.below(20'000)));
    const Milliseconds fails(20 + static_cast<std::int64_t>(random.below(3'000)));
    Fleet fleet(
        {.agents = agents, .gpus = gpus, .jobs_per_gpu = each}, 100,
        [&](const Place& place, int, Instant now) {
          const auto found = bad.find(place);
          return found != bad.end() && now < found->second ? End{fails, 1, kEccError} : End{lives};
        },
        /*slots=*/bad.empty() ? 2 : 1);
    fleet.run();
    EXPECT_EQ(100, fleet.succeeded()) << "seed " << seed << ": " << bad.size() << " of " << agents * gpus << " are bad";
    EXPECT_LE(fleet.most_at_work, each);
    check_invariants(fleet.state);
  }
}

}  // namespace
}  // namespace resolute::tests::shared_gpus_test
