//! \file
//! `resolute train` among signals and failures: what it prints last, its exit code, and that no process stays.

#include <string.h>

#include <fstream>
#include <memory>
#include <thread>

#include "tests/support/folders.h"
#include "tests/support/slice.h"
#include "tests/system/program.h"
#include "tests/workers/jobs/worker_fixture.h"

namespace resolute::workers::train_command_test {
namespace {

using namespace std::chrono_literals;
using system_test::wait_until;

class TrainCommandTest : public WorkerTest {
 protected:
  static experiments::TrainingSpecification training(int steps) {
    auto made = small_training(experiments::BaselineOptions{});
    made.recipe.steps = steps;
    made.recipe.warmup_steps = std::min(made.recipe.warmup_steps, steps);
    return made;
  }
  // `resolute train` in a store of this name.
  std::unique_ptr<ProcessGang> start(const std::string& name, const experiments::TrainingSpecification& training,
                                     int ranks, std::vector<std::string> more = {}) {
    const fs::path folder = store(name);
    core::write_atomic(core::real_file_system(), folder / "spec.json",
                       core::canonical_json(experiments::to_json(experiments::JobSpecification(training))));
    std::vector<std::string> arguments{tests::binary_folder().string() + "/bin/resolute",
                                       "train",
                                       (folder / "spec.json").string(),
                                       "--store",
                                       folder.string(),
                                       "--ranks",
                                       std::to_string(ranks)};
    if (more.empty() || !more[0].starts_with("--checkpoint-every"))
      more.insert(more.end(), {"--checkpoint-every", "5"});
    arguments.insert(arguments.end(), more.begin(), more.end());
    ::signal(SIGHUP, SIG_DFL);  // a test under nohup has it ignored, and a program that finds it so leaves it so
    return std::make_unique<ProcessGang>(1, [&](int, int) { return arguments; });
  }
  // The worker of a process rank in that store; waits until it is there.
  pid_t worker(const std::string& name, int process_rank) {
    std::vector<pid_t> found;
    const std::string rank = std::string("--process-rank") + '\0' + std::to_string(process_rank) + '\0';
    wait_until([&] {
      found = system_test::processes_with({store(name).string() + '\0', "resolute-worker", rank});
      return found.size() == 1;
    });
    return found.empty() ? -1 : found.front();
  }
  bool has_checkpoint(const std::string& name, const experiments::TrainingSpecification& training) {
    const fs::path folder = store(name);
    const JobId id = experiments::job_id(training);
    return wait_until([&] {
      return fs::exists(experiments::StoreLayout(folder).checkpoints_folder(id)) && !checkpoints(folder, id).empty();
    });
  }
  void expect_nobody_left(const std::string& name) {
    EXPECT_TRUE(system_test::processes_with({store(name).string() + '\0', "resolute-worker"}).empty());
  }
};

class StoppedTrainTest : public TrainCommandTest, public testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(Signals, StoppedTrainTest,
                         testing::ValuesIn(tests::slice("signals to a training",
                                                        std::vector{SIGINT, SIGTERM, SIGUSR1, SIGHUP}, 2)),
                         [](const auto& info) { return std::string(::sigabbrev_np(info.param)); });

TEST_P(StoppedTrainTest, leaves_a_checkpoint_says_how_to_go_on_and_goes_on) {
  const std::string name = fmt::format("signal-{}", GetParam());
  const auto specification = training(60);
  auto train = start(name, specification, 2);
  ASSERT_TRUE(has_checkpoint(name, specification));
  train->signal(0, GetParam());
  const Ended end = train->wait_for(0, 20s);
  EXPECT_EQ("exit code 75", end.how);
  const JobId id = experiments::job_id(specification);
  const std::uint64_t stopped = step_of(checkpoints(store(name), id).back());
  EXPECT_EQ(0U, end.last_line.find(fmt::format("resolute: stopped after step {} (", stopped))) << end.last_line;
  EXPECT_NE(std::string::npos, end.last_line.find(" s after the signal); the same command goes on")) << end.last_line;
  std::cout << end.last_line << std::endl;
  expect_nobody_left(name);

  auto again = start(name, specification, 1);
  EXPECT_EQ("exit code 0", again->wait_for(0, 60s).how) << again->log(0);
  EXPECT_NE(std::string::npos, again->log(0).find(fmt::format("going on from the checkpoint of step {}\n", stopped)));
}

TEST_F(TrainCommandTest, a_second_interrupt_ends_it_at_once) {
  const auto specification = training(1'000'000);
  auto train = start("twice", specification, 2);
  ASSERT_TRUE(has_checkpoint("twice", specification));
  ::kill(worker("twice", 1), SIGSTOP);
  train->signal(0, SIGINT);
  std::this_thread::sleep_for(500ms);
  EXPECT_FALSE(system_test::processes_with({store("twice").string() + '\0', "resolute-worker"}).empty());
  train->signal(0, SIGINT);
  EXPECT_EQ((Ended{"exit code 75", "resolute: stopped at once; the same command goes on from the last checkpoint"}),
            train->wait_for(0, 5s));
  expect_nobody_left("twice");
}

// timeout(1) sends it to the program and to its group.
TEST_F(TrainCommandTest, the_same_interrupt_twice_is_one) {
  const auto specification = training(1'000'000);
  auto train = start("doubled", specification, 1);
  ASSERT_TRUE(has_checkpoint("doubled", specification));
  train->signal(0, SIGINT);
  std::this_thread::sleep_for(1ms);
  train->signal(0, SIGINT);
  const Ended end = train->wait_for(0, 20s);
  EXPECT_EQ("exit code 75", end.how);
  EXPECT_EQ(0U, end.last_line.find("resolute: stopped after step ")) << end.last_line;
}

TEST_F(TrainCommandTest, an_interrupt_while_ranks_start_loses_nothing) {
  const auto specification = training(1'000'000);
  for (const auto pause : {0ms, 50ms, 150ms, 300ms, 600ms}) {
    auto train = start("early", specification, 2);
    worker("early", 1);
    std::this_thread::sleep_for(pause);
    train->signal(0, SIGINT);
    EXPECT_EQ("exit code 75", train->wait_for(0, 20s).how) << train->log(0);
    expect_nobody_left("early");
  }
}

TEST_F(TrainCommandTest, a_stopped_rank_is_named_and_killed) {
  const auto specification = training(1'000'000);
  auto train = start("stopped", specification, 4, {"--exchange-timeout", "2"});
  ASSERT_TRUE(has_checkpoint("stopped", specification));
  ::kill(worker("stopped", 1), SIGSTOP);
  const Ended end = train->wait_for(0, 2s + 10s);
  EXPECT_EQ("exit code 1", end.how);
  EXPECT_NE(std::string::npos, end.last_line.find(": process rank 1 did not arrive (last seen in exchange "))
      << end.last_line;
  expect_nobody_left("stopped");
}

TEST_F(TrainCommandTest, a_killed_rank_is_named_last) {
  const auto specification = training(1'000'000);
  auto train = start("killed", specification, 4);
  ASSERT_TRUE(has_checkpoint("killed", specification));
  ::kill(worker("killed", 2), SIGKILL);
  EXPECT_EQ((Ended{"exit code 1",
                   "resolute: process rank 2 of the job ended with killed by signal 9; look at what it logged"}),
            train->wait_for(0, 10s));
  // The others say it too, each in its own words.
  EXPECT_NE(std::string::npos, train->log(0).find("process rank 0: process rank 2 did not arrive (")) << train->log(0);
  expect_nobody_left("killed");
}

TEST_F(TrainCommandTest, a_refusal_by_one_rank_beats_the_failures_that_it_brings) {
  const fs::path folder = store("refused");
  const fs::path program = folder / "worker";
  std::ofstream(program)
      << "#!/bin/sh\ncase \"$*\" in\n"
         "*'--process-rank 1 '*) sleep 0.5; echo 'resolute-worker: no such row (b); c' >&2; exit 2;;\n"
         "*) echo 'resolute-worker: a peer is gone (x); y' >&2; exit 1;;\nesac\n";
  fs::permissions(program, fs::perms::owner_all);
  ::setenv("RESOLUTE_WORKER", program.c_str(), 1);
  auto train = start("refused", training(10), 2);
  ::unsetenv("RESOLUTE_WORKER");
  EXPECT_EQ((Ended{"exit code 2", "resolute: process rank 1: no such row (b); c"}), train->wait_for(0, 10s));
  EXPECT_NE(std::string::npos, train->log(0).find("process rank 0: a peer is gone (x); y\n")) << train->log(0);
}

// As under a suite's agent: environment, and logs beside the job.
TEST_F(TrainCommandTest, a_rank_has_what_ranks_of_suites_have) {
  const fs::path folder = store("spawned");
  const fs::path program = folder / "worker";
  std::ofstream(program) << "#!/bin/sh\necho \"$RESOLUTE_ATTEMPT ${OMPI_SPY-no MPI} $OMP_NUM_THREADS\"\n"
                            "echo 'half a line' | tr -d '\\n' >&2\nexit 1\n";
  fs::permissions(program, fs::perms::owner_all);
  ::setenv("RESOLUTE_WORKER", program.c_str(), 1);
  ::setenv("OMPI_SPY", "1", 1);
  auto train = start("spawned", training(10), 1);
  ::unsetenv("RESOLUTE_WORKER");
  ::unsetenv("OMPI_SPY");
  EXPECT_EQ(
      (Ended{"exit code 1", "resolute: process rank 0 of the job ended with exit code 1; look at what it logged"}),
      train->wait_for(0, 10s));
  const JobId id = experiments::job_id(training(10));
  const std::string start_line = id.hex + "/1 no MPI 1\n";
  for (const std::string& line : {start_line, std::string("half a line\n")})
    EXPECT_NE(std::string::npos, train->log(0).find(line)) << train->log(0);
  const auto log = [&](const char* name) {
    return core::read_text(core::real_file_system(), experiments::StoreLayout(folder).attempt_file(id, 1, name));
  };
  EXPECT_EQ(start_line, log("stdout"));
  EXPECT_EQ("half a line", log("stderr"));
}

TEST_F(TrainCommandTest, options_of_the_worker_are_checked_and_passed_on) {
  for (const char* option : {"--threads=0", "--checkpoint-every=0", "--evaluate-every=-1", "--exchange-timeout=0"}) {
    const Ended end = start("options", training(10), 1, {option})->wait_for(0, 10s);
    EXPECT_EQ("exit code 2", end.how) << option;
    EXPECT_EQ(0U, end.last_line.find("resolute: ")) << end.last_line;
  }
  // Another number of threads is another numeric class: the result says so.
  auto train = start("threads", training(1), 1, {"--threads", "2"});
  EXPECT_EQ("exit code 0", train->wait_for(0, 60s).how) << train->log(0);
  EXPECT_NE(std::string::npos, result(store("threads"), experiments::job_id(training(1))).find("threads=2"));
}

}  // namespace
}  // namespace resolute::workers::train_command_test
