#include "results/mask_values.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "core/error.h"
#include "results/csv_reader.h"

namespace resolute::results {
namespace {

constexpr std::string_view kMaskValuesHeader = "block,level,channels,p5,p25,p50,p75,p95,mean,difference\n";

std::string line_of(const MaskSpread& line) {
  return fmt::format("{},{},{},{},{}\n", line.block, line.level, line.channels, spread_fields(line.values),
                     line.difference);
}

std::string read_block(CsvReader& reader) {
  const std::string_view block = reader.plain_field();
  const auto is_of_a_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
  };
  if (block.empty() || !std::all_of(block.begin(), block.end(), is_of_a_name))
    reader.refuse("the block is none", "letters, digits, '.' and '_'");
  return std::string(block);
}

MaskSpread read_mask_spread(CsvReader& reader) {
  MaskSpread line;
  line.block = read_block(reader);
  line.level = reader.number<int>("level", 1, std::numeric_limits<int>::max());
  line.channels = reader.number<std::int64_t>("channels", 1, std::numeric_limits<std::int64_t>::max());
  line.values = read_spread(reader, "", 1);
  line.difference = reader.number<double>("difference", 0, 1);
  reader.expect_written(line_of(line));
  return line;
}

// Lines of a file one after the other.
class BlockOrder {
 public:
  explicit BlockOrder(const CsvReader& reader) : reader_(reader) {}

  void add(const MaskSpread& line) {
    if (line.level == 1) {
      end_block();
      if (!seen_.insert(line.block).second) reader_.refuse("the block stands twice");
    } else if (line.block != last_.block || line.level != last_.level + 1) {
      reader_.refuse(fmt::format("level is {}", line.level), "levels of a block ascend from 1");
    } else if (line.channels != last_.channels) {
      reader_.refuse(fmt::format("channels is {}", line.channels), "levels of a block have as many");
    }
    last_ = line;
  }

  void end_block() {
    if (seen_.empty()) return;
    if (seen_.size() == 1) levels_ = last_.level;
    if (last_.level != levels_)
      reader_.refuse(fmt::format("the last level of a block is {}", last_.level),
                     fmt::format("that of the first one is {}", levels_));
    if (last_.difference != 0)
      reader_.refuse(fmt::format("the difference of a block's last level is {}", last_.difference),
                     "it is to that level itself");
  }

 private:
  const CsvReader& reader_;
  std::set<std::string> seen_;
  MaskSpread last_;
  int levels_ = 0;
};

void expect_levels(const BlockMask& mask) {
  RESOLUTE_EXPECT(!mask.levels.empty() && !mask.levels[0].empty(), "a mask has a level and a channel");
  for (const std::span<const float> level : mask.levels)
    RESOLUTE_EXPECT(level.size() == mask.levels[0].size(), "levels of a mask have as many channels");
}

double mean_difference(std::span<const float> values, std::span<const float> others) {
  double sum = 0;
  for (std::size_t c = 0; c < values.size(); ++c)
    sum += std::abs(static_cast<double>(values[c]) - static_cast<double>(others[c]));
  return sum / static_cast<double>(values.size());
}

double deviation_of_channel(const BlockMask& mask, std::size_t channel) {
  const auto levels = static_cast<double>(mask.levels.size());
  double sum = 0, squares = 0;
  for (const std::span<const float> level : mask.levels) sum += static_cast<double>(level[channel]);
  for (const std::span<const float> level : mask.levels)
    squares += std::pow(static_cast<double>(level[channel]) - sum / levels, 2);
  return std::sqrt(squares / levels);
}

}  // namespace

std::string mask_values_text(const std::vector<MaskSpread>& lines) {
  std::string text(kMaskValuesHeader);
  for (const MaskSpread& line : lines) text += line_of(line);
  return text;
}

std::vector<MaskSpread> parse_mask_values(std::string_view text, const std::string& where) {
  CsvReader reader(text, where, kMaskValuesHeader);
  BlockOrder order(reader);
  std::vector<MaskSpread> lines;
  for (; !reader.done(); reader.next_record()) {
    lines.push_back(read_mask_spread(reader));
    order.add(lines.back());
  }
  order.end_block();
  return lines;
}

std::vector<MaskSpread> mask_spreads(std::span<const BlockMask> masks) {
  std::vector<MaskSpread> lines;
  for (const BlockMask& mask : masks) {
    expect_levels(mask);
    for (std::size_t level = 0; level < mask.levels.size(); ++level) {
      const std::span<const float> values = mask.levels[level];
      std::vector<double> sorted(values.begin(), values.end());
      lines.push_back({mask.block, static_cast<int>(level) + 1, static_cast<std::int64_t>(values.size()),
                       spread_of(sorted), mean_difference(values, mask.levels.back())});
    }
  }
  return lines;
}

std::map<std::string, double> mask_metrics(std::span<const BlockMask> masks) {
  double sum = 0;
  std::size_t channels = 0;
  for (const BlockMask& mask : masks) {
    expect_levels(mask);
    for (std::size_t channel = 0; channel < mask.levels[0].size(); ++channel)
      sum += deviation_of_channel(mask, channel);
    channels += mask.levels[0].size();
  }
  if (channels == 0) return {};
  return {{"mask_spread", sum / static_cast<double>(channels)}};
}

}  // namespace resolute::results
