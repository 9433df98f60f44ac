//! \file
//! Trainings on real process ranks over Gloo: this program starts itself again, once a rank, with the toy method.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <thread>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "core/process/process.h"
#include "tests/support/program_role.h"
#include "tests/workers/jobs/process_gang.h"
#include "tests/workers/training/toy_method.h"
#include "workers/ddp/gloo.h"
#include "workers/device/numeric_class.h"
#include "workers/rank/stop_flag.h"
#include "workers/training/resume.h"
#include "workers/training/trainer.h"

namespace resolute::workers::ranks_test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr int kLanes = 4;
constexpr int kSteps = 20;

// A source that takes its time, so that a test can interfere in mid-training.
class SlowSource final : public BatchSource {
 public:
  explicit SlowSource(std::chrono::milliseconds pause) : pause_(pause) {}
  std::vector<std::int64_t> lane_rows(std::uint64_t step) override { return inner_.lane_rows(step); }
  methods::LaneBatch batch(std::uint64_t step, int lane) override {
    std::this_thread::sleep_for(pause_);
    return inner_.batch(step, lane);
  }

 private:
  ToySource inner_{kLanes};
  std::chrono::milliseconds pause_;
};

// What a rank does: arguments are folder, rank, ranks, port, descriptor, pause in ms, recompute.
int run_rank(int /*count*/, char** arguments) {
  const fs::path folder = arguments[0];
  const int rank = std::stoi(arguments[1]);
  const int ranks = std::stoi(arguments[2]);
  install_stop_signals();
  enter_numeric_class();
  try {
    std::unique_ptr<Communicator> communicator;
    if (ranks > 1) {
      const Rendezvous rendezvous{"127.0.0.1", static_cast<std::uint16_t>(std::stoi(arguments[3])),
                                  std::stoi(arguments[4]), "token", /*connect_limit=*/5s};
      communicator = connect_gloo(rendezvous, rank, ranks);
    }
    ToyMethod method;
    SlowSource source{std::chrono::milliseconds(std::stoi(arguments[5]))};
    ProgressPipe progress(rank == 0 ? ProcessGang::kProgressDescriptor : -1);
    const CheckpointOwner owner{std::string(64, 'a'), numeric_class()};
    std::optional<CheckpointFolder> checkpoints;
    if (rank == 0) checkpoints.emplace(core::real_file_system(), folder, owner);
    const TrainerOptions options{.recipe = {.steps = kSteps, .milestones = {}},
                                 .lanes = kLanes,
                                 .checkpoint_every = 5,
                                 .keep_graphs = std::string(arguments[6]) != "recompute"};
    Trainer trainer({.method = method,
                     .source = source,
                     .progress = progress,
                     .communicator = communicator.get(),
                     .checkpoints = checkpoints ? &*checkpoints : nullptr},
                    options);
    const auto checkpoint = load_on_all_ranks(checkpoints ? &*checkpoints : nullptr, owner, communicator.get());
    if (checkpoint) trainer.restore(*checkpoint);
    core::write_atomic(core::real_file_system(), folder / fmt::format("from-{}", rank),
                       std::to_string(checkpoint ? checkpoint->step : 0));
    const TrainingOutcome outcome = trainer.run();
    if (outcome.interrupted) return 75;
    // Every rank's parameters, and rank 0's buffers.
    Checkpoint last = trainer.snapshot();
    if (rank != 0)
      std::erase_if(last.tensors, [](const auto& it) { return it.first.find("running") != std::string::npos; });
    core::write_atomic(core::real_file_system(), folder / fmt::format("hash-{}", rank),
                       core::sha256_hex(encode_checkpoint(last, owner)));
    return 0;
  } catch (const core::RuntimeError& error) {
    std::cerr << error.what() << std::endl;
    return core::exit_code(error.kind());
  }
}

const tests::ProgramRole kRank("ranks", run_rank);

// This program again, once a rank.
class Gang : public ProcessGang {
 public:
  Gang(const fs::path& folder, int ranks, int pause_ms = 0, const std::string& mode = "kept",
       std::optional<int> started = {})
      : ProcessGang(
            ranks,
            [&](int rank, int port) {
              std::vector<std::string> command = kRank.command();
              command.insert(command.end(),
                             {folder.string(), std::to_string(rank), std::to_string(ranks), std::to_string(port),
                              rank == 0 ? std::to_string(kListenerDescriptor) : "-1", std::to_string(pause_ms), mode});
              return command;
            },
            core::Reach::kLoopback, {}, started) {}
};

class RanksTest : public testing::Test {
 protected:
  RanksTest() { fs::remove_all(folder_); }
  ~RanksTest() override { fs::remove_all(folder_); }
  fs::path folder(const std::string& name) {
    core::real_file_system().create_directories(folder_ / name);
    return folder_ / name;
  }
  std::string hash(const std::string& name, int rank = 0) {
    return core::read_text_if_exists(core::real_file_system(), folder_ / name / fmt::format("hash-{}", rank))
        .value_or("none");
  }
  void train(const std::string& name, int ranks, const std::string& mode = "kept") {
    const auto ends = Gang(folder(name), ranks, 0, mode).wait_codes();
    EXPECT_EQ(std::vector<std::string>(static_cast<std::size_t>(ranks), "exit code 0"), ends);
  }
  // The step of the newest checkpoint, 0 for none.
  int newest_checkpoint(const std::string& name) {
    int newest = 0;
    for (const std::string& file : core::real_file_system().list(folder_ / name))
      if (file.starts_with("step-")) newest = std::max(newest, std::stoi(file.substr(5)));
    return newest;
  }
  // Trains on; every rank has to begin after the newest checkpoint. A start from scratch would end with the same bits.
  void go_on(const std::string& name, int ranks) {
    const int newest = newest_checkpoint(name);
    EXPECT_GE(newest, 5);
    train(name, ranks);
    for (int rank = 0; rank < ranks; ++rank)
      EXPECT_EQ(std::to_string(newest),
                core::read_text(core::real_file_system(), folder_ / name / fmt::format("from-{}", rank)));
  }
  const fs::path folder_ = fs::path(testing::TempDir()) / fmt::format("ranks_test-{}", ::getpid());
};

TEST_F(RanksTest, one_two_and_four_ranks_give_the_same_bits) {
  train("1", 1);
  train("2", 2);
  train("4", 4);
  train("4-recomputed", 4, "recompute");
  EXPECT_NE("none", hash("1"));
  EXPECT_EQ(hash("1"), hash("2"));
  EXPECT_EQ(hash("1"), hash("4"));
  EXPECT_EQ(hash("1"), hash("4-recomputed"));
  EXPECT_EQ(hash("4", 1), hash("4", 3));
}

TEST_F(RanksTest, a_killed_training_resumes_with_the_same_bits_on_another_number_of_ranks) {
  train("whole", 1);
  for (int ranks : {1, 2, 4}) {
    Gang gang(folder("killed"), 2, 20);
    gang.wait_for_checkpoint();
    gang.signal(1, SIGKILL);
    const auto ends = gang.wait_codes();
    // The survivor must see that its peer has gone, and say that trying again is worth while.
    EXPECT_EQ((std::vector<std::string>{"exit code 1", "killed by signal 9"}), ends);
    go_on("killed", ranks);
    EXPECT_EQ(hash("whole"), hash("killed")) << ranks;
    fs::remove_all(folder_ / "killed");
  }
}

TEST_F(RanksTest, process_rank_0_killed_is_noticed_too) {
  Gang gang(folder("killed"), 2, 20);
  gang.wait_for_checkpoint();
  gang.signal(0, SIGKILL);
  EXPECT_EQ((std::vector<std::string>{"killed by signal 9", "exit code 1"}), gang.wait_codes());
}

TEST_F(RanksTest, a_signal_to_one_rank_stops_all_together_resumably) {
  train("whole", 1);
  for (int number : {SIGTERM, SIGUSR1}) {
    Gang gang(folder("stopped"), 4, 20);
    gang.wait_for_checkpoint();
    gang.signal(2, number);
    EXPECT_EQ(std::vector<std::string>(4, "exit code 75"), gang.wait_codes());
    go_on("stopped", 2);
    EXPECT_EQ(hash("whole"), hash("stopped"));
    fs::remove_all(folder_ / "stopped");
  }
}

TEST_F(RanksTest, ranks_that_never_come_are_named) {
  Gang gang(folder("alone"), 4, 0, "kept", 2);
  const auto ends = gang.wait();
  for (const Ended& end : ends) {
    EXPECT_EQ("exit code 1", end.how);
    EXPECT_EQ(0U, end.last_line.find("process ranks 2, 3 did not come to 127.0.0.1:")) << end.last_line;
  }
}

}  // namespace
}  // namespace resolute::workers::ranks_test
