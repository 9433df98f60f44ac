#pragma once
//! \file
//! The protocols of cross-resolution re-ID: which galleries of high-resolution images the low-resolution queries are
//! asked against. Either galleries are drawn, many times, with one image of each test identity (single-shot) or some
//! (multi-shot); or there is one, of all images, as in a data set's usual test. Beside drawn galleries the same queries
//! are asked against all images at once. Exact, pessimistic on ties and free of order as ranking.h. Source:
//! reference/protocols.md (a); the two mean average precisions are kept apart since public code disagrees.

#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <variant>
#include <vector>

#include "results/kernel/gemm.h"
#include "results/kernel/matching.h"
#include "results/scores/ranking.h"

namespace resolute::results {

//! The ranks k that are told of each query.
inline constexpr std::array<int, 4> kQueryRanks = {1, 5, 10, 20};

//! One query's own numbers: fractions, 0 to 1.
struct GalleryQuery {
  bool has_match = false;                        //!< a true match is in the gallery
  std::size_t galleries = 0;                     //!< galleries (draws, or the one) that hold a true match of it
  std::array<double, kQueryRanks.size()> cmc{};  //!< share of those with its first match within rank k; 0 without one
  double average_precision = 0;                  //!< over all gallery images (ranking.h), no draws; 0 without a match
};

//! Fractions, 0 to 1. Means are over the pairs of a query and a gallery that holds a true match of it.
struct GalleryScores {
  std::vector<double> cmc;  //!< [max_rank]; all 0 if no query was ever scored
  double map_single = 0;    //!< mean of 1 / rank of the first match: the average precision where one image is right
  double map_full = 0;      //!< mean average precision over all gallery images (ranking.h), no draws
  double minp_full = 0;     //!< mean inverse negative penalty of the same (ranking.h)
  std::array<double, kQueryRanks.size()> chance_cmc{};  //!< expected cmc of a random order at each of kQueryRanks
  double chance_map_full = 0;                           //!< expected map_full of a random order
  std::size_t queries = 0;                              //!< queries with a true match in the gallery
  std::size_t queries_without_match = 0;
  std::size_t gallery_images = 0;
  std::size_t gallery_identities = 0;
  std::vector<GalleryQuery> per_query;  //!< in the order of the queries
};

//! One gallery drawn: indices into the gallery's images, each once, one or more of an identity.
using GalleryDraw = std::vector<std::size_t>;

//! All gallery images at once.
struct WholeGallery {};

using Galleries = std::variant<WholeGallery, std::span<const GalleryDraw>>;

//! \param gallery all high-resolution images of the test identities
//! \throws core::RuntimeError as rank_features(); kInput for a draw with an index out of range, an image twice or junk
GalleryScores score_galleries(const FeatureMatrix& query, const Labels& query_labels, const FeatureMatrix& gallery,
                              const Labels& gallery_labels, std::span<const std::int64_t> prefix,
                              const Galleries& galleries, const Gemm& gemm, const RankingOptions& options);

//! The same by given distances, row-major queries × gallery: for a method with its own pairwise distance.
GalleryScores score_galleries(std::span<const float> distances, const Labels& query_labels,
                              const Labels& gallery_labels, const Galleries& galleries, const RankingOptions& options);

//! Distances of queries and the images of one gallery, row-major queries × gallery.
using DistancesWithin = std::function<std::vector<double>(const FeatureMatrix& query, const FeatureMatrix& gallery)>;

//! The same where a distance depends on who else is in the gallery (re-ranking, query expansion): it is asked once for
//! each draw, with the images drawn alone, and once for all images.
GalleryScores score_galleries(const FeatureMatrix& query, const Labels& query_labels, const FeatureMatrix& gallery,
                              const Labels& gallery_labels, const Galleries& galleries,
                              const DistancesWithin& distances_within, const RankingOptions& options);

}  // namespace resolute::results
