//! \file
//! resolute-worker as the coordinator starts it: a store, real processes, kills. One small synthetic pack for all
//! tests.

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
namespace {

namespace fs = std::filesystem;
using experiments::JobId;

const std::string kWorker = std::string(RESOLUTE_BINARY_DIR) + "/bin/resolute-worker";
constexpr int kSteps = 20;

experiments::PackSettings small_pack() {
  experiments::PackSettings pack;
  pack.name = "worker-test";
  pack.source = "synthetic";
  pack.synthetic = experiments::SyntheticSettings{16, 2, 2, 64, 32, 0, 1.0};
  pack.height = 64;
  pack.width = 32;
  pack.shards = 2;
  return pack;
}

experiments::TrainingSpecification small_training(const experiments::MethodOptions& method) {
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
      while (!text.empty() && text.back() == '\n') text.pop_back();
      ends.push_back({core::describe(core::to_exit_status(status)), text.substr(text.rfind('\n') + 1)});
    }
    return ends;
  }
  std::vector<std::string> wait_codes() {
    std::vector<std::string> codes;
    for (const Ended& end : wait()) codes.push_back(end.how);
    return codes;
  }

 private:
  std::vector<pid_t> ranks_;
  std::vector<core::FileDescriptor> errors_;
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
  static inline const fs::path root_ = fs::path(testing::TempDir()) / fmt::format("worker_test-{}", ::getpid());
};

class WorkerMethodTest : public WorkerTest, public testing::WithParamInterface<std::string> {
 protected:
  static experiments::TrainingSpecification training() {
    if (GetParam() == "baseline") return small_training(experiments::BaselineOptions{});
    return small_training(experiments::RainOptions{});
  }
};
INSTANTIATE_TEST_SUITE_P(Methods, WorkerMethodTest, testing::Values("baseline", "rain"),
                         [](const auto& info) { return info.param; });

TEST_P(WorkerMethodTest, one_two_and_four_ranks_publish_the_same_bytes) {
  const std::string one = train(GetParam() + "-1", training(), 1);
  EXPECT_NE("none", one);
  EXPECT_EQ(one, train(GetParam() + "-2", training(), 2));
  EXPECT_EQ(one, train(GetParam() + "-4", training(), 4));

  experiments::EvaluationSpecification evaluation{experiments::job_id(training()), small_pack(), training().split, {}};
  std::vector<std::string> results;
  for (const char* suffix : {"-1", "-2", "-4"}) {
    const fs::path folder = store(GetParam() + suffix);
    const JobId id = write_specification(folder, evaluation);
    run_alone(folder, id);
    results.push_back(result(folder, id));
    const auto record = std::get<results::EvaluationRecord>(results::parse_record(results.back(), "result"));
    const auto features =
        core::real_file_system().read(experiments::StoreLayout(folder).job_folder(id) / "features.h5");
    EXPECT_EQ(record.features_sha256, core::sha256_hex(features));
    EXPECT_EQ(16, record.metrics.at("queries"));
    EXPECT_EQ(8, record.metrics.at("gallery_identities"));
  }
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST_P(WorkerMethodTest, a_killed_training_resumes_on_another_number_of_ranks_with_the_same_bytes) {
  const std::string whole = train(GetParam() + "-whole", training(), 1);
  const fs::path folder = store(GetParam() + "-killed");
  const JobId id = write_specification(folder, training());
  {
    Attempt attempt(folder, id, 2);
    attempt.wait_for_checkpoint();
    attempt.signal(1, SIGKILL);
    EXPECT_EQ((std::vector<std::string>{"exit code 1", "killed by signal 9"}), attempt.wait_codes());
  }
  EXPECT_EQ(whole, train(GetParam() + "-killed", training(), 4));
}

TEST_F(WorkerTest, a_terminated_training_leaves_a_checkpoint_and_resumes_with_the_same_bytes) {
  const auto training = small_training(experiments::RainOptions{});
  const fs::path folder = store("terminated");
  const JobId id = write_specification(folder, training);
  Attempt attempt(folder, id, 2);
  attempt.wait_for_checkpoint();
  attempt.signal(0, SIGTERM);
  const auto ends = attempt.wait();
  for (const Ended& end : ends) {
    EXPECT_EQ("exit code 75", end.how);
    EXPECT_EQ(0U, end.last_line.find("resolute-worker: stopped after step ")) << end.last_line;
  }
  EXPECT_FALSE(core::real_file_system().list(experiments::StoreLayout(folder).checkpoints_folder(id)).empty());
  EXPECT_EQ(train("terminated-whole", training, 1), train("terminated", training, 1));
  EXPECT_TRUE(core::real_file_system().list(experiments::StoreLayout(folder).checkpoints_folder(id)).empty());
}

TEST_F(WorkerTest, a_torn_checkpoint_is_named_and_the_one_before_used) {
  const auto training = small_training(experiments::BaselineOptions{});
  const fs::path folder = store("torn");
  const JobId id = write_specification(folder, training);
  {
    Attempt attempt(folder, id, 1);
    attempt.wait_for_checkpoint();
    attempt.wait_for_checkpoint();
    attempt.signal(0, SIGKILL);
    attempt.wait();
  }
  const fs::path checkpoints = experiments::StoreLayout(folder).checkpoints_folder(id);
  const auto names = core::real_file_system().list(checkpoints);
  ASSERT_GE(names.size(), 2U);
  fs::resize_file(checkpoints / names.back(), fs::file_size(checkpoints / names.back()) - 1);
  EXPECT_EQ(train("torn-whole", training, 1), train("torn", training, 1));
}

TEST_F(WorkerTest, a_job_with_a_result_is_done) {
  const auto training = small_training(experiments::BaselineOptions{});
  const std::string first = train("again", training, 1);
  EXPECT_EQ(first, train("again", training, 1));
}

TEST_F(WorkerTest, a_reader_that_hangs_up_changes_nothing) {
  const auto training = small_training(experiments::BaselineOptions{});
  const fs::path folder = store("alone");
  Attempt attempt(folder, write_specification(folder, training), 1);
  attempt.hang_up();
  EXPECT_EQ(std::vector<std::string>{"exit code 0"}, attempt.wait_codes());
}

TEST_F(WorkerTest, a_corrupt_row_ends_it_with_one_clear_line) {
  const auto training = small_training(experiments::BaselineOptions{});
  const fs::path folder = root_ / "stores" / "corrupt";
  fs::create_directories(folder);
  fs::copy(root_ / "packs", folder / "packs", fs::copy_options::recursive);
  const fs::path pack = experiments::StoreLayout(folder).pack_folder(small_pack());
  for (const char* name : {"shard-00000.h5", "shard-00001.h5"}) {
    // The HR images lie at the first large contiguous stretch of the file: pixels in its middle.
    std::fstream file(pack / name, std::ios::in | std::ios::out | std::ios::binary);
    const auto size = static_cast<std::streamoff>(fs::file_size(pack / name));
    for (std::streamoff at = size / 8; at < size / 2; at += 512) {
      file.seekg(at);
      const char byte = static_cast<char>(file.get() ^ 0x10);
      file.seekp(at);
      file.put(byte);
    }
  }
  const auto ends = Attempt(folder, write_specification(folder, training), 1).wait();
  EXPECT_EQ("exit code 2", ends[0].how);
  EXPECT_EQ(0U, ends[0].last_line.find("resolute-worker: ")) << ends[0].last_line;
  EXPECT_NE(std::string::npos, ends[0].last_line.find("shard-0000")) << ends[0].last_line;
}

TEST_F(WorkerTest, ranks_that_do_not_divide_the_lanes_are_refused) {
  const fs::path folder = store("three");
  const auto ends = Attempt(folder, write_specification(folder, small_training(experiments::RainOptions{})), 3).wait();
  for (const Ended& end : ends)
    EXPECT_EQ(
        (Ended{"exit code 2",
               "resolute-worker: 3 process ranks do not divide 4 lanes (every rank runs the same number of lanes); "
               "choose a divisor of the number of lanes"}),
        end);
}

TEST_F(WorkerTest, an_evaluation_without_its_training_is_refused) {
  const fs::path folder = store("untrained");
  const auto training = small_training(experiments::RainOptions{});
  const JobId id = write_specification(
      folder, experiments::EvaluationSpecification{experiments::job_id(training), small_pack(), training.split, {}});
  const auto ends = Attempt(folder, id, 1).wait();
  EXPECT_EQ("exit code 2", ends[0].how);
  EXPECT_NE(std::string::npos, ends[0].last_line.find("has no result")) << ends[0].last_line;
}

TEST_F(WorkerTest, a_changed_specification_is_refused) {
  const fs::path folder = store("changed");
  const JobId id = write_specification(folder, small_training(experiments::RainOptions{}));
  auto other = small_training(experiments::RainOptions{});
  other.seed = 1;
  core::write_atomic(core::real_file_system(), experiments::StoreLayout(folder).specification_file(id),
                     core::canonical_json(experiments::to_json(other)));
  const auto ends = Attempt(folder, id, 1).wait();
  EXPECT_EQ("exit code 2", ends[0].how);
  EXPECT_NE(std::string::npos, ends[0].last_line.find("is not the specification of job")) << ends[0].last_line;
}

TEST_F(WorkerTest, a_training_without_its_pack_is_refused) {
  const fs::path folder = root_ / "stores" / "packless";
  const auto ends = Attempt(folder, write_specification(folder, small_training(experiments::RainOptions{})), 1).wait();
  EXPECT_EQ("exit code 2", ends[0].how);
  EXPECT_EQ("none", result(folder, experiments::job_id(small_training(experiments::RainOptions{}))));
}

TEST(WorkerProgram, wrong_usage_is_one_line_and_exit_code_2) {
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {},
           {"walk"},
           {"run"},
           {"run", "--store", "x"},
           {"run", "--store", "x", "--job", "y"},
           {"run", "--store", "x", "--job", std::string(64, 'a')},
           {"run", "--frob"},
           {"run", "--store", "x", "--job", std::string(64, 'a'), "--rendezvous", "nowhere"}}) {
    core::SpawnRequest request;
    request.arguments = arguments;
    request.arguments.insert(request.arguments.begin(), kWorker);
    request.environment = core::current_environment();
    const auto output = core::run_command(request, std::chrono::seconds(20));
    EXPECT_EQ("exit code 2", core::describe(output.status)) << output.err;
    EXPECT_EQ(0U, output.err.find("resolute-worker: "));
    EXPECT_EQ(output.err.size() - 1, output.err.find('\n')) << output.err;
  }
}

TEST(WorkerProgram, describes_its_numeric_class_without_process_ranks) {
  core::SpawnRequest request;
  request.arguments = {kWorker, "describe"};
  request.environment = core::current_environment();
  const auto output = core::run_command(request, std::chrono::seconds(20));
  const core::Json json = core::parse_json(output.out, "describe");
  EXPECT_NE(std::string::npos, json["numeric_class"].get<std::string>().find("libtorch=2.11"));
  EXPECT_EQ("1", json["threads"].get<std::string>());
}

TEST(WorkerProgram, has_no_openblas_in_it) {
  core::SpawnRequest request;
  request.arguments = {"ldd", kWorker};
  request.environment = core::current_environment();
  const auto output = core::run_command(request, std::chrono::seconds(20));
  EXPECT_NE(std::string::npos, output.out.find("libtorch_cpu"));
  EXPECT_EQ(std::string::npos, output.out.find("openblas"));
}

}  // namespace
}  // namespace resolute::workers
