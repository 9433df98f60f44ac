#include "orchestrator/decisions/placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/random/random.h"
#include "tests/orchestrator/support/events.h"

namespace resolute::tests::placement_test {
namespace {

using namespace orchestrator;
using testing::IsEmpty;

GangNeed slots(int count) {
  GangNeed need;
  need.slots = count;
  return need;
}

AgentJoined agent(int number, const std::string& host, int slots, const std::string& numeric_class = {},
                  std::int64_t memory_mib = 0) {
  AgentJoined joined = toy_agent(number, host, slots);
  joined.numeric_class = numeric_class;
  joined.memory_mib = memory_mib;
  return joined;
}

TEST(Placement, takes_the_fewest_hosts_and_the_tightest_fit) {
  const State state =
      state_after({toy_run(), toy_agent(0, "a", 8), toy_agent(1, "b", 4), toy_agent(2, "c", 2), toy_agent(3, "c", 2)});
  EXPECT_EQ(choose_placement(state, slots(3)), (Placement{{{1}, 3}}));
  EXPECT_EQ(choose_placement(state, slots(2)), (Placement{{{1}, 2}}));
  EXPECT_EQ(choose_placement(state, slots(9)), (Placement{{{0}, 8}, {{1}, 1}}));
  EXPECT_EQ(choose_placement(state, slots(16)).size(), 4U);
  EXPECT_THAT(choose_placement(state, slots(17)), IsEmpty());
}

TEST(Placement, of_one_hosts_agents_takes_the_one_that_is_filled_best) {
  const State state =
      state_after({toy_run(), toy_job(0), toy_agent(0, "a", 2), toy_agent(1, "a", 2), toy_placed(0, 1, {{{1}, 1}})});
  EXPECT_EQ(choose_placement(state, slots(1)), (Placement{{{1}, 1}}));
  EXPECT_EQ(choose_placement(state, slots(3)), (Placement{{{0}, 2}, {{1}, 1}}));
}

TEST(Placement, gang_is_of_one_numeric_class_and_unknown_classes_go_with_any) {
  const State state = state_after({toy_run(), agent(0, "a", 2, "A"), agent(1, "b", 3, "B"), agent(2, "c", 2)});
  EXPECT_EQ(choose_placement(state, slots(5)), (Placement{{{1}, 3}, {{2}, 2}}));
  EXPECT_THAT(choose_placement(state, slots(6)), IsEmpty());
  GangNeed bound = slots(4);
  bound.numeric_class = "A";
  EXPECT_EQ(choose_placement(state, bound), (Placement{{{0}, 2}, {{2}, 2}}));
  EXPECT_EQ(most_ranks(state,
                       [&] {
                         GangNeed more = bound;
                         more.slots = 5;
                         return more;
                       }()),
            4);
  bound.numeric_class = "gone";
  EXPECT_EQ(choose_placement(state, bound).size(), 2U);
}

TEST(Placement, memory_bars_agents_that_know_theirs) {
  const State state = state_after({toy_run(), agent(0, "a", 8, "", 1'000), agent(1, "b", 8, "", 4'000)});
  GangNeed need = slots(3);
  need.memory_mib = 500;
  EXPECT_EQ(choose_placement(state, need), (Placement{{{1}, 3}}));
  need.slots = 10;
  EXPECT_EQ(choose_placement(state, need), (Placement{{{0}, 2}, {{1}, 8}}));
  need.slots = 11;
  EXPECT_THAT(choose_placement(state, need), IsEmpty());
  EXPECT_EQ(most_ranks(state, need), 10);
}

TEST(Placement, what_could_run_without_a_host_counts_class_and_memory) {
  const State state = state_after({toy_run(), agent(0, "a", 8, "A", 1'000), agent(1, "b", 4, "A", 4'000),
                                   agent(2, "b", 2, "", 4'000), agent(3, "c", 5, "B", 4'000)});
  GangNeed need = slots(20);
  EXPECT_EQ(most_ranks(state, need), 14);
  EXPECT_EQ(most_ranks_without(state, need, {"a"}), 7);
  EXPECT_EQ(most_ranks_without(state, need, {"b"}), 8);
  EXPECT_EQ(most_ranks_without(state, need, {"c"}), 14);
  EXPECT_EQ(most_ranks_without(state, need, {"a", "b"}), 5);
  need.slots = 7;
  need.memory_mib = 500;
  EXPECT_EQ(most_ranks(state, need), 7);
  EXPECT_EQ(most_ranks_without(state, need, {"b"}), 5);
}

TEST(Placement, hosts_where_it_failed_are_taken_only_where_there_is_no_other_way) {
  const State state = state_after({toy_run(), toy_agent(0, "a", 2), toy_agent(1, "b", 2)});
  GangNeed need = slots(2);
  need.not_on = {"a"};
  EXPECT_EQ(choose_placement(state, need), (Placement{{{1}, 2}}));
  need.slots = 3;
  EXPECT_EQ(choose_placement(state, need).size(), 2U);
}

TEST(Placement, a_host_where_it_failed_is_not_taken_though_the_others_are_full) {
  State state = state_after({toy_run(), toy_job(0, 2), toy_agent(0, "a", 2), toy_agent(1, "b", 2)});
  GangNeed need = slots(2);
  need.not_on = {"a"};
  orchestrator::apply(state, toy_placed(0, 1, {{{1}, 2}}));
  EXPECT_THAT(choose_placement(state, need), IsEmpty());
  EXPECT_EQ(most_ranks(state, need), 2);
  orchestrator::apply(state, AgentLost{{1}, "test"});
  EXPECT_EQ(choose_placement(state, need), (Placement{{{0}, 2}}));
}

// The fewest machines that hold `wanted`, by looking at every set of them.
int fewest_machines(const std::vector<int>& free, int wanted) {
  int fewest = -1;
  for (unsigned chosen = 1; chosen < (1U << free.size()); ++chosen) {
    int sum = 0;
    int machines = 0;
    for (std::size_t i = 0; i < free.size(); ++i)
      if ((chosen >> i & 1U) != 0) {
        sum += free[i];
        ++machines;
      }
    if (sum >= wanted && (fewest < 0 || machines < fewest)) fewest = machines;
  }
  return fewest;
}

TEST(Placement, needs_no_more_hosts_than_the_best_of_all_choices) {
  core::RandomStream random("placements", {1});
  for (int round = 0; round < 300; ++round) {
    std::vector<Event> events{toy_run()};
    std::vector<int> free;
    for (int i = 0; i < 8; ++i) {
      free.push_back(static_cast<int>(1 + random.below(9)));
      events.push_back(toy_agent(i, "host" + std::to_string(i), free.back()));
    }
    const int wanted = static_cast<int>(1 + random.below(40));
    const Placement placement = choose_placement(state_after(events), slots(wanted));
    const int fewest = fewest_machines(free, wanted);
    EXPECT_EQ(static_cast<int>(placement.size()), std::max(fewest, 0));
    int sum = 0;
    for (const Share& share : placement) {
      EXPECT_LE(share.slots, free[static_cast<std::size_t>(share.agent.value)]);
      sum += share.slots;
    }
    EXPECT_EQ(sum, fewest > 0 ? wanted : 0);
  }
}

}  // namespace
}  // namespace resolute::tests::placement_test
