#pragma once
//! \file
//! Names, and suggestions for misspelt words.

#include <string>
#include <string_view>
#include <vector>

namespace resolute::settings {

//! Levenshtein distance in bytes, or `limit` + 1 where it is larger.
int edit_distance(std::string_view a, std::string_view b, int limit);

//! "did you mean 'X'" for the nearest candidate within two edits or, failing that, the one whose last dotted part is
//! `word` ("steps" → "train.steps"); empty where there is none. The first of equally near candidates is taken.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

//! did_you_mean() or, failing that, "known are X, Y"; empty without candidates.
std::string nearest_or_all(std::string_view word, const std::vector<std::string>& candidates);

//! For a dotted key: did_you_mean() or, failing that, the key that it takes for a table, that of another table with its
//! last part, the keys of its table, a key with nearly its last part, or all tables.
std::string nearest_key(std::string_view key, const std::vector<std::string>& known);

//! "a, b and 3 more": no more of them than `most`.
std::string first_names(const std::vector<std::string>& names, std::size_t most);

//! The text in single quotes, on one line whatever it holds: escaped as JSON escapes.
std::string quoted_text(std::string_view text);

bool is_among(const std::vector<std::string>& names, std::string_view name);

//! True for 1 to 64 of [a-z0-9-], not starting with a dash: names of suites and data sets, safe as folder names.
bool is_plain_name(std::string_view text);

}  // namespace resolute::settings
