#include "orchestrator/decisions/burn_in.h"

#include <algorithm>
#include <map>
#include <utility>

namespace resolute::orchestrator {
namespace {

// GPUs, or processors, of one numeric class, in the order in which they came.
using Alike = std::vector<const BurnedIn*>;

std::map<std::pair<std::string, bool>, Alike> alike(const State& state, const std::vector<BurnedIn>& burn_ins) {
  std::map<std::pair<std::string, bool>, Alike> classes;
  for (const BurnedIn& done : burn_ins)
    if (const auto agent = state.agents.find(done.agent);
        agent != state.agents.end() && !agent->second.numeric_class.empty())
      classes[{agent->second.numeric_class, done.gpu.empty()}].push_back(&done);
  return classes;
}

std::pair<std::string, std::size_t> most_frequent_digest(const Alike& places) {
  std::map<std::string, std::size_t> counts;
  for (const BurnedIn* place : places) ++counts[place->digest];
  const auto weight = [&](const BurnedIn* place) {
    return std::pair(counts.at(place->digest), !place->digest.empty());
  };
  const auto* most = *std::ranges::max_element(
      places, [&](const BurnedIn* one, const BurnedIn* other) { return weight(one) < weight(other); });
  return {most->digest, counts.at(most->digest)};
}

std::string name_of(const State& state, const BurnedIn& place) {
  return fmt::format("{} of {}", place.gpu.empty() ? "the processors" : "GPU " + place.gpu,
                     state.agents.at(place.agent).host);
}

// Why nothing is placed there; empty: something is.
std::string why_aside(const State& state, const BurnedIn& place) {
  const AgentSlots& agent = state.agents.at(place.agent);
  if (const auto host = state.hosts.find(agent.host); host != state.hosts.end()) {
    if (host->second.drained) return *host->second.drained;
    if (host->second.excluded) return *host->second.excluded;
  }
  const auto aside = gpus_aside(agent);
  const bool is_aside = std::ranges::find(aside, place.gpu) != aside.end();
  return is_aside ? agent.gpu_records.at(place.gpu).why : "";
}

Event set_aside(const State& state, const BurnedIn& place, std::string why) {
  const AgentSlots& agent = state.agents.at(place.agent);
  if (place.gpu.empty() || agent.free_gpus == 0) return HostExcluded{agent.host, std::move(why)};
  return GpuSetAside{place.agent, place.gpu, kForGood, std::move(why)};
}

Event give_out(const State& state, const BurnedIn& place) {
  const AgentSlots& agent = state.agents.at(place.agent);
  if (is_excluded(state, agent.host))
    return HostDrained{agent.host, false, name_of(state, place) + " computes as most"};
  return GpuReturned{place.agent, place.gpu};
}

std::int64_t median_among(const Alike& places, std::int64_t BurnedIn::*value) {
  std::vector<std::int64_t> values;
  for (const BurnedIn* place : places)
    if (place->problem.empty()) values.push_back(place->*value);
  std::ranges::sort(values);
  return median_of(values);
}

}  // namespace

std::optional<Event> next_verdict(const State& state, const std::vector<BurnedIn>& burn_ins, const std::string& check) {
  for (const auto& [kind, places] : alike(state, burn_ins)) {
    const auto [right, count] = most_frequent_digest(places);
    if (right.empty()) continue;
    for (const BurnedIn* place : places) {
      const std::string aside = why_aside(state, *place);
      const std::string of_check = fmt::format("{}: {} ", name_of(state, *place), check);
      if (place->digest == right) {
        // Those that were believed before were fewer.
        if (aside.starts_with(of_check)) return give_out(state, *place);
      } else if (aside.empty()) {
        const std::string finding =
            place->digest.empty()
                ? "failed: " + place->problem
                : fmt::format("computed other bits than {} of {} of its numeric class", count, places.size());
        return set_aside(state, *place, of_check + finding);
      }
    }
  }
  return std::nullopt;
}

std::vector<std::string> slow_places(const State& state, const std::vector<BurnedIn>& burn_ins) {
  std::vector<std::string> slow;
  const auto hold_against = [&](const Alike& places, std::int64_t BurnedIn::*value, std::string_view finding,
                                std::string_view result) {
    const std::int64_t median = median_among(places, value);
    for (const BurnedIn* place : places)
      if (place->problem.empty() && is_slow(place->*value, median))
        slow.push_back(fmt::format("{} {}, most of its kind {}{}", name_of(state, *place),
                                   fmt::format(fmt::runtime(finding), place->*value), median, result));
  };
  for (const auto& [kind, places] : alike(state, burn_ins)) {
    hold_against(places, &BurnedIn::images_a_minute, "trained on {} images a minute", ": it gets work last");
    hold_against(places, &BurnedIn::free_mib, "had {} MiB of its memory free", "");
  }
  return slow;
}

}  // namespace resolute::orchestrator
