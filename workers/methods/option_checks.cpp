#include "workers/methods/option_checks.h"

#include <algorithm>
#include <cmath>

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

}  // namespace resolute::workers
