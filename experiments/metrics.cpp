#include "experiments/metrics.h"

#include <algorithm>
#include <array>

#include "experiments/distance.h"
#include "experiments/validation.h"

namespace resolute::experiments {
namespace {

constexpr std::array kOfQueries = {"rank1", "rank5", "rank10", "rank20", "mAP"};
constexpr std::array kCorrelations = {"weight_hr_rho", "weight_lr_rho"};
constexpr std::array kWeights = {"weight_query_hr", "weight_query_lr", "weight_gallery_hr", "weight_gallery_lr"};
constexpr const char* kShare = "hr_share";
constexpr const char* kProbe = "resolution_probe";
constexpr const char* kLevels = "level_agreement";
constexpr const char* kMasks = "mask_spread";
// In the order of RecoveryMetric; a rate follows.
constexpr std::array kRecovery = {"recovered_psnr_", "enlarged_psnr_", "psnr_gain_", "recovered_ssim_",
                                  "enlarged_ssim_"};

bool is_one_of(const std::string& metric, const auto& names) {
  return std::find(names.begin(), names.end(), metric) != names.end();
}

}  // namespace

const std::vector<std::string>& metric_names() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> names(kOfQueries.begin(), kOfQueries.end());
    names.push_back(kProbe);
    names.insert(names.end(), kCorrelations.begin(), kCorrelations.end());
    names.insert(names.end(), kWeights.begin(), kWeights.end());
    names.insert(names.end(), {kShare, kLevels, kMasks});
    for (const char* prefix : kRecovery)
      for (int rate : {2, 3, 4}) names.push_back(prefix + std::to_string(rate));
    return names;
  }();
  return all;
}

bool is_metric(const std::string& name) { return is_one_of(name, metric_names()) || recovery_metric(name); }

bool is_per_query(const std::string& metric) { return is_one_of(metric, kOfQueries); }

bool is_fraction(const std::string& metric) {
  return !is_correlation(metric) && !is_one_of(metric, kWeights) && !is_of_masks(metric) && !recovery_metric(metric);
}

bool is_of_weights(const std::string& metric) {
  return is_correlation(metric) || is_one_of(metric, kWeights) || metric == kShare;
}

bool is_of_levels(const std::string& metric) { return metric == kLevels; }

bool is_of_masks(const std::string& metric) { return metric == kMasks; }

bool is_correlation(const std::string& metric) { return is_one_of(metric, kCorrelations); }

std::optional<RecoveryMetricName> recovery_metric(const std::string& name) {
  for (std::size_t i = 0; i < kRecovery.size(); ++i)
    for (int rate = 2; name.starts_with(kRecovery[i]) && rate <= kLargestRate; ++rate)
      if (name == kRecovery[i] + std::to_string(rate)) return RecoveryMetricName{static_cast<RecoveryMetric>(i), rate};
  return std::nullopt;
}

bool has_metric(const MethodOptions& method, const EvaluationProtocol& protocol, const std::string& metric) {
  if (recovery_metric(metric)) {
    const auto* rain = std::get_if<RainOptions>(&method);
    return std::holds_alternative<MsiflaOptions>(method) || (rain != nullptr && rain->reconstruction);
  }
  if (is_of_levels(metric)) return uses_levels(method);
  if (is_of_masks(metric)) {
    const auto* adaptive = std::get_if<ResolutionAdaptiveOptions>(&method);
    return adaptive != nullptr && adaptive->masks != methods::Masks::kOff;
  }
  if (!is_of_weights(metric)) return true;
  constexpr const char* kWeighted = "weighted";
  if (!is_one_of(kWeighted, distances_of(method))) return false;
  return is_correlation(metric) || distance_asked(protocol, method) == kWeighted;
}

}  // namespace resolute::experiments
