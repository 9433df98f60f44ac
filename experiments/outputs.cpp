#include "experiments/outputs.h"

#include <algorithm>

#include "experiments/distance.h"

namespace resolute::experiments {
namespace {

constexpr const char* kWeighted = "weighted";

bool learns_weights(const MethodOptions& method, const EvaluationProtocol&) {
  const auto distances = distances_of(method);
  return std::find(distances.begin(), distances.end(), kWeighted) != distances.end();
}

bool compares_by_weights(const MethodOptions& method, const EvaluationProtocol& protocol) {
  return learns_weights(method, protocol) && distance_asked(protocol, method) == kWeighted;
}

bool recovers_images(const MethodOptions& method, const EvaluationProtocol&) {
  const auto* rain = std::get_if<RainOptions>(&method);
  return std::holds_alternative<MsiflaOptions>(method) || (rain != nullptr && rain->reconstruction);
}

bool tells_levels_apart(const MethodOptions& method, const EvaluationProtocol&) { return uses_levels(method); }

bool has_masks(const MethodOptions& method, const EvaluationProtocol&) {
  const auto* adaptive = std::get_if<ResolutionAdaptiveOptions>(&method);
  return adaptive != nullptr && adaptive->masks != "off";
}

bool varies_in_length(const MethodOptions& method, const EvaluationProtocol&) {
  const auto* adaptive = std::get_if<ResolutionAdaptiveOptions>(&method);
  return adaptive != nullptr && adaptive->varying_length;
}

}  // namespace

constexpr Ability kLearnsWeights{"compares by learned weights",
                                 "'ftwa' with 'ftwa.weighting' and the distance 'weighted'", learns_weights};
constexpr Ability kComparesByWeights{kLearnsWeights.lacks, kLearnsWeights.rows, compares_by_weights};
constexpr Ability kRecoversImages{"recovers images", "'msifla', or 'rain' with 'rain.reconstruction'", recovers_images};
constexpr Ability kTellsLevelsApart{"tells levels of resolution apart",
                                    "'resolution_adaptive' with varying length or masks", tells_levels_apart};
constexpr Ability kHasMasks{
    "has masks", "'resolution_adaptive' with 'resolution_adaptive.masks' \"joint\" or \"progressive\"", has_masks};
constexpr Ability kVariesInLength{"varies in length", "'resolution_adaptive' with varying length", varies_in_length};

bool leaves(const Output& output, const MethodOptions& method, const EvaluationProtocol& protocol) {
  if (output.of == LeftOf::kSample && protocol.sample_rates.empty()) return false;
  if (output.of == LeftOf::kPanels && protocol.panels == 0) return false;
  return output.needs == nullptr || output.needs->of(method, protocol);
}

}  // namespace resolute::experiments
