#include "results/prefix_distances.h"

#include <limits>
#include <map>
#include <utility>

#include "core/error.h"
#include "results/csv_reader.h"

namespace resolute::results {
namespace {

constexpr std::string_view kPrefixDistancesHeader =
    "rate,level,prefix,dimensions,queries,match_pairs,match_p5,match_p25,match_p50,match_p75,match_p95,match_mean,"
    "other_pairs,other_p5,other_p25,other_p50,other_p75,other_p95,other_mean,rank1,map\n";

std::string fields_of(const DistanceSpread& spread) {
  return fmt::format("{},{}", spread.pairs, spread_fields(spread.squared));
}

std::string line_of(const PrefixDistances& line) {
  return fmt::format("{},{},{},{},{},{},{},{},{}\n", line.rate, line.level, line.prefix, line.dimensions, line.queries,
                     fields_of(line.match), fields_of(line.other), line.rank1, line.map);
}

DistanceSpread read_distances(CsvReader& reader, const std::string& name) {
  constexpr double kMost = std::numeric_limits<double>::max();
  DistanceSpread spread;
  spread.pairs = reader.number<std::int64_t>(name + "_pairs", 0, std::numeric_limits<std::int64_t>::max());
  spread.squared = read_spread(reader, name + "_", kMost);
  if (spread.pairs == 0 && spread.squared != Spread{})
    reader.refuse(fmt::format("{}_pairs is 0", name), "without a pair every figure is 0");
  return spread;
}

PrefixDistances read_prefix_distances(CsvReader& reader) {
  constexpr int kLargest = std::numeric_limits<int>::max();
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  PrefixDistances line;
  line.rate = reader.number<int>("rate", 1, kLargest);
  line.level = reader.number<int>("level", 1, kLargest);
  line.prefix = reader.number<int>("prefix", 1, kLargest);
  line.dimensions = reader.number<std::int64_t>("dimensions", 1, kMost);
  line.queries = reader.number<std::int64_t>("queries", 0, kMost);
  line.match = read_distances(reader, "match");
  line.other = read_distances(reader, "other");
  line.rank1 = reader.number<double>("rank1", 0, 1);
  line.map = reader.number<double>("map", 0, 1);
  if (line.queries == 0 && (line.rank1 != 0 || line.map != 0))
    reader.refuse("queries is 0", "without one rank1 and map are 0");
  reader.expect_written(line_of(line));
  return line;
}

// What a line must have to stand behind another: the next prefix of the same queries, or the first of later ones.
void expect_order(const CsvReader& reader, const PrefixDistances& line, const PrefixDistances* before) {
  if (before != nullptr && before->prefix < before->level) {
    if (line.rate != before->rate || line.level != before->level || line.prefix != before->prefix + 1)
      reader.refuse(fmt::format("prefix {} of rate {} at level {} does not follow", before->prefix + 1, before->rate,
                                before->level),
                    "queries of a level have every prefix up to it");
    if (line.dimensions <= before->dimensions)
      reader.refuse(fmt::format("dimensions is {}", line.dimensions), "a longer prefix has more");
    if (line.queries != before->queries)
      reader.refuse(fmt::format("queries is {}", line.queries), "prefixes of the same queries have as many");
    return;
  }
  if (line.prefix != 1) reader.refuse(fmt::format("prefix is {}", line.prefix), "1 comes first");
  if (before != nullptr && std::pair(line.rate, line.level) <= std::pair(before->rate, before->level))
    reader.refuse("the line is out of order", "rates ascend, and levels within them");
}

}  // namespace

std::string prefix_distances_text(const std::vector<PrefixDistances>& lines) {
  std::string text(kPrefixDistancesHeader);
  for (const PrefixDistances& line : lines) text += line_of(line);
  return text;
}

std::vector<PrefixDistances> parse_prefix_distances(std::string_view text, const std::string& where) {
  CsvReader reader(text, where, kPrefixDistancesHeader);
  std::vector<PrefixDistances> lines;
  std::map<int, std::int64_t> dimensions;
  for (; !reader.done(); reader.next_record()) {
    const PrefixDistances line = read_prefix_distances(reader);
    expect_order(reader, line, lines.empty() ? nullptr : &lines.back());
    const std::int64_t known = dimensions.emplace(line.prefix, line.dimensions).first->second;
    if (line.dimensions != known)
      reader.refuse(fmt::format("dimensions is {}", line.dimensions),
                    fmt::format("prefix {} has {} above", line.prefix, known));
    lines.push_back(line);
  }
  if (!lines.empty() && lines.back().prefix < lines.back().level)
    reader.refuse(fmt::format("prefix {} is missing", lines.back().prefix + 1),
                  "queries of a level have every prefix up to it");
  return lines;
}

}  // namespace resolute::results
