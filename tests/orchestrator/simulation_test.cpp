#include <gtest/gtest.h>

#include "orchestrator/epoch.h"
#include "tests/orchestrator/support/simulated_run.h"

namespace resolute::tests {
namespace {

using namespace orchestrator;

class Simulation : public testing::TestWithParam<int> {};

TEST_P(Simulation, ends_with_every_job_settled_and_none_done_twice) {
  const auto seed = static_cast<std::uint64_t>(GetParam());
  SimulatedRun run(seed, 30, seed % 5 == 4);
  ASSERT_TRUE(run.ended);
  EXPECT_TRUE(run.state.running.empty());
  for (const Job& job : run.state.jobs) EXPECT_LE(job.crashes, Policy{}.crash_budget);
  for (int successes : run.successes) EXPECT_LE(successes, 1);
  const Counts counts = count(run.state);
  if (*run.state.end == RunEnd::kComplete) {
    EXPECT_EQ(counts.succeeded, 30);
  } else if (*run.state.end == RunEnd::kIncomplete) {
    EXPECT_EQ(counts.waiting + counts.ready, 0);
    EXPECT_GT(counts.failed, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Simulation, testing::Range(0, 1000));

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
    core::append_bytes(bytes, encode_record(i + 1, at(static_cast<std::int64_t>(i)), run.events[i]));
    orchestrator::apply(live, run.events[i]);
    State replayed = replay({parse_journal(bytes, "journal")});
    ASSERT_EQ(replayed, live) << i;
  }
  EXPECT_EQ(live, run.state);
}

}  // namespace
}  // namespace resolute::tests
