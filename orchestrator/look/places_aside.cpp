#include "orchestrator/look/places_aside.h"

#include <map>
#include <utility>

#include "core/error.h"
#include "core/log.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/look/status.h"

namespace resolute::orchestrator {

std::string text_of(const PlaceAside& place) {
  return place.gpu.empty() ? fmt::format("{}: {}", place.host, place.why) : place.why;
}

std::vector<PlaceAside> places_aside(core::FileSystem& files, const experiments::StoreLayout& store,
                                     const std::string& suite) {
  std::map<std::pair<std::string, std::string>, std::string> found;
  for (const std::string& run : run_names(files, store, suite)) {
    try {
      const State state = read_past(files, store.suite_folder(run)).state;
      for (const auto& [host, record] : state.hosts)
        if (record.excluded)
          found.try_emplace({host, ""}, *record.excluded);
        else if (record.place.aside_until != Instant{})
          found.try_emplace({host, ""}, record.place.why);
      for (const auto& [number, agent] : state.agents)
        for (const std::string& gpu : gpus_aside(agent))
          found.try_emplace({agent.host, gpu}, agent.gpu_records.at(gpu).why);
    } catch (const core::RuntimeError& error) {
      core::log_warning("the hosts and GPUs that were set aside are not known: {}", error.what());
    }
  }
  std::vector<PlaceAside> places;
  for (auto& [place, why] : found) places.push_back({place.first, place.second, std::move(why)});
  return places;
}

}  // namespace resolute::orchestrator
