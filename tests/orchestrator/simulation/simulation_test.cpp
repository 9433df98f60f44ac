#include <gtest/gtest.h>

#include <functional>
#include <queue>

#include "tests/orchestrator/support/read_journals.h"
#include "tests/orchestrator/support/simulated_run.h"

namespace resolute::tests::simulation_test {
namespace {

// A sanitizer makes ten seconds of one: it watches a fifth of the runs.
#ifdef __SANITIZE_ADDRESS__
constexpr int kShare = 5;
#else
constexpr int kShare = 1;
#endif

using namespace orchestrator;

class Simulation : public testing::TestWithParam<int> {};

TEST_P(Simulation, ends_with_every_job_settled_and_none_done_twice) {
  const auto seed = static_cast<std::uint64_t>(GetParam());
  SimulatedRun run(seed, 30, seed % 5 == 4);
  ASSERT_TRUE(run.ended);
  EXPECT_TRUE(run.state.running.empty());
  for (int successes : run.successes) EXPECT_LE(successes, 1);
  const Counts counts = count(run.state);
  if (*run.state.end == RunEnd::kComplete) {
    EXPECT_EQ(counts.succeeded, 30);
  } else if (*run.state.end == RunEnd::kIncomplete) {
    EXPECT_EQ(counts.waiting + counts.ready, 0);
    EXPECT_GT(counts.failed + counts.cancelled, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Simulation, testing::Range(0, 1000 / kShare));

TEST(Simulation, without_failures_of_agents_left_every_end_occurs) {
  std::set<RunEnd> ends;
  for (std::uint64_t seed = 0; seed < 60; ++seed) ends.insert(*SimulatedRun(seed, 8, seed % 5 == 4).state.end);
  EXPECT_TRUE(ends.contains(RunEnd::kComplete));
  EXPECT_TRUE(ends.contains(RunEnd::kIncomplete));
  EXPECT_TRUE(ends.contains(RunEnd::kInterrupted));
}

TEST(Simulation, replay_gives_the_same_state_from_every_prefix) {
  SimulatedRun run(7, 12);
  core::Bytes bytes = encode_header({1, 0, std::string(32, '0'), at(0)});
  State live;
  for (std::size_t i = 0; i < run.events.size(); ++i) {
    append_record(bytes, i + 1, at(static_cast<std::int64_t>(i)), run.events[i]);
    orchestrator::apply(live, run.events[i]);
    State replayed = replay(bytes);
    ASSERT_EQ(replayed, live) << i;
  }
  EXPECT_EQ(live, run.state);
}

// The fates of 5,000 jobs on ten hosts of eight slots, of which one in a hundred attempts is killed whatever its host,
// and every one on host `bad`.
struct MachineRoom {
  State state;
  std::set<std::string> excluded;

  MachineRoom(std::uint64_t seed, const std::string& bad) {
    core::RandomStream random("machine room", {seed});
    std::vector<Event> events{toy_run()};
    for (int i = 0; i < 5'000; ++i) events.push_back(toy_job(i));
    for (int i = 0; i < 10; ++i) events.push_back(toy_agent(i, "host" + std::to_string(i), 8));
    for (const Event& event : events) orchestrator::apply(state, event);
    struct End {
      Instant when;
      JobIndex job;
      int attempt;
      bool killed;
      bool operator>(const End& other) const { return std::pair(when, job) > std::pair(other.when, other.job); }
    };
    std::priority_queue<End, std::vector<End>, std::greater<>> ends;
    Instant now = at(0);
    auto carry_out = [&](const Event& decision) {
      orchestrator::apply(state, decision);
      if (const auto* host = std::get_if<HostExcluded>(&decision)) excluded.insert(host->host);
      if (const auto* placed = std::get_if<Placed>(&decision)) {
        const bool doomed = state.agents.at(placed->placement[0].agent).host == bad || random.below(100) == 0;
        const auto takes = static_cast<std::int64_t>(5'000 + random.below(60'000));
        const auto lives = doomed ? static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(takes))) : takes;
        ends.push({now + Milliseconds(lives), placed->job, placed->attempt, doomed});
      }
    };
    while (!state.end) {
      std::vector<Event> decisions = decide(state, {}, {now});
      for (const Event& decision : decisions) carry_out(decision);
      if (!decisions.empty()) continue;
      const auto wake = next_wake(state, {}, {now});
      if (ends.empty() || (wake && *wake < ends.top().when)) {
        now = wake.value();
        continue;
      }
      const End end = ends.top();
      ends.pop();
      now = end.when;
      orchestrator::apply(state, rank_exit(end.job.value, end.attempt, 0, 0, end.killed ? 9 : 0));
      if (!end.killed) orchestrator::apply(state, JobSucceeded{end.job, end.attempt});
    }
    check_invariants(state);
  }
};

TEST(MachineRoom, random_failures_exclude_no_host) {
  for (std::uint64_t seed = 0; seed < 20 / kShare; ++seed) {
    const MachineRoom room(seed, "");
    EXPECT_TRUE(room.excluded.empty()) << seed << ": " << *room.excluded.begin();
    EXPECT_EQ(count(room.state).ready, 0) << seed;
  }
}

TEST(MachineRoom, a_host_on_which_everything_dies_is_excluded_and_no_other) {
  for (std::uint64_t seed = 0; seed < 20 / kShare; ++seed) {
    const MachineRoom room(seed, "host3");
    EXPECT_EQ(room.excluded, std::set<std::string>{"host3"}) << seed;
    EXPECT_LE(count(room.state).failed, 2) << seed;  // those that found no other place three times before it was
  }
}

}  // namespace
}  // namespace resolute::tests::simulation_test
