// Scores and panels of features and distances that lie in the caller's memory.

#include "settings/evaluation.h"

#include <algorithm>
#include <span>
#include <vector>

#include "core/files/file_system.h"
#include "python/native/call.h"
#include "results/kernel/distance.h"
#include "results/kernel/gemm_openblas.h"
#include "results/pictures/panels.h"
#include "results/scores/bootstrap.h"
#include "results/scores/galleries.h"
#include "results/scores/prepared_features.h"
#include "results/scores/re_ranking.h"
#include "settings/kernel_choices.h"

namespace resolute::python {
namespace {

using settings::EvaluationProtocol;
using settings::ProtocolName;

struct RankRequest {
  results::RankingOptions ranking;
  std::uint64_t seed = 0;
  EvaluationProtocol protocol;
};

RankRequest read_request(const char* options, const char* protocol) {
  const core::Json json = core::parse_json(options, "options of rank");
  core::ObjectReader object(json, "options of rank");
  RankRequest request;
  request.ranking.max_rank = object.required<int>("max_rank");
  request.ranking.work.threads = object.required<int>("threads");
  request.seed = object.required<std::uint64_t>("seed");
  object.finish();
  request.protocol = with_defaults<EvaluationProtocol>(protocol, "options of rank");
  settings::check_range("draws", request.protocol.draws, 1, settings::kMostDraws);
  settings::check_range("shots", request.protocol.shots, 2, settings::kMostShots);
  return request;
}

results::Labels labels_of(const Side& side) {
  if (side.cameras == nullptr) return {{side.identities, side.images}, {}};
  return {{side.identities, side.images}, {side.cameras, side.images}};
}

// \return why some score is over nothing, or ""
std::string written(const results::GalleryScores& scores, const Side& query, const Side& gallery,
                    const ScoreArrays& to) {
  std::copy(scores.cmc.begin(), scores.cmc.end(), to.cmc);
  const double means[] = {scores.map_full, scores.minp_full, scores.chance_map_full,
                          static_cast<double>(scores.queries), scores.map_single};
  std::copy(scores.chance_cmc.begin(), scores.chance_cmc.end(),
            std::copy(std::begin(means), std::end(means), to.means));
  for (std::size_t i = 0; i < scores.per_query.size(); ++i) {
    const results::GalleryQuery& found = scores.per_query[i];
    to.ranks[i] = found.full.rank;
    to.average_precisions[i] = found.full.average_precision;
    to.inverse_negative_penalties[i] = found.full.inverse_negative_penalty;
    to.galleries[i] = found.galleries;
    std::copy(found.cmc.begin(), found.cmc.end(), to.shares + i * found.cmc.size());
  }
  if (scores.queries == 0) return results::why_nothing_counts(labels_of(query), labels_of(gallery));
  return scores.map_single > 0 ? "" : datasets::kNoMatchDrawn;
}

// Features as the protocol compares them. \param unit their memory where they are made of unit length
void compare_by(const EvaluationProtocol& protocol, std::string_view side, results::FeatureMatrix& features,
                std::vector<float>& unit) {
  if (protocol.distance != settings::DistanceName::kCosine) return;
  unit.assign(features.values.begin(), features.values.end());
  results::make_unit_length(unit, features.dimension, side);
  features.values = unit;
}

// \param score gives results::GalleryScores in results::Galleries
std::string score_protocol(const RankRequest& request, const Side& query, const Side& gallery, const ScoreArrays& to,
                           const auto& score) {
  const std::vector<results::GalleryDraw> draws = datasets::draw_galleries(
      request.protocol, request.seed, labels_of(query).identities, labels_of(gallery).identities);
  results::Galleries galleries = std::span<const results::GalleryDraw>(draws);
  if (request.protocol.name == ProtocolName::kWholeGallery) galleries = results::WholeGallery();
  return written(score(galleries), query, gallery, to);
}

results::GalleryScores score_features(const RankRequest& request, results::FeatureMatrix query,
                                      const results::Labels& asked, results::FeatureMatrix gallery,
                                      const results::Labels& shown, std::span<const std::int64_t> prefix,
                                      const results::Galleries& galleries) {
  const EvaluationProtocol& by = request.protocol;
  std::vector<float> unit_query, unit_gallery;
  compare_by(by, "query", query, unit_query);
  compare_by(by, "gallery", gallery, unit_gallery);
  const auto steps = results::NeighbourSteps::of(by);
  if (!steps.any())
    return results::score_galleries(query, asked, gallery, shown, prefix, galleries, results::openblas_gemm(),
                                    request.ranking);
  const auto distances_within = [&](const results::FeatureMatrix& queries, const results::FeatureMatrix& images) {
    return results::rows_behind(steps, queries, images, results::openblas_gemm(), request.ranking.work);
  };
  return results::score_galleries(query, asked, gallery, shown, galleries, distances_within, request.ranking);
}

std::vector<std::size_t> panel_queries(const Split& split, const EvaluationProtocol& protocol) {
  return results::choose_panel_queries(*split.split, static_cast<std::size_t>(protocol.panels));
}

// {file: SHA-256} of the panels, as an evaluation of resolute-worker draws them.
std::string draw_panels(const Pack& pack, const Split& split, const EvaluationProtocol& protocol,
                        const Features& features, const Recovered& recovered, const char* folder) {
  const auto matrix = [&](const float* values, std::size_t rows) -> results::FeatureMatrix {
    return {{values, rows * features.dimension}, rows, features.dimension};
  };
  results::FeatureMatrix query = matrix(features.query, split.split->query.size()),
                         gallery = matrix(features.gallery, split.split->gallery.size());
  std::vector<float> unit_query, unit_gallery;
  compare_by(protocol, "query", query, unit_query);
  compare_by(protocol, "gallery", gallery, unit_gallery);
  const auto distance = [&](std::size_t asked, std::size_t image) {
    return results::kernel::squared_distance(&query.values[asked * query.dimension],
                                             &gallery.values[image * gallery.dimension], query.dimension);
  };
  const std::vector<std::size_t> shown = panel_queries(split, protocol);
  const auto recover = [&](std::size_t asked, const datasets::Image& input) {
    const auto panel = static_cast<std::size_t>(std::ranges::lower_bound(shown, asked) - shown.begin());
    std::vector<results::RecoveredPictures> pictures;
    for (std::size_t i = 0; i < recovered.decoders; ++i) {
      const float* image = recovered.images + (panel * recovered.decoders + i) * input.pixels.size();
      pictures.push_back({recovered.scales[i], results::pictures_of(image, 1, input)});
    }
    return pictures;
  };
  const auto files =
      results::draw_panels(*pack.reader, *split.split, shown, protocol, distance, recover, [] { return true; });
  return core::Json(results::write_outputs(core::real_file_system(), folder, files.value())).dump();
}

}  // namespace
}  // namespace resolute::python

using namespace resolute;  // NOLINT(google-build-using-namespace): what follows has C's names

int resolute_rank_features(const char* options, const char* protocol, const float* query,
                           const python::Side* query_side, const float* gallery, const python::Side* gallery_side,
                           std::size_t dimension, const std::int64_t* prefix, const python::ScoreArrays* scores) {
  return python::finished([&] {
    const python::RankRequest request = python::read_request(options, protocol);
    const auto matrix = [&](const float* values, const python::Side& side) -> results::FeatureMatrix {
      return {{values, side.images * dimension}, side.images, dimension};
    };
    const std::span<const std::int64_t> prefixes(prefix, prefix == nullptr ? 0 : query_side->images);
    return python::score_protocol(
        request, *query_side, *gallery_side, *scores, [&](const results::Galleries& galleries) {
          return python::score_features(request, matrix(query, *query_side), python::labels_of(*query_side),
                                        matrix(gallery, *gallery_side), python::labels_of(*gallery_side), prefixes,
                                        galleries);
        });
  });
}

int resolute_rank_distances(const char* options, const char* protocol, const void* distances, int is_float64,
                            const python::Side* query_side, const python::Side* gallery_side,
                            const python::ScoreArrays* scores) {
  return python::finished([&] {
    const python::RankRequest request = python::read_request(options, protocol);
    const std::size_t pairs = query_side->images * gallery_side->images;
    return python::score_protocol(
        request, *query_side, *gallery_side, *scores, [&](const results::Galleries& galleries) {
          const auto score = [&](const auto* numbers) {
            return results::score_galleries(std::span(numbers, pairs), python::labels_of(*query_side),
                                            python::labels_of(*gallery_side), galleries, request.ranking);
          };
          return is_float64 != 0 ? score(static_cast<const double*>(distances))
                                 : score(static_cast<const float*>(distances));
        });
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

int resolute_panels_queries(const python::Split* split, const char* protocol) {
  return python::finished([&] {
    const auto asked = python::with_defaults<settings::EvaluationProtocol>(protocol, "options of panels");
    return core::Json(python::panel_queries(*split, asked)).dump();
  });
}

int resolute_panels_draw(const python::Pack* pack, const python::Split* split, const char* protocol,
                         const python::Features* features, const python::Recovered* recovered, const char* folder) {
  return python::finished([&] {
    const auto asked = python::with_defaults<settings::EvaluationProtocol>(protocol, "options of panels");
    return python::draw_panels(*pack, *split, asked, *features, *recovered, folder);
  });
}

int resolute_kernel_choices(int is_gpu) {
  return python::finished(
      [&] { return is_gpu != 0 ? settings::gpu_kernel_choices() : settings::cpu_kernel_choices(); });
}
