#include "experiments/metrics.h"

#include <algorithm>
#include <limits>

#include "core/error.h"
#include "experiments/validation.h"

namespace resolute::experiments {
namespace {

constexpr double kNoEnd = std::numeric_limits<double>::infinity();
constexpr const char* kWeightsLegend = "weights w and rank correlations ρ as they are";
constexpr const char* kPsnrLegend = "PSNR in dB";
constexpr Unit kFraction{100, 1, nullptr, "a fraction from 0 to 1", 0, 1};
constexpr Unit kWeight{1, 2, kWeightsLegend, nullptr, 0, 0};
constexpr Unit kCorrelation{1, 2, kWeightsLegend, "a correlation from -1 to 1", -1, 1};
constexpr Unit kSpread{1, 3, "the spread of masks as it is", nullptr, 0, 0};
constexpr Unit kPsnr{1, 2, kPsnrLegend, "a PSNR of 0 dB or more", 0, kNoEnd};
constexpr Unit kGain{1, 2, kPsnrLegend, nullptr, 0, 0};
constexpr Unit kSsim{1, 3, "SSIM as it is", "an SSIM from -1 to 1", -1, 1};

std::optional<Unmeasured> lacks_probe(const EvaluationProtocol& protocol, int) {
  if (protocol.resolution_probe) return std::nullopt;
  return Unmeasured{"'evaluate.resolution_probe' is false", "set evaluate.resolution_probe = true"};
}

std::string asked_rates(const EvaluationProtocol& protocol) {
  return fmt::format("'evaluate.sample_rates' is [{}]", fmt::join(protocol.sample_rates, ", "));
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

Metric of_queries(const char* name, const char* heading) {
  return {name, heading, &kFraction, Better::kUp, &kQueriesOutput, nullptr, nullptr};
}
Metric of_weights(const char* name, const char* heading) {
  return {name, heading, &kCorrelation, Better::kNeither, &kWeightsOutput, &kLearnsWeights, lacks_rates};
}
Metric of_pairs(const char* name, const char* heading, const Unit& unit) {
  return {name, heading, &unit, Better::kNeither, nullptr, &kComparesByWeights, nullptr};
}
Metric of_recovery(const char* name, const char* heading, const Unit& unit) {
  return {name, heading, &unit, Better::kUp, &kRecoveryOutput, &kRecoversImages, lacks_rate};
}
//! Stands in results alone.
Metric untold(const char* name, const Unit& unit) {
  return {name, nullptr, &unit, Better::kNeither, nullptr, nullptr, nullptr};
}

}  // namespace

const std::vector<Metric>& metrics() {
  static const std::vector<Metric> all{
      of_queries("rank1", "rank-1"),
      of_queries("rank5", "rank-5"),
      of_queries("rank10", "rank-10"),
      of_queries("rank20", "rank-20"),
      of_queries("mAP", "mAP"),
      {"resolution_probe", "resolution probe", &kFraction, Better::kDown, nullptr, nullptr, lacks_probe},
      of_weights("weight_hr_rho", "ρ(w_HR, rate)"),
      of_weights("weight_lr_rho", "ρ(w_LR, rate)"),
      of_pairs("weight_query_hr", "w_HR of queries", kWeight),
      of_pairs("weight_query_lr", "w_LR of queries", kWeight),
      of_pairs("weight_gallery_hr", "w_HR of gallery", kWeight),
      of_pairs("weight_gallery_lr", "w_LR of gallery", kWeight),
      of_pairs("hr_share", "HR share", kFraction),
      {"level_agreement", "level agreement", &kFraction, Better::kUp, nullptr, &kTellsLevelsApart, nullptr},
      {"mask_spread", "mask spread", &kSpread, Better::kNeither, &kMasksOutput, &kHasMasks, nullptr},
      of_recovery("recovered_psnr_", "PSNR recovered, r = {} (dB)", kPsnr),
      of_recovery("enlarged_psnr_", "PSNR enlarged, r = {} (dB)", kPsnr),
      of_recovery("psnr_gain_", "PSNR gain, r = {} (dB)", kGain),
      of_recovery("recovered_ssim_", "SSIM recovered, r = {}", kSsim),
      of_recovery("enlarged_ssim_", "SSIM enlarged, r = {}", kSsim),
      untold("map_single", kFraction),
      untold("map_full", kFraction),
      untold("chance_rank1", kFraction),
      untold("chance_mAP", kFraction),
      untold("weight_hr_rho_low", kCorrelation),
      untold("weight_hr_rho_high", kCorrelation),
      untold("weight_lr_rho_low", kCorrelation),
      untold("weight_lr_rho_high", kCorrelation)};
  return all;
}

std::string Metric::heading_at(int rate) const { return fmt::format(fmt::runtime(heading), rate); }

std::optional<MetricName> find_metric(const std::string& name) {
  for (const Metric& metric : metrics()) {
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
    for (const Metric& metric : metrics()) {
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

}  // namespace resolute::experiments
