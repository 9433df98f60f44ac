// What the store has of a submission. request.json: refused, or a request that is written as it was read, and whose
// batches have scripts.
#include "core/split.h"
#include "slurm/allocation.h"
#include "slurm/submission.h"
#include "tests/fuzz/memory_folder.h"
#include "tests/fuzz/targets.h"
#include "tests/slurm/submission_samples.h"

namespace resolute::tests::stored_fuzzer {
namespace {

std::vector<std::string> submission_examples() {
  slurm::SubmissionRequest later = sample_request();
  later.launch = {"pmi2", {"--x"}};
  later.idle_limit = std::chrono::seconds(90);
  later.batches[0].kinds = {settings::JobKind::kPack};
  later.batches[0].resources = later.resources;
  later.batches[0].on_demand = true;
  return {core::canonical_json(slurm::to_json(sample_request())), core::canonical_json(slurm::to_json(later))};
}

}  // namespace

RESOLUTE_FUZZER(submission, .rounds = 20'000, .examples = submission_examples, .mutate = mutate_json)
(std::string_view bytes) {
  return understood([&] {
    const slurm::SubmissionRequest request =
        slurm::request_from_json(core::parse_json(bytes, "request.json"), "request.json");
    const core::Json json = slurm::to_json(request);
    require(slurm::to_json(slurm::request_from_json(json, "again")) == json,
            "a request is written otherwise than it was read");
    for (const slurm::Batch& batch : request.batches)
      understood([&] { slurm::sbatch_script(slurm::script_of(request, batch, "/store/submission", 1)); });
  });
}

namespace {

std::vector<std::string> start_examples() {
  slurm::ScriptStart run;
  run.job = 12;
  run.node_list = "n[1-3]";
  run.begin = slurm::Time(std::chrono::seconds(1'800'000'000));
  slurm::ScriptStart ended = run;
  ended.end = run.begin;
  ended.launcher = "srun";
  ended.after = {7, std::nullopt};
  ended.cause = slurm::EndCause::kPreempted;
  ended.verdict = "requeued";
  return {core::canonical_json(slurm::to_json(run)), core::canonical_json(slurm::to_json(ended))};
}

}  // namespace

// One start of a batch script.
RESOLUTE_FUZZER(start, .rounds = 20'000, .examples = start_examples, .mutate = mutate_json)(std::string_view bytes) {
  return understood([&] {
    const slurm::ScriptStart run = slurm::run_from_json(core::parse_json(bytes, "run.json"), "run.json");
    const core::Json json = slurm::to_json(run);
    require(slurm::to_json(slurm::run_from_json(json, "again")) == json,
            "a start is written otherwise than it was read");
    slurm::run_file_name(run);
  });
}

namespace {

std::vector<std::string> generation_examples() {
  const core::Json which = {{"generation", 0},
                            {"job_name", sample_batch(1).job_name},
                            {"version", slurm::to_json(sample_request()).at("version")}};
  core::Json accepted = which, refused = which;
  accepted.update({{"id", 12}, {"cluster", ""}, {"submitted", "2026-01-31T12:00:00"}, {"armed", false}});
  refused.update({{"why", "no such partition"}});
  return {core::canonical_json(accepted), core::canonical_json(refused)};
}

}  // namespace

// What came of a batch's generation: whichever of its files has these bytes.
RESOLUTE_FUZZER(generation, .rounds = 20'000, .examples = generation_examples, .mutate = mutate_json)
(std::string_view bytes) {
  bool any = false;
  for (const char* name : {"intent-000.json", "accepted-000.json", "refused-000.json"}) {
    MemoryFolder files(std::filesystem::path("submission/batch-001") / name, bytes);
    const slurm::SubmissionFolder folder(files, "submission");
    any = understood([&] { folder.generation(sample_batch(1), 0); }) || any;
  }
  return any;
}

namespace {

std::vector<std::string> words_examples() {
  return {"2026-01-31T12:00:00",         "3-12:30", "2:00:00", "gpu:a100:4(S:0-1)", "srun", "rack[0-1]n[001-003,7],m01",
          "resolute-tiny-0123456789ab-1"};
}

}  // namespace

// Words of SLURM's and of its users.
RESOLUTE_FUZZER(words, .rounds = 100'000, .examples = words_examples)(std::string_view bytes) {
  const std::string word(bytes);
  if (const auto time = slurm::parse_time(bytes)) require(slurm::time_text(*time) == bytes, "a time has another text");
  understood([&] {
    const auto limit = slurm::parse_time_limit(word, "--time");
    require(limit.count() > 0 && limit <= std::chrono::hours(24 * 366), "a time limit over a year");
    require(slurm::granted_time(limit) >= limit, "less is granted than was asked for");
  });
  slurm::gpus_of(bytes, "a100");
  const int nodes = slurm::count_nodes(bytes);
  require(nodes >= 0 && nodes <= 1'000'000, "a list has as many nodes as no cluster");
  slurm::is_job_name(bytes);
  slurm::is_token(bytes);
  return understood([&] { slurm::parse_launcher(word); }) || true;
}

namespace {

std::vector<std::string> environment_examples() {
  return {
      "SLURM_JOB_ID=12\nSLURM_RESTART_COUNT=1\nSLURM_NNODES=2\n"
      "SLURM_JOB_NODELIST=n[1-2]\n"};
}

}  // namespace

// The variables of an allocation, "NAME=VALUE" a line.
RESOLUTE_FUZZER(environment, .rounds = 20'000, .examples = environment_examples, .mutate = mutate_lines)
(std::string_view bytes) {
  std::map<std::string, std::string> environment;
  for (const std::string_view line : core::split(bytes, '\n'))
    if (const auto equals = line.find('='); equals != std::string_view::npos)
      environment.insert_or_assign(std::string(line.substr(0, equals)), std::string(line.substr(equals + 1)));
  return understood([&] {
    const slurm::AllocationEnvironment read = slurm::read_allocation_environment(environment);
    require(read.job > 0 && read.nodes > 0 && read.restart >= 0, "an allocation without a job or nodes");
  });
}

}  // namespace resolute::tests::stored_fuzzer
