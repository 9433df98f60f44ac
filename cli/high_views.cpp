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

// Rates by table and data set, as the trainings on it and the evaluations on it read them from packs.
class RatesOfTables {
 public:
  explicit RatesOfTables(const experiments::Plan& plan) {
    for (const experiments::PlannedJob& job : plan.jobs) by_id_[job.id] = &job;
  }

  std::vector<int> rates(const experiments::TablePlan& table, const std::string& dataset) const {
    std::set<int> found;
    for (const experiments::RowPlan& row : table.rows)
      for (const experiments::CellPlan& cell : row.cells)
        if (!cell.evaluations.empty())
          add(found, experiments::sets_of(cell.dataset), dataset, cell.evaluations.front());
    return {found.begin(), found.end()};
  }

 private:
  template <class Kind>
  const Kind& specification_of(const experiments::JobId& job) const {
    return std::get<Kind>(by_id_.at(job)->specification);
  }
  void add(std::set<int>& found, const experiments::ColumnSets& sets, const std::string& dataset,
           const experiments::JobId& job) const {
    const auto& evaluation = specification_of<EvaluationSpecification>(job);
    const settings::Recipe& recipe = specification_of<TrainingSpecification>(evaluation.training).recipe;
    if (sets.asked_on == dataset) {
      found.insert(evaluation.split.query_rates.begin(), evaluation.split.query_rates.end());
      found.insert(evaluation.protocol.query_rates.begin(), evaluation.protocol.query_rates.end());
      found.insert(evaluation.protocol.gallery_rate);
    }
    // Copies at real rates are of the image at network size.
    if (sets.trained_on == dataset && recipe.copies_from == settings::CopiesFrom::kNative && recipe.copies.rate.empty())
      found.insert(recipe.train_rates.begin(), recipe.train_rates.end());
  }

  std::map<experiments::JobId, const experiments::PlannedJob*> by_id_;
};

}  // namespace

void note_high_views(experiments::Plan& plan, const experiments::StoreLayout& store, bool warn) {
  const RatesOfTables rates(plan);
  for (const experiments::DatasetPlan& dataset : plan.datasets) {
    const auto images = datasets::native_images(core::real_file_system(), dataset.pack, store.pack_folder(dataset.pack),
                                                dataset.pack.synthetic ? store.raw_folder(dataset.pack) : dataset.root);
    if (!images) continue;
    settings::PackSettings all = dataset.pack;
    all.rates.clear();
    for (experiments::TablePlan& table : plan.tables) {
      settings::PackSettings table_pack = dataset.pack;
      table_pack.rates = rates.rates(table, dataset.id);
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
