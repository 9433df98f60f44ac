#pragma once
//! \file
//! queries.csv: what an evaluation measured of each query (docs/inside/formats/queries.md), from which differences
//! between methods get their intervals (comparison.h). Written by workers, read by everyone else.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "core/error.h"
#include "results/records/csv.h"
#include "results/scores/galleries.h"

namespace resolute::results {

//! One query. Fractions, 0 to 1; all 0 without a match.
struct QueryScore {
  std::string path;                              //!< of the image, as its pack names it; any bytes but NUL, not empty
  std::int64_t identity = 0;                     //!< -1 or more
  std::int64_t camera = 0;                       //!< -1 or more
  int rate = 1;                                  //!< at which it was made low-resolution, at least 1
  bool has_match = false;                        //!< a true match is in the gallery; the others count in no mean
  std::array<double, kQueryRanks.size()> cmc{};  //!< share of the gallery draws with its match within kQueryRanks
  double average_precision = 0;                  //!< over all gallery images at once, no draws
};

//! Path and rate are unique, shares do not fall.
template <class Csv>
void columns(Csv& csv, QueryScore& row) {
  csv.text("path", row.path);
  csv.number("identity", row.identity, -1);
  csv.number("camera", row.camera, -1);
  csv.number("rate", row.rate, 1);
  csv.either("has_match", row.has_match, "1", "0");
  for (std::size_t k = 0; k < row.cmc.size(); ++k) {
    csv.number(fmt::format("rank{}", kQueryRanks[k]), row.cmc[k], 0, 1);
    if (k > 0 && row.cmc[k] < row.cmc[k - 1])
      csv.refuse(fmt::format("rank{} is below rank{}", kQueryRanks[k], kQueryRanks[k - 1]));
  }
  csv.number("average_precision", row.average_precision, 0, 1);
  if (!row.has_match && (row.cmc.back() > 0 || row.average_precision > 0))
    csv.refuse("a query without a match has a score");
  csv.unique("the path stands twice at this rate", row.path, row.rate);
}

//! A query's share of one of tables' metrics per query. \param metric "rank1" … "rank20" or "mAP"
inline double score_of(const QueryScore& query, const std::string& metric) {
  for (std::size_t k = 0; k < kQueryRanks.size(); ++k)
    if (metric == fmt::format("rank{}", kQueryRanks[k])) return query.cmc[k];
  RESOLUTE_EXPECT(metric == "mAP", "a query has no '" + metric + "'");
  return query.average_precision;
}

}  // namespace resolute::results
