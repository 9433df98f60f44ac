#include <algorithm>

#include "methods/levels.h"
#include "methods/rules.h"
#include "settings/member_checks.h"
#include "settings/names.h"

namespace resolute::methods {

using settings::MemberError;
using settings::text_of;

void check_with(const VpfaOptions& o, const TrainingSettings& training) {
  const char* key = "vpfa.level_rates";
  check_last(key, o.level_rates);
  if (o.level_rates.size() < 2)
    throw MemberError(key, o.level_rates, "there is no level below the highest, so nothing would learn",
                      "name a rate above 1 before it");
  const std::vector<int>& rates = training.recipe.train_rates;
  const auto highest = static_cast<int>(o.level_rates.size());
  for (int level = 1; level <= highest; ++level) {
    const bool seen = std::ranges::any_of(rates, [&](int rate) { return level_of_rate(o.level_rates, rate) == level; });
    if (level < highest && !seen)
      throw MemberError(
          key, o.level_rates,
          fmt::format("the map of rate {} learns from copies near that rate, and 'train.train_rates' is {}",
                      o.level_rates[static_cast<std::size_t>(level) - 1], text_of(rates)),
          "give both the same rates");
    if (level == highest && seen)
      throw MemberError("train.train_rates", rates,
                        fmt::format("a copy of it counts as the highest level, which has no map ('{}' is {})", key,
                                    text_of(o.level_rates)),
                        "leave the rate nearest to 1 out");
  }
}

// No layer behind the trunk is a classifier's, and no level of the trunk learns.
void reset_unread(VpfaOptions&, settings::NetworkSettings& network, const settings::Recipe&) {
  network.neck = false;
  network.frozen_levels = 0;
}

}  // namespace resolute::methods
