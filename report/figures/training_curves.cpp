#include "report/figures/training_curves.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "experiments/specification/metrics.h"
#include "results/verdicts/mixed_rows.h"

namespace resolute::report {
namespace {

constexpr std::size_t kMostPoints = 100;  // of a series

using Curve = std::vector<FigurePoint>;
using Curves = std::map<std::string, Curve>;  // by the logged number's name

// The metric of a number that an evaluation on the way has logged. Counts of queries and images are no scores.
std::optional<experiments::MetricName> metric_of(std::string_view name) {
  constexpr std::string_view kScores = "evaluation/";
  if (!name.starts_with(kScores)) return std::nullopt;
  const std::string metric(name.substr(kScores.size()));
  return experiments::is_metric(metric) ? experiments::find_metric(metric) : std::nullopt;
}

// The factor by which a logged number is drawn; nothing for one that is not drawn.
std::optional<double> shown_times(const std::string& name) {
  if (name == "loss" || name.starts_with("losses/")) return 1;
  const auto metric = metric_of(name);
  return metric ? std::optional((*metric)->unit->shown) : std::nullopt;
}

// "losses/adversarial_level_4" as people say it: "adversarial loss, level 4".
std::string plain_name(const std::string& name) {
  if (const auto metric = metric_of(name)) return fmt::format("{} on the way", metric->heading());
  constexpr std::string_view kTerms = "losses/";
  if (!name.starts_with(kTerms)) return "loss, all terms";
  std::string term = name.substr(kTerms.size());
  std::ranges::replace(term, '_', ' ');
  const std::size_t part = std::min(term.find(" level "), term.find(" scale "));
  return fmt::format("{} loss{}{}", term.substr(0, part), part == term.npos ? "" : ",",
                     part == term.npos ? "" : term.substr(part));
}

Curve thinned(const Curve& curve) {
  if (curve.size() <= kMostPoints) return curve;
  Curve thin;
  for (std::size_t i = 0; i < kMostPoints; ++i) {
    const std::size_t begin = i * curve.size() / kMostPoints, end = (i + 1) * curve.size() / kMostPoints;
    double x = 0, y = 0;
    for (std::size_t at = begin; at < end; ++at) x += curve[at].x, y += *curve[at].y;
    const auto count = static_cast<double>(end - begin);
    thin.push_back({.x = x / count, .y = y / count});
  }
  return thin;
}

Curves curves_of(const results::TrainingNumbers& numbers) {
  Curves curves;
  for (const auto& [step, logged] : numbers.steps)
    for (const auto& [name, value] : logged.values)
      if (const auto times = shown_times(name))
        curves[name].push_back({.x = static_cast<double>(step), .y = *times * value});
  for (auto& [name, curve] : curves) curve = thinned(curve);
  return curves;
}

Figure frame_of(const experiments::Plan& plan, const experiments::TablePlan& table, const std::string& dataset,
                const std::string& name) {
  const auto score = metric_of(name);
  const bool per_cent = score && (*score)->unit->legend == nullptr;
  return {.id = figure_id({table.id, dataset, "curve", name}),
          .section = FigureSection::kCurves,
          .kind = FigureKind::kLines,
          .title = fmt::format("{}: {}, {}", table.title, plain_name(name), column_title(plan, dataset)),
          .caption = fmt::format("{} of every training, by row; of long trainings means over equal parts.",
                                 score ? "Scores on the way" : "What the loss was at each step,"),
          .group = table.title,
          .stand_in = is_stand_in(plan, dataset),
          .x = {"step"},
          .y = {!score ? plain_name(name) : score->heading() + (per_cent ? ", per cent" : "")}};
}

}  // namespace

std::vector<Figure> training_curves(const experiments::Plan& plan, const TrainingNumbersLookup& lookup) {
  const auto training_of = results::trainings_of(plan);
  std::map<experiments::JobId, Curves> known;
  std::vector<Figure> figures;
  for (const experiments::TablePlan& table : plan.tables) {
    std::set<std::string> trained_on;  // columns that ask the same trainings on other data sets draw none
    for (std::size_t d = 0; d < table.datasets.size(); ++d) {
      const std::string dataset = experiments::sets_of(table.datasets[d]).trained_on;
      if (!trained_on.insert(dataset).second) continue;
      std::map<std::string, Figure> drawn;
      std::map<experiments::JobId, bool> seen;  // rows that are other evaluations of one training draw it once
      for (const experiments::RowPlan& row : table.rows) {
        int trial = 0;
        for (const experiments::JobId& evaluation : row.cells.at(d).evaluations) {
          const experiments::JobId& training = training_of.at(evaluation);
          const int series_trial = trial++;
          if (!seen.try_emplace(training, true).second) continue;
          const auto [found, is_new] = known.try_emplace(training);
          if (is_new) found->second = curves_of(lookup(training));
          for (const auto& [name, curve] : found->second) {
            Figure& figure = drawn.try_emplace(name, frame_of(plan, table, dataset, name)).first->second;
            figure.series.push_back({.name = row.label, .points = curve, .trial = series_trial});
          }
        }
      }
      for (auto& [name, figure] : drawn) figures.push_back(std::move(figure));
    }
  }
  return figures;
}

}  // namespace resolute::report
