#include "experiments/specification/metrics.h"

#include "core/error.h"
#include "experiments/specification/validation.h"

namespace resolute::experiments {
namespace {

std::string asked_rates(const EvaluationProtocol& protocol) {
  return fmt::format("'evaluate.sample_rates' is [{}]", fmt::join(protocol.sample_rates, ", "));
}

}  // namespace

std::optional<Unmeasured> lacks_probe(const EvaluationProtocol& protocol, int) {
  if (protocol.resolution_probe) return std::nullopt;
  return Unmeasured{"'evaluate.resolution_probe' is false", "set evaluate.resolution_probe = true"};
}

std::optional<Unmeasured> lacks_rates(const EvaluationProtocol& protocol, int) {
  if (protocol.sample_rates.size() >= 2) return std::nullopt;
  return Unmeasured{asked_rates(protocol) + ", too few to rank", "set evaluate.sample_rates = [1, 2, 3, 4]"};
}

std::optional<Unmeasured> lacks_rate(const EvaluationProtocol& protocol, int rate) {
  const std::vector<int>& rates = protocol.sample_rates;
  if (std::find(rates.begin(), rates.end(), rate) != rates.end()) return std::nullopt;
  return Unmeasured{fmt::format("{}, without {}", asked_rates(protocol), rate),
                    fmt::format("add {} to evaluate.sample_rates", rate)};
}

std::string Metric::heading_at(int rate) const { return fmt::format(fmt::runtime(heading), rate); }

std::optional<MetricName> find_metric(const std::string& name) {
  for (const Metric& metric : kMetrics) {
    if (!metric.has_rate() && name == metric.name) return MetricName{&metric};
    for (int rate = 2; metric.has_rate() && name.starts_with(metric.name) && rate <= kLargestRate; ++rate)
      if (name == metric.name + std::to_string(rate)) return MetricName{&metric, rate};
  }
  return std::nullopt;
}

MetricName metric_named(const std::string& name) {
  const auto found = find_metric(name);
  RESOLUTE_EXPECT(found, "'" + name + "' is a metric");
  return *found;
}

const std::vector<std::string>& metric_names() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> names;
    for (const Metric& metric : kMetrics) {
      if (metric.heading == nullptr) continue;
      if (!metric.has_rate()) names.push_back(metric.name);
      for (int rate = 2; metric.has_rate() && rate <= 4; ++rate) names.push_back(metric.name + std::to_string(rate));
    }
    return names;
  }();
  return all;
}

bool is_metric(const std::string& name) {
  const auto found = find_metric(name);
  return found && (*found)->heading != nullptr;
}

bool has_metric(const MethodOptions& method, const EvaluationProtocol& protocol, const std::string& metric) {
  return has(metric_named(metric)->needs, method, protocol);
}

bool has(const Ability* needs, const MethodOptions& method, const EvaluationProtocol& protocol) {
  return needs == nullptr || needs->of(methods::tells(method), distance_asked(protocol, method));
}

bool asks_as_training_does(const EvaluationSpecification& evaluation, const MethodOptions& method) {
  EvaluationProtocol training_protocol;
  if (evaluation.split.lr_side == settings::LrSide::kQuery)
    training_protocol.name = settings::ProtocolName::kWholeGallery;
  EvaluationProtocol asked = evaluation.protocol;
  const std::string distance = distance_asked(asked, method);
  if (!distance.empty() && distance == distance_asked(training_protocol, method))
    asked.distance = training_protocol.distance;
  // Other outputs of an evaluation, and its device, change no score.
  asked.draws = training_protocol.draws;
  asked.panels = training_protocol.panels;
  asked.sample_rates = training_protocol.sample_rates;
  asked.sample_identities = training_protocol.sample_identities;
  asked.resolution_probe = training_protocol.resolution_probe;
  asked.device = training_protocol.device;
  return asked == training_protocol;
}

std::vector<std::string> methods_able(const Ability& ability) {
  std::vector<std::string> names;
  for (const MethodOptions& method : methods::all_methods())
    if (has(&ability, method, {})) names.push_back(method_name(method));
  return names;
}

bool leaves(const Output& output, const MethodOptions& method, const EvaluationProtocol& protocol) {
  if (output.of == LeftOf::kSample && protocol.sample_rates.empty()) return false;
  if (output.of == LeftOf::kPanels && protocol.panels == 0) return false;
  return has(output.needs, method, protocol);
}

}  // namespace resolute::experiments
