#include "experiments/outputs.h"

#include "experiments/distance.h"

namespace resolute::experiments {

bool has(const Ability* needs, const MethodOptions& method, const EvaluationProtocol& protocol) {
  return needs == nullptr || needs->of(methods::tells(method), distance_asked(protocol, method));
}

bool leaves(const Output& output, const MethodOptions& method, const EvaluationProtocol& protocol) {
  if (output.of == LeftOf::kSample && protocol.sample_rates.empty()) return false;
  if (output.of == LeftOf::kPanels && protocol.panels == 0) return false;
  return has(output.needs, method, protocol);
}

}  // namespace resolute::experiments
