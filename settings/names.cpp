#include "settings/names.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <span>

#include "core/files/json.h"

namespace resolute::settings {

int edit_distance(std::string_view a, std::string_view b, int limit) {
  const auto difference = static_cast<std::ptrdiff_t>(a.size()) - static_cast<std::ptrdiff_t>(b.size());
  if (std::abs(difference) > limit) return limit + 1;
  std::vector<int> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const int replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return std::min(row[b.size()], limit + 1);
}

namespace {

constexpr int kFarthest = 2;

std::string_view whole(std::string_view key) { return key; }
std::string_view section_of(std::string_view key) { return key.substr(0, key.find('.')); }
std::string_view last_part(std::string_view key) { return key.substr(key.rfind('.') + 1); }

//! "did you mean 'X'" for the first of those that `part` leaves nearest to the word, within `limit` edits; or "". A
//! short word within two edits of everything is no hint.
std::string hint(std::string_view word, const std::vector<std::string>& candidates, int limit,
                 std::string_view (*part)(std::string_view)) {
  std::string_view found;
  for (const std::string& candidate : candidates) {
    const std::string_view compared = part(candidate);
    const int distance = edit_distance(word, compared, limit);
    if (distance > limit || distance >= static_cast<int>(compared.size())) continue;
    limit = distance - 1;
    found = candidate;
  }
  return found.empty() ? std::string() : fmt::format("did you mean '{}'", found);
}

}  // namespace

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  std::string near = hint(word, candidates, kFarthest, whole);
  return near.empty() ? hint(word, candidates, 0, last_part) : near;
}

std::string nearest_or_all(std::string_view word, const std::vector<std::string>& candidates) {
  std::string near = did_you_mean(word, candidates);
  if (!near.empty() || candidates.empty()) return near;
  return fmt::format("known {} {}", candidates.size() == 1 ? "is" : "are", fmt::join(candidates, ", "));
}

std::string nearest_key(std::string_view key, const std::vector<std::string>& known) {
  if (std::string near = did_you_mean(key, known); !near.empty()) return near;
  for (const std::string& one : known)
    if (key.starts_with(one + ".")) return fmt::format("did you mean '{}'", one);
  if (std::string near = hint(last_part(key), known, 0, last_part); !near.empty()) return near;
  std::vector<std::string> beside;
  std::set<std::string> sections;
  for (const std::string& one : known) {
    if (section_of(one) == section_of(key) && one.size() > section_of(key).size()) beside.push_back(one);
    sections.emplace(section_of(one));
  }
  if (!beside.empty()) return nearest_or_all(key, beside);
  if (std::string near = hint(last_part(key), known, kFarthest, last_part); !near.empty()) return near;
  return nearest_or_all(section_of(key), {sections.begin(), sections.end()});
}

std::string first_names(const std::vector<std::string>& names, std::size_t most) {
  std::string text = fmt::format("{}", fmt::join(std::span(names).first(std::min(names.size(), most)), ", "));
  return names.size() > most ? fmt::format("{} and {} more", text, names.size() - most) : text;
}

std::string quoted_text(std::string_view text) {
  const std::string json = core::Json(text).dump(-1, ' ', true, core::Json::error_handler_t::replace);
  return fmt::format("'{}'", json.substr(1, json.size() - 2));
}

bool is_among(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

bool is_plain_name(std::string_view text) {
  auto allowed = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !text.empty() && text.size() <= 64 && text.front() != '-' && std::ranges::all_of(text, allowed);
}

}  // namespace resolute::settings
