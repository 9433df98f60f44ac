#include "experiments/specification.h"

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
  static const std::vector<std::string> names = {BaselineOptions::kMethod, FtwaOptions::kMethod, MsiflaOptions::kMethod,
                                                 RainOptions::kMethod, ResolutionAdaptiveOptions::kMethod};
  return names;
}

bool uses_levels(const MethodOptions& options) {
  const auto* adaptive = std::get_if<ResolutionAdaptiveOptions>(&options);
  return adaptive != nullptr && uses_levels(*adaptive);
}

std::vector<std::string> distances_of(const MethodOptions& options) {
  const auto* ftwa = std::get_if<FtwaOptions>(&options);
  if (ftwa == nullptr) return {};
  if (!ftwa->transformation) return {"hr", "lr"};
  if (!ftwa->weighting) return {"equal", "hr", "lr"};
  return {"weighted", "equal", "hr", "lr"};
}

bool compares_copies(const std::string& distance) {
  return distance == "weighted" || distance == "equal" || distance == "lr";
}

std::vector<int> identities_per_lane(int identities, int lanes) {
  RESOLUTE_EXPECT(lanes >= 1 && identities >= 0, "identities_per_lane() needs a lane and no negative count");
  std::vector<int> counts(static_cast<std::size_t>(lanes), identities / lanes);
  for (int lane = 0; lane < identities % lanes; ++lane) ++counts[static_cast<std::size_t>(lane)];
  return counts;
}

JobId job_id(const JobSpecification& specification) { return {core::sha256_hex(canonical_text(specification))}; }

}  // namespace resolute::experiments
