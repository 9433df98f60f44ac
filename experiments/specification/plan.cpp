#include "experiments/specification/plan.h"

#include <algorithm>
#include <utility>

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

std::int64_t SearchPlan::steps() const {
  std::int64_t sum = 0, before = 0;
  for (const Rung& rung : rungs) {
    sum += trials * static_cast<std::int64_t>(rung.points) * (rung.steps - before);
    before = anew ? 0 : rung.steps;
  }
  return sum;
}

std::int64_t SearchPlan::grid_steps() const {
  return trials * static_cast<std::int64_t>(rungs.front().points) * rungs.back().steps;
}

std::string search_text(const SearchPlan& search) {
  std::vector<std::string> rungs;
  for (const SearchPlan::Rung& rung : search.rungs)
    rungs.push_back(fmt::format("{} to {} steps ({} done)", rung.points, rung.steps, rung.done));
  return fmt::format("search '{}' on {}: points {}; {} of the grid's {} steps ({:.0f} %){}", search.id, search.dataset,
                     fmt::join(rungs, ", "), search.steps(), search.grid_steps(),
                     100.0 * static_cast<double>(search.steps()) / static_cast<double>(search.grid_steps()),
                     search.winner.empty() ? "" : fmt::format("; winner: {}", search.winner));
}

bool Plan::waits() const {
  return std::ranges::any_of(searches, [](const SearchPlan& search) { return search.winner.empty(); });
}

std::string Plan::spared_steps_text() const {
  std::int64_t trainings = 0, spared = 0, steps = 0;
  for (const PlannedJob& job : jobs) {
    if (!job.goes_on) continue;
    ++trainings;
    spared += job.goes_on->steps;
    steps += std::get<TrainingSpecification>(job.specification).recipe.steps;
  }
  if (trainings == 0) return "";
  return fmt::format("{} training{} on from {}: {} of {} steps are trained", trainings,
                     trainings == 1 ? " goes" : "s go", trainings == 1 ? "a shorter one" : "shorter ones", spared,
                     steps);
}

bool take_next(Plan& plan, Plan next) {
  const bool other = !std::ranges::equal(plan.jobs, next.jobs, {}, &PlannedJob::id, &PlannedJob::id);
  plan = std::move(next);
  return other || !plan.waits();
}

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

std::string other_dataset(const std::string& papers, const std::string& here) {
  return papers.empty() || papers == here ? "" : fmt::format("paper: {}; here: {}", papers, here);
}

}  // namespace resolute::experiments
