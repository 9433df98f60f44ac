#include "report/figures/feature_maps.h"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "results/scores/tsne.h"

namespace resolute::report {
namespace {

constexpr std::size_t kLeastMapped = 8;

std::string side_of(const results::MappedImages& images, std::size_t image) {
  const int rate = images.rates[image];
  if (images.sampled) return fmt::format("rate {}", rate);
  return rate == 0 ? "gallery" : fmt::format("query, rate {}", rate);
}

//! A series for each name, in their order.
std::vector<FigureSeries> series_of(
    const std::map<std::pair<std::int64_t, std::string>, std::vector<FigurePoint>>& by) {
  std::vector<FigureSeries> series;
  for (const auto& [name, points] : by) series.push_back({.name = name.second, .points = points});
  return series;
}

}  // namespace

std::vector<Figure> feature_maps(const results::MappedImages& images, const std::string& label) {
  const std::size_t count = images.identities.size();
  if (count < kLeastMapped) return {};
  const results::TsneMap map = results::tsne({images.features, count, images.dimensions}, {});
  std::map<std::pair<std::int64_t, std::string>, std::vector<FigurePoint>> by_identity, by_rate;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string person = fmt::format("identity {}", images.identities[i]), side = side_of(images, i);
    const FigurePoint point{.x = map.points[i][0], .y = map.points[i][1], .text = fmt::format("{}, {}", person, side)};
    by_identity[{images.identities[i], person}].push_back(point);
    by_rate[{images.rates[i], side}].push_back(point);
  }
  std::vector<Figure> figures;
  for (auto& [kind, series] : {std::pair{"identity", series_of(by_identity)}, {"resolution", series_of(by_rate)}})
    figures.push_back({.id = kind,
                       .section = FigureSection::kMaps,
                       .kind = FigureKind::kPoints,
                       .title = fmt::format("{}: features by {}", label, kind),
                       .caption = fmt::format("Exact t-SNE of the features of {} test images of {} people (perplexity "
                                              "{:.3g}; Kullback-Leibler divergence {:.3f}). Distances between clusters "
                                              "mean nothing.",
                                              count, by_identity.size(), map.perplexity, map.cost),
                       .series = series});
  return figures;
}

}  // namespace resolute::report
