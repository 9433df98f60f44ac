#include <fmt/format.h>
#include <signal.h>

#include <chrono>
#include <thread>

#include "cli/suite/run_options.h"
#include "core/files/file_system.h"
#include "core/log.h"
#include "operations/start/allocation_work.h"
#include "operations/submissions/stored_submission.h"
#include "orchestrator/run/run.h"
#include "orchestrator/store/wall_clock.h"
#include "slurm/allocation.h"
#include "slurm/client.h"

namespace resolute::cli {
namespace {

// A batch system sends the same SIGTERM for all that can happen to a job; SLURM can be asked what it meant. The ranks
// wait for their word to checkpoint meanwhile, so the answer gets two seconds.
orchestrator::StopRequested meaning_in_allocation(int signal, const std::map<std::string, std::string>& environment,
                                                  const std::optional<orchestrator::Instant>& ends_at,
                                                  orchestrator::Milliseconds lead) {
  using orchestrator::Cause;
  const auto now = orchestrator::wall_clock();
  orchestrator::StopRequested plain = orchestrator::meaning_of_signal(signal, ends_at, now, lead);
  if (signal != SIGTERM) return plain;
  try {
    const auto job = slurm::read_allocation_environment(environment).job;
    constexpr std::chrono::seconds kPatience(2);
    slurm::Client client(slurm::real_effects(), {.command_limit = kPatience, .patience = kPatience});
    const auto answer = client.show(job, environment.at("SLURM_JOB_NAME"));
    const auto* shown = std::get_if<slurm::ShownJob>(&answer);
    if (shown == nullptr) return plain;
    if (slurm::is_preempted(*shown)) return {"SLURM preempts the allocation", Cause::kPreempted};
    if (shown->state == slurm::JobState::kTimeout || (ends_at && *ends_at <= now))
      return {"the allocation's time limit", Cause::kWalltime};
    return {fmt::format("SLURM ends the allocation ({})", slurm::name_of(shown->state)), Cause::kInterrupted};
  } catch (const std::exception& error) {
    core::log_debug("SLURM does not explain the signal: {}", error.what());
    return plain;
  }
}

// \return whether another job waits for the end of `here`, to go on; then the record of its start says what it ends
// for
bool leave_to_armed(const slurm::AllocationEnvironment& here, const std::map<std::string, std::string>& environment) {
  auto& files = core::real_file_system();
  const slurm::SubmissionFolder folder(files, environment.at(operations::kSubmissionVariable));
  for (const operations::StoredBatch& batch : operations::read_submission(folder).batches) {
    const auto* job = std::get_if<slurm::KnownJob>(&batch.last);
    if (batch.batch.job_name != environment.at("SLURM_JOB_NAME") || job == nullptr || !job->armed ||
        job->id == here.job)
      continue;
    for (auto& start : slurm::read_runs(files, batch.folder)) {
      if (start.job != here.job || start.restart != here.restart) continue;
      start.cause = slurm::EndCause::kNodeLost;
      start.end = orchestrator::wall_clock_seconds();
      start.verdict = fmt::format("the coordinator is lost, and a requeue refused: job {} goes on", job->id);
      slurm::write_run(files, batch.folder, start);
    }
    return true;
  }
  return false;
}

// With --no-kill SLURM keeps a job whose first node is lost, and with it the batch script and the coordinator: nobody
// is left to requeue it but an agent.
void requeue_allocation(const std::map<std::string, std::string>& environment) {
  try {
    const auto here = slurm::read_allocation_environment(environment);
    slurm::Client client(slurm::real_effects());
    // One that the user cancelled, or SLURM ends, is not to come back.
    const auto found = client.show(here.job, environment.at("SLURM_JOB_NAME"));
    const auto* shown = std::get_if<slurm::ShownJob>(&found);
    if (shown == nullptr || shown->state != slurm::JobState::kRunning) return;
    const auto answer = client.requeue(here.job);
    if (std::holds_alternative<slurm::Done>(answer)) {
      core::log_warning("the coordinator is lost, and perhaps its node: job {} is requeued", here.job);
    } else if (leave_to_armed(here, environment)) {
      core::log_warning("the coordinator is lost; job {} cannot be requeued: it ends, and the next one goes on",
                        here.job);
      client.cancel(here.job);
    } else {
      core::log_error("the coordinator is lost; job {} cannot be requeued: end it, then `resolute suite resume`",
                      here.job);
    }
  } catch (const std::exception& error) {
    core::log_error("the coordinator is lost; the job was not requeued: {}", error.what());
  }
}

}  // namespace

void obey_batch_system(const std::map<std::string, std::string>& environment, orchestrator::RunOptions& run) {
  if (!environment.contains("SLURM_JOB_ID") || !environment.contains("SLURM_JOB_NAME")) return;
  run.sigterm_hastens = false;
  // Only of a job that is ours: a user's own script may not be such that it can run again.
  if (environment.contains(operations::kSubmissionVariable))
    run.on_coordinator_lost = [environment](int before, int agents) {
      // SLURM ends a job that is requeued by SIGTERM, which agents ignore as long as they have ranks: whoever still
      // waits never asks.
      ::signal(SIGTERM, SIG_DFL);
      std::this_thread::sleep_for(slurm::requeue_turn(before, agents));
      ::signal(SIGTERM, SIG_IGN);
      requeue_allocation(environment);
    };
  run.on_signal = [environment, ends_at = run.ends_at, lead = run.policy.stop_lead](int signal) {
    return meaning_in_allocation(signal, environment, ends_at, lead);
  };
}

}  // namespace resolute::cli
