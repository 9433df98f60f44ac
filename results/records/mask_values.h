#pragma once
//! \file
//! masks.csv: how a method with masks for levels of resolution scales the channels of its network at each level
//! (docs/inside/formats/masks.md). Written by workers, read by everyone else.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "results/records/csv.h"
#include "results/scores/spread.h"

namespace resolute::results {

//! One level's values of the mask behind one block.
struct MaskSpread {
  std::string block;  //!< as the network's parameters are named: letters, digits, '.' and '_'; not empty
  int level = 1;      //!< from 1, the lowest, to that of the highest resolution
  std::int64_t channels = 1;
  Spread values;          //!< over channels, 0 to 1
  double difference = 0;  //!< mean over channels of the absolute difference to the highest level's value; 0 there
};

template <class Csv>
void columns(Csv& csv, MaskSpread& row) {
  csv.text("block", row.block);
  if (row.block.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._") != row.block.npos)
    csv.refuse("the name of the block is not valid", "letters, digits, '.' and '_'");
  csv.number("level", row.level, 1);
  csv.number("channels", row.channels, 1);
  csv.spread("", row.values, 1);
  csv.number("difference", row.difference, 0, 1);
  csv.unique("the block stands twice", row.block, row.level);
}

//! Rows of a block stand together, their levels ascending from 1 to that of the first block.
void check_order(const CsvReader& csv, std::span<const MaskSpread> before, const MaskSpread* next);

//! The mask behind one block: levels ascending, each with one value (0 to 1) a channel.
struct BlockMask {
  std::string block;
  std::vector<std::span<const float>> levels;
};

//! The lines of the file. \pre every level of a block has as many channels, at least one
std::vector<MaskSpread> mask_spreads(std::span<const BlockMask> masks);

//! An evaluation's metrics: "mask_spread", the mean over all channels of all blocks of the standard deviation (over all
//! levels, divided by their number) of a channel's value; none without a mask (docs/inside/formats/result.md).
std::map<std::string, double> mask_metrics(std::span<const BlockMask> masks);

}  // namespace resolute::results
