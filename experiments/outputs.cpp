#include "experiments/outputs.h"

#include <algorithm>

#include "experiments/distance.h"

namespace resolute::experiments {
namespace {

using methods::Tells;

bool is_weighted(const methods::Distance& distance) { return distance.weighted; }

}  // namespace

constexpr Ability kLearnsWeights{"compares by learned weights",
                                 "'ftwa' with 'ftwa.weighting' and the distance 'weighted'",
                                 [](const Tells& tells, const std::string&) {
                                   return std::any_of(tells.distances.begin(), tells.distances.end(), is_weighted);
                                 }};
constexpr Ability kComparesByWeights{
    kLearnsWeights.lacks, kLearnsWeights.rows, [](const Tells& tells, const std::string& distance) {
      return std::any_of(tells.distances.begin(), tells.distances.end(),
                         [&](const methods::Distance& one) { return one.weighted && one.name == distance; });
    }};
constexpr Ability kRecoversImages{"recovers images", "'msifla', or 'rain' with 'rain.reconstruction'",
                                  [](const Tells& tells, const std::string&) { return !tells.recovered.empty(); }};
constexpr Ability kTellsLevelsApart{"tells levels of resolution apart",
                                    "'resolution_adaptive' with varying length or masks",
                                    [](const Tells& tells, const std::string&) { return !tells.level_rates.empty(); }};
constexpr Ability kHasMasks{"has masks",
                            "'resolution_adaptive' with 'resolution_adaptive.masks' \"joint\" or \"progressive\"",
                            [](const Tells& tells, const std::string&) { return tells.masks; }};
constexpr Ability kVariesInLength{"varies in length", "'resolution_adaptive' with 'resolution_adaptive.varying_length'",
                                  [](const Tells& tells, const std::string&) { return !tells.prefixes.empty(); }};

bool has(const Ability* needs, const MethodOptions& method, const EvaluationProtocol& protocol) {
  return needs == nullptr || needs->of(methods::tells(method), distance_asked(protocol, method));
}

bool leaves(const Output& output, const MethodOptions& method, const EvaluationProtocol& protocol) {
  if (output.of == LeftOf::kSample && protocol.sample_rates.empty()) return false;
  if (output.of == LeftOf::kPanels && protocol.panels == 0) return false;
  return has(output.needs, method, protocol);
}

}  // namespace resolute::experiments
