// Scores of features and distances that lie in the caller's memory.

#include <algorithm>
#include <span>
#include <vector>

#include "python/native/call.h"
#include "results/kernel/gemm_openblas.h"
#include "results/scores/bootstrap.h"
#include "results/scores/prepared_features.h"
#include "results/scores/ranking.h"
#include "results/scores/re_ranking.h"

namespace resolute::python {
namespace {

struct RankRequest {
  results::RankingOptions ranking;
  std::optional<results::ReRanking> re_ranking;
  bool cosine = false;
};

RankRequest read_request(const char* text) {
  const core::Json json = core::parse_json(text, "options of rank");
  core::ObjectReader object(json, "options of rank");
  RankRequest request;
  request.ranking.max_rank = object.required<int>("max_rank");
  request.ranking.work.threads = object.required<int>("threads");
  request.cosine = object.required<bool>("cosine");
  const core::Json& by = *object.find("re_ranking");
  object.finish();
  if (!by.is_null()) {
    core::ObjectReader options(by, "rerank");
    request.re_ranking = {options.required<int>("k1"), options.required<int>("k2"), options.required<double>("lambda")};
    options.finish();
  }
  return request;
}

results::Labels labels_of(const Side& side) {
  if (side.cameras == nullptr) return {{side.identities, side.images}, {}};
  return {{side.identities, side.images}, {side.cameras, side.images}};
}

// \return why no query counts, or ""
std::string written(const results::RankingScores& scores, const Side& query, const Side& gallery,
                    const ScoreArrays& to) {
  std::copy(scores.cmc.begin(), scores.cmc.end(), to.cmc);
  const double means[] = {scores.map, scores.minp, scores.chance_map, static_cast<double>(scores.queries)};
  std::copy(std::begin(means), std::end(means), to.means);
  for (std::size_t i = 0; i < scores.per_query.size(); ++i) {
    const results::RankedQuery& ranked = scores.per_query[i];
    to.ranks[i] = ranked.rank;
    to.average_precisions[i] = ranked.average_precision;
    to.inverse_negative_penalties[i] = ranked.inverse_negative_penalty;
  }
  return scores.queries == 0 ? results::why_nothing_counts(labels_of(query), labels_of(gallery)) : std::string();
}

std::vector<float> unit_length(std::span<const float> features, std::size_t dimension, std::string_view side) {
  std::vector<float> copy(features.begin(), features.end());
  results::make_unit_length(copy, dimension, side);
  return copy;
}

results::RankingScores rank(const RankRequest& request, std::span<const float> query, const Side& query_side,
                            std::span<const float> gallery, const Side& gallery_side, std::size_t dimension,
                            std::span<const std::int64_t> prefix) {
  std::vector<float> unit_query, unit_gallery;
  if (request.cosine) {
    query = unit_query = unit_length(query, dimension, "query");
    gallery = unit_gallery = unit_length(gallery, dimension, "gallery");
  }
  const results::FeatureMatrix queries{query, query_side.images, dimension};
  const results::FeatureMatrix images{gallery, gallery_side.images, dimension};
  const results::Labels asked = labels_of(query_side), shown = labels_of(gallery_side);
  if (!request.re_ranking)
    return results::rank_features(queries, asked, images, shown, prefix, results::openblas_gemm(), request.ranking);
  const auto distances = results::re_ranked_distances(queries, images, *request.re_ranking, request.ranking.work);
  return results::rank_distances(std::span(distances), asked, shown, request.ranking);
}

}  // namespace
}  // namespace resolute::python

using namespace resolute;  // NOLINT(google-build-using-namespace): what follows has C's names

int resolute_rank_features(const char* options, const float* query, const python::Side* query_side,
                           const float* gallery, const python::Side* gallery_side, std::size_t dimension,
                           const std::int64_t* prefix, const python::ScoreArrays* scores) {
  return python::finished([&] {
    const std::span<const std::int64_t> prefixes(prefix, prefix == nullptr ? 0 : query_side->images);
    const auto found = python::rank(python::read_request(options), {query, query_side->images * dimension}, *query_side,
                                    {gallery, gallery_side->images * dimension}, *gallery_side, dimension, prefixes);
    return python::written(found, *query_side, *gallery_side, *scores);
  });
}

int resolute_rank_distances(const char* options, const void* distances, int is_float64, const python::Side* query_side,
                            const python::Side* gallery_side, const python::ScoreArrays* scores) {
  return python::finished([&] {
    const python::RankRequest request = python::read_request(options);
    const std::size_t pairs = query_side->images * gallery_side->images;
    const auto rank = [&](const auto* numbers) {
      return results::rank_distances(std::span(numbers, pairs), python::labels_of(*query_side),
                                     python::labels_of(*gallery_side), request.ranking);
    };
    const auto found =
        is_float64 != 0 ? rank(static_cast<const double*>(distances)) : rank(static_cast<const float*>(distances));
    return python::written(found, *query_side, *gallery_side, *scores);
  });
}

int resolute_bootstrap(const std::size_t* queries, std::size_t trials, const std::int64_t* identities,
                       const double* differences, std::size_t metrics, double* intervals) {
  return python::finished([&] {
    std::vector<std::vector<results::PairedQuery>> paired(trials);
    for (std::size_t trial = 0; trial < trials; ++trial)
      for (std::size_t i = 0; i < queries[trial]; ++i) {
        paired[trial].push_back({*identities++, {differences, differences + metrics}});
        differences += metrics;
      }
    for (const results::BootstrapInterval& interval : results::paired_bootstrap(paired, metrics))
      for (const double number : {interval.mean, interval.low, interval.high, interval.p}) *intervals++ = number;
  });
}
