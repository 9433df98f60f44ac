#pragma once
//! \file
//! One file of features or distances, read and ranked, for `resolute rank`; docs/formats/features.md has its layout.

#include <cstdint>
#include <string>
#include <vector>

#include "results/scores/ranking.h"

namespace resolute::cli {

struct RankedFile {
  std::string path;
  std::vector<std::int64_t> identities, cameras;  //!< of the queries; cameras empty where the file has none
  bool left_out_by_camera = false;                //!< gallery images of a query's own identity and camera were
  results::RankingScores scores;
};

//! \throws RuntimeError (kInput), naming the file, for one that is not as the page says
RankedFile rank_file(const std::string& path, const results::RankingOptions& ranking);

}  // namespace resolute::cli
