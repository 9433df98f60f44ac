#include "cli/slurm_view.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "cli/pending_reason.h"
#include "cli/submitter.h"
#include "core/error.h"
#include "core/log.h"

namespace resolute::cli {

namespace {

using slurm::AllocationRun;
using slurm::EndCause;
using slurm::Phase;
using slurm::QueuedJob;
constexpr const char* kResume = "`resolute suite resume` submits it again";

StoredBatch read_batch(core::FileSystem& files, const slurm::SubmissionFolder& folder, const slurm::Batch& batch) {
  StoredBatch stored;
  stored.batch = batch;
  stored.folder = folder.batch_folder(batch);
  stored.generation = folder.last_generation(batch);
  stored.known = folder.known_jobs(batch);
  if (stored.generation >= 0) {
    const slurm::Generation last = folder.generation(batch, stored.generation);
    stored.unanswered = std::holds_alternative<slurm::Intended>(last);
    if (const auto* refused = std::get_if<slurm::Refused>(&last)) stored.refused = refused->why;
  }
  stored.runs = slurm::read_runs(files, stored.folder);
  const auto logs = files.list(stored.folder / "log");
  stored.logs = {logs.begin(), logs.end()};
  return stored;
}

// Nothing follows: no start of it can find more to do.
bool is_final(EndCause cause) { return cause == EndCause::kComplete || cause == EndCause::kIncomplete; }

// The last start of each element (-1: no array).
std::map<int, const AllocationRun*> last_runs(const StoredBatch& batch) {
  std::map<int, const AllocationRun*> last;
  for (const AllocationRun& run : batch.runs) last[run.element.value_or(-1)] = &run;
  return last;
}

bool ended_for_good(const AllocationRun& run) { return run.end && run.cause && is_final(*run.cause); }

int elements_of(const StoredBatch& batch) { return static_cast<int>(batch.batch.jobs.size()); }

// By its own records alone.
bool is_over(const StoredBatch& batch) {
  const auto last = last_runs(batch);
  const auto over =
      std::count_if(last.begin(), last.end(), [](const auto& run) { return ended_for_good(*run.second); });
  return over >= std::max(1, elements_of(batch));
}

// What has begun to wait only because it is held is not waiting for its turn.
Phase phase_of(const QueuedJob& job) {
  const Phase phase = slurm::phase_of(job.state, job.reason);
  return phase == Phase::kWaits && explain_reason(job.reason).held ? Phase::kHeld : phase;
}

// Of several jobs of one name (generations, a doubled submission) the one that matters most is shown.
int weight_of(Phase phase) {
  using enum Phase;
  constexpr std::array kLightestFirst{kEnded, kEnding, kHeld, kWaits, kRuns};
  return static_cast<int>(std::find(kLightestFirst.begin(), kLightestFirst.end(), phase) - kLightestFirst.begin());
}

// The jobs of one id, an array's elements or one alone; empty: SLURM knows none of the batch's name.
std::vector<const QueuedJob*> jobs_of(const StoredBatch& batch, const SlurmAnswer& answer) {
  const QueuedJob* best = nullptr;
  const slurm::JobNumber last_known = batch.known.empty() ? 0 : batch.known.back().id;
  const auto rank = [&](const QueuedJob& job) {
    return std::tuple(weight_of(phase_of(job)), job.array == last_known, job.submitted.value_or(slurm::Time{}));
  };
  for (const QueuedJob& job : answer.queued)
    if (job.name == batch.batch.job_name && (best == nullptr || rank(job) > rank(*best))) best = &job;
  std::vector<const QueuedJob*> jobs;
  if (best != nullptr)
    for (const QueuedJob& job : answer.queued)
      if (job.name == batch.batch.job_name && job.array == best->array) jobs.push_back(&job);
  return jobs;
}

std::string end_text(const AllocationRun& run) {
  std::string text(run.cause ? slurm::name_of(*run.cause) : "without a word");
  if (!run.verdict.empty()) text += ": " + run.verdict;
  return text;
}

std::string last_end_of(const StoredBatch& batch) {
  if (elements_of(batch) == 0) {
    const auto ended = std::find_if(batch.runs.rbegin(), batch.runs.rend(), [](const auto& run) { return run.end; });
    return ended == batch.runs.rend() ? "" : end_text(*ended);
  }
  std::map<std::string, int> counts;
  for (const auto& [element, run] : last_runs(batch))
    if (run->end) ++counts[std::string(run->cause ? slurm::name_of(*run->cause) : "without a word")];
  std::vector<std::string> parts;
  for (const auto& [cause, count] : counts) parts.push_back(fmt::format("{} {}", count, cause));
  return fmt::format("{}", fmt::join(parts, ", "));
}

// One that was cancelled before it began has none: empty.
std::string log_of(const StoredBatch& batch, const AllocationView& view) {
  const std::string start = fmt::format("{}{}", view.job, view.elements > 0 ? "_" : ".log");
  if (const auto first = batch.logs.lower_bound(start); first == batch.logs.end() || !first->starts_with(start))
    return "";
  return (batch.folder / "log" / (start + (view.elements > 0 ? "ELEMENT.log" : ""))).string();
}

// For an allocation that is no more while the suite is not complete.
std::string advice_after(const StoredBatch& batch, const AllocationView& view) {
  const AllocationRun* last = batch.runs.empty() ? nullptr : &batch.runs.back();
  if (is_over(batch)) {
    const bool failures = std::any_of(batch.runs.begin(), batch.runs.end(),
                                      [](const auto& run) { return run.cause == EndCause::kIncomplete; });
    return failures ? "see what failed; `resolute suite resume` tries it again" : "";
  }
  const bool told = last != nullptr && last->end && last->cause != EndCause::kLauncherFailed &&
                    last->cause != EndCause::kConfiguration && last->cause != EndCause::kInterrupted;
  const std::string log = told ? "" : log_of(batch, view);
  return log.empty() ? kResume : fmt::format("{} tells more; {}", log, kResume);
}

// SLURM knows nothing of it, or was not asked.
void judge_by_records(const StoredBatch& batch, bool asked, bool complete, AllocationView& view) {
  using enum AllocationView::State;
  const AllocationRun* last = batch.runs.empty() ? nullptr : &batch.runs.back();
  const bool of_this_job = last != nullptr && last->job != 0 && (view.elements > 0 || last->job == view.job);
  if (complete || is_over(batch))
    view.state = kEnded;
  else if (!asked)
    view.state = kUnknown;
  else if (of_this_job && last->end && !last->verdict.starts_with("requeue"))
    view.state = kEnded;
  else
    view.state = kLost;
  if (!complete && view.state != kUnknown) view.advice = advice_after(batch, view);
}

// "3 RUNNING, 7 PENDING".
std::string counts_text(const std::vector<const QueuedJob*>& jobs) {
  std::map<slurm::JobState, int> counts;
  for (const QueuedJob* job : jobs) ++counts[job->state];
  std::vector<std::string> parts;
  for (const auto& [state, count] : counts) parts.push_back(fmt::format("{} {}", count, slurm::name_of(state)));
  return fmt::format("{}", fmt::join(parts, ", "));
}

// Elements that will not come back by themselves.
int missing_elements(const StoredBatch& batch, const std::vector<const QueuedJob*>& jobs) {
  std::set<int> accounted;
  for (const QueuedJob* job : jobs)
    if (job->element && phase_of(*job) != Phase::kEnded) accounted.insert(*job->element);
  for (const auto& [element, run] : last_runs(batch))
    if (ended_for_good(*run)) accounted.insert(element);
  return std::max(0, elements_of(batch) - static_cast<int>(accounted.size()));
}

AllocationView::State state_of(Phase phase) {
  using enum AllocationView::State;
  constexpr std::array kStates{std::pair{Phase::kWaits, kWaits}, std::pair{Phase::kHeld, kHeld},
                               std::pair{Phase::kRuns, kRuns}, std::pair{Phase::kEnding, kEnding},
                               std::pair{Phase::kEnded, kEnded}};
  return std::find_if(kStates.begin(), kStates.end(), [&](const auto& one) { return one.first == phase; })->second;
}

void judge_by_slurm(const StoredBatch& batch, const std::vector<const QueuedJob*>& jobs, bool complete,
                    AllocationView& view) {
  using enum AllocationView::State;
  const QueuedJob& shown = **std::max_element(jobs.begin(), jobs.end(), [](const auto* a, const auto* b) {
    return weight_of(phase_of(*a)) < weight_of(phase_of(*b));
  });
  view.job = shown.array;
  view.state = state_of(phase_of(shown));
  view.begin = shown.begin;
  view.end = shown.end;
  view.slurm_state = view.elements > 0 ? counts_text(jobs) : std::string(slurm::name_of(shown.state));
  std::set<std::string> lists;  // elements may share a node
  for (const QueuedJob* job : jobs)
    if (const Phase phase = phase_of(*job); phase == Phase::kRuns || phase == Phase::kEnding)
      if (job->node_list.empty() || lists.insert(job->node_list).second) view.nodes += job->nodes;
  view.node_list = fmt::format("{}", fmt::join(lists, ","));
  if (view.state == kWaits || view.state == kHeld) {
    view.reason = shown.reason == "None" ? "" : shown.reason;
    view.nodes = shown.nodes;
    view.advice = explain_reason(view.reason).advice;
    if (view.state == kHeld && view.advice.empty()) view.advice = "`resolute suite resume` releases it";
  }
  if (complete) return;
  if (view.state == kEnded)
    view.advice = advice_after(batch, view);
  else if (const int missing = missing_elements(batch, jobs); view.elements > 0 && missing > 0 && view.advice.empty())
    view.advice = fmt::format("{} elements have gone; `resolute suite resume` submits them again", missing);
}

AllocationView view_of(const StoredSubmission& submission, const StoredBatch& batch, const SlurmAnswer& answer,
                       bool complete) {
  using enum AllocationView::State;
  AllocationView view;
  view.submission = submission.request.token;
  view.batch = batch.batch.number;
  view.allocation = batch.batch.first_allocation;
  view.elements = elements_of(batch);
  view.job = batch.known.empty() ? 0 : batch.known.back().id;
  view.starts = static_cast<int>(batch.runs.size());
  view.last_end = last_end_of(batch);
  if (const auto jobs = jobs_of(batch, answer); !jobs.empty()) {
    judge_by_slurm(batch, jobs, complete, view);
  } else if (submission.ended) {
    view.state = kEnded;
  } else if (submission.other_user) {
    judge_by_records(batch, false, complete, view);
    if (view.state == kUnknown)
      view.advice = fmt::format("submitted by {0}: only {0} can ask SLURM", *submission.other_user);
  } else if (batch.refused) {
    view.state = kRefused;
    view.reason = *batch.refused;
    if (!complete) view.advice = "submit again with what SLURM takes";
  } else if (batch.generation < 0 || batch.unanswered) {
    view.state = complete ? kEnded : answer.trouble ? kUnknown : kNotSubmitted;
    if (!complete) view.advice = "`resolute suite resume` settles it, unless it is being submitted just now";
  } else {
    judge_by_records(batch, !answer.trouble, complete, view);
  }
  return view;
}

}  // namespace

std::vector<StoredSubmission> read_submissions(core::FileSystem& files, const std::filesystem::path& suite_folder,
                                               std::set<std::string>* warned) {
  // One by one, not by slurm::submissions(): what can be read of them is shown whatever else is broken.
  const std::filesystem::path below = suite_folder / "submissions";
  std::vector<StoredSubmission> all;
  for (const std::string& token : files.list(below)) {
    try {
      if (!files.exists(below / token / "request.json")) continue;
      const slurm::SubmissionFolder folder(files, below / token);
      StoredSubmission stored{folder.request(), folder.ended(), {}};
      stored.other_user = other_submitter(stored.request);
      for (const slurm::Batch& batch : stored.request.batches)
        stored.batches.push_back(read_batch(files, folder, batch));
      all.push_back(std::move(stored));
    } catch (const core::RuntimeError& error) {
      if (warned == nullptr || warned->insert(error.what()).second)
        core::log_warning("a submission is left out: {}", error.what());
    }
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::tie(a.request.created, a.request.token) < std::tie(b.request.created, b.request.token);
  });
  return all;
}

std::vector<std::string> names_to_ask(const std::vector<StoredSubmission>& submissions) {
  std::vector<std::string> names;
  for (const StoredSubmission& submission : submissions)
    if (!submission.ended && !submission.other_user)
      for (const StoredBatch& batch : submission.batches)
        if (batch.generation >= 0 && !is_over(batch)) names.push_back(batch.batch.job_name);
  return names;
}

SlurmAnswer ask_slurm(slurm::Client& client, const std::vector<std::string>& names) {
  if (names.empty()) return {};
  try {
    return {client.find(names), std::nullopt};
  } catch (const core::RuntimeError& error) {
    return {{}, error.what()};
  }
}

bool may_live(AllocationView::State state) {
  using enum AllocationView::State;
  return state == kWaits || state == kHeld || state == kRuns || state == kEnding || state == kUnknown;
}

std::vector<AllocationView> join(const std::vector<StoredSubmission>& submissions, const SlurmAnswer& answer,
                                 bool complete) {
  const bool all_ended = std::all_of(submissions.begin(), submissions.end(), [](const auto& one) { return one.ended; });
  std::vector<AllocationView> views;
  for (const StoredSubmission& submission : submissions)
    if (!submission.ended || (all_ended && &submission == &submissions.back()))
      for (const StoredBatch& batch : submission.batches) views.push_back(view_of(submission, batch, answer, complete));
  return views;
}

}  // namespace resolute::cli
