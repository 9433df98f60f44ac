#pragma once
//! \file
//! One file of features or distances, read and ranked, for `resolute rank`; docs/inside/formats/features.md has its
//! layout.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "results/scores/galleries.h"
#include "results/scores/re_ranking.h"
#include "settings/evaluation.h"

namespace resolute::cli {

struct RankRequest {
  results::RankingOptions ranking;
  std::optional<results::ReRanking> re_ranking;
  bool cosine = false;  //!< each feature over its length, rounded to float32; what has length 0 is refused
  //! The galleries: name, draws and shots count.
  settings::EvaluationProtocol protocol{.name = settings::ProtocolName::kWholeGallery};
  std::uint64_t seed = 0;  //!< of the draws
  bool draws() const { return protocol.name != settings::ProtocolName::kWholeGallery; }
};

struct RankedFile {
  std::string path;
  std::vector<std::int64_t> identities, cameras;  //!< of the queries; cameras empty where the file has none
  bool left_out_by_camera = false;                //!< gallery images of a query's own identity and camera were
  results::GalleryScores scores;
  std::string no_score{};  //!< why no query counts: then `scores` are means over nothing; empty where one does
};

//! \param first whose queries these have to be, one by one; nullptr: any
//! \throws RuntimeError (kInput), naming the file, for one that is not as the page says, has no query, or has no
//! features of whole length where the request takes them
RankedFile rank_file(const std::string& path, const RankRequest& request, const RankedFile* first);

}  // namespace resolute::cli
