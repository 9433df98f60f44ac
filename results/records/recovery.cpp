#include "results/records/recovery.h"

#include <fmt/format.h>

#include <string_view>

namespace resolute::results {

std::map<std::pair<int, int>, MeanRecovery> mean_recovery(const std::vector<ImageRecoveryQuality>& lines) {
  std::map<std::pair<int, int>, MeanRecovery> means;
  for (const ImageRecoveryQuality& line : lines) {
    MeanRecovery& sum = means[{line.rate, line.scale}];
    ++sum.images;
    sum.recovered_psnr += line.recovered.psnr;
    sum.recovered_ssim += line.recovered.ssim;
    sum.enlarged_psnr += line.enlarged.psnr;
    sum.enlarged_ssim += line.enlarged.ssim;
  }
  for (auto& [place, mean] : means)
    for (double* figure : {&mean.recovered_psnr, &mean.recovered_ssim, &mean.enlarged_psnr, &mean.enlarged_ssim})
      *figure /= static_cast<double>(mean.images);
  return means;
}

std::map<std::string, double> recovery_metrics(const std::vector<ImageRecoveryQuality>& lines) {
  std::map<std::string, double> metrics;
  for (const auto& [place, mean] : mean_recovery(lines)) {
    // clang 14 lets no lambda take a structured binding.
    const auto rate = place.first, scale = place.second;
    if (scale != 1 || rate == 1) continue;
    const auto set = [&](std::string_view name, double value) { metrics[fmt::format("{}_{}", name, rate)] = value; };
    set("recovered_psnr", mean.recovered_psnr);
    set("enlarged_psnr", mean.enlarged_psnr);
    set("psnr_gain", mean.psnr_gain());
    set("recovered_ssim", mean.recovered_ssim);
    set("enlarged_ssim", mean.enlarged_ssim);
  }
  return metrics;
}

}  // namespace resolute::results
