// A suite of device = "cuda" under a coordinator, on the simulated accelerator (tests/support/accelerator) in place of
// GPUs: from raw images to the table, a process rank killed, the run killed, and gone on with.

#include "tests/system/held_training.h"
#include "tests/system/program.h"

namespace resolute::system_test::suite_on_gpus_test {
namespace {

using namespace std::string_literals;

const fs::path kSuite = tests::source_folder() / "tests/system/gpu/every_method.toml";

// The programs with the simulation beside them, and libtorch with a CUDA half that holds nothing.
class SuiteOnGpus : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch_ = std::make_unique<ScratchFolder>();
    const fs::path simulated = tests::binary_folder() / "simulated";
    for (const char* folder : {"bin", "lib"}) fs::create_directory(*scratch_ / folder);
    for (const char* name : {"resolute", "resolute-worker", "resolute-torch"})
      fs::copy_file(kBin / name, *scratch_ / "bin" / name);
    fs::copy_file(simulated / "libresolute_cuda.so", *scratch_ / "bin/libresolute_cuda.so");
    const char* libtorch = std::getenv("LIBTORCH_ROOT");
    if (libtorch == nullptr) throw std::runtime_error("LIBTORCH_ROOT names no folder; ctest sets it");
    link_libraries(fs::path(libtorch) / "lib");
    // It finds these from where it lies.
    const fs::path wheels = fs::path(libtorch) / "../nvidia";
    if (fs::exists(wheels))
      for (const auto& wheel : fs::directory_iterator(wheels)) link_libraries(wheel.path() / "lib");
    fs::remove(*scratch_ / "lib/libtorch_cuda.so");
    fs::copy_file(simulated / "libtorch_cuda.so", *scratch_ / "lib/libtorch_cuda.so");
    fs::copy_file(simulated / "nvml/libnvidia-ml.so.1", *scratch_ / "lib/libnvidia-ml.so.1");
  }
  static void TearDownTestSuite() { scratch_.reset(); }

  static void link_libraries(const fs::path& folder) {
    if (!fs::is_directory(folder)) return;
    for (const auto& library : fs::directory_iterator(folder))
      if (library.is_regular_file()) fs::create_symlink(library.path(), *scratch_ / "lib" / library.path().filename());
  }

  //! \param nvml what is wrong with NVIDIA's management library (tests/workers/gpu/stand_in_nvml.cpp)
  static core::SpawnRequest command(const std::string& name, const Words& arguments, const char* nvml = "") {
    auto environment = program_environment();
    environment["STAND_IN_NVML"] = nvml;
    environment["LD_LIBRARY_PATH"] = *scratch_ / "lib";
    return program(joined({*scratch_ / "bin" / name}, arguments), environment);
  }
  static Words run_of(const fs::path& store, const Words& more) {
    return joined({"suite", "run", kSuite, "--store", store, "--slots", "2", "--checkpoint-every", "2"}, more);
  }
  static void run(const fs::path& store, const Words& more, const char* nvml = "") {
    succeeded(core::run_command(command("resolute", run_of(store, more), nvml), tests::kPatience));
  }
  static std::string table_of(const fs::path& store) {
    return succeeded(resolute({"suite", "table", kSuite, "--store", store, "--format", "json"})).out;
  }

  static inline std::unique_ptr<ScratchFolder> scratch_;
};

TEST_F(SuiteOnGpus, jobs_run_in_the_class_of_the_device) {
  const core::Json found =
      json_of(core::run_command(command("resolute-worker", {"describe", "cuda"}), tests::kPatience));
  EXPECT_EQ("simulated", found.at("device"));
}

// Also where NVIDIA's management library fails, which a training's log says in a line.
TEST_F(SuiteOnGpus, tf32_is_a_class_of_its_own) {
  const fs::path store = *scratch_ / "tf32";
  run(store, {"--only", "baseline", "--gpus", "1", "--set", "train.precision=tf32"}, "lost");
  int computed = 0;
  for (const auto& file : fs::recursive_directory_iterator(store / "jobs")) {
    if (file.path().filename() != "result.json") continue;
    const core::Json result = json_of(file.path());
    if (!result.contains("provenance")) continue;  // a shard's or a seal's
    const std::string numeric = result["provenance"]["numeric_class"];
    ++computed;
    EXPECT_THAT(numeric, HasSubstr(" tf32=on"));
  }
  EXPECT_EQ(2, computed) << "a training and its evaluation";
  std::string logs;
  for (const auto& file : fs::recursive_directory_iterator(store / "jobs"))
    if (file.path().filename().string().ends_with("-stderr")) logs += text_of(file.path());
  const std::string warning = "nvmlDeviceGetUtilizationRates of NVIDIA's management library answers 15";
  EXPECT_THAT(logs, HasSubstr(warning));
  EXPECT_EQ(logs.find(warning), logs.rfind(warning)) << "once";
}

TEST_F(SuiteOnGpus, norms_in_one_pass_are_a_class_of_their_own_which_repro_repeats) {
  const fs::path model = *scratch_ / "apart", store = *scratch_ / "fused";
  run(model, {"--only", "baseline", "--gpus", "1"});
  fs::create_directory(store);
  fs::create_directory_symlink(model / "packs", store / "packs");
  core::Json apart;
  for (const auto& file : fs::recursive_directory_iterator(model / "jobs"))
    if (file.path().filename() == "result.json" && json_of(file.path()).contains("weights_file"))
      apart = json_of(file.path());
  const std::string id = apart.at("job");
  const fs::path folder = fs::path("jobs") / id.substr(0, 2) / id;
  const auto of_fused = [&](const Words& arguments) {
    return succeeded(core::run_command(command("resolute", joined(arguments, {"--store", store})), tests::kPatience));
  };
  of_fused({"train", (model / folder / "spec.json").string(), "--fused-norm"});
  const core::Json fused = json_of(store / folder / "result.json");
  EXPECT_THAT(fused["provenance"]["numeric_class"].get<std::string>(), HasSubstr(" norm=fused-1"));
  EXPECT_NE(fused["weights_sha256"], apart["weights_sha256"]);
  EXPECT_THAT(of_fused({"repro", id}).out, StartsWith("same bits: "));
}

// A process rank of each method's training is killed, then the run itself. Two ranks on two GPUs where the other run
// had one.
TEST_F(SuiteOnGpus, every_method_killed_and_gone_on_with_has_the_table_of_an_undisturbed_run) {
  constexpr std::size_t kMethods = 5;
  const fs::path undisturbed = *scratch_ / "undisturbed", killed = *scratch_ / "killed";
  run(undisturbed, {"--gpus", "2"});

  const Words wide = {"--gpus", "2", "--set", "ranks=2", "--through-host"};
  pid_t coordinator = core::spawn_process(command("resolute", run_of(killed, wide)));
  std::set<std::string> trainings;
  while (trainings.size() < kMethods) {
    const Training training = wait_for_a_training(killed, trainings);
    ASSERT_GT(training.worker, 0) << trainings.size() << " trainings were killed";
    EXPECT_EQ(2U, processes_with(
                      {"resolute-worker", killed.string(), training.job, "--process-ranks\0002\000"s, "--through-host"})
                      .size());
    ::kill(training.worker, SIGKILL);
    ASSERT_TRUE(wait_until([&] { return state_and_parent(training.worker).first == '\0'; }));
    trainings.insert(training.job);
  }
  const Training last = wait_for_a_training(killed);
  ASSERT_GT(last.worker, 0);
  const std::string reading = "94 %, 30.5 of 79.6 GiB, 1980 MHz";
  EXPECT_TRUE(wait_until([&] {
    return resolute({"suite", "status", kSuite, "--store", killed}).out.find(reading) != std::string::npos;
  }));
  EXPECT_EQ(reading, json_of(resolute({"suite", "report", kSuite, "--store", killed, "--json"}))["status"]["gpus"][0]);
  ::kill(coordinator, SIGKILL);
  ended(coordinator);
  EXPECT_TRUE(wait_until([&] { return processes_with({"resolute-worker", killed.string()}).empty(); }));
  run(killed, wide);

  EXPECT_EQ(table_of(undisturbed), table_of(killed));
  // A training that was ended went on from a checkpoint.
  for (const std::string& job : trainings) {
    std::set<fs::path> logs;
    for (const auto& file : fs::directory_iterator(killed / "jobs" / job.substr(0, 2) / job))
      if (file.path().filename().string().ends_with("-metrics.jsonl")) logs.insert(file.path());
    EXPECT_LE(job == last.job ? "attempt-003" : "attempt-002", logs.rbegin()->filename().string()) << job;
    EXPECT_GT(core::parse_json(lines_of(text_of(*logs.rbegin())).at(0), "metrics").at("step").get<int>(), 2) << job;
  }
}

}  // namespace
}  // namespace resolute::system_test::suite_on_gpus_test
