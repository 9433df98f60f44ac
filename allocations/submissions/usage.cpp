#include "allocations/submissions/usage.h"

#include <algorithm>
#include <optional>

#include "core/numbers.h"
#include "core/split.h"

namespace resolute::allocations {

namespace {

using orchestrator::Instant;

double seconds_of(Instant from, Instant to) { return std::max(0.0, std::chrono::duration<double>(to - from).count()); }

struct Interval {
  Instant begin, end;
};
bool overlap(const Interval& one, const Interval& other) { return one.begin < other.end && other.begin < one.end; }
bool overlaps_any(const std::vector<Interval>& all, const Interval& one) {
  return std::any_of(all.begin(), all.end(), [&](const Interval& other) { return overlap(one, other); });
}

// "1-3,7" → 4; "001-003" → 3.
std::optional<int> count_ranges(std::string_view ranges) {
  int count = 0;
  for (const std::string_view range : core::split(ranges, ',')) {
    const auto dash = range.find('-');
    const auto first = core::number_of<int>(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : core::number_of<int>(range.substr(dash + 1));
    if (!first || !last || *first < 0 || *last < *first || *last - *first > 1'000'000) return std::nullopt;
    count += *last - *first + 1;
  }
  return count;
}

// An end that was not written: the next start of the element has begun by then, and the last run in it had its say.
// What still goes on ends now.
Instant end_of(const slurm::AllocationRun& run, const slurm::AllocationRun* next,
               const orchestrator::Timeline& timeline, Instant now) {
  if (run.end) return Instant(*run.end);
  const Interval possible{Instant(run.begin), next != nullptr ? Instant(next->begin) : now};
  Instant end = possible.begin;
  for (const orchestrator::TimelineRun& one : timeline.runs)
    if (one.begin >= possible.begin && one.begin < possible.end)
      end = std::max(end, one.going_on ? possible.end : std::min(one.end, possible.end));
  return end;
}

}  // namespace

int count_nodes(std::string_view node_list) {
  int count = 0;
  while (!node_list.empty()) {
    std::size_t end = 0;
    int product = 1;  // "r[1-2]n[1-3]"
    while (end < node_list.size() && node_list[end] != ',') {
      if (node_list[end] != '[') {
        ++end;
        continue;
      }
      const auto close = node_list.find(']', end);
      if (close == std::string_view::npos) return 0;
      const auto ranges = count_ranges(node_list.substr(end + 1, close - end - 1));
      if (!ranges) return 0;
      product *= *ranges;
      end = close + 1;
    }
    if (end == 0) return 0;
    count += product;
    node_list.remove_prefix(std::min(end + 1, node_list.size()));
  }
  return count;
}

Usage usage_of(const std::vector<StoredSubmission>& submissions, const orchestrator::Timeline& timeline, Instant now) {
  Usage usage;
  std::vector<Interval> starts;
  for (const StoredSubmission& submission : submissions)
    for (const StoredBatch& batch : submission.batches)
      for (auto run = batch.runs.begin(); run != batch.runs.end(); ++run) {
        const auto next =
            std::find_if(run + 1, batch.runs.end(), [&](const auto& later) { return later.element == run->element; });
        const Interval interval{Instant(run->begin),
                                end_of(*run, next == batch.runs.end() ? nullptr : &*next, timeline, now)};
        const auto& resources = slurm::resources_of(submission.request, batch.batch);
        const int listed = count_nodes(run->node_list);
        const double seconds = seconds_of(interval.begin, interval.end) * (listed > 0 ? listed : resources.nodes);
        usage.node_seconds += seconds;
        usage.gpu_seconds += seconds * resources.gpus_per_node;
        ++usage.starts;
        usage.silent += run->end ? 0 : 1;
        starts.push_back(interval);
      }
  for (const orchestrator::TimelineRun& run : timeline.runs) {
    const Interval interval{run.begin, run.going_on ? std::max(run.end, now) : run.end};
    if (overlaps_any(starts, interval)) continue;
    usage.node_seconds += seconds_of(interval.begin, interval.end) * std::max(1, run.nodes);
    ++usage.runs;
  }
  for (const orchestrator::TimelineAttempt& attempt : timeline.attempts) {
    const Interval interval{attempt.begin, attempt.end.value_or(std::max(attempt.begin, now))};
    if (attempt.gpus > 0 && !overlaps_any(starts, interval))
      usage.gpu_seconds += seconds_of(interval.begin, interval.end) * attempt.gpus;
  }
  return usage;
}

}  // namespace resolute::allocations
