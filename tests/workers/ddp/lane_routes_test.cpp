#include "workers/ddp/lane_routes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "tests/workers/ddp/counting_communicator.h"
#include "workers/ddp/lane_sum.h"

namespace resolute::workers::lane_routes_test {
namespace {

using testing::ElementsAre;

// The ranks of each machine, machines in the order of their first ranks.
std::vector<std::vector<int>> ranks_by_machine(const std::vector<int>& machines) {
  std::map<int, std::size_t> places;
  std::vector<std::vector<int>> found;
  for (std::size_t rank = 0; rank < machines.size(); ++rank) {
    const auto [place, is_new] = places.try_emplace(machines[rank], found.size());
    if (is_new) found.emplace_back();
    found[place->second].push_back(static_cast<int>(rank));
  }
  return found;
}

// By definition: several machines of as many ranks, at least two, and what a machine's lanes add up to, merged in
// ascending order of ranks, is one node of the tree.
bool allows_two_levels(const std::vector<int>& machines, int lanes) {
  const auto groups = ranks_by_machine(machines);
  if (groups.size() < 2 || groups.front().size() < 2) return false;
  for (const auto& ranks : groups) {
    if (ranks.size() != groups.front().size()) return false;
    for (std::size_t i = 1; i < ranks.size(); ++i)
      if (ranks[i] != ranks[i - 1] + 1) return false;
    const LaneRange first = lanes_of(ranks.front(), static_cast<int>(machines.size()), lanes);
    if (nodes_of({first.first, first.count * static_cast<int>(ranks.size())}).size() != 1) return false;
  }
  return true;
}

void expect_routes_of_definition(const std::vector<int>& machines, int lanes) {
  const auto groups = ranks_by_machine(machines);
  for (std::size_t rank = 0; rank < machines.size(); ++rank) {
    const auto routes = lane_routes(static_cast<int>(rank), machines, lanes);
    ASSERT_EQ(allows_two_levels(machines, lanes), routes.has_value())
        << testing::PrintToString(machines) << ", " << lanes << " lanes";
    if (!routes) continue;
    const std::size_t place = rank % groups.front().size();
    EXPECT_EQ(groups[rank / groups.front().size()], routes->machine);
    std::vector<int> rail;
    for (const auto& ranks : groups) rail.push_back(ranks[place]);
    EXPECT_EQ(rail, routes->rail);
  }
}

TEST(LaneRoutes, are_two_levels_exactly_where_each_machine_is_a_node_of_the_tree) {
  for (int lanes = 1; lanes <= 48; ++lanes)
    for (int ranks = 1; ranks <= lanes; ++ranks) {
      if (lanes % ranks != 0) continue;
      for (int size = 1; size <= ranks; ++size) {
        std::vector<int> machines;
        for (int rank = 0; rank < ranks; ++rank) machines.push_back(rank / size);
        expect_routes_of_definition(machines, lanes);
      }
    }
}

RC_GTEST_PROP(LaneRoutes, hold_their_definition_for_any_placement, ()) {
  const int ranks = *rc::gen::element(1, 2, 3, 4, 6, 8);
  const int lanes = ranks * *rc::gen::element(1, 2, 3, 4);
  expect_routes_of_definition(
      *rc::gen::container<std::vector<int>>(static_cast<std::size_t>(ranks), rc::gen::inRange(0, 3)), lanes);
}

TEST(LaneRoutes, know_the_machine_and_the_rail) {
  const auto routes = lane_routes(5, machine_blocks(3, 4), 24);
  EXPECT_THAT(routes->machine, ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(routes->rail, ElementsAre(1, 5, 9));
}

TEST(LaneRoutes, go_straight_otherwise) {
  EXPECT_FALSE(lane_routes(0, {}, 8)) << "nobody knows where ranks are";
  EXPECT_FALSE(lane_routes(0, machine_blocks(1, 4), 4)) << "one machine";
  EXPECT_FALSE(lane_routes(0, machine_blocks(4, 1), 4)) << "a rank a machine";
  EXPECT_FALSE(lane_routes(0, machine_blocks(2, 3), 6)) << "three lanes are no node";
  EXPECT_FALSE(lane_routes(0, {0, 1, 0, 1}, 4)) << "not machine by machine";
  EXPECT_FALSE(lane_routes(0, {0, 0, 1, 1, 0, 0}, 12)) << "a machine in two pieces";
  EXPECT_FALSE(lane_routes(0, {0, 0, 0, 0, 1, 1, 1, 1, 2, 2}, 10)) << "fewer ranks on one";
}

}  // namespace
}  // namespace resolute::workers::lane_routes_test
