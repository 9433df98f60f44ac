#include "settings/names.h"

#include <algorithm>
#include <cstdlib>

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

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr int kFarthest = 2;
  int nearest = kFarthest + 1;
  std::string_view found;
  for (const std::string& candidate : candidates) {
    // A short word within two edits of everything is no hint.
    const int distance = edit_distance(word, candidate, kFarthest);
    if (distance < nearest && distance < static_cast<int>(candidate.size())) {
      nearest = distance;
      found = candidate;
    }
  }
  if (found.empty())
    for (const std::string& candidate : candidates)
      if (candidate.size() > word.size() && candidate.ends_with(word) &&
          candidate[candidate.size() - word.size() - 1] == '.') {
        found = candidate;
        break;
      }
  return found.empty() ? std::string() : "did you mean '" + std::string(found) + "'";
}

}  // namespace resolute::settings
