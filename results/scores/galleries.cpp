#include "results/scores/galleries.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/error.h"
#include "results/scores/scores.h"

namespace resolute::results {
namespace {

using Draws = std::span<const GalleryDraw>;

//! A query in one gallery.
struct Standing {
  std::uint32_t rank = 0;     //!< of the first match; 0: it has none there
  std::uint32_t matches = 0;  //!< and images that count, in that gallery
  std::uint32_t images = 0;
};

//! How many of `count` galleries of so many images in random order, matches among them, are expected to have one of the
//! matches within rank k.
double expected_within(std::size_t count, std::uint32_t matches, std::uint32_t images, int k) {
  if (k == 1) return static_cast<double>(count * matches) / static_cast<double>(images);
  double none = 1;
  for (int i = 0; i < k; ++i) {
    const double wrong = static_cast<double>(images) - static_cast<double>(matches) - i;
    if (wrong <= 0) return static_cast<double>(count);
    none *= wrong / (static_cast<double>(images) - i);
  }
  return static_cast<double>(count) * (1 - none);
}

//! All queries in all galleries. Everything behind the standings is integers, so sums come in a fixed order.
class Standings {
 public:
  Standings(std::size_t queries, std::size_t galleries) : galleries_(galleries), standings_(queries * galleries) {}

  Standing& at(std::size_t query, std::size_t gallery) { return standings_[query * galleries_ + gallery]; }

  // A query's shares of galleries.
  void tell(std::size_t query, GalleryQuery& scored) const {
    std::array<std::size_t, kQueryRanks.size()> within{};
    for (const Standing& standing : std::span(standings_).subspan(query * galleries_, galleries_)) {
      if (standing.rank == 0) continue;
      ++scored.galleries;
      for (std::size_t k = 0; k < kQueryRanks.size(); ++k)
        within[k] += static_cast<std::size_t>(standing.rank <= static_cast<std::uint32_t>(kQueryRanks[k]));
    }
    if (scored.galleries == 0) return;
    for (std::size_t k = 0; k < within.size(); ++k)
      scored.cmc[k] = static_cast<double>(within[k]) / static_cast<double>(scored.galleries);
  }

  void summarise(GalleryScores& scores, std::size_t max_rank) const {
    std::map<std::uint32_t, std::size_t> of_rank;
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> of_size;
    std::size_t pairs = 0;
    for (const Standing& standing : standings_) {
      if (standing.rank == 0) continue;
      ++pairs;
      ++of_rank[standing.rank];
      ++of_size[{standing.matches, standing.images}];
    }
    scores.cmc.assign(max_rank, 0.0);
    if (pairs == 0) return;
    const auto total = static_cast<double>(pairs);
    std::size_t within = 0;
    auto next = of_rank.begin();
    for (std::size_t k = 0; k < max_rank; ++k) {
      for (; next != of_rank.end() && next->first <= k + 1; ++next) within += next->second;
      scores.cmc[k] = static_cast<double>(within) / total;
    }
    // The smallest parts first.
    for (auto far = of_rank.rbegin(); far != of_rank.rend(); ++far)
      scores.map_single += static_cast<double>(far->second) / static_cast<double>(far->first);
    scores.map_single /= total;
    for (const auto& [size, count] : of_size)
      for (std::size_t k = 0; k < kQueryRanks.size(); ++k)
        scores.chance_cmc[k] += expected_within(count, size.first, size.second, kQueryRanks[k]) / total;
  }

 private:
  std::size_t galleries_;
  std::vector<Standing> standings_;  // queries × galleries
};

void check_draws(Draws draws, std::span<const std::int64_t> identities) {
  for (std::size_t number = 0; number < draws.size(); ++number) {
    std::set<std::size_t> drawn;
    for (std::size_t g : draws[number]) {
      if (g >= identities.size())
        throw core::input_error(fmt::format("gallery draw {} names image {}", number, g),
                                fmt::format("the gallery has {} images", identities.size()));
      if (identities[g] == -1)
        throw core::input_error(fmt::format("gallery draw {} names image {}", number, g), "its identity is -1, junk");
      if (!drawn.insert(g).second)
        throw core::input_error(fmt::format("gallery draw {} has image {} twice", number, g),
                                "a gallery holds an image once");
    }
  }
}

//! The places of queries in draws, from their places in the whole gallery.
class DrawPositions {
 public:
  DrawPositions(const Labels& query, const Labels& gallery, Draws draws) : query_(query), draws_(draws) {
    for (const GalleryDraw& draw : draws) {
      auto& images = images_of_.emplace_back();
      for (std::size_t g : draw) images[gallery.identities[g]].push_back(g);
    }
  }

  void add(const kernel::QueryPositions& found, Standings& standings) const {
    for (std::size_t d = 0; d < draws_.size(); ++d) {
      const auto drawn = images_of_[d].find(query_.identities[found.query]);
      if (drawn == images_of_[d].end()) continue;
      std::size_t first = found.matches.size();  // of its matches drawn, the nearest
      std::uint32_t matches = 0;
      for (std::size_t g : drawn->second) {
        const auto match = std::ranges::find(found.matches, g);
        if (match == found.matches.end()) continue;  // left out for its camera
        first = std::min(first, static_cast<std::size_t>(match - found.matches.begin()));
        ++matches;
      }
      if (matches == 0) continue;
      // A wrong image is at most as far as this match exactly if at most `first` matches are nearer than it.
      std::uint32_t wrong = 0;
      for (std::size_t g : draws_[d]) wrong += static_cast<std::uint32_t>(found.positions[g] <= first);
      const auto others = static_cast<std::uint32_t>(draws_[d].size() - drawn->second.size());
      standings.at(found.query, d) = {1 + wrong, matches, matches + others};
    }
  }

 private:
  Labels query_;
  Draws draws_;
  std::vector<std::map<std::int64_t, std::vector<std::size_t>>> images_of_;  // a draw: identity → its images
};

Standing standing_of(const kernel::QueryPositions& found, const Matching& matching) {
  const auto matches = static_cast<std::uint32_t>(found.matches.size());
  return {static_cast<std::uint32_t>(1 + found.wrong_at_most[0]), matches,
          matches + static_cast<std::uint32_t>(matching.wrong_for(found.query))};
}

//! Visits the positions of the whole gallery, those of each image where asked for.
using VisitAll = std::function<void(const Matching&, bool with_positions, const kernel::Visit&)>;
//! Fills the standings in the draws where those in the whole gallery do not tell them.
using VisitDraws = std::function<void(Draws, Standings&)>;

//! \param visit_draws empty: the whole gallery tells of draws
GalleryScores score(const Labels& query_labels, const Labels& gallery_labels, const Galleries& galleries,
                    const RankingOptions& options, const VisitAll& visit_all, const VisitDraws& visit_draws) {
  kernel::check(options);
  const Matching matching(query_labels, gallery_labels);
  const Draws* draws = std::get_if<Draws>(&galleries);
  Standings standings(matching.queries(), draws != nullptr ? draws->size() : 1);
  if (draws != nullptr) check_draws(*draws, gallery_labels.identities);
  const bool from_whole = draws != nullptr && !visit_draws;
  const DrawPositions drawn(query_labels, gallery_labels, from_whole ? *draws : Draws());
  std::vector<RankedQuery> full(matching.queries());
  visit_all(matching, from_whole, [&](const kernel::QueryPositions& found) {
    full[found.query] = kernel::score(found);
    if (draws == nullptr) standings.at(found.query, 0) = standing_of(found, matching);
    if (from_whole) drawn.add(found, standings);
  });
  if (draws != nullptr && visit_draws) visit_draws(*draws, standings);
  const RankingScores of_full = kernel::summarise(full, matching, 1);
  GalleryScores scores;
  scores.map_full = of_full.map;
  scores.minp_full = of_full.minp;
  scores.chance_map_full = of_full.chance_map;
  scores.queries = of_full.queries;
  scores.queries_without_match = of_full.queries_without_match;
  scores.gallery_images = matching.gallery();
  scores.gallery_identities = matching.gallery_identities();
  standings.summarise(scores, static_cast<std::size_t>(options.max_rank));
  scores.per_query.resize(matching.queries());
  for (std::size_t q = 0; q < matching.queries(); ++q) {
    scores.per_query[q].full = full[q];
    standings.tell(q, scores.per_query[q]);
  }
  return scores;
}

template <class Distance>
GalleryScores score_given(std::span<const Distance> distances, const Labels& query_labels, const Labels& gallery_labels,
                          const Galleries& galleries, const RankingOptions& options) {
  return score(query_labels, gallery_labels, galleries, options,
               [&](const Matching& matching, bool with_positions, const kernel::Visit& visit) {
                 kernel::visit_positions(distances, matching, options.work, with_positions, visit);
               },
               {});
}

//! A gallery's images and who is on them, copied from the whole.
struct DrawnGallery {
  std::vector<float> features;
  std::vector<std::int64_t> identities, cameras;
  Labels labels() const { return {identities, cameras}; }
};

DrawnGallery take(const GalleryDraw& draw, const FeatureMatrix& gallery, const Labels& labels) {
  DrawnGallery drawn;
  for (std::size_t g : draw) {
    const auto row = gallery.values.subspan(g * gallery.dimension, gallery.dimension);
    drawn.features.insert(drawn.features.end(), row.begin(), row.end());
    drawn.identities.push_back(labels.identities[g]);
    if (!labels.cameras.empty()) drawn.cameras.push_back(labels.cameras[g]);
  }
  return drawn;
}

}  // namespace

GalleryScores score_galleries(const FeatureMatrix& query, const Labels& query_labels, const GallerySource& gallery,
                              const Labels& gallery_labels, std::span<const std::int64_t> prefix,
                              const Galleries& galleries, const Gemm& gemm, const RankingOptions& options) {
  return score(query_labels, gallery_labels, galleries, options,
               [&](const Matching& matching, bool with_positions, const kernel::Visit& visit) {
                 kernel::visit_positions(query, gallery, prefix, matching, gemm, options.work, with_positions, visit);
               },
               {});
}

GalleryScores score_galleries(std::span<const float> distances, const Labels& query_labels,
                              const Labels& gallery_labels, const Galleries& galleries, const RankingOptions& options) {
  return score_given(distances, query_labels, gallery_labels, galleries, options);
}

GalleryScores score_galleries(std::span<const double> distances, const Labels& query_labels,
                              const Labels& gallery_labels, const Galleries& galleries, const RankingOptions& options) {
  return score_given(distances, query_labels, gallery_labels, galleries, options);
}

GalleryScores score_galleries(const FeatureMatrix& query, const Labels& query_labels, const FeatureMatrix& gallery,
                              const Labels& gallery_labels, const Galleries& galleries,
                              const DistancesWithin& distances_within, const RankingOptions& options) {
  if (gallery.values.size() != gallery_labels.identities.size() * gallery.dimension)
    throw core::input_error(fmt::format("{} gallery features", gallery.rows),
                            fmt::format("there are {} gallery identities", gallery_labels.identities.size()));
  const auto visit_positions = [&](const FeatureMatrix& images, const Matching& matching, const kernel::Visit& visit) {
    kernel::visit_positions(distances_within(query, images), matching, options.work, visit);
  };
  return score(
      query_labels, gallery_labels, galleries, options,
      [&](const Matching& matching, bool, const kernel::Visit& visit) { visit_positions(gallery, matching, visit); },
      [&](Draws draws, Standings& standings) {
        for (std::size_t d = 0; d < draws.size(); ++d) {
          const DrawnGallery drawn = take(draws[d], gallery, gallery_labels);
          const Matching matching(query_labels, drawn.labels());
          visit_positions({drawn.features, draws[d].size(), gallery.dimension}, matching,
                          [&](const kernel::QueryPositions& found) {
                            standings.at(found.query, d) = standing_of(found, matching);
                          });
        }
      });
}

}  // namespace resolute::results
