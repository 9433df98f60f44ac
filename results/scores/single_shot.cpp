#include "results/scores/single_shot.h"

#include <algorithm>
#include <functional>
#include <map>

#include "core/error.h"
#include "results/kernel/positions.h"
#include "results/scores/scores.h"

namespace resolute::results {
namespace {

//! Ranks of all queries in all draws. Everything behind the positions is integers.
class DrawRanks {
 public:
  DrawRanks(const Labels& query, const Labels& gallery, std::span<const GalleryDraw> draws, std::size_t queries)
      : query_(query), draws_(draws), ranks_(queries * draws.size(), 0) {
    for (std::size_t d = 0; d < draws.size(); ++d) image_of_.push_back(by_identity(draws[d], d, gallery.identities));
  }

  void add(const kernel::QueryPositions& found) {
    for (std::size_t d = 0; d < draws_.size(); ++d) {
      auto drawn = image_of_[d].find(query_.identities[found.query]);
      if (drawn == image_of_[d].end()) continue;
      auto match = std::find(found.matches.begin(), found.matches.end(), drawn->second);
      if (match == found.matches.end()) continue;  // left out for its camera
      auto order = static_cast<std::uint32_t>(match - found.matches.begin());
      // A wrong image is at most as far as this match exactly if at most `order` matches are nearer than it.
      std::size_t wrong = 0;
      for (std::size_t g : draws_[d]) wrong += static_cast<std::size_t>(found.positions[g] <= order);
      ranks_[found.query * draws_.size() + d] = 1 + wrong;
    }
  }

  // A query's shares of draws.
  void tell(std::size_t query, SingleShotQuery& told) const {
    std::array<std::size_t, kQueryRanks.size()> within{};
    for (std::size_t d = 0; d < draws_.size(); ++d) {
      const std::size_t rank = ranks_[query * draws_.size() + d];
      if (rank == 0) continue;
      ++told.draws;
      for (std::size_t k = 0; k < kQueryRanks.size(); ++k)
        within[k] += static_cast<std::size_t>(rank <= static_cast<std::size_t>(kQueryRanks[k]));
    }
    if (told.draws == 0) return;
    for (std::size_t k = 0; k < within.size(); ++k)
      told.cmc[k] = static_cast<double>(within[k]) / static_cast<double>(told.draws);
  }

  void summarise(SingleShotScores& scores, std::size_t max_rank) const {
    std::map<std::size_t, std::size_t> pairs_of_size;
    std::size_t pairs = 0;
    std::size_t largest = 0;
    for (const GalleryDraw& draw : draws_) largest = std::max(largest, draw.size());
    std::vector<std::size_t> at(largest, 0);
    for (std::size_t i = 0; i < ranks_.size(); ++i) {
      if (ranks_[i] == 0) continue;
      ++pairs;
      ++at[ranks_[i] - 1];
      ++pairs_of_size[draws_[i % draws_.size()].size()];
    }
    scores.cmc.assign(max_rank, 0.0);
    if (pairs == 0) return;
    double total = static_cast<double>(pairs);
    std::size_t within = 0;
    for (std::size_t k = 0; k < max_rank; ++k) {
      if (k < at.size()) within += at[k];
      scores.cmc[k] = static_cast<double>(within) / total;
    }
    for (std::size_t k = at.size(); k > 0; --k)
      scores.map_single += static_cast<double>(at[k - 1]) / static_cast<double>(k);
    scores.map_single /= total;
    for (const auto& [size, count] : pairs_of_size)
      scores.chance_rank1 += static_cast<double>(count) / static_cast<double>(size) / total;
  }

 private:
  static std::map<std::int64_t, std::size_t> by_identity(const GalleryDraw& draw, std::size_t number,
                                                         std::span<const std::int64_t> identities) {
    std::map<std::int64_t, std::size_t> image_of;
    for (std::size_t g : draw) {
      if (g >= identities.size())
        throw core::input_error(fmt::format("gallery draw {} names image {}", number, g),
                                fmt::format("the gallery has {} images", identities.size()));
      if (identities[g] == -1)
        throw core::input_error(fmt::format("gallery draw {} names image {}", number, g), "its identity is -1, junk");
      if (!image_of.emplace(identities[g], g).second)
        throw core::input_error(fmt::format("gallery draw {} has identity {} twice", number, identities[g]),
                                "a single-shot gallery holds one image of each");
    }
    return image_of;
  }

  Labels query_;
  std::span<const GalleryDraw> draws_;
  std::vector<std::map<std::int64_t, std::size_t>> image_of_;  // a draw: identity → its image
  std::vector<std::size_t> ranks_;                             // queries × draws; 0: not scored
};

using VisitAll = std::function<void(const Matching&, const kernel::Visit&)>;

SingleShotScores score(const Labels& query_labels, const Labels& gallery_labels, std::span<const GalleryDraw> draws,
                       const RankingOptions& options, const VisitAll& visit_all) {
  kernel::check(options);
  Matching matching(query_labels, gallery_labels);
  DrawRanks ranks(query_labels, gallery_labels, draws, matching.queries());
  std::vector<RankedQuery> full(matching.queries());
  visit_all(matching, [&](const kernel::QueryPositions& found) {
    full[found.query] = kernel::score(found);
    ranks.add(found);
  });
  RankingScores of_full = kernel::summarise(full, matching, 1);
  SingleShotScores scores;
  scores.map_full = of_full.map;
  scores.chance_map_full = of_full.chance_map;
  scores.queries = of_full.queries;
  scores.queries_without_match = of_full.queries_without_match;
  scores.gallery_images = matching.gallery();
  scores.gallery_identities = matching.gallery_identities();
  ranks.summarise(scores, static_cast<std::size_t>(options.max_rank));
  scores.per_query.resize(matching.queries());
  for (std::size_t q = 0; q < matching.queries(); ++q) {
    scores.per_query[q].has_match = full[q].rank != 0;
    scores.per_query[q].average_precision = full[q].average_precision;
    ranks.tell(q, scores.per_query[q]);
  }
  return scores;
}

}  // namespace

SingleShotScores score_single_shot(const FeatureMatrix& query, const Labels& query_labels, const FeatureMatrix& gallery,
                                   const Labels& gallery_labels, std::span<const std::int64_t> prefix,
                                   std::span<const GalleryDraw> draws, const Gemm& gemm,
                                   const RankingOptions& options) {
  return score(query_labels, gallery_labels, draws, options, [&](const Matching& matching, const kernel::Visit& visit) {
    kernel::visit_positions(query, gallery, prefix, matching, gemm, options.work, true, visit);
  });
}

SingleShotScores score_single_shot(std::span<const float> distances, const Labels& query_labels,
                                   const Labels& gallery_labels, std::span<const GalleryDraw> draws,
                                   const RankingOptions& options) {
  return score(query_labels, gallery_labels, draws, options, [&](const Matching& matching, const kernel::Visit& visit) {
    kernel::visit_positions(distances, matching, options.work, true, visit);
  });
}

}  // namespace resolute::results
