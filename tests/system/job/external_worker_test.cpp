// The example of an external worker (experiments/examples/): a program that is not ours, trained, killed, stopped,
// resumed and tabulated as the suite machinery does with its own.

#include <gtest/gtest.h>

#include <optional>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "tests/support/folders.h"
#include "tests/system/program.h"
#include "tests/system/python.h"

namespace resolute::system_test::external_worker_test {
namespace {

class ExternalWorker : public testing::Test {
 protected:
  void SetUp() override {
    const auto folder = python_folder("torch-python");
    if (!folder) GTEST_SKIP() << "no Python with PyTorch; script/test makes one";
    python_ = *folder;
  }

  core::SpawnRequest suite(const std::string& command, const fs::path& store, const Words& more) const {
    const Words words = joined({"env", "-C", tests::source_folder(), kBin / "resolute", "suite", command},
                               {"experiments/examples/external_worker.toml", "--store", store, "--set", "trials=1",
                                "--set", "train.steps=60"});
    core::SpawnRequest request = program(joined(words, more));
    request.environment["RESOLUTE_PYTHON"] = python_ + "/python";
    request.environment["PYTHONPATH"] = python_package();
    request.environment["RESOLUTE_WORKER"] = (kBin / "resolute-worker").string();
    return request;
  }
  core::SpawnRequest run(const fs::path& store) const {
    return suite("run", store, {"--checkpoint-every", "5", "--slots", "2"});
  }
  void expect_complete_run(const fs::path& store) const { succeeded(core::run_command(run(store), tests::kPatience)); }
  // A store after one run that nobody disturbed, made once.
  fs::path calm_store() const {
    if (calm_) return *calm_ / "store";
    calm_.emplace();
    expect_complete_run(*calm_ / "store");
    return *calm_ / "store";
  }
  static void TearDownTestSuite() { calm_.reset(); }

 private:
  std::string python_;
  inline static std::optional<ScratchFolder> calm_;
};

// The only training of the store, once it has a checkpoint.
std::optional<fs::path> training_in(const fs::path& store) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(store / "jobs", error), end; !error && it != end; it.increment(error))
    if (it->path().extension() == ".pt" && it->path().filename().string().starts_with("step-"))
      return it->path().parent_path().parent_path();
  return std::nullopt;
}

int first_step_of(const fs::path& training, const std::string& attempt) {
  std::ifstream file(training / ("attempt-" + attempt + "-metrics.jsonl"));
  std::string line;
  return std::getline(file, line) ? core::parse_json(line, "metrics").at("step").get<int>() : 0;
}

TEST_F(ExternalWorker, killed_and_stopped_it_goes_on_from_its_checkpoints_and_ends_with_the_same_bytes) {
  ScratchFolder scratch;
  const fs::path store = scratch / "store";
  const auto calm = left_in(calm_store());
  EXPECT_EQ(calm.size(), 8U);  // results of 2 shards, a seal, a training and an evaluation; weights, features, scores

  const pid_t coordinator = core::spawn_process(run(store));
  std::optional<fs::path> training;
  ASSERT_TRUE(wait_until([&] { return (training = training_in(store)).has_value(); }));
  for (pid_t worker : processes_with({"external_worker.py", store.string(), training->filename()}))
    ASSERT_EQ(::kill(worker, SIGKILL), 0);
  ASSERT_TRUE(wait_until([&] { return first_step_of(*training, "002") > 0; }));
  ASSERT_EQ(::kill(coordinator, SIGTERM), 0);
  EXPECT_EQ(ended(coordinator), "exit code 75");
  EXPECT_NE(text_of(*training / "attempt-002-stderr").find("external_worker: stopped after step"), std::string::npos);
  expect_complete_run(store);

  EXPECT_GT(first_step_of(*training, "002"), 5);
  EXPECT_GT(first_step_of(*training, "003"), first_step_of(*training, "002"));
  EXPECT_EQ(left_in(store), calm);
}

TEST_F(ExternalWorker, a_damaged_checkpoint_is_passed_over_for_the_one_before) {
  ScratchFolder scratch;
  const fs::path store = scratch / "store";
  const pid_t coordinator = core::spawn_process(run(store));
  std::optional<fs::path> training;
  const auto checkpoints = [&] { return core::real_file_system().list(*training / "checkpoints"); };
  ASSERT_TRUE(wait_until([&] { return (training = training_in(store)) && checkpoints().size() >= 2; }));
  ASSERT_EQ(::kill(coordinator, SIGTERM), 0);
  ASSERT_EQ(ended(coordinator), "exit code 75");
  const auto names = checkpoints();
  ASSERT_EQ(names.size(), 2U);
  const std::string newest = std::max(names[0], names[1]), before = std::min(names[0], names[1]);
  std::fstream(*training / "checkpoints" / newest, std::ios::in | std::ios::out).seekp(4000).put('\x55');
  expect_complete_run(store);
  EXPECT_EQ(first_step_of(*training, "002"), std::stoi(before.substr(5)) + 1);
  EXPECT_NE(text_of(*training / "attempt-002-stderr").find(newest + " is damaged"), std::string::npos);
  EXPECT_EQ(left_in(store), left_in(calm_store()));
}

TEST_F(ExternalWorker, its_results_are_tabulated_and_its_network_has_learned) {
  const fs::path store = calm_store();
  const core::Json table = json_of(core::run_command(suite("table", store, {"--json"}), tests::kPatience));
  EXPECT_EQ(table["complete"], true);
  const core::Json& rank1 = table["tables"][0]["rows"][0]["cells"][0];
  EXPECT_EQ(rank1["metric"], "rank1");
  EXPECT_GT(rank1["mean"].get<double>(), 2 * rank1["chance"].get<double>());
  // Its mAP is what `resolute rank` makes of its features.
  int evaluations = 0;
  for (const auto& [name, text] : left_in(store)) {
    if (!name.ends_with("features.h5")) continue;
    ++evaluations;
    const fs::path features = store / name;
    const core::Json ranked = json_of(resolute({"rank", features, "--json"}));
    const core::Json result = core::parse_json(text_of(features.parent_path() / "result.json"), "result");
    EXPECT_NEAR(ranked["map"].get<double>(), result["metrics"]["mAP"].get<double>(), 1e-12);
  }
  EXPECT_GT(evaluations, 0);
}

TEST_F(ExternalWorker, a_split_is_refused_to_jobs_that_have_none) {
  const fs::path store = calm_store();
  int shards = 0;
  for (const auto& [name, text] : left_in(store)) {
    if (text.find("shard_sha256") == std::string::npos) continue;
    ++shards;
    const CommandOutput output = run_program({kBin / "resolute-worker", "split", "--store", store, "--job",
                                              fs::path(name).parent_path().filename(), "--out", store});
    EXPECT_EQ(code_of(output), 2);
    EXPECT_THAT(output.err, HasSubstr("only trainings and evaluations have a split"));
  }
  EXPECT_GT(shards, 0);
}

}  // namespace
}  // namespace resolute::system_test::external_worker_test
