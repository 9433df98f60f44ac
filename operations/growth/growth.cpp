#include "operations/growth/growth.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/quantity_text.h"

namespace resolute::operations {

namespace {

// Free batches in the order of submission: as they stand, or, in a busy queue, the smallest first, which SLURM fits in
// soonest.
std::vector<const PoolBatch*> candidates(const PoolDemand& demand) {
  std::vector<const PoolBatch*> free;
  bool one_waits = false;
  for (const PoolBatch& batch : demand.batches) {
    if (batch.on_demand && batch.presence == Presence::kFree) free.push_back(&batch);
    one_waits = one_waits || batch.presence == Presence::kWaits;
  }
  if (one_waits || demand.queue_wait.value_or(std::chrono::seconds(0)) > kBusyQueue)
    std::ranges::stable_sort(free, [](const auto* a, const auto* b) { return a->size < b->size; });
  return free;
}

std::string text_of(std::chrono::milliseconds time) { return core::duration_text(time.count()); }

std::string count_text(std::int64_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string why_more(const PoolDemand& demand, std::int64_t ranks) {
  std::string why = fmt::format("{} of {} {} ready", count_text(demand.ready_jobs, "job"),
                                count_text(demand.ready_ranks, "process rank"), demand.ready_jobs == 1 ? "is" : "are");
  if (ranks == 0) return why + ", and no allocation for them is there";
  why += fmt::format("; {} {} there", count_text(ranks, "rank"), ranks == 1 ? "is" : "are");
  if (demand.ready_work) why += fmt::format(", which would take some {} for them", text_of(*demand.ready_work / ranks));
  if (demand.queue_wait) why += fmt::format("; the queue takes some {}", text_of(*demand.queue_wait));
  return why;
}

}  // namespace

Growth decide_growth(const PoolDemand& demand) {
  int running = 0, waiting = 0;
  std::int64_t ranks = 0;  // of those that are there
  for (const PoolBatch& batch : demand.batches) {
    if (batch.presence == Presence::kWaits) ++waiting;
    if (batch.presence != Presence::kRuns) continue;
    ++running;
    ranks += batch.ranks;
  }
  Growth growth;
  const auto wait = demand.queue_wait.value_or(std::chrono::seconds(0)) + kStartUp;
  if (ranks > 0 && demand.ready_work && *demand.ready_work / ranks <= wait) return growth;
  for (const PoolBatch* batch : candidates(demand)) {
    if (running + waiting >= demand.most || waiting >= demand.ready_jobs) break;
    growth.batches.push_back(batch->number);
    ++waiting;
  }
  if (!growth.batches.empty()) growth.why = why_more(demand, ranks);
  return growth;
}

}  // namespace resolute::operations
