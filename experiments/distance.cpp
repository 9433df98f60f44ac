#include "experiments/distance.h"

namespace resolute::experiments {

std::string distance_asked(const EvaluationProtocol& protocol, const MethodOptions& method) {
  const std::vector<std::string> distances = distances_of(method);
  if (distances.empty()) return {};
  return protocol.distance == settings::DistanceName::kDefault ? distances.front()
                                                               : std::string(settings::word(protocol.distance));
}

}  // namespace resolute::experiments
