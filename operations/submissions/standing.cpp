#include "operations/submissions/standing.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "core/log.h"
#include "operations/submissions/pending_reason.h"

namespace resolute::operations {

namespace {

// Together a minute: longer than SLURM's default KillWait.
constexpr int kEndingLooks = 13;
constexpr std::chrono::seconds kEndingPause(5);

// squeue may be a site's copy of a while ago, which knows no new job. scontrol asks SLURM itself.
void ask_about_unlisted(slurm::Client client, BatchStanding& batch) try {
  const slurm::KnownJob* known = batch.job();
  if (known == nullptr || !batch.queued.empty() || is_over(batch)) return;
  const std::string& name = batch.batch.job_name;
  const auto answer = client.show(known->id, name);
  const auto* job = std::get_if<slurm::ShownJob>(&answer);
  if (job != nullptr && slurm::phase_of(job->state) != slurm::Phase::kEnded)
    batch.queued.push_back({job->id, job->state, job->submitted, job->begin, job->end, 0, "", name, job->reason});
} catch (const core::RuntimeError& error) {
  core::log_debug("scontrol tells nothing of '{}': {}", batch.batch.job_name, error.what());
}

// One squeue for all of a cluster.
void ask_slurm_about(const slurm::Client& client, std::vector<Standing>& standings) {
  NamesByCluster names;
  for (const auto& standing : standings)
    for (const auto& batch : standing.batches)
      if (batch.generation >= 0) names[standing.request.cluster].push_back(batch.batch.job_name);
  const auto answer = ask_slurm(client, names);
  for (auto& standing : standings) {
    standing.trouble = answer.trouble;
    for (auto& batch : standing.batches) {
      for (const auto* job : jobs_named_as(batch, answer))
        if (slurm::phase_of(job->state) != slurm::Phase::kEnded) batch.queued.push_back(*job);
      if (!answer.trouble) ask_about_unlisted(client.at(standing.request.cluster), batch);
      // Without an answer the job counts as there: a second one costs more than waiting.
      batch.alive = batch.job() != nullptr && (answer.trouble || !batch.queued.empty());
    }
  }
}

}  // namespace

JobCount count_jobs(const std::vector<Standing>& standings) {
  JobCount count;
  for (const auto& standing : standings)
    for (const auto& batch : standing.batches)
      for (const auto& job : batch.queued)
        ++(slurm::phase_of(job.state) == slurm::Phase::kEnding ? count.ending : count.others);
  return count;
}

bool is_alive(const Standing& standing) {
  return std::ranges::any_of(standing.batches,
                             [](const BatchStanding& batch) { return batch.alive || !batch.queued.empty(); });
}

bool is_unsettled(const Standing& standing) {
  return std::ranges::any_of(standing.batches,
                             [](const BatchStanding& batch) { return is_unsettled(batch) && !is_never_wanted(batch); });
}

bool is_held(const slurm::QueuedJob& job) { return slurm::phase_of(job.state, job.reason) == slurm::Phase::kHeld; }

void require_answer(const Standing& standing) {
  if (standing.trouble)
    throw core::RuntimeError(core::ErrorKind::kTransient, "SLURM does not say which jobs it has", *standing.trouble,
                             "give the same command again when it answers; nothing was changed");
}

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

std::vector<Standing> open_submissions(core::FileSystem& files, slurm::Client& client, const fs::path& suite_folder) {
  std::vector<Standing> open;
  for (auto& folder : slurm::submissions(files, suite_folder)) {
    if (folder.ended()) continue;
    auto stored = read_submission(folder);
    Standing standing{folder, std::move(stored.request), {}};
    for (auto& batch : stored.batches) standing.batches.push_back({std::move(batch)});
    open.push_back(std::move(standing));
  }
  ask_slurm_about(client, open);
  return open;
}

std::vector<Standing> settled_submissions(core::FileSystem& files, slurm::Client& client, const slurm::Effects& effects,
                                          const fs::path& suite_folder) {
  for (int look = 1;; ++look) {
    auto open = open_submissions(files, client, suite_folder);
    const JobCount jobs = count_jobs(open);
    if (jobs.ending == 0 || jobs.others > 0 || look == kEndingLooks) return open;
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
    plain.left_out.clear();
    for (slurm::Batch& batch : plain.batches) batch.job_name.clear();
    return slurm::to_json(plain).dump();
  };
  return order(one) == order(other);
}

void throw_refused(const RefusedBatch& refused) {
  throw core::input_error(fmt::format("SLURM refuses batch {}", refused.batch), refused.why,
                          advice_on_refusal(refused.why));
}

}  // namespace resolute::operations
