#include "cli/resubmit.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "cli/command.h"
#include "cli/slurm_view.h"
#include "cli/submitter.h"
#include "core/error.h"
#include "core/log.h"
#include "core/process/process.h"

namespace resolute::cli {

namespace fs = std::filesystem;
using State = BatchStanding::State;

namespace {

// Together a KillWait of SLURM's default and then some.
constexpr int kEndingLooks = 13;
constexpr std::chrono::seconds kEndingPause(5);

BatchStanding stored_standing(const slurm::SubmissionFolder& folder, const slurm::Batch& batch,
                              const HasResult& has_result) {
  BatchStanding standing{batch};
  standing.generation = folder.last_generation(batch);
  if (!batch.jobs.empty() && std::all_of(batch.jobs.begin(), batch.jobs.end(), has_result))
    standing.state = State::kDone;
  else if (standing.generation < 0)
    standing.state = State::kNeverTried;
  else {
    const auto generation = folder.generation(batch, standing.generation);
    if (const auto* job = std::get_if<slurm::KnownJob>(&generation)) {
      standing.state = State::kGone;
      standing.job = *job;
    } else {
      standing.state = std::holds_alternative<slurm::Refused>(generation) ? State::kRefused : State::kUnsettled;
    }
  }
  return standing;
}

// One squeue for all of them.
void ask_slurm_about(slurm::Client& client, std::vector<Standing>& standings) {
  std::vector<std::string> names;
  for (const auto& standing : standings)
    for (const auto& batch : standing.batches)
      if (batch.generation >= 0) names.push_back(batch.batch.job_name);
  const auto [found, trouble] = ask_slurm(client, names);
  for (auto& standing : standings) {
    standing.trouble = trouble;
    for (auto& batch : standing.batches) {
      for (const auto& job : found)
        if (job.name == batch.batch.job_name && slurm::phase_of(job.state) != slurm::Phase::kEnded)
          batch.queued.push_back(job);
      // Where nobody can be asked it counts as there: a second one costs more than waiting.
      if (batch.state == State::kGone && (trouble || !batch.queued.empty())) batch.state = State::kAlive;
    }
  }
}

std::string time_text(std::chrono::seconds time) {
  if (time.count() <= 0) return "the partition's time limit";
  const auto minutes = std::chrono::ceil<std::chrono::minutes>(time).count();
  return fmt::format("{}:{:02}:00", minutes / 60, minutes % 60);
}

fs::path log_of(const Standing& standing, const BatchStanding& batch) {
  const fs::path folder = standing.folder.batch_folder(batch.batch) / "log";
  if (!batch.job) return folder;
  return folder / fmt::format("{}{}.log", batch.job->id, batch.batch.jobs.empty() ? "" : "_*");
}

// A job that was cancelled before it began has none.
std::string existing_log(core::FileSystem& files, const Standing& standing, const BatchStanding& batch) {
  const fs::path log = log_of(standing, batch);
  const std::string start = fmt::format("{}{}", batch.job->id, batch.batch.jobs.empty() ? ".log" : "_");
  const auto names = files.list(log.parent_path());
  const bool there = std::any_of(names.begin(), names.end(), [&](const auto& name) { return name.starts_with(start); });
  return there ? fmt::format(" (its log: {})", log.string()) : "";
}

fs::path script_file(const Standing& standing, const BatchStanding& batch) {
  return standing.folder.batch_folder(batch.batch) / fmt::format("script-{:03}.sh", batch.generation);
}

std::string size_text(const Standing& standing, const slurm::Batch& batch) {
  const auto& resources = standing.request.resources;
  return fmt::format("{} node{}, {}{}", resources.nodes, resources.nodes == 1 ? "" : "s", time_text(resources.time),
                     batch.jobs.empty() ? std::string() : fmt::format(", array of {}", batch.jobs.size()));
}

std::string queue_text(const BatchStanding& batch) {
  if (batch.queued.empty()) return "";
  const auto& job = batch.queued.front();
  std::string text = fmt::format(" {}", slurm::name_of(job.state));
  if (!job.node_list.empty()) text += " on " + job.node_list;
  if (is_held(job)) text += " (held; `resolute suite resume` releases it)";
  return text;
}

}  // namespace

bool is_alive(const Standing& standing) {
  return std::any_of(standing.batches.begin(), standing.batches.end(),
                     [](const BatchStanding& batch) { return batch.state == State::kAlive || !batch.queued.empty(); });
}

bool is_unsettled(const Standing& standing) {
  return std::any_of(standing.batches.begin(), standing.batches.end(), [](const BatchStanding& batch) {
    return batch.state == State::kUnsettled || batch.state == State::kNeverTried;
  });
}

bool is_held(const slurm::QueuedJob& job) { return slurm::phase_of(job.state, job.reason) == slurm::Phase::kHeld; }

void require_own_submission(const slurm::SubmissionRequest& request) {
  if (const auto user = other_submitter(request))
    throw core::input_error(
        fmt::format("submission {} of suite {} was made by {}", request.token, request.suite, *user),
        fmt::format("only {} can ask SLURM what became of it", *user),
        fmt::format("ask {}, or use a store of your own", *user));
}

void require_own_submissions(core::FileSystem& files, const fs::path& suite_folder) {
  for (const auto& folder : slurm::submissions(files, suite_folder))
    if (!folder.ended()) require_own_submission(folder.request());
}

std::vector<Standing> open_submissions(core::FileSystem& files, slurm::Client& client, const fs::path& suite_folder,
                                       const HasResult& has_result) {
  std::vector<Standing> open;
  for (auto& folder : slurm::submissions(files, suite_folder)) {
    if (folder.ended()) continue;
    Standing standing{folder, folder.request(), {}};
    for (const auto& batch : standing.request.batches)
      standing.batches.push_back(stored_standing(folder, batch, has_result));
    open.push_back(std::move(standing));
  }
  ask_slurm_about(client, open);
  return open;
}

std::vector<Standing> settled_submissions(core::FileSystem& files, slurm::Client& client, const slurm::Effects& effects,
                                          const fs::path& suite_folder, const HasResult& has_result) {
  const auto is_ending = [](const slurm::QueuedJob& job) {
    return slurm::phase_of(job.state) == slurm::Phase::kEnding;
  };
  for (int look = 1;; ++look) {
    auto open = open_submissions(files, client, suite_folder, has_result);
    std::size_t ending = 0, others = 0;
    for (const auto& standing : open)
      for (const auto& batch : standing.batches)
        for (const auto& job : batch.queued) ++(is_ending(job) ? ending : others);
    if (ending == 0 || others > 0 || look == kEndingLooks) return open;
    if (look == 1) core::log_info("SLURM is ending the last job of the suite: waiting for what becomes of it");
    effects.sleep(kEndingPause);
  }
}

bool same_order(const slurm::SubmissionRequest& one, const slurm::SubmissionRequest& other) {
  const auto order = [](const slurm::SubmissionRequest& request) {
    slurm::SubmissionRequest plain = request;
    plain.token = "000000000000";
    plain.created = {};
    plain.by = "";
    const bool array = !plain.batches.empty() && !plain.batches.front().jobs.empty();
    const std::size_t allocations = array ? 0 : plain.batches.size();
    plain.batches.clear();
    return std::make_tuple(slurm::to_json(plain).dump(), array, allocations);
  };
  return order(one) == order(other);
}

std::optional<RefusedBatch> submit_missing(core::FileSystem& files, slurm::Client& client,
                                           const slurm::Effects& effects, Standing& standing) {
  std::map<int, slurm::JobNumber> ids;
  for (auto& batch : standing.batches) {
    const bool there = batch.state == State::kAlive || batch.state == State::kDone;
    if (there) {
      if (batch.state == State::kAlive && batch.job) ids[batch.batch.number] = batch.job->id;
      continue;
    }
    if (batch.state == State::kGone && batch.job)
      core::log_info("job {} of '{}' is gone and the suite not complete: going on with another one{}", batch.job->id,
                     batch.batch.job_name, existing_log(files, standing, batch));
    const bool next = batch.state != State::kUnsettled;
    const int generation = batch.generation + (next ? 1 : 0);
    std::optional<slurm::JobNumber> dependency;
    if (const auto before = ids.find(batch.batch.after); before != ids.end()) dependency = before->second;
    try {
      const auto answer =
          slurm::ensure_submitted(files, client, effects, standing.folder, batch.batch, generation, dependency);
      batch.generation = generation;
      if (const auto* refused = std::get_if<slurm::Refused>(&answer)) {
        batch.state = State::kRefused;
        return RefusedBatch{batch.batch.number, refused->why};
      }
      batch.state = State::kAlive;
      batch.job = std::get<slurm::KnownJob>(answer);
      ids[batch.batch.number] = batch.job->id;
    } catch (const core::RuntimeError& error) {
      if (error.kind() != core::ErrorKind::kTransient) throw;
      throw core::RuntimeError(core::ErrorKind::kTransient,
                               fmt::format("SLURM does not say whether it has job '{}'", batch.batch.job_name),
                               error.what(), "give the same command again: it settles that, and submits nothing twice");
    }
  }
  return std::nullopt;
}

namespace {

// What to change, by SLURM's words.
std::string advice_on_refusal(const std::string& words) {
  const auto has = [&](const char* part) { return words.find(part) != std::string::npos; };
  if (has("partition")) return "give --partition one that `sinfo` lists";
  if (has("account") || has("Account")) return "give --account one that `sacctmgr show associations` lists for you";
  if (has("qos") || has("QOS")) return "give another --qos, or submit less";
  if (has("node configuration") || has("Node count") || has("gres") || has("generic resource"))
    return "ask for less or otherwise: --nodes, --gpus-per-node, --gpu-type; `sinfo -N -o '%N %c %m %G'` "
           "shows what "
           "the nodes have";
  if (has("time limit")) return "give a shorter --time; `sinfo -o '%P %l'` shows the partitions' limits";
  if (has("constraint") || has("feature")) return "give another --constraint; `sinfo -o '%N %f'` lists them";
  return "change the options of `resolute suite submit` or the site file, and submit again";
}

}  // namespace

void throw_refused(const RefusedBatch& refused) {
  throw core::input_error(fmt::format("SLURM refuses batch {}", refused.batch), refused.why,
                          advice_on_refusal(refused.why));
}

std::vector<std::string> job_lines(const Standing& standing, const std::string& done,
                                   const std::string& status_command) {
  std::vector<std::string> lines;
  for (const auto& batch : standing.batches) {
    if (batch.state != State::kAlive || !batch.job) continue;
    lines.push_back(fmt::format("{}: job {} ({}){}, {}; `{}` tells how it fares; log: {}", done, batch.job->id,
                                batch.batch.job_name, queue_text(batch), size_text(standing, batch.batch),
                                status_command, log_of(standing, batch).string()));
  }
  return lines;
}

core::Json jobs_json(const Standing& standing, bool already, const std::optional<RefusedBatch>& refused) {
  core::Json jobs = core::Json::array();
  for (const auto& batch : standing.batches) {
    if (batch.state != State::kAlive || !batch.job) continue;
    jobs.push_back({{"batch", batch.batch.number},
                    {"job", batch.job->id},
                    {"name", batch.batch.job_name},
                    {"script", script_file(standing, batch).string()},
                    {"log", log_of(standing, batch).string()}});
  }
  core::Json document{{"submission", standing.request.token}, {"jobs", jobs}, {"already", already}};
  if (refused) document["refused"] = {{"batch", refused->batch}, {"why", refused->why}};
  return document;
}

int report_complete(const char* verb, const core::Json& submission, const experiments::Plan& plan, bool json) {
  if (json)
    print_json({{"submission", submission}, {"jobs", core::Json::array()}, {"already", true}, {"complete", true}});
  else
    std::cout << fmt::format("nothing to {}: all {} jobs of suite {} have their results\n", verb, plan.jobs.size(),
                             plan.suite);
  return 0;
}

std::string suite_command(const std::string& verb, const SuiteArguments& arguments,
                          const std::vector<std::string>& plan_arguments) {
  std::string text = "resolute suite " + verb;
  const auto add = [&](const std::string& word) { text += " " + slurm::shell_quoted(word); };
  add(arguments.values["SUITE.toml"].as<std::string>());
  add("--store");
  add(arguments.values["store"].as<std::string>());
  for (const auto& word : plan_arguments) add(word);
  return text;
}

void require_sbatch(const std::map<std::string, std::string>& environment) {
  if (core::program_on_path(environment, "sbatch")) return;
  throw core::input_error("there is no sbatch here",
                          "it is on no folder of PATH: this is no machine of a SLURM cluster",
                          "log in to one, or run the suite here with `resolute suite run`");
}

}  // namespace resolute::cli
