#pragma once
//! \file
//! prefixes.csv: how far queries of several resolutions are from gallery images by the first sub-vectors that both
//! have, and how well each such prefix alone would rank (docs/formats/prefixes.md). Written by workers for methods
//! whose representations vary in length, read by everyone else.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "results/spread.h"

namespace resolute::results {

//! The file's name in an evaluation's folder, and its key in EvaluationRecord::outputs.
inline constexpr const char* kPrefixDistancesFile = "prefixes.csv";

//! Squared Euclidean distances of pairs of a query and a gallery image.
struct DistanceSpread {
  std::int64_t pairs = 0;  //!< that were measured; without one all of `squared` is 0
  Spread squared;          //!< 0 and above, finite, not divided by the dimensions
  bool operator==(const DistanceSpread&) const = default;
};

//! Queries of one rate and level by one prefix.
struct PrefixDistances {
  int rate = 1;                 //!< at which the queries were made low-resolution, at least 1
  int level = 1;                //!< of resolution that they were taken for, from 1, the lowest
  int prefix = 1;               //!< sub-vectors compared here: 1 to level
  std::int64_t dimensions = 1;  //!< how many leading dimensions these are; grows with the prefix
  std::int64_t queries = 0;     //!< of this rate and level with a true match: what rank1 and map are means over
  DistanceSpread match;         //!< pairs of one identity, the gallery images that are left out for the query aside
  DistanceSpread other;         //!< pairs of two
  double rank1 = 0;  //!< if all of them were compared by this prefix alone with all gallery images at once: a fraction
  double map = 0;    //!< the same comparison
  bool operator==(const PrefixDistances&) const = default;
};

//! The file's text: a header line, then a line a rate, level and prefix in the order given, each ended by a line feed;
//! numbers in the shortest decimals that read back to the same double. \pre ascending by (rate, level, prefix)
std::string prefix_distances_text(const std::vector<PrefixDistances>& lines);

//! Strict: only a text that prefix_distances_text() writes is read. \throws core::RuntimeError (kInput) opening with
//! `where` and the line, for anything else, values out of range, percentiles that fall, lines out of order, or a group
//! of queries that lacks a prefix
std::vector<PrefixDistances> parse_prefix_distances(std::string_view text, const std::string& where);

}  // namespace resolute::results
