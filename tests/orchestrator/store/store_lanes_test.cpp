// Threads for the store's calls: in order, side by side, blocked, left behind.
#include "orchestrator/store/store_lanes.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "tests/orchestrator/store/gate.h"
#include "tests/orchestrator/support/processes.h"

namespace resolute::tests::store_lanes_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;

// All answers that come until nothing is under way.
void take_all(StoreLanes& lanes) {
  EXPECT_TRUE(lanes.wait(30s));
  for (const auto& answered : lanes.answers()) answered();
}

TEST(StoreThreads, make_calls_of_one_name_in_order_and_others_side_by_side) {
  StoreThreads lanes(4);
  std::map<std::string, std::string> made;  // of each name only one call is under way
  for (const char* name : {"a", "b", "c"}) made[name];
  std::string answers;
  auto call = [&](std::string& to, char letter) {
    return [&to, &answers, letter]() -> StoreLanes::Answered {
      to += letter;
      return [&answers, letter] { answers += letter; };
    };
  };
  std::string in_order;
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    lanes.in_order(call(in_order, letter));
    for (auto& [name, to] : made) lanes.beside(name, call(to, letter));
  }
  take_all(lanes);
  const std::string alphabet = "abcdefghijklmnopqrstuvwxyz";
  EXPECT_EQ(in_order, alphabet);
  for (const auto& [name, to] : made) EXPECT_EQ(to, alphabet);
  EXPECT_EQ(answers.size(), 4 * alphabet.size());
}

TEST(StoreThreads, one_that_blocks_holds_up_its_own_name_alone) {
  Gate gate;
  StoreThreads lanes(4);
  std::atomic<int> made = 0;
  auto blocking = [&]() -> StoreLanes::Answered {
    gate.pass();
    return [] {};
  };
  auto quick = [&]() -> StoreLanes::Answered {
    ++made;
    return [] {};
  };
  EXPECT_EQ(lanes.blocked_for(), 0s);
  lanes.in_order(blocking);
  for (int i = 0; i < 3; ++i) lanes.beside(std::to_string(i), blocking);
  ASSERT_TRUE(gate.await(4)) << "each has a thread";
  lanes.in_order(quick);
  for (int i = 0; i < 8; ++i) lanes.beside(std::to_string(i), quick);
  EXPECT_TRUE(eventually([&] { return made == 5; }));
  EXPECT_FALSE(lanes.wait(20ms));
  EXPECT_EQ(made, 5);
  EXPECT_EQ(lanes.answers().size(), 5U);
  EXPECT_GT(lanes.blocked_for(), 20ms);
  gate.set(true);
  take_all(lanes);
  EXPECT_EQ(made, 9);
  EXPECT_EQ(lanes.blocked_for(), 0s);
}

TEST(StoreThreads, leave_behind_what_does_not_return) {
  auto gate = std::make_shared<Gate>();
  auto returned = std::make_shared<std::atomic<bool>>(false);
  std::atomic<bool> made = false;
  {
    StoreThreads lanes;
    lanes.in_order([gate, returned]() -> StoreLanes::Answered {
      gate->pass();
      *returned = true;
      return [] {};
    });
    lanes.in_order([&]() -> StoreLanes::Answered {
      made = true;
      return [] {};
    });
    ASSERT_TRUE(gate->await(1));
  }
  EXPECT_FALSE(*returned);
  gate->set(true);
  EXPECT_TRUE(eventually([&] { return returned->load(); }));
  EXPECT_FALSE(made) << "it had not begun";
}

}  // namespace
}  // namespace resolute::tests::store_lanes_test
