#include "experiments/specification/plan.h"

#include <algorithm>

namespace resolute::experiments {

Images images_of(const DatasetPlan& dataset) {
  if (settings::is_stand_in(dataset.pack)) return Images::kStandIn;
  return dataset.pack.synthetic || dataset.drawn_folder ? Images::kDrawn : Images::kReal;
}

Images images_of(const Plan& plan, const std::string& dataset) {
  const auto found = std::ranges::find(plan.datasets, dataset, &DatasetPlan::id);
  return found == plan.datasets.end() ? Images::kReal : images_of(*found);
}

bool is_stand_in(const Plan& plan, const std::string& dataset) { return images_of(plan, dataset) == Images::kStandIn; }

std::string column_title(const std::string& column, Images images) {
  return images == Images::kReal ? column
                                 : fmt::format("{} {}", column, images == Images::kStandIn ? kStandInMark : kDrawnMark);
}

std::string row_title(const RowPlan& row) {
  return row.deviations.empty() ? row.label : fmt::format("{} {}", row.label, kDeviationMark);
}

std::string column_title(const Plan& plan, const std::string& dataset) {
  return column_title(dataset, images_of(plan, dataset));
}

}  // namespace resolute::experiments
