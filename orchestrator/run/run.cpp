#include "orchestrator/run/run.h"

#include <signal.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "core/log.h"
#include "core/numbers.h"
#include "core/process/process.h"
#include "orchestrator/agent/agent.h"
#include "orchestrator/agent/burn_ins.h"
#include "orchestrator/coordinator/coordinator.h"
#include "orchestrator/journal/owner.h"
#include "orchestrator/run/run_checks.h"
#include "orchestrator/run/run_loop.h"
#include "orchestrator/store/store_watch.h"
#include "orchestrator/store/stored_jobs.h"
#include "orchestrator/store/wall_clock.h"
#include "orchestrator/transport/in_process.h"

namespace resolute::orchestrator {
namespace {

int number_in(const std::map<std::string, std::string>& environment, const char* name, int otherwise) {
  return core::number_of<int>(core::variable_in(environment, name)).value_or(otherwise);
}

core::RuntimeError strangers(int processes, const char* why) {
  return core::input_error(fmt::format("srun started {} processes that do not know of each other", processes), why,
                           "set 'mpi' in [environment] of the site file to a kind that the MPI library speaks (`srun "
                           "--mpi=pmix`; `srun --mpi=list` names them), or use `mpirun`; one process needs neither");
}

}  // namespace

bool launched_by_mpi(const std::map<std::string, std::string>& environment) {
  if (number_in(environment, "OMPI_COMM_WORLD_SIZE", 1) > 1 || number_in(environment, "PMI_SIZE", 1) > 1) return true;
  // srun --mpi=pmix, and --mpi=cray_shasta, set the rank alone; the step's size is SLURM's to say.
  const int tasks = number_in(environment, "SLURM_STEP_NUM_TASKS", 1);
  if (environment.contains("PMIX_RANK") || environment.contains("PALS_RANKID")) return tasks > 1;
  // mpirun in an allocation starts its daemons by srun: what they start has these variables, and Open MPI's beside
  // them.
  if (tasks > 1 && environment.contains("SLURM_PROCID") && !environment.contains("OMPI_COMM_WORLD_SIZE") &&
      !environment.contains("PMI_SIZE"))
    throw strangers(tasks, "it was not told to use PMIx, or has none");
  return false;
}

void require_acquainted(const std::map<std::string, std::string>& environment, int found) {
  const bool by_mpirun = environment.contains("OMPI_COMM_WORLD_SIZE") || environment.contains("MPI_LOCALNRANKS");
  int expected = 1;
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"})
    if (expected == 1) expected = number_in(environment, name, 1);
  if (found != 1 || expected == 1) return;
  if (by_mpirun)
    throw core::input_error(fmt::format("mpirun started {} processes that do not know of each other", expected),
                            "it belongs to another MPI than the library that resolute loads",
                            "load the module of one Open MPI for both (`resolute doctor` names them); if no mpirun has "
                            "started this, unset OMPI_COMM_WORLD_SIZE");
  throw strangers(expected, "the MPI library does not speak the kind of --mpi that it was started with");
}

int launched_rank(const std::map<std::string, std::string>& environment) {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "PALS_RANKID"})
    if (environment.contains(name)) return number_in(environment, name, 0);
  return 0;
}

void let_first_rank_speak(const std::map<std::string, std::string>& environment) {
  if (launched_rank(environment) != 0) std::this_thread::sleep_for(std::chrono::seconds(2));
}

StopRequested meaning_of_signal(int signal, const std::optional<Instant>& ends_at, Instant now, Milliseconds lead) {
  if (signal != SIGUSR1) return {fmt::format("signal {}", signal), Cause::kInterrupted};
  const auto near = std::max<Milliseconds>(std::chrono::minutes(5), lead + std::chrono::minutes(2));
  if (ends_at && *ends_at - now < near) return {"notice of the time limit (SIGUSR1)", Cause::kWalltime};
  return {"notice that the machine is wanted for others (SIGUSR1)", Cause::kPreempted};
}

std::chrono::seconds parse_walltime(const std::string& text) {
  std::vector<std::int64_t> parts;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  while (parts.size() < 3) {
    std::int64_t value = -1;
    const auto [after, error] = std::from_chars(at, end, value);
    // Minutes and seconds behind an hour or a minute count to 59; a first part may be large.
    if (error != std::errc{} || value < 0 || value > (parts.empty() ? 1'000'000 : 59)) break;
    parts.push_back(value);
    at = after;
    if (at == end || *at != ':') break;
    ++at;
  }
  if (parts.empty() || at != end || text.ends_with(':'))
    throw core::input_error(fmt::format("'{}' is no time", text), "it is MINUTES, MM:SS or H:MM:SS",
                            "for an hour and a half: 1:30:00");
  if (parts.size() == 1) parts.push_back(0);
  std::int64_t seconds = 0;
  for (std::int64_t part : parts) seconds = seconds * 60 + part;
  return std::chrono::seconds(seconds);
}

std::optional<Instant> allocation_end(const std::map<std::string, std::string>& environment) {
  const auto seconds = core::number_of<std::int64_t>(core::variable_in(environment, "SLURM_JOB_END_TIME"));
  constexpr std::int64_t kLatest = 9'000'000'000;  // in 2255: until 2262 an instant's nanoseconds fit into 64 bits
  return seconds > 0 && seconds <= kLatest ? std::optional<Instant>(std::chrono::seconds(*seconds)) : std::nullopt;
}

std::optional<RunOutcome> outcome_if_done(core::FileSystem& files, const experiments::Plan& plan,
                                          const RunOptions& options) {
  if (!all_results_there(files, experiments::StoreLayout(options.store), plan, options.checks.plain))
    return std::nullopt;
  RunOutcome outcome;
  outcome.skipped = static_cast<int>(plan.jobs.size());
  outcome.why = "every result is there";
  if (options.begun) options.begun();
  return outcome;
}

void check_before_run(const experiments::Plan& plan, const RunOptions& options) {
  if (options.first) select(plan, *options.first);
  const bool packs = std::ranges::any_of(plan.jobs, [](const experiments::PlannedJob& job) {
    return std::holds_alternative<experiments::ShardSpecification>(job.specification) ||
           std::holds_alternative<experiments::SealSpecification>(job.specification);
  });
  if (packs || plan.worker.empty()) require_program(options.worker_command);
  if (!plan.worker.empty()) require_program(plan.worker);
}

AgentOptions agent_options(const RunOptions& options, const AgentPlace& place) {
  AgentOptions result;
  result.host = this_owner().host;
  const auto environment = core::current_environment();
  const Inventory whole = read_inventory(environment, {}, std::max(0, options.gpus) * place.gpus.agents);
  result.inventory = part_of(whole, place.cores, place.gpus, place.agents);
  const std::vector<std::string> left_out = models_left_out(whole, place.gpus.agents);
  if (place.gpus.index == 0 && !left_out.empty())
    core::log_warning(
        "GPUs of '{}' are left out: {}; an agent offers those of one model, so start as many agents on a node as there "
        "are models, or name GPUs in CUDA_VISIBLE_DEVICES",
        result.host, fmt::join(left_out, ", "));
  const int cores = static_cast<int>(result.inventory.cores.size());
  result.slots = options.slots > 0
                     ? options.slots
                     : default_slots(environment, static_cast<int>(result.inventory.whole_cores), place.cores);
  if (options.slots == 0 && result.slots == 1 && result.inventory.whole_cores > 1)
    core::log_warning(
        "SLURM gave one of {} processors on '{}': one job at a time; ask for more (`suite submit --cpus-per-node`, "
        "`srun "
        "--cpus-per-task`) or say --slots",
        cores, result.host);
  auto& gpus = result.inventory.gpus;
  if (options.gpus >= 0) gpus.resize(std::min(gpus.size(), static_cast<std::size_t>(options.gpus)));
  const int given = static_cast<int>(whole.cores.size());
  if (options.bind == BindRanks::kCores ||
      (options.bind == BindRanks::kAuto && place.launched && place.cores.agents == 1 && result.slots <= cores &&
       !shared_with_other_jobs(environment, given)))
    result.cpu = CpuBinding::kCores;
  if (place.launched && environment.contains("OMPI_COMM_WORLD_SIZE") && given * place.agents < whole.machine_processors)
    core::log_warning("mpirun lets an agent on '{}' use {} of {} processors; with `mpirun --bind-to none` it has all",
                      result.host, given, whole.machine_processors);
  const bool unlike = std::ranges::adjacent_find(whole.models, std::not_equal_to()) != whole.models.end();
  if (place.several_hosts || unlike || options.burn_in != BurnInLength::kOff || options.repeat_share > 0)
    result.numeric_class =
        find_numeric_class(options.worker_command, gpus.empty() ? std::nullopt : std::optional(gpus.front()));
  if (options.burn_in != BurnInLength::kOff)
    result.burn_ins = burn_in(options.worker_command, result.inventory, result.slots, length_of(options.burn_in),
                              length_of(options.burn_in) + kBurnInOverhead);
  result.jobs_per_gpu = options.jobs_per_gpu;
  result.heartbeat = options.heartbeat;
  result.coordinator_limit = options.coordinator_limit;
  return result;
}

void pass_on_signals(StopSignals& signals, const RunOptions& options, Coordinator& coordinator) {
  for (const int signal : signals.take()) {
    coordinator.request_stop(options.on_signal
                                 ? options.on_signal(signal)
                                 : meaning_of_signal(signal, options.ends_at, wall_clock(), options.policy.stop_lead),
                             signal == SIGINT || (signal == SIGTERM && options.sigterm_hastens));
  }
}

namespace {

// It stays while one plan follows another.
struct LocalRun {
  explicit LocalRun(const RunOptions& whole)
      : spawner(Spawner::start({.interface = whole.interface})), options(whole), agent(agent_options(whole, {})) {
    // One thread serves both: the coordinator cannot fall silent without the agent.
    agent.coordinator_limit = std::chrono::hours(24 * 365);
  }
  StopSignals signals;
  Spawner spawner;
  RunOptions options;
  AgentOptions agent;  // burnt in once
};

RunOutcome run_plan(const experiments::Plan& plan, LocalRun& run) {
  const core::Clock& clock = core::monotonic_clock();
  auto& [signals, spawner, options, local] = run;
  auto hub = InProcessHub::create(2);
  auto coordinator_end = hub->endpoint(0);
  auto agent_end = hub->endpoint(1);
  Coordinator coordinator(core::real_file_system(), clock, *coordinator_end, plan, options, {1});
  if (options.begun) options.begun();
  Agent agent(*agent_end, spawner, clock, local);
  while (!coordinator.finished()) {
    pass_on_signals(signals, options, coordinator);
    bool busy = agent.step();
    busy = coordinator.step() || busy;
    if (!busy) IdleWait::wait(spawner.descriptor(), coordinator.descriptor(), std::chrono::milliseconds(50));
  }
  options.follows = true;
  for (BurnIn& done : local.burn_ins) done.took = {};  // the journal has it
  return coordinator.outcome();
}

// A file server that is away between two plans ends no run.
std::optional<experiments::Plan> plan_patiently(const RunOutcome& outcome, const RunOptions& options,
                                                const std::function<bool()>& stops) {
  constexpr int kMostFailures = 8;
  constexpr Milliseconds kLook{100};
  std::optional<experiments::Plan> next;
  int failures = 0;
  const auto sleep = [&](Milliseconds left) {
    for (; left > Milliseconds{0} && !stops(); left -= kLook) std::this_thread::sleep_for(std::min(left, kLook));
  };
  while_storage_fails([&] { next = options.next_plan(outcome); }, [&] { return ++failures > kMostFailures || stops(); },
                      sleep, options.policy.back_off_scale);
  return next;
}

}  // namespace

std::optional<experiments::Plan> next_plan(const RunOutcome& outcome, const RunOptions& options,
                                           const StopSignals* signals) {
  if (!options.next_plan || outcome.interrupted || outcome.stopped) return std::nullopt;
  auto next = plan_patiently(outcome, options, [&] { return signals != nullptr && signals->any(); });
  if (next && options.only) next = select(*next, *options.only);
  return next;
}

RunOutcome run_local(const experiments::Plan& whole, const RunOptions& options) {
  experiments::Plan plan = options.only ? select(whole, *options.only) : whole;
  std::optional<LocalRun> run;
  for (;;) {
    auto outcome = outcome_if_done(core::real_file_system(), plan, options);
    if (!outcome) {
      check_before_run(plan, options);
      if (!run) run.emplace(options);
      outcome = run_plan(plan, *run);
    }
    auto next = next_plan(*outcome, options, run ? &run->signals : nullptr);
    if (!next) return *outcome;
    plan = *std::move(next);
  }
}

}  // namespace resolute::orchestrator
