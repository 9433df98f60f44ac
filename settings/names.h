#pragma once
//! \file
//! Suggestions for misspelt words.

#include <string>
#include <string_view>
#include <vector>

namespace resolute::settings {

//! Levenshtein distance in bytes, or `limit` + 1 where it is larger.
int edit_distance(std::string_view a, std::string_view b, int limit);

//! "did you mean 'X'" for the nearest candidate within two edits or, failing that, the one whose last dotted part is
//! `word` ("steps" → "train.steps"); empty where there is none. The first of equally near candidates is taken.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace resolute::settings
