#pragma once
//! \file
//! Checks of a recipe as a whole, and against the pack that it trains from.

#include <algorithm>
#include <string>
#include <vector>

#include "settings/member_checks.h"
#include "settings/pack.h"
#include "settings/training.h"

namespace resolute::settings {

//! \param written a rate, or several \throws MemberError for one that the pack lacks
void check_in_pack(const std::string& key, const auto& written, const PackSettings& pack) {
  for (const int rate : std::vector<int>{written})  // rate 1 is the image itself
    if (rate != 1 && std::ranges::find(pack.rates, rate) == pack.rates.end())
      throw MemberError(key, written, fmt::format("data set '{}' has rates {}", pack.name, text_of(pack.rates)),
                        fmt::format("add {} to its key 'rates' or set '{}'", rate, key));
}

//! \throws MemberError for the first member out of range, alone or against the others
void check(const Recipe& recipe, const PackSettings& pack);

}  // namespace resolute::settings
