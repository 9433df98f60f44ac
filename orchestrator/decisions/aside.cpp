#include "orchestrator/decisions/aside.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "orchestrator/decisions/failure.h"
#include "orchestrator/decisions/placement.h"

namespace resolute::orchestrator {
namespace {

// True if the others hold whatever is left to do, as far as all hosts together do. The largest gangs first: if one
// needs this host, that is soon known.
bool can_be_spared(const State& state, const std::string& host) {
  for (auto it = state.unfinished.rbegin(); it != state.unfinished.rend(); ++it) {
    const GangNeed need{it->first.gpus, it->first.slots, it->first.memory_mib, {}, 0, true};
    if (most_ranks_without(state, need, {host}) < need.slots && most_ranks(state, need) == need.slots) return false;
  }
  return true;
}

constexpr Budget kAside{
    .first_back_off = std::chrono::minutes(1), .factor = 2, .longest_back_off = std::chrono::minutes(64)};

std::string why_aside(const PlaceRecord& place) {
  const PlaceEnd& last = place.ends.back();
  const std::size_t before = place.times_aside > 0 ? static_cast<std::size_t>(place.times_aside) + 1 : 0;
  return fmt::format("{} attempts in a row ended there without a sign of life, the last, of job {}, by {}: {}",
                     before + place.ends.size(), last.job.value, name_of(last.cause), last.evidence);
}

// A job that goes on from a checkpoint of a numeric class that is nowhere else would begin anew.
bool has_last_of_a_class(const State& state, const std::string& host) {
  std::map<std::pair<std::size_t, std::string>, int> places;
  for (AgentNumber number : state.on_host.at(host)) {
    const AgentSlots& agent = state.agents.at(number);
    places[{0, agent.numeric_class}] += agent.slots;
    places[{1, agent.numeric_class}] += agent.gpus;
  }
  return std::ranges::any_of(places, [&](const auto& one) {
    const auto& [place, all] = one;
    const auto found = state.machine_classes.at(place.first).find(place.second);
    return all > 0 && found != state.machine_classes.at(place.first).end() && found->second.capacity == all;
  });
}

std::optional<Event> host_to_set_aside(const State& state, const Policy& policy, Instant now) {
  for (const std::string& host : state.failing_hosts) {
    const auto host_agents = state.on_host.find(host);
    if (host_agents == state.on_host.end() || !usable(state, state.agents.at(*host_agents->second.begin())) ||
        !can_be_spared(state, host) || has_last_of_a_class(state, host))
      continue;
    const PlaceRecord& place = state.hosts.at(host).place;
    return HostSetAside{host, end_of_aside(policy, now, place.times_aside + 1), why_aside(place)};
  }
  return std::nullopt;
}

// Something that is left needs slots, or GPUs, of a host that is set aside.
bool is_needed(const State& state, const std::string& host) {
  std::array<int, 2> aside{};
  if (const auto host_agents = state.on_host.find(host); host_agents != state.on_host.end())
    for (AgentNumber number : host_agents->second) {
      aside[0] += width_of(state, number, false);
      aside[1] += width_of(state, number, true);
    }
  return std::ranges::any_of(state.unfinished, [&](const auto& alike) {
    const LeastNeed& least = alike.first;
    const int ranks = most_ranks(state, {least.gpus, least.slots, least.memory_mib, {}, 0, true});
    return ranks < least.slots && ranks + aside.at(least.gpus) >= least.slots;
  });
}

// When its time is over, or nothing that is left to do can do without.
std::optional<Event> host_to_return(const State& state, const Moment& moment) {
  if (state.hosts_aside.empty()) return std::nullopt;
  const auto& [until, host] = *state.hosts_aside.begin();
  if (until > moment.now && (moment.agents_pending || !is_needed(state, host))) return std::nullopt;
  return HostReturned{host};
}

// True where GPUs of one numeric class hold all ranks of a job that waits for nothing else, with `change` more of a
// class.
bool gpus_hold_something(const State& state, const std::string& numeric_class, int change) {
  int most = 0;
  for (const auto& [name, machines] : state.machine_classes[1])
    most = std::max(most, machines.width + (name == numeric_class ? change : 0));
  const auto held = [&](bool gpus, int slots) { return gpus && slots <= most; };
  return std::ranges::any_of(state.ready,
                             [&](const auto& queue) { return held(queue.first.gpus, queue.first.slots); }) ||
         std::ranges::any_of(state.resting, [&](const auto& resting) {
           const Job& job = job_of(state, resting.second);
           return held(job.gpus, job.slots);
         });
}

// While others have something to do: what needs it waits until they have not, or for a trial. The last GPU of a numeric
// class stays: what goes on from a checkpoint of that class would begin anew.
std::optional<Event> gpu_to_set_aside(const State& state, const Policy& policy, Instant now) {
  for (const auto& [number, gpu] : state.accused_gpus) {
    const AgentSlots& agent = state.agents.at(number);
    if (agent.free_gpus == 0 || !usable(state, agent) || !gpus_hold_something(state, agent.numeric_class, 0)) continue;
    const PlaceRecord& record = agent.gpu_records.at(gpu);
    std::string why = fmt::format("{} of {}: {}", gpu, agent.host, why_aside(record));
    if (width_of(state, number, true) == 1 && !gpus_aside(agent).empty() && can_be_spared(state, agent.host)) {
      return HostExcluded{agent.host, "its GPUs are set aside, but one: " + why};
    }
    if (state.machine_classes[1].at(agent.numeric_class).width < 2 ||
        !gpus_hold_something(state, agent.numeric_class, -1))
      continue;
    return GpuSetAside{number, gpu, end_of_aside(policy, now, record.times_aside + 1), std::move(why)};
  }
  return std::nullopt;
}

// When its time is over, or nothing that is left to do can do without.
std::optional<Event> gpu_to_return(const State& state, const Moment& moment) {
  if (state.gpus_aside.empty()) return std::nullopt;
  const auto& [until, number, gpu] = *state.gpus_aside.begin();
  const std::string& numeric_class = state.agents.at(number).numeric_class;
  const auto aside = std::ranges::count_if(state.gpus_aside, [&](const auto& one) {
    return std::get<Instant>(one) != kForGood &&
           state.agents.at(std::get<AgentNumber>(one)).numeric_class == numeric_class;
  });
  const bool needed = !moment.agents_pending && !gpus_hold_something(state, numeric_class, 0) &&
                      gpus_hold_something(state, numeric_class, static_cast<int>(aside));
  if (until > moment.now && !needed) return std::nullopt;
  return GpuReturned{number, gpu};
}

}  // namespace

std::optional<HostExcluded> exclude_host(const State& state, const Policy& policy) {
  for (const std::string& host : state.accused) {
    const auto& evidence = state.hosts.at(host).evidence;
    if (static_cast<int>(evidence.size()) < policy.exclusion_evidence) continue;
    if (!state.on_host.contains(host) || !can_be_spared(state, host)) continue;
    std::string why = "failed there and lived elsewhere:";
    for (JobIndex number : evidence) why += fmt::format(" job {} ({})", number.value, job_of(state, number).label);
    return HostExcluded{host, std::move(why)};
  }
  return std::nullopt;
}

std::optional<Event> next_change_of_places(const State& state, const Policy& policy, const Moment& moment) {
  if (auto aside = host_to_set_aside(state, policy, moment.now)) return aside;
  if (auto back = host_to_return(state, moment)) return back;
  if (auto aside = gpu_to_set_aside(state, policy, moment.now)) return aside;
  return gpu_to_return(state, moment);
}

Instant end_of_aside(const Policy& policy, Instant now, int times) {
  return now + back_off(kAside, times, policy.back_off_scale) + Milliseconds{1};
}

}  // namespace resolute::orchestrator
