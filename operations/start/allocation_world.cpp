// The world of a start on a real machine.
#include <unistd.h>

#include "operations/start/allocation.h"
#include "orchestrator/store/wall_clock.h"

namespace resolute::operations {

namespace {

constexpr std::chrono::seconds kLinger{30};

// The batch script's, which started this process. Empty where another did: the script puts the process that follows a
// killed one in the place of its own shell.
Environment environment_of_script() {
  const auto current = core::current_environment();
  auto born = core::environment_at_birth(::getppid());
  if (core::variable_in(born, "SLURM_JOB_ID") != core::variable_in(current, "SLURM_JOB_ID")) return {};
  return slurm::job_environment(std::move(born), current);
}

}  // namespace

AllocationWorld real_allocation_world(const AllocationSignals& signals, PlanOf plan_of, std::string version) {
  return {core::real_file_system(),
          core::monotonic_clock(),
          signals,
          orchestrator::wall_clock_seconds,
          slurm::real_effects(environment_of_script()),
          std::move(plan_of),
          launchers_here,
          [&signals](const auto& command, const auto& environment, const auto& run) {
            return run_launcher(command, environment, signals, run, core::monotonic_clock(), kLinger);
          },
          std::move(version)};
}

}  // namespace resolute::operations
