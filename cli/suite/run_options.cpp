#include "cli/suite/run_options.h"

#include <fmt/format.h>

#include <chrono>
#include <set>

#include "cli/curves.h"
#include "cli/described_options.h"
#include "cli/suite/arguments.h"
#include "cli/suite/notify_option.h"
#include "core/error.h"
#include "core/process/process.h"
#include "core/split.h"
#include "orchestrator/run/run.h"
#include "orchestrator/store/wall_clock.h"

namespace resolute::cli {
namespace {

// A number of units that goes to a member. \throws RuntimeError (kInput) where run_number() does
template <class Unit = int, class Member>
auto number(const char* option, Member& member) {
  return options::value<int>()->notifier([option, &member](int value) { member = Unit(run_number(option, value)); });
}

auto optional_text(std::optional<std::string>& member) {
  return options::value<std::string>()->notifier([&member](const std::string& value) { member = value; });
}

std::set<settings::JobKind> parse_kinds(const std::string& text) {
  std::set<settings::JobKind> kinds;
  for (const std::string_view word : core::split(text, ','))
    kinds.insert(settings::parse_word<settings::JobKind>(word, "option --kinds"));
  return kinds;
}

}  // namespace

void add_run_options(options::options_description& visible, orchestrator::RunOptions& run) {
  using std::chrono::minutes, std::chrono::seconds;
  auto add = visible.add_options();
  add("slots", number("slots", run.slots)->default_value(0),
      "process ranks without a GPU that run at once under each agent; 0: the node's cores, under SLURM those that it "
      "gave");
  add("gpus", number("gpus", run.gpus)->default_value(-1),
      "GPUs of each agent, believed where its node shows none; -1: those that it shows");
  add("jobs-per-gpu", number("jobs-per-gpu", run.jobs_per_gpu)->default_value(1), kJobsPerGpuHelp);
  add("only", optional_text(run.only), "a row's id or a job's id: that and what it needs");
  add("first", optional_text(run.first), "a row's id or a job's id: that and what it needs before all else");
  add("kinds", options::value<std::string>()->notifier([&](const auto& kinds) { run.kinds = parse_kinds(kinds); }),
      "kinds of jobs that are started here, as pack,evaluation; results of the others (pack, training, evaluation) are "
      "waited for: another run makes them");
  add("idle-limit", number<seconds>("idle-limit", run.policy.idle_limit),
      "seconds without anything to do after which the run ends; else it waits");
  add("most-gpu-hours", options::value<double>(), kMostGpuHoursHelp);
  add("max-jobs", number("max-jobs", run.max_jobs)->default_value(0),
      "stop after starting this many jobs; 0: no limit");
  add("walltime", options::value<std::string>(),
      "time until everything has to have checkpointed and ended, minutes, MM:SS or H:MM:SS; under SLURM the job's end");
  const auto notice = std::chrono::floor<seconds>(run.policy.stop_lead);
  add("notice", number<seconds>("notice", run.policy.stop_lead)->default_value(static_cast<int>(notice.count())),
      "seconds before that time at which everything is told to write its checkpoints");
  add("memory-per-rank", number("memory-per-rank", run.memory_per_rank_mib)->default_value(0),
      "MiB over which a process rank is ended; 0: no limit");
  add("allocation", number("allocation", run.allocation)->default_value(1),
      "number of this run among several that work on the suite side by side, each with a journal of its own");
  add("bind", word("bind", run.bind)->default_value("auto"),
      "a core for each process rank: none, cores, or auto where an agent has its node to itself");
  add("burn-in", word("burn-in", run.burn_in)->default_value("off"), kBurnInHelp);
  add("repeat-share", options::value<double>()->default_value(0, "0"), kRepeatShareHelp);
  add("notify", options::value<std::string>(), kNotifyHelp);
  add("log", options::value<std::string>(), kLogHelp);
  add("interface", options::value(&run.interface),
      "network interface by which gangs on several hosts meet, as ib0; else what the host's name stands for");
  add("no-progress-limit", number<minutes>("no-progress-limit", run.no_progress_limit)->default_value(30),
      "minutes without a sign of life after which a job is started anew; 0: no limit");
  add("coordinator-limit", number<seconds>("coordinator-limit", run.coordinator_limit)->default_value(120),
      "seconds without a word of the coordinator after which an agent ends, five times as long where its store stalls; "
      "in an allocation the first of them requeues the job then");
  add("checkpoint-every", number("checkpoint-every", run.checkpoint_every)->default_value(0),
      "steps between checkpoints of a training, 0: the worker's choice; changes no result");
  add("evaluate-every", number("evaluate-every", run.evaluate_every)->default_value(0),
      "epochs between a training's evaluations on the way, for the metric rank1_best_on_test, 0: none; changes no "
      "result");
  add("through-host", options::bool_switch(&run.through_host), kThroughHostHelp);
  add(kSameImages, kSameImagesHelp);
}

void finish_run_options(const options::variables_map& values, const std::map<std::string, std::string>& environment,
                        orchestrator::RunOptions& run) {
  if (run.max_jobs == 0) run.max_jobs.reset();
  run.repeat_share = repeat_share(values["repeat-share"].as<double>());
  run.repeat_program = {core::own_program().string()};
  if (run.burn_in != orchestrator::BurnInLength::kOff)
    run.join_limit += orchestrator::length_of(run.burn_in) + orchestrator::kBurnInOverhead;
  if (values.count("walltime") == 0) {
    run.ends_at = orchestrator::allocation_end(environment);
    return;
  }
  const auto walltime = orchestrator::parse_walltime(values["walltime"].as<std::string>());
  if (walltime <= run.policy.stop_lead)
    throw core::input_error(fmt::format("--walltime of {} s leaves no time to work", walltime.count()),
                            fmt::format("a run stops {} s before its end", values["notice"].as<int>()),
                            "give more, or a shorter --notice");
  run.ends_at = orchestrator::wall_clock() + walltime;
}

}  // namespace resolute::cli
