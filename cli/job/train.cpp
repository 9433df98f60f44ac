// `resolute train`: one training without a coordinator. Starts the worker's process ranks and waits for them; the
// worker itself resumes from its checkpoints and publishes the result (docs/inside/worker.md).

#include <fmt/format.h>

#include <filesystem>
#include <iostream>

#include "cli/command.h"
#include "cli/job/local_attempt.h"
#include "cli/subcommands.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "core/files/json.h"
#include "core/files/new_folder.h"
#include "experiments/specification/specification.h"
#include "experiments/store/store_layout.h"

namespace resolute::cli {

using experiments::JobId;
using experiments::StoreLayout;
using experiments::TrainingSpecification;

namespace {

constexpr CommandHelp kTrainHelp{
    "resolute train SPEC.json --store STORE [--ranks W] [--device cpu|cuda]",
    R"(Runs one training from its specification (docs/inside/formats/specification.md), going on from its last
checkpoint if there is one. The pack must be in the store. W process ranks give the same bits as one; W divides the
specification's lanes. Ctrl-C stops it after a checkpoint, from which the same command goes on; a second one stops it
at once.)",
    "  resolute train store/jobs/AB/ID/spec.json --store store\n"
    "  resolute train spec.json --store store --ranks 2      # of 2 lanes or more\n"
    "  resolute train spec.json --store store --trace trace.json --steps 20..24\n"};

// An option that goes on to every rank as it is; the worker's default where it is not given, which an external worker
// need not know. Read with its sign: as an unsigned number "-1" would be 2^64 - 1.
void pass_on(const options::variables_map& values, const char* option, std::int64_t smallest,
             std::vector<std::string>& to) {
  if (values.count(option) == 0) return;
  const auto value = values[option].as<std::int64_t>();
  if (value < smallest)
    throw core::input_error(fmt::format("--{} {}", option, value), fmt::format("at least {} is needed", smallest));
  to.insert(to.end(), {fmt::format("--{}", option), std::to_string(value)});
}

// \return true if the steps of a training are to be shown. The worker reads them.
bool pass_on_trace(const options::variables_map& values, std::vector<std::string>& to) {
  const bool file = values.count("trace") > 0;
  const bool nvtx = values.count("nvtx") > 0;
  const bool steps = values.count("steps") > 0;
  if (!file && !nvtx && !steps) return false;
  if (file == nvtx || !steps)
    throw core::input_error("--steps goes with either --trace or --nvtx", {},
                            "write --trace trace.json --steps 20..24");
  if (nvtx) to.emplace_back("--nvtx");
  if (file) {
    // A rank may work in another folder.
    const auto trace = std::filesystem::absolute(values["trace"].as<std::string>());
    core::require_replaceable_file(core::real_file_system(), trace, core::as_byte_span("\n  {"));
    to.insert(to.end(), {"--trace", trace.string()});
  }
  to.insert(to.end(), {"--steps", values["steps"].as<std::string>()});
  return true;
}

// An attempt that left no result, as an error.
core::RuntimeError error_of(const AttemptEnd& end) {
  using core::ErrorKind;
  if (kind_of(end) == ErrorKind::kInterrupted) {
    const std::string cause = end.message.empty() ? "stopped at once" : end.message.substr(0, end.message.find(';'));
    return {ErrorKind::kInterrupted, cause, {}, "the same command goes on from the last checkpoint"};
  }
  if (end.code == 0) return {ErrorKind::kTransient, "the worker ended without a result", {}, "look at what it logged"};
  return {kind_of(end), end.message};
}

}  // namespace

int train(const Arguments& arguments) {
  int ranks = 1;
  options::options_description visible;
  auto add = visible.add_options();
  add("store", options::value<std::string>(), kStoreHelp);
  add("ranks", options::value(&ranks)->default_value(1), "process ranks W");
  add("device", options::value<std::string>(), "must be the specification's device: it is part of what is trained");
  add("threads", options::value<std::int64_t>(), "threads of each process rank; another number gives other bits (1)");
  add("checkpoint-every", options::value<std::int64_t>(),
      "steps between checkpoints; without it they are a minute or more apart, and take 1 % of the time at most");
  add("evaluate-every", options::value<std::int64_t>(), "epochs between evaluations, 0 for none (0)");
  add("exchange-timeout", options::value<std::int64_t>(),
      "seconds that an exchange waits for the slowest process rank (300)");
  add("through-host", kThroughHostHelp);
  add("fused-norm",
      "on a GPU, batch norms of a trunk, the sums behind them and the rectifiers in one pass: other bits");
  add("trace", options::value<std::string>(),
      "file for a Chrome trace of --steps, for ui.perfetto.dev; rank 1 writes FILE with .rank1 in its name");
  add("nvtx", "name the operations of --steps for NVIDIA's Nsight Systems, in place of a trace");
  add("steps", options::value<std::string>(), "FIRST..LAST: the steps, from 1, that --trace or --nvtx shows");
  add("json", "print result.json on stdout");
  auto values = parse_options(arguments, kTrainHelp, visible, {"SPEC.json"});
  if (!values) return 0;
  auto& files = core::real_file_system();
  std::string path = (*values)["SPEC.json"].as<std::string>();
  auto specification =
      experiments::specification_from_json(core::parse_json(core::read_named_text(files, path), path), path);
  experiments::validate(specification, path);
  const auto* training = std::get_if<TrainingSpecification>(&specification);
  if (training == nullptr)
    throw core::input_error(path + ": the specification's kind is " + experiments::kind_name(specification),
                            "train takes a training");
  if (values->count("device") > 0 && (*values)["device"].as<std::string>() != settings::word(training->device))
    throw core::input_error(
        path + ": key 'device' has the value '" + std::string(settings::word(training->device)) + "'",
        "--device " + (*values)["device"].as<std::string>() + " asks for another",
        "change the specification: a device is part of what is trained");
  require_ranks(ranks, training->lanes);
  std::vector<std::string> worker_options;
  pass_on(*values, "threads", 1, worker_options);
  pass_on(*values, "checkpoint-every", 1, worker_options);
  pass_on(*values, "evaluate-every", 0, worker_options);
  pass_on(*values, "exchange-timeout", 1, worker_options);
  if (values->count("through-host") > 0) worker_options.emplace_back("--through-host");
  if (values->count("fused-norm") > 0) worker_options.emplace_back("--fused-norm");
  const bool traced = pass_on_trace(*values, worker_options);
  StoreLayout store(required_value(*values, "store"));
  require_writable_store(store.root());
  const std::string worker = worker_program();
  JobId job = experiments::job_id(specification);
  core::write_atomic(files, store.specification_file(job), experiments::canonical_text(specification) + "\n");
  if (traced && files.exists(store.result_file(job)))
    throw core::input_error("the training is done, and has no step to show", store.result_file(job).string(),
                            "give another --store, with the pack in it");
  if (!files.exists(store.result_file(job))) {
    const LocalAttempt attempt{worker,         store,     {job, specification, {}, ranks, ""}, next_attempt(store, job),
                               worker_options, "training"};
    const AttemptEnd end = follow_attempt(attempt);
    // The store is the truth: a rank may fail after the result was published.
    if (!files.exists(store.result_file(job))) throw error_of(end);
  }
  std::string result = core::read_text(files, store.result_file(job));
  if (values->count("json") > 0)
    std::cout << result;
  else
    std::cout << fmt::format("{}  {}\n", job.hex,
                             core::parse_json(result, store.result_file(job).string()).value("weights_sha256", ""));
  return 0;
}

}  // namespace resolute::cli
