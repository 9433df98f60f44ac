#include "orchestrator/coordinator/places_aside.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "orchestrator/journal/epoch.h"

namespace resolute::orchestrator {

std::string text_of(const PlaceAside& place) {
  return place.gpu.empty() ? fmt::format("{}: {}", place.host, place.why) : place.why;
}

std::vector<PlaceAside> places_aside(const AgentSlots& agent) {
  std::vector<PlaceAside> places;
  for (const std::string& gpu : gpus_aside(agent)) {
    const PlaceRecord& record = agent.gpu_records.at(gpu);
    places.push_back({agent.host, gpu, record.why, record.aside_until, record.times_aside});
  }
  return places;
}

std::vector<PlaceAside> places_aside(const State& state) {
  std::vector<PlaceAside> places;
  for (const auto& [host, record] : state.hosts)
    if (record.excluded)
      places.push_back({host, "", *record.excluded, kForGood, 1});
    else if (record.place.is_aside() && record.place.times_aside > 0)
      places.push_back({host, "", record.place.why, record.place.aside_until, record.place.times_aside});
  for (const auto& [number, agent] : state.agents) std::ranges::move(places_aside(agent), std::back_inserter(places));
  return places;
}

std::vector<PlaceAside> places_aside(core::FileSystem& files, const experiments::StoreLayout& store,
                                     const std::string& suite, const std::string& but) {
  std::map<std::pair<std::string, std::string>, PlaceAside> found;
  for (const std::string& run : run_names(files, store, suite)) {
    if (run == but) continue;
    try {
      const State state = read_past(files, store.suite_folder(run)).state;
      for (PlaceAside& place : places_aside(state)) found.try_emplace({place.host, place.gpu}, place);
    } catch (const core::RuntimeError& error) {
      core::log_warning("the hosts and GPUs that were set aside are not known: {}", error.what());
    }
  }
  std::vector<PlaceAside> places;
  for (auto& [name, place] : found) places.push_back(std::move(place));
  return places;
}

std::vector<PlaceAside> still_aside(core::FileSystem& files, const experiments::StoreLayout& store,
                                    const std::string& suite, const std::string& run, const State& past, Instant now) {
  std::vector<PlaceAside> places = places_aside(past);
  for (PlaceAside& place : places_aside(files, store, suite, run)) {
    const bool is_known = std::ranges::any_of(
        places, [&](const PlaceAside& one) { return one.host == place.host && one.gpu == place.gpu; });
    if (!is_known && place.until > now && place.until != kForGood) places.push_back(std::move(place));
  }
  for (const PlaceAside& place : places) core::log_warning("set aside by the run before: {}", text_of(place));
  return places;
}

}  // namespace resolute::orchestrator
