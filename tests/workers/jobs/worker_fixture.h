#pragma once
//! \file
//! For the tests of resolute-worker: a store with one small synthetic pack, and the processes of an attempt as the
//! coordinator starts them.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "core/files/file_system.h"
#include "core/hash/sha256.h"
#include "core/process/process.h"
#include "experiments/store/store_layout.h"
#include "results/records/record.h"
#include "tests/support/folders.h"
#include "tests/workers/jobs/process_gang.h"

namespace resolute::workers {

namespace fs = std::filesystem;
using experiments::JobId;

inline const std::string kWorker = tests::binary_folder().string() + "/bin/resolute-worker";
constexpr int kSteps = 20;

inline experiments::PackSettings small_pack() {
  experiments::PackSettings pack{.name = "worker-test", .source = settings::Source::kSynthetic};
  pack.synthetic =
      experiments::SyntheticSettings{.identities = 16, .cameras = 2, .images_per_camera = 2, .height = 64, .width = 32};
  pack.height = 64;
  pack.width = 32;
  pack.shards = 2;
  return pack;
}

inline experiments::TrainingSpecification small_training(const experiments::MethodOptions& method) {
  experiments::TrainingSpecification training;
  training.method = method;
  training.network.backbone = settings::Trunk::kResnetSmall;
  training.recipe.steps = kSteps;
  training.recipe.identities = 8;
  training.recipe.images = 2;
  training.recipe.pad = 3;
  training.recipe.warmup_steps = 3;
  training.pack = small_pack();
  training.split.train_pool = settings::TrainPool::kHrBothViews;
  training.lanes = 4;
  return training;
}

inline JobId write_specification(const fs::path& store, const experiments::JobSpecification& specification) {
  JobId id = experiments::job_id(specification);
  core::write_atomic(core::real_file_system(), experiments::StoreLayout(store).specification_file(id),
                     core::canonical_json(experiments::to_json(specification)));
  return id;
}

// The processes of one attempt, as the coordinator starts them.
class Attempt : public ProcessGang {
 public:
  Attempt(const fs::path& store, const JobId& job, int ranks, const std::vector<std::string>& more = {})
      : ProcessGang(ranks, arguments(store, job, ranks, more)) {}

  // `host` is where process rank 0 is reached.
  static Arguments arguments(const fs::path& store, const JobId& job, int ranks, const std::vector<std::string>& more,
                             const std::string& host = "127.0.0.1") {
    return [=](int rank, int port) {
      std::vector<std::string> all{kWorker, "run", "--store", store.string(), "--job", job.hex};
      const auto add = [&all](std::initializer_list<std::string> some) { all.insert(all.end(), some); };
      add({"--process-rank", std::to_string(rank), "--process-ranks", std::to_string(ranks)});
      // What `more` says again must not come twice.
      if (std::find(more.begin(), more.end(), "--checkpoint-every") == more.end()) add({"--checkpoint-every", "5"});
      if (ranks > 1)
        add({"--rendezvous", fmt::format("{}:{}", host, port), "--secret-fd", std::to_string(kSecretDescriptor),
             "--rendezvous-timeout", "20"});
      if (rank == 0) add({"--progress-fd", std::to_string(kProgressDescriptor)});
      if (rank == 0 && ranks > 1) add({"--rendezvous-fd", std::to_string(kListenerDescriptor)});
      all.insert(all.end(), more.begin(), more.end());
      return all;
    };
  }
};

class WorkerTest : public testing::Test {
 protected:
  // The pack is built once, by the worker itself: shards, then the seal.
  static void SetUpTestSuite() {
    fs::remove_all(root_);
    build_pack(small_pack());
  }
  static void build_pack(const experiments::PackSettings& pack) {
    for (int shard = 0; shard < pack.shards; ++shard)
      run_alone(root_, write_specification(root_, experiments::ShardSpecification{pack, shard}));
    run_alone(root_, write_specification(root_, experiments::SealSpecification{pack}));
  }
  static void TearDownTestSuite() { fs::remove_all(root_); }

  // A store of its own that shares the pack.
  fs::path store(const std::string& name) {
    fs::path store = root_ / "stores" / name;
    fs::create_directories(store);
    if (!fs::exists(store / "packs")) fs::create_directory_symlink(root_ / "packs", store / "packs");
    return store;
  }
  static void run_alone(const fs::path& store, const JobId& job) {
    EXPECT_EQ(std::vector<std::string>{"exit code 0"}, Attempt(store, job, 1).wait_codes());
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
    std::ifstream file(experiments::StoreLayout(store).attempt_file(job, attempt, "metrics.jsonl"));
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
