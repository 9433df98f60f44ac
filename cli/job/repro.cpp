// `resolute repro`: runs a job again, beside what it left, and tells whether every bit is the same
// (docs/inside/repro.md).

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <exception>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <span>

#include "cli/command.h"
#include "cli/job/find_job.h"
#include "cli/job/local_attempt.h"
#include "cli/job/scratch_store.h"
#include "cli/subcommands.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "core/files/json.h"
#include "core/log.h"
#include "core/process/process.h"
#include "core/split.h"
#include "experiments/store/bundle.h"
#include "orchestrator/messages/wire.h"
#include "results/records/training_log.h"
#include "results/verdicts/reproduction.h"

namespace resolute::cli {

using experiments::JobId;
using experiments::StoreLayout;
using experiments::TrainingSpecification;

namespace {

constexpr CommandHelp kReproHelp{
    "resolute repro JOB --store STORE [--ranks W] [--steps N] [--json]",
    R"(Runs a finished job again in a folder of its own and compares the bits: the weights of a training and the gradients of
each of its steps, the features and metrics of an evaluation, the bytes of a pack. Says "same bits" (exit code 0), or
the first step, lane and tensor that differ (exit code 1). JOB is an id, its first digits (4 or more), or a
specification's file.)",
    "  resolute repro 3fa9 --store store\n"
    "  resolute repro 3fa9 --store store --ranks 2           # of a training of 2 lanes or more: the same bits\n"
    "  resolute repro 3fa9 --store store --steps 5 --json    # a quick look\n"};

constexpr int kDiffers = 1;

// A checkpoint's header is JSON behind its length (docs/inside/formats/checkpoint.md); it names the class of a run that
// was stopped and so left no result. Empty where there is none.
std::string class_of_checkpoint(const StoreLayout& store, const JobId& job) {
  constexpr std::uint64_t kLongestHeader = 64 << 20;
  for (const std::string& name : core::real_file_system().list(store.checkpoints_folder(job))) {
    if (!name.starts_with("step-")) continue;
    std::uint64_t length = 0;
    std::string header;
    try {
      const auto file = core::real_file_system().open_for_read(store.checkpoints_folder(job) / name);
      file->read_at(0, std::as_writable_bytes(std::span(&length, 1)));
      if (length > kLongestHeader) continue;
      header.resize(length);
      file->read_at(sizeof length, std::as_writable_bytes(std::span(header)));
    } catch (const core::RuntimeError&) {
      continue;  // cut short, or no file
    }
    const auto json = core::Json::parse(header, nullptr, false);
    const auto found = json.is_object() ? json.find("__metadata__") : json.end();
    if (found != json.end() && found->is_object() && found->contains("numeric_class") &&
        (*found)["numeric_class"].is_string())
      return (*found)["numeric_class"].get<std::string>();
  }
  return "";
}

// The parts of the numeric class that the worker can be told; not its own defaults, which a foreign worker need not
// know.
std::vector<std::string> class_options(const std::string& numeric_class) {
  std::vector<std::string> arguments;
  for (const std::string_view part : core::split(numeric_class, ' ')) {
    constexpr std::string_view kThreads = "threads=";
    if (part.starts_with(kThreads) && part != "threads=1")
      arguments.insert(arguments.end(), {"--threads", std::string(part.substr(kThreads.size()))});
    if (part.starts_with("norm=")) arguments.emplace_back("--fused-norm");
  }
  return arguments;
}

struct Request {
  StoreLayout store;
  JobId job;
  experiments::JobSpecification specification;
  results::Record recorded;
  int ranks = 1;
  std::optional<std::uint64_t> steps;
  experiments::RawRoot raw;
  bool keep = false;
};

void check(const Request& request) {
  const auto* training = std::get_if<TrainingSpecification>(&request.specification);
  if (training != nullptr)
    require_ranks(request.ranks, training->lanes);
  else
    require_ranks(request.ranks, 1, "only a training has more than one process rank");
  if (request.steps && training == nullptr)
    throw core::input_error(
        fmt::format("--steps {} for a job of kind {}", *request.steps, experiments::kind_name(request.specification)),
        "only a training has steps", "leave --steps out");
  if (!request.raw.folder.empty() && !std::holds_alternative<experiments::ShardSpecification>(request.specification))
    throw core::input_error(
        fmt::format("--raw-root for a job of kind {}", experiments::kind_name(request.specification)),
        "only a shard reads raw images", "leave --raw-root out");
}

Request read_request(const options::variables_map& values, const std::string& name) {
  StoreLayout store(required_value(values, "store"));
  experiments::BundledFiles files(core::real_file_system(), store);
  const JobId job = find_job(files, store, name);
  auto specification = read_job_specification(files, store, job);
  auto recorded = results::read_record(files, store, job);
  if (!recorded)
    throw core::input_error(fmt::format("job '{}' has no result", job.hex), "there is nothing to compare with",
                            "run it first");
  if (recorded->index() != specification.index())
    throw core::corrupt_error(fmt::format("'{}' is the result of another kind of job", store.result_file(job).string()),
                              fmt::format("job '{}' is of kind {}", job.hex, experiments::kind_name(specification)));
  Request request{store, job, std::move(specification), std::move(*recorded), values["ranks"].as<int>(), {}, {}, false};
  if (values.count("steps") > 0) {
    const int steps = values["steps"].as<int>();
    if (steps < 1) throw core::input_error(fmt::format("--steps {}", steps), "at least 1 step is needed");
    request.steps = static_cast<std::uint64_t>(steps);
  }
  if (values.count("raw-root") > 0)
    request.raw = {std::filesystem::absolute(required_value(values, "raw-root")), values.count("follow-links") > 0};
  request.keep = values.count("keep") > 0;
  check(request);
  return request;
}

struct Ended {
  AttemptEnd attempt;
  bool by_us = false;  // told to stop: at a step that differs, or because no more were asked for
};

using Steps = std::map<std::uint64_t, results::LoggedStep>;

// Those that were logged since the last call. A log that cannot be read is named once the run is over.
Steps new_steps(GrowingFile& log) {
  try {
    return results::parse_logged_steps(log.new_lines(), results::kStepLogName);
  } catch (const core::RuntimeError&) {
    return {};
  }
}

// True with a step that differs, or the last that was asked for.
bool reaches_the_end(const Steps& steps, const Request& request, const results::TrainingLog& recorded) {
  return std::ranges::any_of(steps, [&](const auto& logged) {
    const auto& [number, step] = logged;
    const auto found = recorded.steps.find(number);
    // All that follows a step that differs differs too.
    return (found != recorded.steps.end() && results::differ(found->second, step)) ||
           (request.steps && number >= *request.steps);
  });
}

using OnStep = std::function<void(std::uint64_t step)>;

// Runs the job in the scratch store.
Ended run_again(const Request& request, const StoreLayout& scratch, const results::TrainingLog& recorded,
                const OnStep& on_step) {
  LocalAttempt attempt{worker_program(),
                       scratch,
                       {request.job, request.specification, {}, request.ranks, ""},
                       1,
                       {},
                       experiments::kind_name(request.specification) + " again"};
  attempt.options = class_options(results::numeric_class_of(request.recorded));
  if (!request.raw.folder.empty())
    attempt.options.insert(attempt.options.end(), {"--raw-root", request.raw.folder.string()});
  if (request.raw.follow_links) attempt.options.emplace_back("--follow-links");
  if (!std::holds_alternative<TrainingSpecification>(request.specification)) return {follow_attempt(attempt)};
  // Nobody goes on from this run: its time belongs to the steps.
  attempt.options.insert(attempt.options.end(), {"--checkpoint-every", "1000000000"});
  GrowingFile log(scratch.attempt_file(request.job, attempt.attempt, results::kStepLogName));
  Ended ended;
  ended.attempt = follow_attempt(attempt, [&] {
    const Steps steps = new_steps(log);
    if (on_step && !steps.empty()) on_step(steps.rbegin()->first);
    ended.by_us = ended.by_us || reaches_the_end(steps, request, recorded);
    return ended.by_us;
  });
  return ended;
}

// A second run that left no result where the first did.
core::RuntimeError failed_again(const AttemptEnd& end) {
  return {kind_of(end), "the job did not end when it was run again", end.message};
}

// Puts the comparison of both logs into the verdict.
void compare_steps(const Request& request, const TrainingSpecification& training, const StoreLayout& scratch,
                   const results::TrainingLog& recorded, results::Reproduction& verdict) {
  verdict.steps = static_cast<std::uint64_t>(training.recipe.steps);
  verdict.asked_steps = std::min(request.steps.value_or(verdict.steps), verdict.steps);
  // A short run may have been over before it could be stopped; the answer is to what was asked.
  if (verdict.asked_steps < verdict.steps) verdict.again.reset();
  verdict.disagreements = recorded.disagreements;
  const auto again = results::read_training_log(core::real_file_system(), scratch, request.job);
  for (const std::string& warning : again.warnings) core::log_warning("{}", warning);
  verdict.gradients = results::compare_logs(recorded, again, verdict.asked_steps);
}

// Holds what the second run left against what the first did. \throws core::RuntimeError if the run failed before it
// came to differ
results::Reproduction compare(const Request& request, const StoreLayout& scratch, const results::TrainingLog& recorded,
                              const Ended& ended) {
  results::Reproduction verdict{request.recorded, {}, {}, 0, 0, {}, {}};
  // The store is the truth: a rank may fail after the result was published.
  verdict.again = results::read_record(core::real_file_system(), scratch, request.job);
  const bool failed = !verdict.again && !(ended.by_us && kind_of(ended.attempt) == core::ErrorKind::kInterrupted);
  verdict.numeric_class_again =
      verdict.again ? results::numeric_class_of(*verdict.again) : class_of_checkpoint(scratch, request.job);
  if (const auto* training = std::get_if<TrainingSpecification>(&request.specification))
    compare_steps(request, *training, scratch, recorded, verdict);
  if (failed && !verdict.gradients.difference) throw failed_again(ended.attempt);
  if (failed) core::log_warning("the second run failed ({})", ended.attempt.message);
  return verdict;
}

results::TrainingLog read_recorded_log(const Request& request) {
  if (!std::holds_alternative<TrainingSpecification>(request.specification)) return {};
  experiments::BundledFiles files(core::real_file_system(), request.store);
  auto log = results::read_training_log(files, request.store, request.job);
  for (const std::string& warning : log.warnings) core::log_warning("{}", warning);
  if (request.steps && (log.steps.empty() || log.steps.begin()->first > *request.steps))
    throw core::input_error(
        fmt::format("no attempt of job '{}' logged its first {} steps", request.job.hex, *request.steps),
        "there is nothing to compare them with", "leave --steps out to compare the weights");
  return log;
}

results::Reproduction reproduce(const Request& request, const results::TrainingLog& recorded,
                                const OnStep& on_step = {}, std::string* digest_again = nullptr) {
  ScratchStore scratch(request.store, request.keep);
  scratch.prepare(request.job, request.specification);
  const Ended ended = run_again(request, scratch.layout(), recorded, on_step);
  if (ended.attempt.stopped)
    throw core::RuntimeError(core::ErrorKind::kInterrupted, "stopped before the comparison was done", {},
                             "start it again");
  if (digest_again != nullptr)
    *digest_again = results::digest_of_steps(
        results::read_training_log(core::real_file_system(), scratch.layout(), request.job), *request.steps);
  return compare(request, scratch.layout(), recorded, ended);
}

// A line of progress to whoever started this process, whole: it is shorter than PIPE_BUF.
void tell(const core::Json& json) {
  const std::string line = json.dump(-1, ' ', false, core::Json::error_handler_t::replace) + "\n";
  ssize_t written = 0;
  do {
    written = ::write(orchestrator::kProgressDescriptor, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  if (written < 0) core::log_warning("nobody reads what the first steps came to");
}

// Digests of the first steps, then and now. Each step is a sign of life. \throws core::RuntimeError if they cannot be
// compared
core::Json digests_of_first_steps(const options::variables_map& values) {
  const Request request = read_request(values, values["JOB"].as<std::string>());
  if (!request.steps) throw core::input_error("--then without --steps", "the command waits for all of the job");
  const results::TrainingLog recorded = read_recorded_log(request);
  const std::string before = results::digest_of_steps(recorded, *request.steps);
  std::string again;
  const results::Reproduction verdict = reproduce(
      request, recorded,
      [&](std::uint64_t step) {
        tell({{"repeating", {{"done", step}, {"total", *request.steps}}}});
      },
      &again);
  const std::string& numeric_class = verdict.numeric_class_again;
  if (!numeric_class.empty() && numeric_class != results::numeric_class_of(request.recorded))
    throw core::RuntimeError(
        core::ErrorKind::kEnvironment, "the numeric class is another",
        results::describe_class_difference(results::numeric_class_of(request.recorded), numeric_class));
  if (verdict.gradients.compared == 0)
    throw core::RuntimeError(core::ErrorKind::kEnvironment, "no step was done again");
  return {{"recorded", before}, {"digest", verdict.gradients.difference ? again : before}};
}

// `--then`: what is found goes to whoever reads the command's progress, and the command follows whatever it is.
[[noreturn]] void go_on_as(std::vector<std::string> command, const options::variables_map& values) {
  const std::string gpu = core::variable_in(core::current_environment(), "CUDA_VISIBLE_DEVICES");
  core::Json found = {{"gpu", gpu}};
  const auto left_out = values.count("not-on") > 0 ? core::split(values["not-on"].as<std::string>(), ',')
                                                   : std::vector<std::string_view>();
  if (std::ranges::find(left_out, gpu) != left_out.end()) {
    found["left_out"] = true;
  } else {
    const auto begun = core::monotonic_clock().now();
    try {
      found.update(digests_of_first_steps(values));
    } catch (const std::exception& error) {
      const auto* known = dynamic_cast<const core::RuntimeError*>(&error);
      if (known != nullptr && known->kind() == core::ErrorKind::kInterrupted) throw;
      found["problem"] = error.what();
    }
    const auto took = core::monotonic_clock().now() - begun;
    found["took_ms"] = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  }
  tell({{"repeat", std::move(found)}});
  // The command would never hear of it.
  if (release_stop_signals())
    throw core::RuntimeError(core::ErrorKind::kInterrupted, "stopped before the command began", {}, "start it again");
  core::undo_set_up();
  std::vector<char*> words;
  for (std::string& word : command) words.push_back(word.data());
  words.push_back(nullptr);
  ::execvp(words.front(), words.data());
  throw core::system_error("'" + command.front() + "' cannot be executed", errno);
}

}  // namespace

int repro(const Arguments& typed) {
  // All behind --then is another program's.
  const auto then = std::ranges::find(typed, "--then");
  const Arguments arguments(typed.begin(), then);
  options::options_description visible;
  auto add = visible.add_options();
  add("store", options::value<std::string>(), kStoreHelp);
  add("ranks", options::value<int>()->default_value(1), "process ranks W; divides the training's lanes");
  add("steps", options::value<int>(), "compare the first N steps of a training only");
  add("raw-root", options::value<std::string>(), "folder of the raw images of a shard that is not synthetic");
  add("follow-links", "of that folder, read images behind symbolic links, which are refused otherwise");
  add("then", options::value<std::string>(),
      "COMMAND…, the last option: with --steps, writes the digests of a training's steps, recorded and done again, to "
      "descriptor 3, then becomes that command, whatever they are; `suite run --repeat-share` uses it");
  add("not-on", options::value<std::string>(), "with --then, GPUs as A,B on which it only says that it is left out");
  add("keep", "leave the folder of the second run behind");
  add("json", "print one JSON document on stdout");
  auto values = parse_options(arguments, kReproHelp, visible, {"JOB"});
  if (!values) return 0;
  if (then != typed.end()) {
    if (then + 1 == typed.end()) throw core::input_error("option --then has no value", "a command is needed");
    go_on_as({then + 1, typed.end()}, *values);
  }
  const Request request = read_request(*values, (*values)["JOB"].as<std::string>());
  const results::Reproduction verdict = reproduce(request, read_recorded_log(request));
  if (values->count("json") > 0)
    print_json(results::to_json(verdict));
  else
    std::cout << results::to_text(verdict);
  return results::same_bits(verdict) ? 0 : kDiffers;
}

}  // namespace resolute::cli
