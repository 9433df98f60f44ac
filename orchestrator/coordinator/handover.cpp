#include "orchestrator/coordinator/handover.h"

#include <algorithm>

#include "orchestrator/decisions/aside.h"

namespace resolute::orchestrator {
namespace {

// As often as it counts: the next time shall be as long as it would have been.
void append(std::vector<Event>& events, int times, const Event& event) {
  events.insert(events.end(), static_cast<std::size_t>(std::clamp(times, 1, kMostTimesAside)), event);
}

}  // namespace

std::vector<Event> handed_over(const State& before, const State& now) {
  std::vector<Event> events;
  for (const auto& [host, record] : before.hosts) {
    if (record.drained) events.emplace_back(HostDrained{host, true, *record.drained});
    if (record.excluded) events.emplace_back(HostExcluded{host, *record.excluded});
  }
  for (const Job& job : before.jobs) {
    if (!job.unwanted) continue;
    const auto number = now.numbers.find(job.id.hex);
    if (number == now.numbers.end()) continue;
    const Job& next = job_of(now, number->second);
    if (next.wanted && !has_ended(next)) events.emplace_back(CancelRequested{number->second, *job.unwanted});
  }
  return events;
}

std::vector<Event> hosts_still_aside(const std::vector<PlaceAside>& places, const Policy& policy, Instant begin) {
  std::vector<Event> events;
  for (const PlaceAside& place : places) {
    if (!place.gpu.empty()) continue;
    const Instant until = place.until == kForGood ? end_of_aside(policy, begin, kMostTimesAside) : place.until;
    append(events, place.times, HostSetAside{place.host, until, place.why});
  }
  return events;
}

std::vector<Event> gpus_still_aside(const std::vector<PlaceAside>& places, AgentNumber agent, const Join& joined) {
  std::vector<Event> events;
  int left = joined.gpus;
  for (const PlaceAside& place : places) {
    const bool is_known = place.gpu.starts_with("GPU-") || place.gpu.starts_with("MIG-");
    if (is_known && place.host == joined.host && std::ranges::count(joined.burn_ins, place.gpu, &BurnIn::gpu) > 0 &&
        left-- > 0)
      append(events, place.times, GpuSetAside{agent, place.gpu, place.until, place.why});
  }
  return events;
}

}  // namespace resolute::orchestrator
