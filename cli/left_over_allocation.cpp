#include "cli/left_over_allocation.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "core/error.h"
#include "core/log.h"
#include "core/process/process.h"
#include "operations/start/allocation_work.h"
#include "orchestrator/run/run.h"
#include "orchestrator/store/wall_clock.h"
#include "slurm/allocation.h"

namespace resolute::cli {
namespace {

using Variables = std::map<std::string, std::string>;

bool has(const Variables& environment, const char* name) { return !core::variable_in(environment, name).empty(); }

// Control groups of SLURM's are named so: a process cannot leave its own.
bool is_in_group_of(const std::string& cgroups, slurm::SlurmJobId job) {
  const std::string group = fmt::format("/job_{}", job);
  for (auto at = cgroups.find(group); at != std::string::npos; at = cgroups.find(group, at + 1))
    if (const char next = (cgroups + '\n')[at + group.size()]; next == '/' || next == '\n') return true;
  return false;
}

std::string short_name(const std::string& host) { return host.substr(0, host.find('.')); }

// The end is that of the job's begin: somebody may have given it more time since.
bool has_past_end(const Variables& environment, orchestrator::Instant now) {
  const auto end = orchestrator::allocation_end(environment);
  return end && *end <= now;
}

// \param otherwise where SLURM does not tell
std::optional<std::string> why_ended(const Variables& environment, const ProcessPlace& place, slurm::SlurmJobId job,
                                     const std::optional<std::string>& otherwise) {
  const std::string name = core::variable_in(environment, "SLURM_JOB_NAME");
  if (!place.ask || !slurm::is_job_name(name)) return otherwise;
  const auto answer = place.ask(job, name);
  if (std::holds_alternative<slurm::Gone>(answer)) return fmt::format("SLURM knows no job {}", job);
  const auto* shown = std::get_if<slurm::ShownJob>(&answer);
  // One of another name may be ours: in a step it may be the step's.
  if (shown == nullptr) return otherwise;
  if (is_at_work(slurm::phase_of(shown->state))) return std::nullopt;
  return fmt::format("job {} is {}", job, slurm::name_of(shown->state));
}

std::string cgroups_of_this_process() {
  std::ifstream file("/proc/self/cgroup");
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::optional<std::string> why_left_over(const Variables& environment, const ProcessPlace& place) {
  std::optional<std::string> otherwise;
  if (has_past_end(environment, place.now)) otherwise = "SLURM_JOB_END_TIME is past: its allocation has ended";
  if (!otherwise && has(environment, operations::kSubmissionVariable)) return std::nullopt;
  if (!has(environment, "SLURM_JOB_ID")) {
    for (const char* name : {"SLURM_JOB_END_TIME", "SLURM_CPUS_ON_NODE"})
      if (has(environment, name)) return fmt::format("{} is there without SLURM_JOB_ID", name);
    return std::nullopt;
  }
  slurm::AllocationEnvironment claimed;
  try {
    claimed = slurm::read_allocation_environment(environment);
  } catch (const core::RuntimeError& error) {
    return error.what();
  }
  try {
    if (is_in_group_of(place.cgroups, claimed.job) || (!otherwise && orchestrator::launched_by_mpi(environment)))
      return std::nullopt;
    // Each process that a node's daemon starts has its node's name: a shell of salloc has none.
    if (!has(environment, "SLURMD_NODENAME") && !place.host.empty() &&
        !slurm::may_name(claimed.node_list, short_name(place.host)))
      return fmt::format("job {} has {} and not this host, '{}'", claimed.job, claimed.node_list, place.host);
    return why_ended(environment, place, claimed.job, otherwise);
  } catch (const core::RuntimeError& error) {
    core::log_debug("SLURM does not tell whether its variables are old: {}", error.what());
    return otherwise;
  }
}

void leave_left_over_allocation(bool asks) {
  const auto environment = core::current_environment();
  ProcessPlace place{orchestrator::wall_clock(), "", cgroups_of_this_process(), {}};
  if (asks) {
    place.host = core::host_name();
    place.ask = [](slurm::SlurmJobId job, const std::string& name) {
      constexpr std::chrono::seconds kPatience(5);
      return slurm::Client(slurm::real_effects(), {.command_limit = kPatience, .patience = kPatience}).show(job, name);
    };
  }
  const auto why = why_left_over(environment, place);
  if (!why && has_past_end(environment, place.now)) ::unsetenv("SLURM_JOB_END_TIME");
  if (!why) return;
  for (const auto& [name, value] : environment)
    if (name.starts_with("SLURM_") && !slurm::names_cluster(name)) ::unsetenv(name.c_str());
  if (orchestrator::launched_rank(environment) == 0) core::log_warning("{}, and no SLURM_* of it is believed", *why);
}

}  // namespace resolute::cli
