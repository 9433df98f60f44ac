#include "workers/methods/option_checks.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/error.h"

namespace resolute::workers {

void check_choice(const char* key, const std::string& value, std::initializer_list<const char*> choices) {
  if (std::find(choices.begin(), choices.end(), value) == choices.end())
    throw core::input_error(fmt::format("{} '{}' is unknown", key, value), "",
                            fmt::format("choose '{}'", fmt::join(choices, "' or '")));
}

void check_loss_weights(std::initializer_list<double> weights) {
  for (double weight : weights)
    if (!(weight >= 0) || !std::isfinite(weight))
      throw core::input_error(fmt::format("loss weight {} is negative or not finite", weight));
}

void check_positive(const char* key, double value) {
  if (!(value > 0) || !std::isfinite(value))
    throw core::input_error(fmt::format("{} is {} (must be positive)", key, value));
}

bool descend_to_one(const std::vector<int>& rates, std::size_t least, std::size_t most) {
  return rates.size() >= std::max<std::size_t>(least, 1) && rates.size() <= most && rates.back() == 1 &&
         std::adjacent_find(rates.begin(), rates.end(), std::less_equal<>()) == rates.end();
}

}  // namespace resolute::workers
