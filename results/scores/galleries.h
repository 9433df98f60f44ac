#pragma once
//! \file
//! The protocols of cross-resolution re-ID: against which galleries of high-resolution images the low-resolution
//! queries are ranked. Galleries are drawn many times, with one image of each test identity (single-shot) or several
//! (multi-shot); or there is one gallery of all images, as in a data set's usual test. With drawn galleries the same
//! queries are also ranked against all images at once. Exact, pessimistic on ties, and independent of order, as
//! ranking.h. The two mean average precisions are kept apart because public code disagrees about them.

#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <variant>
#include <vector>

#include "results/kernel/gemm.h"
#include "results/kernel/matching.h"
#include "results/kernel/positions.h"
#include "results/scores/ranking.h"

namespace resolute::results {

//! The ranks k for which each query has a number.
inline constexpr std::array<int, 4> kQueryRanks = {1, 5, 10, 20};

//! One query's own numbers: fractions, 0 to 1.
struct GalleryQuery {
  RankedQuery full;           //!< among all gallery images (ranking.h), no draws
  std::size_t galleries = 0;  //!< galleries (draws, or the whole gallery) with a true match of the query
  //! Share of these galleries in which the first match is within rank k; 0 without such galleries
  std::array<double, kQueryRanks.size()> cmc{};
};

//! Fractions, 0 to 1. Means are over pairs of a query and a gallery with a true match of the query.
struct GalleryScores {
  std::vector<double> cmc;  //!< [max_rank]; all 0 if no query was ever scored
  //! Mean of 1 / rank of the first match, which is the average precision where one image is right
  double map_single = 0;
  double map_full = 0;   //!< mean average precision over all gallery images (ranking.h), no draws
  double minp_full = 0;  //!< mean inverse negative penalty over all gallery images (ranking.h)
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
GalleryScores score_galleries(const FeatureMatrix& query, const Labels& query_labels, const GallerySource& gallery,
                              const Labels& gallery_labels, std::span<const std::int64_t> prefix,
                              const Galleries& galleries, const Gemm& gemm, const RankingOptions& options);

//! The same by given distances, row-major queries × gallery, for a method with a distance of its own.
GalleryScores score_galleries(std::span<const float> distances, const Labels& query_labels,
                              const Labels& gallery_labels, const Galleries& galleries, const RankingOptions& options);
GalleryScores score_galleries(std::span<const double> distances, const Labels& query_labels,
                              const Labels& gallery_labels, const Galleries& galleries, const RankingOptions& options);

//! Distances of queries and the images of one gallery, some rows at a time. Neither is used after the rows are gone.
using DistancesWithin = std::function<kernel::DistanceRows(const FeatureMatrix& query, const FeatureMatrix& gallery)>;

//! The same for a distance that depends on the other gallery images (re-ranking, query expansion). `distances_within`
//! is called once per draw, with the drawn images alone, and once with all images.
GalleryScores score_galleries(const FeatureMatrix& query, const Labels& query_labels, const FeatureMatrix& gallery,
                              const Labels& gallery_labels, const Galleries& galleries,
                              const DistancesWithin& distances_within, const RankingOptions& options);

}  // namespace resolute::results
