// Threads for the store's calls, by themselves and below a coordinator: a store that blocks, and one that is slow.
#include "orchestrator/store/store_lanes.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "orchestrator/coordinator/coordinator.h"
#include "orchestrator/transport/in_process.h"
#include "tests/orchestrator/support/run_fixture.h"
#include "tests/orchestrator/support/toy_agent.h"
#include "tests/support/watched_file_system.h"

namespace resolute::tests::store_lanes_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

// Holds whoever comes until it is opened.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
    --waiting_;
  }
  void set(bool open) {
    std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }
  bool await(int waiting) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 30s, [&] { return waiting_ >= waiting; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int waiting_ = 0;
};

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

// The machine's files, each call of which takes a while; syncs of files may be held.
class SlowFileSystem final : public WatchedFileSystem {
 public:
  std::atomic<int> milliseconds = 0;
  std::atomic<bool> holds_syncs = false;
  Gate gate;

 private:
  void before(Call call, const fs::path&) override {
    if (call == kWrite || call == kClose) return;
    if (call == kSync && holds_syncs) gate.pass();
    if (const int length = milliseconds; length > 0) std::this_thread::sleep_for(std::chrono::milliseconds(length));
  }
};

// A run in real time, with this test as its agent.
class CoordinatorOnThreads : public testing::Test {
 protected:
  // Never destroyed: a thread that is left behind stays in it.
  CoordinatorOnThreads() : files(*new SlowFileSystem) {}

  void begin(int jobs, int slots) {
    plan = toy_plan(jobs, 1);
    RunOptions options = toy_options(folder.path(), slots);
    options.live_interval = 2s;
    coordinator.emplace(files, core::monotonic_clock(), *coordinator_end, plan, options, std::vector<Address>{1});
    agent.emplace(*agent_end, core::monotonic_clock(), experiments::StoreLayout(folder.path()), slots);
  }
  bool run_until(const std::function<bool()>& holds, std::chrono::seconds limit = 30s) {
    const auto end = core::monotonic_clock().now() + limit;
    while (!holds() && core::monotonic_clock().now() < end) {
      agent->step();
      coordinator->step();
      std::this_thread::sleep_for(200us);
    }
    return holds();
  }
  bool run_for(std::chrono::milliseconds length) {
    const auto end = core::monotonic_clock().now() + length;
    return run_until([&] { return core::monotonic_clock().now() >= end; });
  }

  SlowFileSystem& files;
  TemporaryFolder folder;
  std::shared_ptr<InProcessHub> hub = InProcessHub::create(2);
  std::unique_ptr<Transport> coordinator_end = hub->endpoint(0);
  std::unique_ptr<Transport> agent_end = hub->endpoint(1);
  experiments::Plan plan;
  std::optional<Coordinator> coordinator;
  std::optional<ToyAgent> agent;
};

TEST_F(CoordinatorOnThreads, heartbeats_are_answered_while_the_journal_blocks) {
  begin(6, 2);
  agent->work = 10ms;
  ASSERT_TRUE(run_until([&] { return coordinator->outcome().succeeded >= 1; }));
  files.holds_syncs = true;
  // The old and the new code end it: whoever waits for the file waits no longer than this.
  std::jthread opening([&] {
    std::this_thread::sleep_for(3s);
    files.holds_syncs = false;
    files.gate.set(true);
  });
  run_for(2500ms);
  EXPECT_FALSE(coordinator->finished());
  EXPECT_TRUE(coordinator->stalls());
  ASSERT_TRUE(run_until([&] { return coordinator->finished(); }));
  EXPECT_EQ(coordinator->outcome().exit_code(), 0);
  EXPECT_LT(agent->longest_silence, 1s);
}

TEST_F(CoordinatorOnThreads, a_slow_store_holds_up_neither_heartbeats_nor_the_first_batch) {
  files.milliseconds = 2;
  const auto began = core::monotonic_clock().now();
  begin(2700, 1800);  // a third of them wait for others
  agent->work = 1h;
  EXPECT_TRUE(run_until([&] { return agent->launched.size() >= 1800; }, 60s));
  EXPECT_LT(core::monotonic_clock().now() - began, 10s);
  EXPECT_LT(agent->longest_silence, 1s);
  EXPECT_TRUE(coordinator->orderly());
}

TEST_F(CoordinatorOnThreads, a_store_that_hangs_does_not_hold_the_end_of_a_run) {
  begin(6, 2);
  agent->work = 1h;
  ASSERT_TRUE(run_until([&] { return agent->launched.size() == 2; }));
  files.holds_syncs = true;
  coordinator->request_stop({"signal 15", Cause::kInterrupted}, true);
  run_for(2500ms);
  const auto asked = core::monotonic_clock().now();
  coordinator.reset();
  EXPECT_LT(core::monotonic_clock().now() - asked, 3s);
}

}  // namespace
}  // namespace resolute::tests::store_lanes_test
