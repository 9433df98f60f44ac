#pragma once
//! \file
//! masks.csv: how a method with masks for levels of resolution scales the channels of its network at each level
//! (docs/formats/masks.md). Written by workers, read by everyone else.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "results/spread.h"

namespace resolute::results {

//! The file's name in an evaluation's folder, and its key in EvaluationRecord::outputs.
inline constexpr const char* kMaskValuesFile = "masks.csv";

//! One level's values of the mask behind one block.
struct MaskSpread {
  std::string block;  //!< as the network's parameters are named: letters, digits, '.' and '_'; not empty
  int level = 1;      //!< from 1, the lowest, to that of the highest resolution
  std::int64_t channels = 1;
  Spread values;          //!< over channels, 0 to 1
  double difference = 0;  //!< mean over channels of the absolute difference to the highest level's value; 0 there
  bool operator==(const MaskSpread&) const = default;
};

//! The file's text: a header line, then a line a block and level, each ended by a line feed; numbers in the shortest
//! decimals that read back to the same double. \pre blocks in the network's order, of each all levels ascending
std::string mask_values_text(const std::vector<MaskSpread>& lines);

//! Strict: only a text that mask_values_text() writes is read. \throws core::RuntimeError (kInput) opening with `where`
//! and the line, for anything else, values out of range, percentiles that fall, a block twice, or blocks with other
//! levels than the first
std::vector<MaskSpread> parse_mask_values(std::string_view text, const std::string& where);

//! The mask behind one block: levels ascending, each with one value (0 to 1) a channel.
struct BlockMask {
  std::string block;
  std::vector<std::span<const float>> levels;
};

//! The lines of the file. \pre every level of a block has as many channels, at least one
std::vector<MaskSpread> mask_spreads(std::span<const BlockMask> masks);

//! An evaluation's metrics: "mask_spread", the mean over all channels of all blocks of the standard deviation (over all
//! levels, divided by their number) of a channel's value; none without a mask (docs/formats/result.md).
std::map<std::string, double> mask_metrics(std::span<const BlockMask> masks);

}  // namespace resolute::results
