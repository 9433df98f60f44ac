#include "experiments/specification/plan.h"

#include <algorithm>

namespace resolute::experiments {

bool is_stand_in(const Plan& plan, const std::string& dataset) {
  return std::any_of(plan.datasets.begin(), plan.datasets.end(),
                     [&](const DatasetPlan& one) { return one.id == dataset && settings::is_stand_in(one.pack); });
}

std::string row_title(const RowPlan& row) {
  return row.deviations.empty() ? row.label : fmt::format("{} {}", row.label, kDeviationMark);
}

std::string column_title(const std::string& column, bool stand_in) {
  return stand_in ? fmt::format("{} {}", column, kStandInMark) : column;
}

std::string column_title(const Plan& plan, const std::string& dataset) {
  return column_title(dataset, is_stand_in(plan, dataset));
}

}  // namespace resolute::experiments
