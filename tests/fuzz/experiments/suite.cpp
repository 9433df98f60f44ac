// A suite file, planned without any image: refused with its place, or a plan whose every job is valid and has the id
// that its specification says. And the suite read as a site file, reference numbers and step times, which are as
// strict.
#include "experiments/suite.h"

#include <sstream>

#include "experiments/language/reference.h"
#include "experiments/site.h"
#include "experiments/step_times.h"
#include "tests/fuzz/memory_folder.h"
#include "tests/fuzz/targets.h"
#include "tests/support/folders.h"

namespace resolute::tests::suite_fuzzer {
namespace {

std::string read_source(const char* path) { return core::read_text(core::real_file_system(), source_folder() / path); }

// The suite, and the papers' numbers beside it.
class SuiteFolder final : public MemoryFolder {
 public:
  explicit SuiteFolder(std::string_view text) : MemoryFolder("suite/s.toml", text) {}
  core::Bytes read(const std::filesystem::path& path, std::uint64_t limit) override {
    static const core::Bytes kPapers = bytes_of(read_source("tests/experiments/refusals/papers.toml"));
    return path == "suite/papers.toml" ? kPapers : MemoryFolder::read(path, limit);
  }
  bool exists(const std::filesystem::path& path) override {
    return path == "suite/papers.toml" || MemoryFolder::exists(path);
  }
};

void check_plan(const experiments::Plan& plan) {
  for (const experiments::PlannedJob& job : plan.jobs) {
    require(experiments::job_id(job.specification) == job.id, "a job has another id than its specification");
    experiments::validate(job.specification, "plan");
  }
  std::ostringstream text;
  experiments::write_json(text, plan);
  core::parse_json(text.str(), "plan");
}

}  // namespace

std::vector<std::string> suite_examples() {
  return {read_source("tests/experiments/refusals/base.toml"), read_source("tests/system/tiny.toml")};
}

RESOLUTE_FUZZER(suite, .rounds = 3'000, .examples = suite_examples, .mutate = mutate_lines)(std::string_view bytes) {
  SuiteFolder files(bytes);
  experiments::SuiteOptions options;
  options.store = "store";
  options.environment = {{"DATA", "/data"}};
  options.reference_file = "suite/papers.toml";
  options.need_roots = false;
  options.training_images = [](const experiments::DatasetPlan&, const experiments::SplitSettings&) {
    return settings::TrainingCount{96, 96};
  };
  options.estimate = true;
  return understood([&] { check_plan(experiments::read_suite(files, "suite/s.toml", options)); });
}

std::vector<std::string> site_examples() {
  return {R"([slurm]
partition = "gpu"
gpu_request = "gres"
cpus_per_node = 32
options = ["--licenses=x"]
continue = "requeue"
notice = 120
time = "2-00:00:00"
exclusive = true
[[slurm.shapes]]
partition = "short"
time = "1:00:00"
[resources.training]
memory = "64G"
allocations = "0..4"
[[resources.training.shapes]]
nodes = 2
[environment]
modules = ["cuda/12"]
commands = ["ulimit -c 0"]
)"};
}

RESOLUTE_FUZZER(site, .rounds = 20'000, .examples = site_examples, .mutate = mutate_lines)(std::string_view bytes) {
  MemoryFolder files("site.toml", bytes);
  return understood([&] { experiments::read_site(files, "site.toml"); });
}

std::vector<std::string> reference_examples() { return {read_source("tests/experiments/refusals/papers.toml")}; }

RESOLUTE_FUZZER(reference, .rounds = 20'000, .examples = reference_examples, .mutate = mutate_lines)
(std::string_view bytes) {
  MemoryFolder files("papers.toml", bytes);
  return understood([&] { experiments::ReferenceNumbers::read(files, "papers.toml"); });
}

std::vector<std::string> step_times_examples() { return {read_source("experiments/reference/step_times.toml")}; }

RESOLUTE_FUZZER(step_times, .rounds = 5'000, .examples = step_times_examples, .mutate = mutate_lines)
(std::string_view bytes) {
  MemoryFolder files("step_times.toml", bytes);
  return understood([&] { experiments::StepTimes::read(files, "step_times.toml"); });
}

}  // namespace resolute::tests::suite_fuzzer
