#pragma once
//! \file
//! For the tests of resolute-worker: a store with one small synthetic pack, and the processes of an attempt as the
//! coordinator starts them.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "core/error.h"
#include "core/file_system.h"
#include "core/process.h"
#include "core/sha256.h"
#include "experiments/store_layout.h"
#include "results/record.h"

namespace resolute::workers {

namespace fs = std::filesystem;
using experiments::JobId;

inline const std::string kWorker = std::string(RESOLUTE_BINARY_DIR) + "/bin/resolute-worker";
constexpr int kSteps = 20;

inline experiments::PackSettings small_pack() {
  experiments::PackSettings pack;
  pack.name = "worker-test";
  pack.source = "synthetic";
  pack.synthetic = experiments::SyntheticSettings{16, 2, 2, 64, 32, 0, 1.0};
  pack.height = 64;
  pack.width = 32;
  pack.shards = 2;
  return pack;
}

inline experiments::TrainingSpecification small_training(const experiments::MethodOptions& method) {
  experiments::TrainingSpecification training;
  training.method = method;
  training.network.backbone = "resnet-small";
  training.recipe.steps = kSteps;
  training.recipe.identities = 8;
  training.recipe.images = 2;
  training.recipe.pad = 3;
  training.recipe.warmup_steps = 3;
  training.pack = small_pack();
  training.split.train_pool = "hr-both-views";
  training.lanes = 4;
  return training;
}

struct Ended {
  std::string how;
  std::string last_line;  // of standard error
  bool operator==(const Ended&) const = default;
};

// The processes of one attempt, and the progress lines of the first.
class Attempt {
 public:
  Attempt(const fs::path& store, const JobId& job, int ranks, const std::vector<std::string>& more = {}) {
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
    for (int rank = 0; rank < ranks; ++rank) {
      core::SpawnRequest request;
      request.arguments = {kWorker,
                           "run",
                           "--store",
                           store.string(),
                           "--job",
                           job.hex,
                           "--process-rank",
                           std::to_string(rank),
                           "--process-ranks",
                           std::to_string(ranks),
                           "--checkpoint-every",
                           "5"};
      if (ranks > 1) {
        request.arguments.insert(request.arguments.end(),
                                 {"--rendezvous", "127.0.0.1:" + std::to_string(ntohs(address.sin_port)),
                                  "--store-prefix", "token", "--rendezvous-timeout", "20"});
      }
      request.arguments.insert(request.arguments.end(), more.begin(), more.end());
      core::Pipe errors = core::make_pipe();
      request.descriptors = {{2, errors.write_end.get()}};
      if (rank == 0) {
        request.descriptors[8] = pipe.write_end.get();
        request.arguments.insert(request.arguments.end(), {"--progress-fd", "8"});
        if (ranks > 1) {
          request.descriptors[9] = listener.get();
          request.arguments.insert(request.arguments.end(), {"--rendezvous-fd", "9"});
        }
      }
      request.environment = core::current_environment();
      ranks_.push_back(core::spawn_process(request));
      errors_.push_back(std::move(errors.read_end));
    }
  }
  ~Attempt() {
    for (pid_t pid : ranks_) {
      if (pid <= 0) continue;
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
  }
  void wait_for_checkpoint() {
    std::string seen;
    char byte = 0;
    while (seen.find("checkpoint") == std::string::npos && ::read(progress_.get(), &byte, 1) == 1) seen += byte;
  }
  void hang_up() { progress_.reset(); }
  void signal(std::size_t rank, int number) { ::kill(ranks_[rank], number); }
  std::vector<Ended> wait() {
    std::vector<Ended> ends;
    for (std::size_t i = 0; i < ranks_.size(); ++i) {
      std::string text;
      char buffer[4096];
      for (ssize_t count = 0; (count = ::read(errors_[i].get(), buffer, sizeof(buffer))) > 0;)
        text.append(buffer, static_cast<std::size_t>(count));
      int status = 0;
      ::waitpid(ranks_[i], &status, 0);
      ranks_[i] = -1;
      logs_.push_back(text);
      while (!text.empty() && text.back() == '\n') text.pop_back();
      ends.push_back({core::describe(core::to_exit_status(status)), text.substr(text.rfind('\n') + 1)});
    }
    return ends;
  }
  // What a process of an attempt that was waited for wrote to standard error.
  const std::string& log(std::size_t rank) const { return logs_.at(rank); }
  std::vector<std::string> wait_codes() {
    std::vector<std::string> codes;
    for (const Ended& end : wait()) codes.push_back(end.how);
    return codes;
  }

 private:
  std::vector<pid_t> ranks_;
  std::vector<core::FileDescriptor> errors_;
  std::vector<std::string> logs_;
  core::FileDescriptor progress_;
};

class WorkerTest : public testing::Test {
 protected:
  // The pack is built once, by the worker itself: shards, then the seal.
  static void SetUpTestSuite() {
    fs::remove_all(root_);
    for (int shard = 0; shard < 2; ++shard)
      run_alone(root_, write_specification(root_, experiments::ShardSpecification{small_pack(), shard}));
    run_alone(root_, write_specification(root_, experiments::SealSpecification{small_pack()}));
  }
  static void TearDownTestSuite() { fs::remove_all(root_); }

  // A store of its own that shares the pack.
  fs::path store(const std::string& name) {
    const fs::path store = root_ / "stores" / name;
    fs::create_directories(store);
    if (!fs::exists(store / "packs")) fs::create_directory_symlink(root_ / "packs", store / "packs");
    return store;
  }
  static JobId write_specification(const fs::path& store, const experiments::JobSpecification& specification) {
    const JobId id = experiments::job_id(specification);
    core::write_atomic(core::real_file_system(), experiments::StoreLayout(store).specification_file(id),
                       core::canonical_json(experiments::to_json(specification)));
    return id;
  }
  static void run_alone(const fs::path& store, const JobId& job) {
    EXPECT_EQ((std::vector<Ended>{{"exit code 0", ""}}), Attempt(store, job, 1).wait());
  }
  static std::string result(const fs::path& store, const JobId& job) {
    return core::read_text_if_exists(core::real_file_system(), experiments::StoreLayout(store).result_file(job))
        .value_or("none");
  }
  // Trains with W ranks in a store of its own. Returns result.json.
  std::string train(const std::string& name, const experiments::TrainingSpecification& training, int ranks) {
    const JobId id = write_specification(store(name), training);
    EXPECT_EQ(std::vector<std::string>(static_cast<std::size_t>(ranks), "exit code 0"),
              Attempt(store(name), id, ranks).wait_codes());
    return result(store(name), id);
  }
  // The checkpoints of a job by name, the newest last; what a killed writer left under a temporary name is none.
  static std::vector<std::string> checkpoints(const fs::path& store, const JobId& job) {
    auto names = core::real_file_system().list(experiments::StoreLayout(store).checkpoints_folder(job));
    std::erase_if(names, [](const std::string& name) { return !name.starts_with("step-"); });
    return names;
  }
  static std::uint64_t step_of(const std::string& checkpoint) { return std::stoull(checkpoint.substr(5)); }
  // The steps in an attempt's metrics.
  static std::vector<std::uint64_t> steps(const fs::path& store, const JobId& job, int attempt) {
    std::ifstream file(experiments::StoreLayout(store).attempt_folder(job, attempt) / "metrics.jsonl");
    std::vector<std::uint64_t> steps;
    for (std::string line; std::getline(file, line) && !file.eof();)  // a killed writer's last line has no end
      steps.push_back(core::parse_json(line, "metrics").at("step").get<std::uint64_t>());
    return steps;
  }
  // Runs the second attempt of a training, which has to go on from the checkpoint of step `from`: same bytes at the end
  // do not show it, since a start from scratch ends with them too. Returns what process rank 0 logged.
  static std::string go_on(const fs::path& store, const JobId& job, int ranks, std::uint64_t from) {
    Attempt attempt(store, job, ranks, {"--attempt", "2"});
    EXPECT_EQ(std::vector<std::string>(static_cast<std::size_t>(ranks), "exit code 0"), attempt.wait_codes());
    EXPECT_GE(from, 5U);
    EXPECT_NE(std::string::npos, attempt.log(0).find(fmt::format("going on from the checkpoint of step {}\n", from)))
        << attempt.log(0);
    std::vector<std::uint64_t> expected;
    for (std::uint64_t step = from + 1; step <= kSteps; ++step) expected.push_back(step);
    EXPECT_EQ(expected, steps(store, job, 2));
    return attempt.log(0);
  }
  static inline const fs::path root_ = fs::path(testing::TempDir()) / fmt::format("worker_test-{}", ::getpid());
};

}  // namespace resolute::workers
