#include "experiments/specification.h"

#include <algorithm>

#include "core/overloaded.h"
#include "core/sha256.h"
#include "experiments/resolution_levels.h"

namespace resolute::experiments {

std::string kind_name(const JobSpecification& specification) {
  return std::visit(core::Overloaded{[](const ShardSpecification&) { return "shard"; },
                                     [](const SealSpecification&) { return "seal"; },
                                     [](const TrainingSpecification&) { return "training"; },
                                     [](const EvaluationSpecification&) { return "evaluation"; }},
                    specification);
}

std::string method_name(const MethodOptions& options) {
  return std::visit([](const auto& chosen) { return std::decay_t<decltype(chosen)>::kMethod; }, options);
}

const std::vector<std::string>& method_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    methods::for_each_method([&]<class Options>() { all.emplace_back(Options::kMethod); });
    std::sort(all.begin(), all.end());
    return all;
  }();
  return names;
}

bool uses_levels(const MethodOptions& options) {
  const auto* adaptive = std::get_if<ResolutionAdaptiveOptions>(&options);
  return adaptive != nullptr && uses_levels(*adaptive);
}

std::vector<Distance> distances_of(const MethodOptions& options) {
  const auto* ftwa = std::get_if<FtwaOptions>(&options);
  if (ftwa == nullptr) return {};
  if (!ftwa->transformation) return {Distance::kHr, Distance::kLr};
  if (!ftwa->weighting) return {Distance::kEqual, Distance::kHr, Distance::kLr};
  return {Distance::kWeighted, Distance::kEqual, Distance::kHr, Distance::kLr};
}

bool compares_copies(Distance distance) {
  return distance == Distance::kWeighted || distance == Distance::kEqual || distance == Distance::kLr;
}

std::vector<int> identities_per_lane(int identities, int lanes) {
  RESOLUTE_EXPECT(lanes >= 1 && identities >= 0, "identities_per_lane() needs a lane and no negative count");
  std::vector<int> counts(static_cast<std::size_t>(lanes), identities / lanes);
  for (int lane = 0; lane < identities % lanes; ++lane) ++counts[static_cast<std::size_t>(lane)];
  return counts;
}

JobId job_id(const JobSpecification& specification) { return {core::sha256_hex(canonical_text(specification))}; }

}  // namespace resolute::experiments
