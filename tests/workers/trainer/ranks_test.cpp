//! \file
//! Trainings on real process ranks over Gloo: this program starts itself again, once a rank, with the toy method.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <thread>

#include "core/error.h"
#include "core/process.h"
#include "core/sha256.h"
#include "tests/workers/trainer/toy_method.h"
#include "workers/ddp/gloo.h"
#include "workers/numeric_class.h"
#include "workers/resume.h"
#include "workers/stop_flag.h"
#include "workers/trainer.h"

namespace resolute::workers {
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
  LaneBatch batch(std::uint64_t step, int lane) override {
    std::this_thread::sleep_for(pause_);
    return inner_.batch(step, lane);
  }

 private:
  ToySource inner_{kLanes};
  std::chrono::milliseconds pause_;
};

// What a rank does: arguments are folder, rank, ranks, port, descriptor, pause in ms, recompute.
int run_rank(char** arguments) {
  const fs::path folder = arguments[0];
  const int rank = std::stoi(arguments[1]);
  const int ranks = std::stoi(arguments[2]);
  install_stop_signals();
  enter_numeric_class();
  try {
    std::unique_ptr<Communicator> communicator;
    if (ranks > 1) {
      Rendezvous rendezvous;
      rendezvous.host = "127.0.0.1";
      rendezvous.port = static_cast<std::uint16_t>(std::stoi(arguments[3]));
      rendezvous.listen_descriptor = std::stoi(arguments[4]);
      rendezvous.store_prefix = "token";
      rendezvous.connect_limit = 5s;
      communicator = connect_gloo(rendezvous, rank, ranks);
    }
    ToyMethod method;
    SlowSource source{std::chrono::milliseconds(std::stoi(arguments[5]))};
    ProgressPipe progress(rank == 0 ? STDOUT_FILENO : -1);
    const CheckpointOwner owner{std::string(64, 'a'), numeric_class()};
    std::optional<CheckpointFolder> checkpoints;
    if (rank == 0) checkpoints.emplace(core::real_file_system(), folder, owner);
    TrainerOptions options;
    options.recipe.steps = kSteps;
    options.lanes = kLanes;
    options.checkpoint_every = 5;
    options.keep_graphs = std::string(arguments[6]) != "recompute";
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

class Gang {
 public:
  Gang(const fs::path& folder, int ranks, int pause_ms = 0, const std::string& mode = "kept", int started = -1) {
    core::FileDescriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(0, ::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size));
    EXPECT_EQ(0, ::listen(listener.get(), 16));
    EXPECT_EQ(0, ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size));
    core::Pipe pipe = core::make_pipe();
    progress_ = std::move(pipe.read_end);
    for (int rank = 0; rank < (started < 0 ? ranks : started); ++rank) {
      core::SpawnRequest request;
      request.arguments = {fs::read_symlink("/proc/self/exe").string(),
                           "--rank",
                           folder.string(),
                           std::to_string(rank),
                           std::to_string(ranks),
                           std::to_string(ntohs(address.sin_port)),
                           rank == 0 ? "9" : "-1",
                           std::to_string(pause_ms),
                           mode};
      request.environment = core::current_environment();
      request.descriptors = {{1, pipe.write_end.get()}, {2, 2}};
      if (rank == 0) request.descriptors[9] = listener.get();
      ranks_.push_back(core::spawn_process(request));
    }
  }
  ~Gang() {
    for (pid_t pid : ranks_) {
      if (pid <= 0) continue;
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
  }
  // Blocks until a checkpoint line arrives.
  void wait_for_checkpoint() {
    std::string seen;
    char byte = 0;
    while (seen.find("checkpoint") == std::string::npos && ::read(progress_.get(), &byte, 1) == 1) seen += byte;
  }
  void signal(std::size_t rank, int number) { ::kill(ranks_[rank], number); }
  std::vector<std::string> wait() {
    std::vector<std::string> ends;
    for (pid_t& pid : ranks_) {
      int status = 0;
      ::waitpid(pid, &status, 0);
      pid = -1;
      ends.push_back(core::describe(core::to_exit_status(status)));
    }
    return ends;
  }

 private:
  std::vector<pid_t> ranks_;
  core::FileDescriptor progress_;
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
    const auto ends = Gang(folder(name), ranks, 0, mode).wait();
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
    const auto ends = gang.wait();
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
  EXPECT_EQ((std::vector<std::string>{"killed by signal 9", "exit code 1"}), gang.wait());
}

TEST_F(RanksTest, a_signal_to_one_rank_stops_all_together_resumably) {
  train("whole", 1);
  for (int number : {SIGTERM, SIGUSR1}) {
    Gang gang(folder("stopped"), 4, 20);
    gang.wait_for_checkpoint();
    gang.signal(2, number);
    EXPECT_EQ(std::vector<std::string>(4, "exit code 75"), gang.wait());
    go_on("stopped", 2);
    EXPECT_EQ(hash("whole"), hash("stopped"));
    fs::remove_all(folder_ / "stopped");
  }
}

TEST_F(RanksTest, a_rank_that_never_comes_is_a_clear_failure) {
  Gang gang(folder("alone"), 2, 0, "kept", 1);
  EXPECT_EQ(std::vector<std::string>{"exit code 1"}, gang.wait());
}

}  // namespace
}  // namespace resolute::workers

int main(int argc, char** argv) {
  if (argc == 9 && std::string(argv[1]) == "--rank") return resolute::workers::run_rank(argv + 2);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
