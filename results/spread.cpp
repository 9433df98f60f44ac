#include "results/spread.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"

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

std::string spread_fields(const Spread& spread) {
  std::string fields;
  for (double value : spread.percentiles) fields += fmt::format("{},", value);
  return fields + fmt::format("{}", spread.mean);
}

Spread read_spread(CsvReader& reader, const std::string& name, double most) {
  Spread spread;
  for (std::size_t i = 0; i < kSpreadPercentiles.size(); ++i) {
    spread.percentiles[i] = reader.number<double>(fmt::format("{}p{}", name, kSpreadPercentiles[i]), 0, most);
    if (i > 0 && spread.percentiles[i] < spread.percentiles[i - 1])
      reader.refuse(fmt::format("{}p{} is {}", name, kSpreadPercentiles[i], spread.percentiles[i]),
                    "percentiles do not fall");
  }
  spread.mean = reader.number<double>(name + "mean", 0, most);
  return spread;
}

}  // namespace resolute::results
