#include "experiments/specification/plan.h"

#include <algorithm>

namespace resolute::experiments {
namespace {

constexpr std::string_view kAsks = "->";  // in no id of a data set

}  // namespace

std::string column_of(const ColumnSets& sets) {
  return sets.trained_on == sets.asked_on ? sets.trained_on
                                          : fmt::format("{}{}{}", sets.trained_on, kAsks, sets.asked_on);
}

ColumnSets sets_of(const std::string& column) {
  const std::size_t at = column.find(kAsks);
  if (at == std::string::npos) return {column, column};
  return {column.substr(0, at), column.substr(at + kAsks.size())};
}

bool is_across(const std::string& column) { return column.find(kAsks) != std::string::npos; }

bool any_across(const std::vector<std::string>& columns) { return std::ranges::any_of(columns, is_across); }

Images images_of(const DatasetPlan& dataset) {
  if (settings::is_stand_in(dataset.pack)) return Images::kStandIn;
  return dataset.pack.synthetic || dataset.drawn_folder ? Images::kDrawn : Images::kReal;
}

Images images_of(const Plan& plan, const std::string& column) {
  const auto images = [&](const std::string& dataset) {
    const auto found = std::ranges::find(plan.datasets, dataset, &DatasetPlan::id);
    return found == plan.datasets.end() ? Images::kReal : images_of(*found);
  };
  const ColumnSets sets = sets_of(column);
  return std::max(images(sets.trained_on), images(sets.asked_on));
}

bool is_stand_in(const Plan& plan, const std::string& column) { return images_of(plan, column) == Images::kStandIn; }

std::string column_name(const std::string& column) {
  const ColumnSets sets = sets_of(column);
  return is_across(column) ? fmt::format("{} → {}", sets.trained_on, sets.asked_on) : column;
}

std::string column_title(const std::string& column, Images images) {
  const std::string name = column_name(column);
  return images == Images::kReal ? name
                                 : fmt::format("{} {}", name, images == Images::kStandIn ? kStandInMark : kDrawnMark);
}

std::string row_title(const RowPlan& row) {
  return row.deviations.empty() ? row.label : fmt::format("{} {}", row.label, kDeviationMark);
}

std::string column_title(const Plan& plan, const std::string& column) {
  return column_title(column, images_of(plan, column));
}

}  // namespace resolute::experiments
