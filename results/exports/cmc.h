#pragma once
//! \file
//! CMC curves of an evaluation, of all its queries and of those at each rate.

#include <cstdint>
#include <optional>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"
#include "results/records/query_scores.h"
#include "results/records/record.h"

namespace resolute::results {

//! A point of a curve.
struct CmcPoint {
  int rate = 0;      //!< at which its queries were made low-resolution; 0: all queries
  int rank = 1;      //!< of kQueryRanks
  double share = 0;  //!< of the queries with a match whose first right image is among the first `rank`, 0 to 1
  std::optional<std::int64_t> queries{};  //!< with a match, that it is a mean over; nothing where that is not known
};

//! By rate, then by rank: the curve of all queries is that of the record, those by rate are means over `queries`, in
//! their order. Rates at which no query has a match have none. \param queries empty where the evaluation left none
std::vector<CmcPoint> cmc_curves(const EvaluationRecord& record, const std::vector<QueryScore>& queries);

//! The same with the queries.csv of a store, if the record names one. \throws core::RuntimeError as read_csv()
std::vector<CmcPoint> cmc_curves(const EvaluationRecord& record, core::FileSystem& files,
                                 const experiments::StoreLayout& store);

}  // namespace resolute::results
