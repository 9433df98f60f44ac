#include "slurm/allocation.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <tuple>
#include <utility>

#include "core/error.h"
#include "core/log.h"

namespace resolute::slurm {
namespace {

namespace fs = std::filesystem;

// What ends so shortly before the time limit does has been ended by it. SIGUSR1 comes up to a minute earlier than asked
// for (README of the test box), and may be heard of a little before; without it the run stops by itself a minute before
// the limit. Then trainings write their checkpoints.
constexpr std::chrono::minutes kNearWithNotice{5};
constexpr std::chrono::minutes kEarlyNotice{2};
constexpr std::chrono::minutes kNear{2};
constexpr int kRecordVersion = 1;
// No restart count and no number of nodes comes near it.
constexpr JobNumber kMostNumber = 1'000'000'000'000;

constexpr std::array<std::pair<EndCause, std::string_view>, 13> kCauses{{
    {EndCause::kComplete, "complete"},
    {EndCause::kIncomplete, "incomplete"},
    {EndCause::kWalltime, "walltime"},
    {EndCause::kPreempted, "preempted"},
    {EndCause::kCancelled, "cancelled"},
    {EndCause::kRequeued, "requeued"},
    {EndCause::kTerminated, "terminated"},
    {EndCause::kNodeLost, "node-lost"},
    {EndCause::kAnotherRun, "another-run"},
    {EndCause::kLauncherFailed, "launcher-failed"},
    {EndCause::kStoreError, "store-error"},
    {EndCause::kConfiguration, "configuration"},
    {EndCause::kInterrupted, "interrupted"},
}};

EndCause parse_cause(const std::string& text, const std::string& where) {
  for (const auto& [cause, name] : kCauses)
    if (name == text) return cause;
  throw core::corrupt_error(fmt::format("{}: '{}' is no cause", where, text));
}

std::optional<std::int64_t> number_in(const std::map<std::string, std::string>& environment, const std::string& name,
                                      std::int64_t least) {
  const auto found = environment.find(name);
  if (found == environment.end() || found->second.empty()) return std::nullopt;
  const std::string& text = found->second;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < least || number > kMostNumber)
    throw core::input_error(fmt::format("{} is '{}'", name, text),
                            fmt::format("it has to be a number from {} on", least));
  return number;
}

int small(std::optional<std::int64_t> number, int otherwise, const char* name) {
  if (!number) return otherwise;
  if (!std::in_range<int>(*number)) throw core::input_error(fmt::format("{} is {}", name, *number), "too large");
  return static_cast<int>(*number);
}

core::Json to_json(const std::optional<Time>& time) { return time ? core::Json(time_text(*time)) : core::Json(); }

core::Json to_json(const Achieved& achieved) {
  return {{"results", achieved.results}, {"steps", achieved.steps ? core::Json(*achieved.steps) : core::Json()}};
}

std::optional<Time> read_time(core::ObjectReader& reader, const std::string& key) {
  const core::Json* found = reader.find(key);
  if (found == nullptr || found->is_null()) return std::nullopt;
  const auto time = found->is_string() ? parse_time(found->get<std::string>()) : std::nullopt;
  if (!time) throw core::corrupt_error(fmt::format("{}: key '{}' is no time", reader.where(), key));
  return time;
}

Achieved read_achieved(core::ObjectReader& reader, const std::string& key) {
  const auto json = reader.required<core::Json>(key);
  core::ObjectReader inner(json, fmt::format("{}: {}", reader.where(), key));
  Achieved achieved{inner.required<std::int64_t>("results"), std::nullopt};
  if (!inner.required<core::Json>("steps").is_null()) achieved.steps = inner.required<std::int64_t>("steps");
  inner.finish();
  return achieved;
}

bool is_run_file(const std::string& name) { return name.starts_with("run-") && name.ends_with(".json"); }

enum class Fruit { kSome, kNone, kUnknown };

// What a batch's start had achieved by its end; where it ended without a word, by the begin of the next. Without a run
// there is none, whatever the journals say.
Fruit fruit_of(const AllocationRun& run, const Achieved& next_before) {
  const Achieved& then = run.end ? run.after : next_before;
  if (then.results > run.before.results) return Fruit::kSome;
  if (run.cause == EndCause::kLauncherFailed) return Fruit::kNone;
  if (!then.steps || !run.before.steps) return Fruit::kUnknown;
  return *then.steps > *run.before.steps ? Fruit::kSome : Fruit::kNone;
}

// Ends that speak against the batch itself. Preemption, a requeue by others and the loss of a node do not: SLURM may do
// that to it as often as it likes.
bool own_fault(const std::optional<EndCause>& cause) {
  return cause == EndCause::kWalltime || cause == EndCause::kLauncherFailed || cause == EndCause::kStoreError ||
         cause == EndCause::kInterrupted;
}

// Starts in a row, this one counted, in which nothing was finished and no checkpoint written. One of which that is not
// known does not count.
int fruitless_in_a_row(EndCause cause, const Achieved& before, const Achieved& after,
                       std::span<const AllocationRun> earlier) {
  AllocationRun now;
  now.cause = cause;
  now.before = before;
  now.after = after;
  now.end = Time{};
  int count = 0;
  // \return whether the row goes on before it
  const auto add = [&count](const AllocationRun& run, const Achieved& next_before) {
    const Fruit fruit = fruit_of(run, next_before);
    if (fruit == Fruit::kNone && own_fault(run.cause)) ++count;
    return fruit != Fruit::kSome;
  };
  if (!own_fault(cause) || !add(now, after)) return 0;
  Achieved next = before;
  for (auto run = earlier.rbegin(); run != earlier.rend() && add(*run, next); ++run) next = run->before;
  return count;
}

// Since somebody resumed what had been given up: that is mended now.
std::span<const AllocationRun> since_given_up(const std::vector<AllocationRun>& runs) {
  const auto last = std::find_if(runs.rbegin(), runs.rend(), [](const AllocationRun& run) { return run.given_up; });
  return {last.base(), runs.end()};
}

bool near_the_limit(const Ending& ending) {
  const std::chrono::seconds noticed = std::max<std::chrono::seconds>(kNearWithNotice, ending.notice + kEarlyNotice);
  return ending.ends_at && *ending.ends_at - ending.now < (ending.noticed ? noticed : kNear);
}

// What SLURM's word alone says; nothing where it leaves the question open. While this script lives its job can only be
// COMPLETING because somebody ended it: the restart count tells a requeue, the reason a time limit, PreemptTime
// preemption; the outcome itself is hidden then, and what is left is scancel. Its TERM may still be on the way.
std::optional<EndCause> cause_by_slurm(const Ending& ending) {
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
    throw core::input_error("this is no allocation of SLURM", "SLURM_JOB_ID is not set",
                            "`resolute suite submit` writes the script that calls this command");
  read.job = *job;
  read.array = number_in(environment, "SLURM_ARRAY_JOB_ID", 1).value_or(read.job);
  read.restart = small(number_in(environment, "SLURM_RESTART_COUNT", 0), 0, "SLURM_RESTART_COUNT");
  auto nodes = number_in(environment, "SLURM_JOB_NUM_NODES", 1);
  if (!nodes) nodes = number_in(environment, "SLURM_NNODES", 1);
  read.nodes = small(nodes, 1, "SLURM_JOB_NUM_NODES");
  read.cpus_per_node = small(number_in(environment, "SLURM_CPUS_ON_NODE", 0), 0, "SLURM_CPUS_ON_NODE");
  if (const auto element = number_in(environment, "SLURM_ARRAY_TASK_ID", 0))
    read.element = small(element, 0, "SLURM_ARRAY_TASK_ID");
  if (const auto list = environment.find("SLURM_JOB_NODELIST"); list != environment.end())
    read.node_list = list->second;
  return read;
}

std::string_view name_of(EndCause cause) {
  for (const auto& [known, name] : kCauses)
    if (known == cause) return name;
  RESOLUTE_EXPECT(false, "every cause has a name");
}

std::string run_file_name(const AllocationRun& run) {
  const std::string repeat = run.repeat > 0 ? fmt::format("-{}", run.repeat) : "";
  return fmt::format("run-{}-{:03}{}.json", run.job, run.restart, repeat);
}

core::Json to_json(const AllocationRun& run) {
  return {{"version", kRecordVersion},
          {"job", run.job},
          {"restart", run.restart},
          {"repeat", run.repeat},
          {"generation", run.generation},
          {"element", run.element ? core::Json(*run.element) : core::Json()},
          {"node_list", run.node_list},
          {"begin", time_text(run.begin)},
          {"end", to_json(run.end)},
          {"launcher", run.launcher},
          {"before", to_json(run.before)},
          {"after", to_json(run.after)},
          {"cause", run.cause ? core::Json(name_of(*run.cause)) : core::Json()},
          {"given_up", run.given_up},
          {"verdict", run.verdict}};
}

AllocationRun run_from_json(const core::Json& json, const std::string& where) {
  try {
    core::ObjectReader reader(json, where);
    if (const int version = reader.required<int>("version"); version != kRecordVersion)
      throw core::corrupt_error(fmt::format("{}: version {} is unknown", where, version));
    AllocationRun run;
    run.job = reader.required<JobNumber>("job");
    run.restart = reader.required<int>("restart");
    run.repeat = reader.required<int>("repeat");
    run.generation = reader.required<int>("generation");
    if (const auto* element = reader.find("element"); element != nullptr && !element->is_null())
      run.element = reader.required<int>("element");
    run.node_list = reader.required<std::string>("node_list");
    const auto begin = read_time(reader, "begin");
    if (!begin) throw core::corrupt_error(fmt::format("{}: key 'begin' is no time", where));
    run.begin = *begin;
    run.end = read_time(reader, "end");
    run.launcher = reader.required<std::string>("launcher");
    if (!run.launcher.empty()) parse_launcher(run.launcher);
    run.before = read_achieved(reader, "before");
    run.after = read_achieved(reader, "after");
    if (const auto* cause = reader.find("cause"); cause != nullptr && !cause->is_null())
      run.cause = parse_cause(reader.required<std::string>("cause"), where);
    run.given_up = reader.required<bool>("given_up");
    run.verdict = reader.required<std::string>("verdict");
    reader.finish();
    if (run.job < 1 || run.restart < 0 || run.repeat < 0 || run.generation < 0)
      throw core::corrupt_error(fmt::format("{}: a number is below what it can be", where));
    return run;
  } catch (const core::RuntimeError& error) {
    if (error.kind() == core::ErrorKind::kCorrupt) throw;
    const std::string_view what = error.what();
    throw core::corrupt_error(what.starts_with(where) ? std::string(what) : fmt::format("{}: {}", where, what));
  }
}

void write_run(core::FileSystem& files, const fs::path& batch_folder, const AllocationRun& run) {
  // A list of nodes or a verdict may hold bytes of another program's.
  core::write_atomic(files, batch_folder / run_file_name(run),
                     to_json(run).dump(1, ' ', false, core::Json::error_handler_t::replace) + "\n");
}

std::vector<AllocationRun> read_runs(core::FileSystem& files, const fs::path& batch_folder) {
  std::vector<AllocationRun> runs;
  for (const std::string& name : files.list(batch_folder)) {
    if (!is_run_file(name)) continue;
    const fs::path path = batch_folder / name;
    try {
      const auto text = core::read_text_if_exists(files, path);
      if (text) runs.push_back(run_from_json(core::parse_json(*text, path.string()), path.string()));
    } catch (const core::RuntimeError& error) {
      core::log_warning("a record of an allocation is left out: {}", error.what());
    }
  }
  std::stable_sort(runs.begin(), runs.end(), [](const AllocationRun& a, const AllocationRun& b) {
    return std::tuple(a.begin, a.generation, a.job, a.restart, a.repeat) <
           std::tuple(b.begin, b.generation, b.job, b.restart, b.repeat);
  });
  return runs;
}

bool is_preempted(const ShownJob& job) { return job.preempted && (!job.begin || *job.preempted >= *job.begin); }

EndCause cause_of(const Ending& ending) {
  if (ending.complete) return EndCause::kComplete;
  if (ending.asked_to_stop) return EndCause::kCancelled;
  const auto by_slurm = cause_by_slurm(ending);
  if (by_slurm == EndCause::kCancelled || by_slurm == EndCause::kRequeued) return *by_slurm;
  if (ending.given_up && !ending.store_failed) return EndCause::kIncomplete;
  if (ending.wrong_usage) return EndCause::kConfiguration;
  if (by_slurm) return *by_slurm;
  const bool near = near_the_limit(ending);
  // TERM comes before the answer to it: while SLURM says that the job runs, somebody else has sent it.
  if (ending.terminated && !ending.job && !ending.noticed && !near) return EndCause::kTerminated;
  if (ending.another_run) return EndCause::kAnotherRun;
  if (ending.noticed) return near ? EndCause::kWalltime : EndCause::kPreempted;
  if (near) return EndCause::kWalltime;
  if (ending.store_failed) return EndCause::kStoreError;
  return ending.began ? EndCause::kInterrupted : EndCause::kLauncherFailed;
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
                   const std::vector<AllocationRun>& earlier, const SubmissionRequest& request) {
  switch (cause) {
    case EndCause::kComplete:
    case EndCause::kIncomplete:
      return Finish{};
    case EndCause::kCancelled:
    case EndCause::kRequeued:
    case EndCause::kTerminated:
      return Leave{};
    case EndCause::kConfiguration:
      return GiveUp{"the run refuses to begin, and would again: see above what it says"};
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
  if (const int fruitless = fruitless_in_a_row(cause, before, after, counted); fruitless >= request.most_fruitless)
    return GiveUp{fmt::format("{} starts in a row finished no job and wrote no checkpoint, the last for {}", fruitless,
                              name_of(cause))};
  if (std::cmp_greater_equal(counted.size(), request.most_restarts))
    return GiveUp{fmt::format("it has been started {} times, the most that it may", counted.size() + 1)};
  return GoOn{request.continuation};
}

}  // namespace resolute::slurm
