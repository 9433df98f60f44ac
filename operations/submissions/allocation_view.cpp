#include "operations/submissions/allocation_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "operations/submissions/pending_reason.h"

namespace resolute::operations {

namespace {

using slurm::EndCause;
using slurm::Phase;
using slurm::QueuedJob;
using slurm::ScriptStart;
constexpr const char* kResume = "`resolute suite resume` submits it again";

Phase phase_of(const QueuedJob& job) { return slurm::phase_of(job.state, job.reason); }

// Several jobs may have one name (generations, a doubled submission): the one of greatest weight is shown.
int weight_of(Phase phase) {
  using enum Phase;
  constexpr std::array kLightestFirst{kEnded, kEnding, kHeld, kWaits, kRuns};
  return static_cast<int>(std::ranges::find(kLightestFirst, phase) - kLightestFirst.begin());
}

// The job that is shown; null: SLURM knows none of the batch's name.
const QueuedJob* job_of(const StoredBatch& batch, const SlurmAnswer& answer) {
  const auto jobs = jobs_named_as(batch, answer);
  const slurm::SlurmJobId last_known = batch.known.empty() ? 0 : batch.known.back().id;
  const auto rank = [&](const QueuedJob* job) {
    return std::tuple(weight_of(phase_of(*job)), job->id == last_known, job->submitted.value_or(slurm::Time{}));
  };
  const auto best = std::ranges::max_element(jobs, [&](auto a, auto b) { return rank(a) < rank(b); });
  return best == jobs.end() ? nullptr : *best;
}

std::string last_end_of(const StoredBatch& batch) {
  const auto run = std::find_if(batch.runs.rbegin(), batch.runs.rend(), [](const auto& one) { return one.end; });
  if (run == batch.runs.rend()) return "";
  const std::string cause(run->cause ? slurm::name_of(*run->cause) : "without a word");
  if (run->verdict.starts_with(cause)) return run->verdict;
  return run->verdict.empty() ? cause : cause + ": " + run->verdict;
}

// For an allocation that is no more while the suite is not complete.
void advise_after(const StoredBatch& batch, AllocationView& view) {
  const ScriptStart* last = batch.runs.empty() ? nullptr : &batch.runs.back();
  if (is_over(batch) && !last->given_up) {
    const bool failures =
        std::ranges::any_of(batch.runs, [](const auto& run) { return run.cause == EndCause::kIncomplete; });
    view.advice = failures ? "see what failed; `resolute suite resume` tries it again" : "";
    return;
  }
  const bool recorded = last != nullptr && last->end && last->cause != EndCause::kLauncherFailed &&
                        last->cause != EndCause::kConfiguration && last->cause != EndCause::kInterrupted;
  view.advice = kResume;
  if (!recorded && has_log(batch, view.job)) view.log = log_file(batch, view.job).string();
}

// SLURM knows nothing of it, or was not asked.
void judge_by_records(const StoredBatch& batch, bool asked, bool complete, AllocationView& view) {
  using enum AllocationView::State;
  const ScriptStart* last = batch.runs.empty() ? nullptr : &batch.runs.back();
  const bool is_this_job = last != nullptr && last->job != 0 && last->job == view.job;
  const bool ended = is_this_job && last->end && !last->verdict.starts_with("requeue");
  if (complete || is_over(batch) || (asked && ended))
    view.state = kEnded;
  else if (!asked)
    view.state = kUnknown;
  else
    view.state = kLost;
  if (!complete && view.state != kUnknown) advise_after(batch, view);
}

// How SLURM saw a failed job end.
void judge_exit(const StoredBatch& batch, const QueuedJob& job, const SlurmAnswer& answer, AllocationView& view) {
  const auto exit = answer.exits.find({job.name, job.id});
  if (exit == answer.exits.end()) return;
  view.exit_code = fmt::format("{}:{}", exit->second.code, exit->second.signal);
  const auto explained = explain_exit(job.state, exit->second);
  view.end_words = explained.words;
  // Its own last record counts if it wrote one.
  const bool recorded = !batch.runs.empty() && batch.runs.back().job == job.id && batch.runs.back().end;
  if (!explained.advice.empty() && !recorded) view.advice = explained.advice;
}

AllocationView::State state_of(Phase phase) {
  using enum AllocationView::State;
  constexpr std::array kStates{std::pair{Phase::kWaits, kWaits}, std::pair{Phase::kHeld, kHeld},
                               std::pair{Phase::kRuns, kRuns}, std::pair{Phase::kEnding, kEnding},
                               std::pair{Phase::kEnded, kEnded}};
  return std::ranges::find_if(kStates, [&](const auto& one) { return one.first == phase; })->second;
}

void judge_by_slurm(const StoredBatch& batch, const QueuedJob& job, const SlurmAnswer& answer, bool complete,
                    AllocationView& view) {
  using enum AllocationView::State;
  view.job = job.id;
  view.state = state_of(phase_of(job));
  view.begin = job.begin;
  view.end = job.end;
  view.slurm_state = slurm::name_of(job.state);
  if (view.state != kEnded) view.nodes = job.nodes;
  if (view.state == kRuns || view.state == kEnding) view.node_list = job.node_list;
  if (view.state == kWaits || view.state == kHeld) {
    view.reason = job.reason == "None" ? "" : job.reason;
    view.advice = explain_reason(view.reason).advice;
    if (view.state == kHeld && view.advice.empty()) view.advice = "`resolute suite resume` releases it";
  }
  if (complete || view.state != kEnded) return;
  advise_after(batch, view);
  judge_exit(batch, job, answer, view);
}

AllocationView view_of(const StoredSubmission& submission, const StoredBatch& batch, const SlurmAnswer& answer,
                       bool complete) {
  using enum AllocationView::State;
  AllocationView view;
  view.submission = submission.request.token;
  view.batch = batch.batch.number;
  view.allocation = batch.batch.first_allocation;
  view.job = batch.known.empty() ? 0 : batch.known.back().id;
  view.wanted = batch.why;
  view.starts = static_cast<int>(batch.runs.size());
  view.last_end = last_end_of(batch);
  if (const QueuedJob* job = job_of(batch, answer); job != nullptr) {
    judge_by_slurm(batch, *job, answer, complete, view);
  } else if (submission.ended && (complete || !std::holds_alternative<slurm::Refused>(batch.last))) {
    view.state = kEnded;
  } else if (submission.other_user) {
    judge_by_records(batch, false, complete, view);
    if (view.state == kUnknown)
      view.advice = fmt::format("submitted by {0}: only {0} can ask SLURM", *submission.other_user);
  } else if (const auto* refused = std::get_if<slurm::Refused>(&batch.last)) {
    view.state = kRefused;
    view.reason = refused->why;
    if (!complete) view.advice = advice_on_refusal(refused->why);
  } else if (is_unsettled(batch)) {
    view.state = complete ? kEnded : answer.trouble ? kUnknown : kNotSubmitted;
    if (!complete) view.advice = "`resolute suite resume` settles it, unless it is being submitted just now";
  } else {
    judge_by_records(batch, !answer.trouble, complete, view);
  }
  return view;
}

}  // namespace

bool may_live(AllocationView::State state) {
  using enum AllocationView::State;
  return state == kWaits || state == kHeld || state == kRuns || state == kEnding || state == kUnknown;
}

std::vector<AllocationView> join(const std::vector<StoredSubmission>& submissions, const SlurmAnswer& answer,
                                 bool complete) {
  const bool all_ended = std::ranges::all_of(submissions, [](const auto& one) { return one.ended; });
  std::vector<AllocationView> views;
  for (const StoredSubmission& submission : submissions)
    if (!submission.ended || (all_ended && &submission == &submissions.back()))
      for (const StoredBatch& batch : submission.batches)
        if (!is_never_wanted(batch)) views.push_back(view_of(submission, batch, answer, complete));
  return views;
}

TimesToAsk::Due TimesToAsk::due(const std::string& news, bool silent, core::MonotonicTime now) {
  const bool is_new = news_ != news;
  if (!is_new && now - asked_ < (settled_ && !silent ? kUsually : kSoon)) return Due::kNot;
  news_ = news;
  asked_ = now;
  settled_ = !is_new;
  return is_new ? Due::kNow : Due::kInPassing;
}

}  // namespace resolute::operations
