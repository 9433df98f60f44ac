// torchreid's OSNet as a worker (experiments/examples/osnet_worker.py), on a stand-in of Market-1501: its row stands
// beside one of ours, its numbers are those of torchreid's own code, and the same seed gives the same bits.

#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "results/records/query_scores.h"
#include "tests/support/folders.h"
#include "tests/system/program.h"
#include "tests/system/python.h"

namespace resolute::system_test::osnet_worker_test {
namespace {

const fs::path kExamples = tests::source_folder() / "experiments/examples";

// A finished training or evaluation of a store.
struct Job {
  fs::path folder;
  core::Json specification, result;
  bool osnets() const { return numeric_class().starts_with("osnet_worker 1, torchreid 0.2.5, osnet_x0_25, "); }
  std::string numeric_class() const { return result["provenance"]["numeric_class"]; }
};

std::vector<Job> jobs_in(const fs::path& store, const std::string& kind) {
  std::vector<Job> jobs;
  for (const auto& entry : fs::recursive_directory_iterator(store / "jobs")) {
    if (entry.path().filename() != "result.json") continue;
    const fs::path folder = entry.path().parent_path();
    Job job{folder, json_of(folder / "spec.json"), json_of(entry.path())};
    if (job.specification["kind"] == kind) jobs.push_back(std::move(job));
  }
  return jobs;
}

Job osnets(const fs::path& store, const std::string& kind) {
  for (Job& job : jobs_in(store, kind))
    if (job.osnets()) return std::move(job);
  throw std::runtime_error("no " + kind + " of OSNet in " + store.string());
}

class OsnetWorker : public testing::Test {
 protected:
  void SetUp() override {
    const auto folder = python_folder("torchreid-python");
    if (!folder) GTEST_SKIP() << "no Python with torchreid; script/test makes one";
    python_ = *folder;
  }
  static void TearDownTestSuite() { calm_.reset(); }

  core::SpawnRequest asked(const Words& words, const std::string& python) const {
    core::SpawnRequest request = program(joined({"env", "-C", tests::source_folder()}, words));
    request.environment["PATH"] = python + ":" + request.environment["PATH"];
    request.environment["RESOLUTE_PYTHON"] = python + "/python";
    request.environment["PYTHONPATH"] = python_package();
    request.environment["RESOLUTE"] = (kBin / "resolute").string();
    request.environment["RESOLUTE_WORKER"] = (kBin / "resolute-worker").string();
    request.environment["MARKET1501"] = people();
    return request;
  }
  core::SpawnRequest suite(const std::string& command, const fs::path& store, const Words& more,
                           const fs::path& file = kExamples / "osnet.toml") const {
    return asked(joined({kBin / "resolute", "suite", command, file, "--store", store, "--profile", "small", "--set",
                         "train.steps=60", "--set", "evaluate.draws=5"},
                        more),
                 python_);
  }
  CommandOutput python(const Words& words) const {
    return core::run_command(asked(joined({"python"}, words), python_), tests::kPatience);
  }
  // One undisturbed run serves all tests: a store with a row of ours and one of OSNet's.
  fs::path calm_store() const {
    people();
    if (std::exchange(calm_has_run_, true)) return *calm_ / "store";
    succeeded(core::run_command(suite("run", *calm_ / "store", {"--slots", "2"}), std::chrono::minutes(8)));
    return *calm_ / "store";
  }
  // The worker by itself, for the training of OSNet that the calm store has.
  CommandOutput worker(const std::string& interpreter, const Words& options) const {
    const Words job{"run", "--store", calm_store(), "--job", osnets(calm_store(), "training").folder.filename()};
    return core::run_command(
        asked(joined(joined({"python", kExamples / "osnet_worker.py"}, options), job), interpreter), tests::kPatience);
  }

  std::string python_;

 private:
  // The stand-in's images.
  static std::string people() {
    if (!calm_) {
      calm_.emplace();
      succeeded(
          resolute({"data", "synth", "--layout", "market1501", "--identities", "32", "--out", *calm_ / "people"}));
    }
    return *calm_ / "people";
  }
  inline static std::optional<ScratchFolder> calm_;
  inline static bool calm_has_run_ = false;
};

TEST_F(OsnetWorker, its_row_stands_beside_one_of_ours_from_the_same_pack_and_split) {
  const core::Json table = json_of(core::run_command(suite("table", calm_store(), {"--json"}), tests::kPatience));
  EXPECT_EQ(table["complete"], true);
  ASSERT_EQ(table["tables"][0]["rows"].size(), 2U);
  const core::Json& cell = table["tables"][0]["rows"][1]["cells"][0];
  EXPECT_EQ(cell["metric"], "rank1");
  EXPECT_GT(cell["mean"].get<double>(), 1.2 * cell["chance"].get<double>());  // it has learned

  const auto trainings = jobs_in(calm_store(), "training");
  ASSERT_EQ(trainings.size(), 2U);
  EXPECT_NE(trainings[0].osnets(), trainings[1].osnets());
  for (const char* of : {"pack_sha256", "split_sha256"})
    EXPECT_EQ(trainings[0].result["provenance"][of], trainings[1].result["provenance"][of]);
}

TEST_F(OsnetWorker, its_scores_and_features_are_those_of_torchreids_own_code) {
  const core::Json report = json_of(python({kExamples / "osnet_check.py", "--store", calm_store(), "--json"}));
  ASSERT_EQ(report.size(), 1U);
  const core::Json& features = report[0]["same_features"];
  EXPECT_EQ(features["queries"], 64);
  for (const char* rank : {"rank1", "rank5", "rank10", "rank20"})  // torchreid's curve is float32
    EXPECT_NEAR(features["ours"][rank].get<double>(), features["torchreid"][rank].get<double>(), 1e-6) << rank;
  EXPECT_NEAR(features["ours"]["mAP"].get<double>(), features["torchreid"]["mAP"].get<double>(), 1e-12);
  EXPECT_EQ(features["draws"], 5);
  EXPECT_LT(features["difference_of_drawn_galleries"].get<double>(), 1e-6);
  EXPECT_LT(features["difference_of_result"].get<double>(), 1e-12);

  EXPECT_EQ(report[0]["torchreids_own_path"]["feature_difference"], 0.0);  // to the last bit
  for (const auto& [what, agrees] : report[0]["agrees"].items()) EXPECT_EQ(agrees, true) << what;
}

TEST_F(OsnetWorker, killed_and_resumed_the_same_seed_gives_the_same_bits) {
  ScratchFolder scratch;
  const fs::path store = scratch / "store";
  const Words more{"--slots", "2", "--only", "osnet", "--checkpoint-every", "10"};
  const pid_t coordinator = core::spawn_process(suite("run", store, more));
  std::optional<fs::path> checkpoint;
  ASSERT_TRUE(wait_until([&] {
    std::error_code error;
    for (fs::recursive_directory_iterator it(store / "jobs", error), end; !error && it != end; it.increment(error))
      if (it->path().extension() == ".pt" && it->path().filename().string().starts_with("step-"))
        checkpoint = it->path();
    return checkpoint.has_value();
  }));
  const auto workers = processes_with({"osnet_worker.py", store.string()});
  for (pid_t worker : workers) ::kill(worker, SIGKILL);
  EXPECT_EQ(ended(coordinator), "exit code 0");
  EXPECT_TRUE(fs::exists(checkpoint->parent_path().parent_path() / "attempt-002-metrics.jsonl"));

  const auto calm = left_in(calm_store());
  int compared = 0;
  for (const auto& [name, text] : left_in(store)) {
    EXPECT_EQ(text, calm.at(name)) << name;
    ++compared;
  }
  // Results of a shard, a seal, a training and an evaluation; weights, features, scores of queries.
  EXPECT_EQ(compared, 7);
}

TEST_F(OsnetWorker, its_scores_of_queries_have_their_means_in_the_result) {
  const Job evaluation = osnets(calm_store(), "evaluation");
  const auto rows = results::read_csv<results::QueryScore>(core::real_file_system(), evaluation.folder / "queries.csv",
                                                           evaluation.result["outputs"]["queries.csv"]);
  ASSERT_EQ(rows.size(), 64U);
  double rank1 = 0, precision = 0;
  for (const auto& row : rows) {
    rank1 += row.cmc[0] / static_cast<double>(rows.size());
    precision += row.average_precision / static_cast<double>(rows.size());
  }
  EXPECT_NEAR(rank1, evaluation.result["metrics"]["rank1"].get<double>(), 1e-12);
  EXPECT_NEAR(precision, evaluation.result["metrics"]["mAP"].get<double>(), 1e-12);
}

TEST_F(OsnetWorker, what_is_missing_or_wrong_is_said_in_one_line) {
  ScratchFolder scratch;
  write(scratch / "torn.pth", "no weights");
  const auto expect_line = [](const CommandOutput& output, const std::string& part) {
    EXPECT_EQ(code_of(output), 2);
    EXPECT_EQ(lines_of(output.err).size(), 1U) << output.err;
    EXPECT_THAT(output.err, testing::AllOf(StartsWith("osnet_worker: "), HasSubstr(part)));
  };
  expect_line(worker(python_, {"--network", "osnet_x9"}), "torchreid has no network 'osnet_x9'");
  expect_line(worker(python_, {"--weights", scratch / "none.pth"}), "none.pth' cannot be read as weights");
  expect_line(worker(python_, {"--weights", scratch / "torn.pth"}), "torn.pth' cannot be read as weights");
}

TEST_F(OsnetWorker, starts_from_weights_of_a_file_and_says_so) {
  ScratchFolder scratch;
  const Job trained = osnets(calm_store(), "training");
  const std::string file = trained.folder / std::string(trained.result["weights_file"]);
  succeeded(python({"-c",
                    "import safetensors.torch, sys, torch\n"
                    "torch.save(safetensors.torch.load_file(sys.argv[1]), sys.argv[2])",
                    file, scratch / "osnet.pth"}));
  std::string text = text_of(kExamples / "osnet.toml");
  const std::string network = "osnet.network", file_name = "\"osnet_worker.py\"";
  text.replace(text.find(network), network.size(),
               "osnet.weights = \"" + (scratch / "osnet.pth").string() + "\"\n  " + network);
  text.replace(text.find(file_name), file_name.size(), core::Json((kExamples / "osnet_worker.py").string()).dump());
  write(scratch / "osnet.toml", text);
  // One step, the first of a warm-up: next to nothing is learned.
  const fs::path store = scratch / "store";
  succeeded(core::run_command(suite("run", store,
                                    {"--only", "osnet", "--set", "train.steps=1", "--set", "train.weight_decay=0",
                                     "--set", "train.warmup_steps=1"},
                                    scratch / "osnet.toml"),
                              tests::kPatience));
  const Job begun = osnets(store, "training");
  EXPECT_EQ(begun.result["provenance"]["from_scratch"], false);
  EXPECT_THAT(begun.numeric_class(), HasSubstr("osnet_x0_25, weights "));
  succeeded(python({"-c",
                    "import safetensors.torch, sys\n"
                    "a, b = (safetensors.torch.load_file(path)['conv1.conv.weight'] for path in sys.argv[1:])\n"
                    "assert (a - b).abs().max() < 1e-3 * a.abs().max(), (a - b).abs().max()",
                    file, begun.folder / std::string(begun.result["weights_file"])}));
}

}  // namespace
}  // namespace resolute::system_test::osnet_worker_test
