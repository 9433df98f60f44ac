#include "operations/submissions/usage.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace resolute::operations {

namespace {

using orchestrator::Instant;

double seconds_of(Instant from, Instant to) { return std::max(0.0, std::chrono::duration<double>(to - from).count()); }

struct Interval {
  Instant begin, end;
};
bool overlaps_any(const std::vector<Interval>& all, const Interval& one) {
  return std::ranges::any_of(all,
                             [&](const Interval& other) { return one.begin < other.end && other.begin < one.end; });
}

// The latest end of a start without a record of it: the next start has begun by then, and the last run in it has
// written. A start that goes on ends now.
Instant end_of(const slurm::ScriptStart& run, const slurm::ScriptStart* next, const Timeline& timeline, Instant now) {
  if (run.end) return Instant(*run.end);
  const Interval possible{Instant(run.begin), next != nullptr ? Instant(next->begin) : now};
  Instant end = possible.begin;
  for (const TimelineRun& one : timeline.runs)
    if (one.begin >= possible.begin && one.begin < possible.end)
      end = std::max(end, one.going_on ? possible.end : std::min(one.end, possible.end));
  return end;
}

}  // namespace

Usage usage_of(const std::vector<StoredSubmission>& submissions, const Timeline& timeline, Instant now) {
  Usage usage;
  std::vector<Interval> starts;
  for (const StoredSubmission& submission : submissions)
    for (const StoredBatch& batch : submission.batches)
      for (auto run = batch.runs.begin(); run != batch.runs.end(); ++run) {
        const auto next = run + 1;
        const Interval interval{Instant(run->begin),
                                end_of(*run, next == batch.runs.end() ? nullptr : &*next, timeline, now)};
        const auto& resources = slurm::resources_of(submission.request, batch.batch);
        const int listed = slurm::count_nodes(run->node_list);
        const double seconds = seconds_of(interval.begin, interval.end) * (listed > 0 ? listed : resources.nodes);
        usage.node_seconds += seconds;
        usage.gpu_seconds += seconds * resources.gpus_per_node;
        ++usage.starts;
        usage.silent += run->end ? 0 : 1;
        starts.push_back(interval);
      }
  for (const TimelineRun& run : timeline.runs) {
    const Interval interval{run.begin, run.going_on ? std::max(run.end, now) : run.end};
    if (run.burn_in_gpu_seconds > 0) usage.lost_gpu_seconds["burn-in"] += run.burn_in_gpu_seconds;
    if (run.repeat_gpu_seconds > 0) usage.lost_gpu_seconds["repeats"] += run.repeat_gpu_seconds;
    usage.useful_gpu_seconds -= run.repeat_gpu_seconds;
    const double aside = run.aside_gpu_seconds + run.gpus_aside * seconds_of(run.end, interval.end);
    usage.aside_gpu_seconds += aside;
    if (overlaps_any(starts, interval)) continue;
    usage.node_seconds += seconds_of(interval.begin, interval.end) * std::max(1, run.nodes);
    usage.gpu_seconds += run.burn_in_gpu_seconds + aside;
    ++usage.runs;
  }
  for (const TimelineAttempt& attempt : timeline.attempts) {
    const Interval interval{attempt.begin, attempt.end.value_or(std::max(attempt.begin, now))};
    const double gpus = gpus_of(attempt);
    if (gpus == 0) continue;
    if (!overlaps_any(starts, interval)) usage.gpu_seconds += seconds_of(interval.begin, interval.end) * gpus;
    const Instant kept = attempt.end ? attempt.kept.value_or(interval.begin) : interval.end;
    usage.useful_gpu_seconds += seconds_of(interval.begin, kept) * gpus;
    if (const double lost = seconds_of(kept, interval.end) * gpus; lost > 0)
      usage.lost_gpu_seconds[std::string(name_of(attempt.outcome))] += lost;
  }
  // A repeat whose own attempt was lost is lost twice; useful time cannot be below none.
  usage.useful_gpu_seconds = std::max(0.0, usage.useful_gpu_seconds);
  return usage;
}

double idle_gpu_seconds(const Usage& usage) {
  double idle = usage.gpu_seconds - usage.useful_gpu_seconds - usage.aside_gpu_seconds;
  for (const auto& [cause, seconds] : usage.lost_gpu_seconds) idle -= seconds;
  return std::max(0.0, idle);
}

std::string gpu_use_text(const Usage& usage) {
  if (usage.gpu_seconds <= 0) return "";
  const auto percent = [&](double seconds) { return fmt::format("{:.0f} %", 100 * seconds / usage.gpu_seconds); };
  std::string text =
      fmt::format("{} useful, {} idle", percent(usage.useful_gpu_seconds), percent(idle_gpu_seconds(usage)));
  if (usage.aside_gpu_seconds > 0) text += fmt::format(", {} set aside", percent(usage.aside_gpu_seconds));
  std::vector<std::pair<double, std::string>> lost;
  for (const auto& [cause, seconds] : usage.lost_gpu_seconds) lost.emplace_back(-seconds, cause);
  std::ranges::sort(lost);
  for (const auto& [seconds, cause] : lost)
    text += fmt::format(", {} {}by {}", percent(-seconds), &cause == &lost.front().second ? "lost " : "", cause);
  return text;
}

}  // namespace resolute::operations
