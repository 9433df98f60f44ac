#include "cli/high_views.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/files/file_system.h"
#include "core/log.h"
#include "datasets/pack/high_views.h"

namespace resolute::cli {
namespace {

using experiments::EvaluationSpecification;
using experiments::TrainingSpecification;

using Jobs = std::map<experiments::JobId, const experiments::PlannedJob*>;

// Rates of a data set, as a table's trainings on it and evaluations on it read them from packs.
std::vector<int> rates_in(const experiments::TablePlan& table, const std::string& dataset, const Jobs& jobs) {
  std::set<int> found;
  for (const experiments::RowPlan& row : table.rows)
    for (const experiments::CellPlan& cell : row.cells) {
      if (cell.evaluations.empty()) continue;
      const auto& evaluation = std::get<EvaluationSpecification>(jobs.at(cell.evaluations.front())->specification);
      const settings::Recipe& recipe =
          std::get<TrainingSpecification>(jobs.at(evaluation.training)->specification).recipe;
      const experiments::ColumnSets sets = experiments::sets_of(cell.dataset);
      if (sets.asked_on == dataset) {
        found.insert(evaluation.split.query_rates.begin(), evaluation.split.query_rates.end());
        found.insert(evaluation.protocol.query_rates.begin(), evaluation.protocol.query_rates.end());
        found.insert(evaluation.protocol.gallery_rate);
      }
      // Copies at real rates are of the image at network size.
      if (sets.trained_on == dataset && recipe.copies_from == settings::CopiesFrom::kNative &&
          recipe.copies.rate.empty())
        found.insert(recipe.train_rates.begin(), recipe.train_rates.end());
    }
  return {found.begin(), found.end()};
}

}  // namespace

void note_high_views(experiments::Plan& plan, const experiments::StoreLayout& store, bool warn) {
  Jobs jobs;
  for (const experiments::PlannedJob& job : plan.jobs) jobs[job.id] = &job;
  for (const experiments::DatasetPlan& dataset : plan.datasets) {
    const auto images = datasets::native_images(core::real_file_system(), dataset.pack, store.pack_folder(dataset.pack),
                                                dataset.pack.synthetic ? store.raw_folder(dataset.pack) : dataset.root);
    if (!images) continue;
    settings::PackSettings all = dataset.pack;
    all.rates.clear();
    for (experiments::TablePlan& table : plan.tables) {
      settings::PackSettings table_pack = dataset.pack;
      table_pack.rates = rates_in(table, dataset.id, jobs);
      all.rates.insert(all.rates.end(), table_pack.rates.begin(), table_pack.rates.end());
      if (table_pack.rates.empty()) continue;
      if (const auto found = datasets::high_views(table_pack, *images); !found.empty())
        table.notes.push_back(fmt::format("nothing is low on {}: {}", dataset.id, high_views_text(table_pack, found)));
    }
    std::ranges::sort(all.rates);
    all.rates.erase(std::unique(all.rates.begin(), all.rates.end()), all.rates.end());
    if (const auto why = datasets::high_views_warning(all, *images); warn && !why.empty()) core::log_warning("{}", why);
  }
}

}  // namespace resolute::cli
