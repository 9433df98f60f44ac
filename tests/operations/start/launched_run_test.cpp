#include "operations/start/launched_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "core/error.h"
#include "core/files/file_system.h"
#include "tests/support/matches.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::operations::launched_run_test {
namespace {

using namespace std::chrono_literals;

// Real children, a shell each: what they say of signals stands in a file.
class LaunchedRunTest : public ::testing::Test {
 protected:
  LaunchedRun launch(
      const std::string& script, const std::function<bool()>& run_ended = [] { return false; },
      std::chrono::milliseconds linger = 60s, std::chrono::milliseconds settling = 0ms) {
    auto environment = core::current_environment();
    environment["LOG"] = log_.string();
    return run_launcher({"/bin/bash", "-c", script}, environment, signals_, {began, run_ended}, core::monotonic_clock(),
                        linger, settling);
  }

  std::string log() const { return core::read_text_if_exists(core::real_file_system(), log_).value_or(""); }

  // The child is "ready" for signals: one that comes before its traps are set would end it otherwise.
  std::function<bool()> once_ready() const {
    return [this] { return log() == "ready\n"; };
  }

  // Calls `then` once the child has written `word`, from another thread: signals come from outside.
  std::thread when_logged(const std::string& word, const std::function<void()>& then) const {
    return std::thread([this, word, then] {
      for (int i = 0; i < 1000 && log().find(word) == std::string::npos; ++i) std::this_thread::sleep_for(10ms);
      then();
    });
  }

  tests::TemporaryFolder folder_;
  std::function<bool()> began = [] { return false; };
  std::filesystem::path log_ = folder_ / "log";
  AllocationSignals signals_;
};

// A child that notes its signals and ends by itself some looks after the first.
// Lives for a second; where NOTICES are awaited, until a while after they have come.
const char* const kNotesSignals =
    "trap 'echo usr1 >>$LOG' USR1; trap 'echo term >>$LOG' TERM; trap 'echo cont >>$LOG' CONT; echo ready >>$LOG; "
    "if [ -n \"$NOTICES\" ]; then for i in $(seq 400); do sleep 0.05; "
    "[ \"$(grep -c usr1 $LOG)\" -ge $NOTICES ] && break; done; fi; "
    "for i in $(seq 20); do sleep 0.05; done; exit 7";

TEST_F(LaunchedRunTest, ends_with_its_child_and_says_how) {
  const auto exited = launch("exit 75");
  EXPECT_EQ(core::describe(exited.status), "exit code 75");
  EXPECT_FALSE(exited.killed);
  const auto killed = launch("kill -9 $$");
  EXPECT_EQ(core::describe(killed.status), "killed by signal 9");
  EXPECT_FALSE(killed.killed) << "not by us";
}

TEST_F(LaunchedRunTest, passes_a_notice_on_once) {
  auto signal = when_logged("ready", [] { ::kill(::getpid(), SIGUSR1); });
  launch(std::string("NOTICES=1; ") + kNotesSignals);
  signal.join();
  EXPECT_EQ(tests::count_of(log(), "usr1"), 1U) << log();
  EXPECT_TRUE(signals_.noticed());
  EXPECT_FALSE(signals_.terminated());
}

TEST_F(LaunchedRunTest, passes_every_notice_on) {
  auto first = when_logged("ready", [] { ::kill(::getpid(), SIGUSR1); });
  auto second = when_logged("usr1", [] { ::kill(::getpid(), SIGUSR1); });
  launch(std::string("NOTICES=2; ") + kNotesSignals);
  first.join();
  second.join();
  EXPECT_EQ(tests::count_of(log(), "usr1"), 2U) << log();
  EXPECT_EQ(signals_.notices(), 2);
}

TEST_F(LaunchedRunTest, keeps_termination_to_itself_and_waits_on) {
  auto signal = when_logged("ready", [] {
    ::kill(::getpid(), SIGTERM);
    ::kill(::getpid(), SIGCONT);
  });
  const auto run = launch(kNotesSignals);
  signal.join();
  EXPECT_EQ(log(), "ready\n");
  EXPECT_TRUE(signals_.terminated());
  EXPECT_FALSE(signals_.noticed());
  EXPECT_EQ(core::describe(run.status), "exit code 7");
}

// It would die of it: no program has its handlers from its first moment on.
TEST_F(LaunchedRunTest, keeps_a_notice_until_the_launcher_has_settled) {
  auto signal = when_logged("born", [] { ::kill(::getpid(), SIGUSR1); });
  const auto run = launch(
      std::string("echo born >>$LOG; sleep 0.5; NOTICES=1; ") + kNotesSignals, [] { return false; }, 60s, 4s);
  signal.join();
  ASSERT_TRUE(std::holds_alternative<core::Exited>(run.status)) << core::describe(run.status);
  EXPECT_EQ(tests::count_of(log(), "usr1"), 1U) << log();
}

TEST_F(LaunchedRunTest, passes_no_notice_on_that_came_before_it) {
  ::kill(::getpid(), SIGUSR1);
  EXPECT_TRUE(signals_.noticed());
  launch(kNotesSignals);
  EXPECT_EQ(log(), "ready\n");
}

TEST_F(LaunchedRunTest, ends_a_launcher_that_outlives_its_run) {
  const auto begin = core::monotonic_clock().now();
  const auto run =
      launch("trap 'echo term >>$LOG; exit 9' TERM; echo ready >>$LOG; while :; do sleep 0.05; done", once_ready(), 2s);
  const auto took = core::monotonic_clock().now() - begin;
  EXPECT_TRUE(run.killed);
  EXPECT_EQ(log(), "ready\nterm\n");
  EXPECT_EQ(core::describe(run.status), "exit code 9");
  EXPECT_GE(took, 2s);
}

TEST_F(LaunchedRunTest, kills_a_launcher_that_does_not_listen) {
  const auto run = launch("trap '' TERM; echo ready >>$LOG; while :; do sleep 0.05; done", once_ready(), 200ms);
  EXPECT_TRUE(run.killed);
  EXPECT_EQ(core::describe(run.status), "killed by signal 9");
}

TEST_F(LaunchedRunTest, leaves_a_launcher_alone_that_ends_within_the_time_to_linger) {
  const auto run = launch(
      "sleep 0.5; exit 3", [] { return true; }, 10s);
  EXPECT_FALSE(run.killed);
  EXPECT_EQ(core::describe(run.status), "exit code 3");
}

TEST_F(LaunchedRunTest, leaves_a_launcher_alone_while_its_run_goes_on) {
  int asked = 0;
  const auto begin = core::monotonic_clock().now();
  const auto run = launch(
      "sleep 1; exit 3",
      [&] {
        ++asked;
        return false;
      },
      200ms);
  EXPECT_FALSE(run.killed);
  EXPECT_GE(asked, 3);
  EXPECT_LE(asked, 2 + (core::monotonic_clock().now() - begin) / 100ms) << "it is not asked at every look";
}

// The others wait for it in MPI_Init, and srun for them.
const char* const kLosesAProcess =
    "trap 'echo term >>$LOG; exit 9' TERM; echo 'srun: error: n2: task 1: Segmentation fault' >&2; "
    "for i in $(seq 40); do sleep 0.05; done; exit 3";

TEST_F(LaunchedRunTest, ends_a_launcher_that_lost_a_process_before_the_run_began) {
  const auto begin = core::monotonic_clock().now();
  testing::internal::CaptureStderr();
  const auto run = launch(
      kLosesAProcess, [] { return false; }, 2400ms);
  const std::string errors = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(run.killed);
  EXPECT_EQ(log(), "term\n");
  EXPECT_GE(core::monotonic_clock().now() - begin, 800ms) << "the run may be just about to begin";
  EXPECT_NE(errors.find("srun: error: n2: task 1: Segmentation fault\n"), std::string::npos) << errors;
}

TEST_F(LaunchedRunTest, leaves_a_launcher_alone_that_lost_a_process_of_a_run_that_goes_on) {
  began = [] { return true; };
  const auto run = launch(
      kLosesAProcess, [] { return false; }, 900ms);
  EXPECT_FALSE(run.killed);
  EXPECT_EQ(core::describe(run.status), "exit code 3");
}

TEST_F(LaunchedRunTest, passes_on_all_that_the_launcher_says_to_its_end) {
  testing::internal::CaptureStderr();
  launch("for i in $(seq 20000); do echo line $i; done >&2; printf '\\001\\377no end' >&2");
  const std::string errors = testing::internal::GetCapturedStderr();
  EXPECT_EQ(errors.substr(0, 14), "line 1\nline 2\n");
  EXPECT_TRUE(errors.ends_with("line 20000\n\001\377no end")) << errors.substr(errors.size() - 40);
}

TEST(KilledProcess, is_told_from_one_that_said_why) {
  for (const char* line : {"srun: error: n2: task 1: Segmentation fault", "srun: error: n[1-2]: tasks 0-1: Killed",
                           "srun: error: login-3.site: task 0: Aborted (core dumped)"})
    EXPECT_TRUE(tells_of_a_killed_process(line)) << line;
  for (const char* line :
       {"srun: error: n2: task 1: Exited with exit code 2", "srun: error: Unable to contact slurm controller",
        "slurmstepd: error: *** STEP 5.0 ON n1 CANCELLED", "warning: srun: error: n2: task 1: Killed", "",
        "srun: error: n2: task : Killed", "srun: error: n2: task 1"})
    EXPECT_FALSE(tells_of_a_killed_process(line)) << line;
}

TEST_F(LaunchedRunTest, refuses_a_program_that_is_not_there) {
  const auto run = [&] {
    run_launcher({"/no/such/launcher"}, {}, signals_, {began, began}, core::monotonic_clock(), 1s);
  };
  EXPECT_NE(tests::refusal(run), "");
}

TEST(Launchers, that_have_not_answered_may_be_there) {
  const tests::TemporaryFolder folder;
  const auto program = [&](const std::string& name, const std::string& does) {
    const auto file = folder / name;
    std::ofstream(file) << "#!/bin/sh\n" << does << "\n";
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  };
  const auto launchers = [&](int nodes = 2) {
    return launchers_here(nodes, {{"PATH", folder.path().string()}}, "pmix");
  };
  EXPECT_TRUE(launchers().empty()) << "there is none";
  program("srun", "kill -9 $$");
  EXPECT_THAT(tests::refusal(launchers, core::ErrorKind::kTransient),
              testing::HasSubstr("`srun --mpi=list` has not answered"));
  EXPECT_EQ(launchers(1), std::vector{slurm::Launcher::kNone}) << "one node needs none";
  program("mpirun", "echo 'mpirun (Open MPI) 4.1.4'");
  EXPECT_EQ(launchers(), std::vector{slurm::Launcher::kMpirun});
  program("srun", "echo none");
  program("mpirun", "kill -6 $$");
  EXPECT_THAT(tests::refusal(launchers, core::ErrorKind::kTransient),
              testing::HasSubstr("`mpirun --version` has not answered"));
  program("mpirun", "exit 127");
  EXPECT_TRUE(launchers().empty()) << "it has said that it cannot";
}

TEST(AllocationSignalsTest, gives_the_handlers_back) {
  struct sigaction before {};
  ::sigaction(SIGUSR1, nullptr, &before);
  {
    const AllocationSignals signals;
    EXPECT_FALSE(signals.noticed());
    ::raise(SIGTERM);
    EXPECT_TRUE(signals.terminated());
  }
  struct sigaction after {};
  ::sigaction(SIGUSR1, nullptr, &after);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
  const AllocationSignals anew;
  EXPECT_FALSE(anew.terminated()) << "each begins with none";
}

}  // namespace
}  // namespace resolute::operations::launched_run_test
