#include "results/records/prefix_distances.h"

#include <algorithm>
#include <utility>

namespace resolute::results {
namespace {

// The row before has the same queries.
void check_next_prefix(const CsvReader& csv, const PrefixDistances& last, const PrefixDistances* next) {
  constexpr const char* kWhy = "queries of a level have every prefix up to it";
  if (next == nullptr) csv.refuse(fmt::format("prefix {} is missing", last.prefix + 1), kWhy);
  if (next->rate != last.rate || next->level != last.level || next->prefix != last.prefix + 1)
    csv.refuse(fmt::format("prefix {} of rate {} at level {} does not follow", last.prefix + 1, last.rate, last.level),
               kWhy);
  if (next->dimensions <= last.dimensions)
    csv.refuse(fmt::format("dimensions is {}", next->dimensions), "a longer prefix has more");
  if (next->queries != last.queries)
    csv.refuse(fmt::format("queries is {}", next->queries), "prefixes of the same queries have as many");
}

}  // namespace

void check_order(const CsvReader& csv, std::span<const PrefixDistances> before, const PrefixDistances* next) {
  if (!before.empty() && before.back().prefix < before.back().level)
    check_next_prefix(csv, before.back(), next);
  else if (next != nullptr && next->prefix != 1)
    csv.refuse(fmt::format("prefix is {}", next->prefix), "1 comes first");
  else if (next != nullptr && !before.empty() &&
           std::pair(next->rate, next->level) <= std::pair(before.back().rate, before.back().level))
    csv.refuse("the line is out of order", "rates ascend, and levels within them");
  if (next == nullptr) return;
  const auto known = std::ranges::find_if(before, [&](const auto& row) { return row.prefix == next->prefix; });
  if (known != before.end() && known->dimensions != next->dimensions)
    csv.refuse(fmt::format("dimensions is {}", next->dimensions),
               fmt::format("prefix {} has {} above", known->prefix, known->dimensions));
}

}  // namespace resolute::results
