#include "results/scores/spread.h"

#include <algorithm>
#include <numeric>

namespace resolute::results {

Spread spread_of(std::span<double> values) {
  if (values.empty()) return {};
  Spread spread;
  spread.mean = std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  auto from = values.begin();
  for (std::size_t i = 0; i < kSpreadPercentiles.size(); ++i) {
    const std::size_t hundredths = static_cast<std::size_t>(kSpreadPercentiles[i]) * (values.size() - 1);
    const auto at = values.begin() + static_cast<std::ptrdiff_t>(hundredths / 100);
    // Nothing before the last place is larger than what stands there: the rest alone is looked at.
    std::nth_element(from, at, values.end());
    from = at;
    spread.percentiles[i] = *at;
    if (hundredths % 100 == 0) continue;
    // lerp() never leaves its two ends, however it rounds: percentiles ascend.
    spread.percentiles[i] =
        std::lerp(*at, *std::min_element(at + 1, values.end()), static_cast<double>(hundredths % 100) / 100);
  }
  return spread;
}

}  // namespace resolute::results
