#pragma once
//! \file
//! prefixes.csv: how far queries of several resolutions are from gallery images by the first sub-vectors that both
//! have, and how well each such prefix alone would rank (docs/inside/formats/prefixes.md). Written by workers for
//! methods whose representations vary in length, read by everyone else.

#include <cstdint>
#include <limits>
#include <span>

#include "results/records/csv.h"
#include "results/scores/spread.h"

namespace resolute::results {

//! Squared Euclidean distances of pairs of a query and a gallery image.
struct DistanceSpread {
  std::int64_t pairs = 0;  //!< that were measured; without one all of `squared` is 0
  Spread squared;          //!< 0 and above, finite, not divided by the dimensions
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
};

template <class Csv>
void columns(Csv& csv, PrefixDistances& row) {
  csv.number("rate", row.rate, 1);
  csv.number("level", row.level, 1);
  csv.number("prefix", row.prefix, 1);
  csv.number("dimensions", row.dimensions, 1);
  csv.number("queries", row.queries, 0);
  for (const auto& [name, spread] : {std::pair{"match", &row.match}, {"other", &row.other}}) {
    csv.number(fmt::format("{}_pairs", name), spread->pairs, 0);
    csv.spread(fmt::format("{}_", name), spread->squared, std::numeric_limits<double>::max());
    if (spread->pairs == 0 && spread->squared != Spread{})
      csv.refuse(fmt::format("{}_pairs is 0", name), "without a pair every figure is 0");
  }
  csv.number("rank1", row.rank1, 0, 1);
  csv.number("map", row.map, 0, 1);
  if (row.queries == 0 && (row.rank1 != 0 || row.map != 0))
    csv.refuse("queries is 0", "without one rank1 and map are 0");
}

//! Rows ascend by rate, level and prefix; queries of a rate and level have every prefix up to the level.
void check_order(const CsvReader& csv, std::span<const PrefixDistances> before, const PrefixDistances* next);

}  // namespace resolute::results
