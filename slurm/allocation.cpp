#include "slurm/allocation.h"

#include <algorithm>
#include <span>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "core/numbers.h"
#include "slurm/stored_members.h"

namespace resolute::slurm {

namespace {

// A run that ends so shortly before its notice was ended by the time limit: it stops by itself then, and clocks differ.
// SIGUSR1 comes earlier by kNoticeComesEarlier; so near to the limit it is always the limit's.
constexpr std::chrono::minutes kSlack{1};
constexpr std::chrono::minutes kNearWithNotice{5};
// No restart count and no number of nodes comes near it.
constexpr SlurmJobId kMostNumber = 1'000'000'000'000;

std::optional<std::int64_t> number_in(const std::map<std::string, std::string>& environment, const std::string& name,
                                      std::int64_t least) {
  const std::string text = core::variable_in(environment, name);
  if (text.empty()) return std::nullopt;
  const auto number = core::number_of<std::int64_t>(text);
  if (!number || *number < least || *number > kMostNumber)
    throw core::input_error(fmt::format("{} is '{}'", name, text),
                            fmt::format("it has to be a number from {} on", least));
  return number;
}

int small(std::optional<std::int64_t> number, int otherwise, const char* name) {
  if (!number) return otherwise;
  if (!std::in_range<int>(*number)) throw core::input_error(fmt::format("{} is {}", name, *number), "too large");
  return static_cast<int>(*number);
}

enum class Progress { kSome, kNone, kUnknown };

// The progress of a start by its end; if it ended without a word, by the begin of the next. A start without a run has
// none, whatever the journals say.
Progress progress_of(const ScriptStart& run, const Achieved& next_before) {
  const Achieved& then = run.end ? run.after : next_before;
  if (then.results > run.before.results) return Progress::kSome;
  if (run.cause == EndCause::kLauncherFailed) return Progress::kNone;
  if (!then.steps || !run.before.steps) return Progress::kUnknown;
  return *then.steps > *run.before.steps ? Progress::kSome : Progress::kNone;
}

// Ends that speak against the batch itself. Preemption, a requeue by others and the loss of a node do not: SLURM may do
// that any number of times.
bool own_fault(const std::optional<EndCause>& cause) {
  return cause == EndCause::kWalltime || cause == EndCause::kLauncherFailed || cause == EndCause::kStoreError ||
         cause == EndCause::kInterrupted;
}

// Starts in a row, this one included, that finished nothing and wrote no checkpoint. A start without known steps does
// not count.
int fruitless_in_a_row(EndCause cause, const Achieved& before, const Achieved& after,
                       std::span<const ScriptStart> earlier) {
  ScriptStart now;
  now.cause = cause;
  now.before = before;
  now.after = after;
  now.end = Time{};
  int count = 0;
  // \return whether the row goes on before it
  const auto add = [&count](const ScriptStart& run, const Achieved& next_before) {
    const Progress progress = progress_of(run, next_before);
    if (progress == Progress::kNone && own_fault(run.cause)) ++count;
    return progress != Progress::kSome;
  };
  if (!own_fault(cause) || !add(now, after)) return 0;
  Achieved next = before;
  for (auto run = earlier.rbegin(); run != earlier.rend() && add(*run, next); ++run) next = run->before;
  return count;
}

// Starts since somebody resumed the batch: what gave it up before is mended.
std::span<const ScriptStart> since_given_up(const std::vector<ScriptStart>& runs) {
  const auto last = std::find_if(runs.rbegin(), runs.rend(), [](const ScriptStart& run) { return run.given_up; });
  return {last.base(), runs.end()};
}

bool near_the_limit(const AllocationEnding& ending) {
  std::chrono::seconds near = ending.notice + kSlack;
  if (ending.noticed) near = std::max<std::chrono::seconds>(kNearWithNotice, near + kNoticeComesEarlier);
  return ending.ends_at && *ending.ends_at - ending.now < near;
}

// The cause by SLURM's answer alone; nothing if that leaves it open. While this script lives, its job is COMPLETING
// only because somebody ended it. The restart count shows a requeue, the reason a time limit, PreemptTime preemption;
// else it was scancel, whose TERM may still be on the way.
std::optional<EndCause> cause_by_slurm(const AllocationEnding& ending) {
  const auto* job = ending.job ? std::get_if<ShownJob>(&*ending.job) : nullptr;
  if (job == nullptr) return std::nullopt;
  if (job->restarts > ending.restart) return EndCause::kRequeued;
  if (job->state == JobState::kCancelled) return EndCause::kCancelled;
  if (job->state == JobState::kTimeout || job->reason == "TimeLimit") return EndCause::kWalltime;
  if (is_preempted(*job) || job->state == JobState::kPreempted) return EndCause::kPreempted;
  const Phase phase = phase_of(job->state);
  if (phase == Phase::kWaits || phase == Phase::kHeld) return EndCause::kRequeued;
  if (job->state == JobState::kNodeFail || job->reason == "NodeDown") return EndCause::kNodeLost;
  if (phase == Phase::kEnding) return EndCause::kCancelled;
  return std::nullopt;
}

}  // namespace

AllocationEnvironment read_allocation_environment(const std::map<std::string, std::string>& environment) {
  AllocationEnvironment read;
  const auto job = number_in(environment, "SLURM_JOB_ID", 1);
  if (!job)
    throw core::input_error("this is not an allocation of SLURM", "SLURM_JOB_ID is not set",
                            "`resolute suite submit` writes the script that calls this command");
  read.job = *job;
  read.restart = small(number_in(environment, "SLURM_RESTART_COUNT", 0), 0, "SLURM_RESTART_COUNT");
  auto nodes = number_in(environment, "SLURM_JOB_NUM_NODES", 1);
  if (!nodes) nodes = number_in(environment, "SLURM_NNODES", 1);
  read.nodes = small(nodes, 1, "SLURM_JOB_NUM_NODES");
  read.node_list = core::variable_in(environment, "SLURM_JOB_NODELIST");
  return read;
}

Time order_of(const ScriptStart& run) { return run.slurm_begin.value_or(run.begin); }

std::string run_file_name(const ScriptStart& run) {
  const std::string repeat = run.repeat > 0 ? fmt::format("-{}", run.repeat) : "";
  return fmt::format("run-{}-{:03}{}.json", run.job, run.restart, repeat);
}

core::Json to_json(const ScriptStart& run) { return document(run); }

ScriptStart run_from_json(const core::Json& json, const std::string& where) {
  return read_document<ScriptStart>(json, where, [](const ScriptStart& run, const auto&) {
    if (!run.launcher.empty()) parse_launcher(run.launcher);
  });
}

void write_run(core::FileSystem& files, const fs::path& batch_folder, const ScriptStart& run) {
  // A list of nodes or a verdict may hold bytes of another program's.
  core::write_atomic(files, batch_folder / run_file_name(run),
                     to_json(run).dump(1, ' ', false, core::Json::error_handler_t::replace) + "\n");
}

std::vector<ScriptStart> read_runs(core::FileSystem& files, const fs::path& batch_folder) {
  std::vector<ScriptStart> runs;
  for (const std::string& name : files.list(batch_folder)) {
    if (!name.starts_with("run-") || !name.ends_with(".json")) continue;
    const fs::path path = batch_folder / name;
    try {
      const auto text = core::read_text_if_exists(files, path);
      if (!text) continue;
      auto run = run_from_json(core::parse_json(*text, path.string()), path.string());
      // A copy is no other start.
      if (const auto expected = run_file_name(run); expected != name)
        throw core::corrupt_error(fmt::format("'{}' has another name than its start", path.string()), expected);
      runs.push_back(std::move(run));
    } catch (const core::RuntimeError& error) {
      if (error.is_storage()) throw;
      core::log_warning("a record of an allocation is left out: {}", error.what());
    }
  }
  std::ranges::stable_sort(runs, [](const ScriptStart& a, const ScriptStart& b) {
    return std::tuple(order_of(a), a.generation, a.job, a.restart, a.repeat) <
           std::tuple(order_of(b), b.generation, b.job, b.restart, b.repeat);
  });
  return runs;
}

bool is_preempted(const ShownJob& job) { return job.preempted && (!job.begin || *job.preempted >= *job.begin); }

EndCause cause_of(const AllocationEnding& ending) {
  if (ending.complete) return EndCause::kComplete;
  if (ending.asked_to_stop) return EndCause::kCancelled;
  const auto by_slurm = cause_by_slurm(ending);
  if (by_slurm == EndCause::kCancelled || by_slurm == EndCause::kRequeued) return *by_slurm;
  if (ending.given_up && !ending.store_failed) return EndCause::kIncomplete;
  if (ending.idle) return EndCause::kIdle;
  if (ending.wrong_usage) return EndCause::kConfiguration;
  if (by_slurm) return *by_slurm;
  const bool near = near_the_limit(ending);
  // TERM comes before the answer to it: while SLURM says that the job runs, somebody else has sent it.
  if (ending.terminated && !ending.job && !ending.noticed && !near) return EndCause::kTerminated;
  if (ending.another_run) return EndCause::kAnotherRun;
  if (ending.noticed) return near ? EndCause::kWalltime : EndCause::kPreempted;
  if (near) return EndCause::kWalltime;
  if (ending.store_failed) return EndCause::kStoreError;
  return ending.began || ending.killed ? EndCause::kInterrupted : EndCause::kLauncherFailed;
}

EndCause cause_of(const std::optional<JobState>& state) {
  if (state == JobState::kTimeout || state == JobState::kDeadline) return EndCause::kWalltime;
  if (state == JobState::kPreempted) return EndCause::kPreempted;
  if (state == JobState::kNodeFail || state == JobState::kBootFail) return EndCause::kNodeLost;
  return state == JobState::kCancelled ? EndCause::kCancelled : EndCause::kInterrupted;
}

std::chrono::milliseconds requeue_turn(int before, int agents) {
  constexpr int kFirst = 12;
  constexpr std::chrono::milliseconds kApart = std::chrono::seconds(10);  // SLURM has ended a requeued job by then
  constexpr std::chrono::milliseconds kOthers = std::chrono::minutes(10);
  const int others = before - kFirst;
  if (others <= 0) return kApart * before;
  return kApart * kFirst + std::min(kApart * others, kOthers * others / std::max(agents - 1 - kFirst, 1));
}

NextStep next_step(EndCause cause, const Achieved& before, const Achieved& after,
                   const std::vector<ScriptStart>& earlier, const SubmissionRequest& request,
                   const std::string& reason) {
  switch (cause) {
    case EndCause::kComplete:
    case EndCause::kIncomplete:
    case EndCause::kIdle:
      return Finish{};
    case EndCause::kCancelled:
    case EndCause::kRequeued:
    case EndCause::kTerminated:
      return Leave{};
    case EndCause::kConfiguration:
      return GiveUp{"the run refuses to begin, and would again; the log says why"};
    case EndCause::kWalltime:
    case EndCause::kPreempted:
    case EndCause::kNodeLost:
    case EndCause::kAnotherRun:
    case EndCause::kLauncherFailed:
    case EndCause::kStoreError:
    case EndCause::kInterrupted:
      break;
  }
  const auto counted = since_given_up(earlier);
  if (const int fruitless = fruitless_in_a_row(cause, before, after, counted); fruitless >= kMostFruitless)
    return GiveUp{fmt::format("{} starts in a row finished no job and wrote no checkpoint, the last for {}{}",
                              fruitless, name_of(cause), reason.empty() ? "" : fmt::format(" ({})", reason))};
  if (std::cmp_greater_equal(counted.size(), request.most_restarts))
    return GiveUp{fmt::format("it has been started {} times, the most that it may", counted.size() + 1)};
  return GoOn{request.continuation};
}

}  // namespace resolute::slurm
