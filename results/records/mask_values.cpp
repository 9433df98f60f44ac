#include "results/records/mask_values.h"

#include <algorithm>
#include <cmath>

namespace resolute::results {
namespace {

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

void check_order(const CsvReader& csv, std::span<const MaskSpread> before, const MaskSpread* next) {
  if (next != nullptr && next->level > 1) {
    if (before.empty() || next->block != before.back().block || next->level != before.back().level + 1)
      csv.refuse(fmt::format("level is {}", next->level), "levels of a block ascend from 1");
    if (next->channels != before.back().channels)
      csv.refuse(fmt::format("channels is {}", next->channels), "levels of a block have as many");
  } else if (!before.empty()) {
    const MaskSpread& last = before.back();
    const auto levels =
        std::ranges::find_if(before, [&](const auto& row) { return row.block != before[0].block; }) - before.begin();
    if (last.level != levels)
      csv.refuse(fmt::format("the last level of a block is {}", last.level),
                 fmt::format("that of the first one is {}", levels));
    if (last.difference != 0)
      csv.refuse(fmt::format("the difference of a block's last level is {}", last.difference),
                 "it is to that level itself");
  }
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
