#include "operations/liveness/run_signs.h"

#include <fmt/format.h>

#include <algorithm>

#include "orchestrator/journal/owner.h"
#include "orchestrator/store/live.h"
#include "orchestrator/store/wall_clock.h"
#include "results/records/record.h"

namespace resolute::operations {

namespace {

constexpr std::chrono::minutes kLongSilence(3);  // a checkpoint on a slow store may take one

// A submission's own name for the suite is not used: the suite may have got another name since.
int allocation_of(const std::string& run) {
  return experiments::allocation_of(experiments::suite_of_run(run), run).value_or(1);
}

// A waiting job has no run, though its last start had one.
bool has_job_at_work(const StoredBatch& batch, const SlurmAnswer& answer) {
  const auto jobs = jobs_named_as(batch, answer);
  return std::ranges::any_of(
      jobs, [](const slurm::QueuedJob* job) { return slurm::is_at_work(slurm::phase_of(job->state)); });
}

bool has_lost_its_job(const std::vector<StoredSubmission>& submissions, const std::string& run,
                      const SlurmAnswer& answer) {
  bool submitted = false;
  const int allocation = allocation_of(run);
  for (const StoredSubmission& submission : submissions) {
    if (submission.ended && submission.other_user) continue;
    for (const StoredBatch& batch : submission.batches) {
      if (batch.generation < 0 || batch.batch.first_allocation != allocation) continue;
      // SLURM does not show another user's jobs.
      if (submission.other_user || has_job_at_work(batch, answer)) return false;
      submitted = true;
    }
  }
  return submitted;
}

// SLURM has ended the run's job with all of its processes. After the loss of a node they may live on.
bool has_ended_job(const std::vector<StoredSubmission>& submissions, const std::string& run,
                   const SlurmAnswer& answer) {
  const int allocation = allocation_of(run);
  for (const StoredSubmission& submission : submissions) {
    for (const StoredBatch& batch : submission.batches) {
      if (batch.batch.first_allocation != allocation) continue;
      for (const slurm::QueuedJob* job : jobs_named_as(batch, answer))
        if (slurm::phase_of(job->state) == slurm::Phase::kEnded && job->state != slurm::JobState::kNodeFail)
          return true;
    }
  }
  return false;
}

}  // namespace

bool is_silent(const RunSign& sign, std::chrono::seconds limit) {
  // A sign in the future is by a wrong clock and tells nothing.
  return !sign.local && (!sign.silence || *sign.silence > limit || *sign.silence < -kSilence);
}

RunSigns read_signs(core::FileSystem& files, const experiments::StoreLayout& store, const SuiteStatus& status,
                    orchestrator::Instant now) {
  RunSigns signs;
  for (const SuiteRun& run : status.runs) {
    if (!run.live) continue;
    RunSign& sign = signs[run.name];
    const auto folder = store.suite_folder(run.name);
    const auto owner = orchestrator::read_owner(files, folder, run.epoch);
    sign.local = owner && orchestrator::life_of(*owner) == orchestrator::OwnerLife::kAlive;
    sign.mark = fmt::format("{} {}", run.epoch, owner ? owner->counter : 0);
    const auto live = orchestrator::read_live(files, folder);
    if (!live || live->epoch < run.epoch) continue;  // or of an earlier run, which was killed
    sign.silence = std::chrono::duration_cast<std::chrono::milliseconds>(now - live->at);
    sign.running = static_cast<int>(live->running.size());
    for (const orchestrator::LiveAttempt& attempt : live->running)
      if (attempt.gpu) sign.gpus.push_back(*attempt.gpu);
    sign.mark += fmt::format(" {}", live->at.time_since_epoch().count());
  }
  return signs;
}

SuiteView look_at_suite(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::Plan& plan) {
  auto status = read_status(files, store, plan, results::record_check(files, store));
  const auto now = orchestrator::wall_clock();
  auto signs = read_signs(files, store, status, now);
  return {now, std::move(status), std::move(signs)};
}

bool all_silent(const SuiteView& view, std::chrono::seconds limit) {
  return std::ranges::all_of(view.signs, [&](const auto& sign) { return is_silent(sign.second, limit); });
}

void correct(SuiteStatus& status, const std::vector<StoredSubmission>& submissions, const SlurmAnswer& answer,
             const RunSigns& signs) {
  if (answer.trouble) return;
  const auto stop = [&](int running) {
    running = std::min(running, status.jobs.running);
    status.jobs.running -= running;
    status.jobs.ready += running;
  };
  for (SuiteRun& run : status.runs) {
    const auto sign = signs.find(run.name);
    if (!run.live || sign == signs.end()) continue;
    const bool ended = has_ended_job(submissions, run.name, answer);
    if (!is_silent(sign->second, ended ? kSilenceOfEnded : kSilence)) continue;
    if (!has_lost_its_job(submissions, run.name, answer)) continue;
    run.live = false;
    stop(sign->second.running);
  }
  status.live = std::ranges::any_of(status.runs, [](const auto& run) { return run.live; });
  if (!status.live) stop(status.jobs.running);
}

void advise_on_silence(std::vector<AllocationView>& views, const std::string& suite, const RunSigns& signs,
                       slurm::Time now) {
  for (AllocationView& view : views) {
    if (view.state != AllocationView::State::kRuns || !view.advice.empty()) continue;
    const auto sign = signs.find(experiments::run_name(suite, view.allocation));
    if (sign == signs.end() || !sign->second.silence || *sign->second.silence <= kLongSilence) continue;
    if (!view.begin || now - *view.begin <= kLongSilence) continue;  // what is silent is its last start
    view.advice = fmt::format("has said nothing for {} min; if its first node is down: `scontrol requeue {}`",
                              std::chrono::floor<std::chrono::minutes>(*sign->second.silence).count(), view.job);
  }
}

SuiteStatus read_corrected_status(core::FileSystem& files, const experiments::StoreLayout& store,
                                  const experiments::Plan& plan) {
  SuiteView view = look_at_suite(files, store, plan);
  if (std::ranges::any_of(view.signs, [](const auto& sign) { return is_silent(sign.second); }))
    if (const auto submissions = read_submissions(files, store.suite_folder(plan.suite)); !submissions.empty())
      correct(view.status, submissions, ask_slurm(interactive_client(), names_to_ask(submissions)), view.signs);
  return std::move(view.status);
}

}  // namespace resolute::operations
