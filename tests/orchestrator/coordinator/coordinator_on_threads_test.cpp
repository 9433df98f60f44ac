// A coordinator whose calls of the store have threads of their own: a store that blocks, and one that is slow.
#include <gtest/gtest.h>

#include <atomic>

#include "orchestrator/coordinator/coordinator.h"
#include "orchestrator/transport/in_process.h"
#include "tests/orchestrator/store/gate.h"
#include "tests/orchestrator/support/run_fixture.h"
#include "tests/orchestrator/support/toy_agent.h"
#include "tests/support/watched_file_system.h"

namespace resolute::tests::coordinator_on_threads_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

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
}  // namespace resolute::tests::coordinator_on_threads_test
