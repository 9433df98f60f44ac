#include "experiments/plan.h"
#include "experiments/store_layout.h"

namespace resolute::experiments {
namespace {

using core::Json;

Json ids(const std::vector<JobId>& jobs) {
  Json list = Json::array();
  for (const JobId& job : jobs) list.push_back(job.hex);
  return list;
}

Json write(const PlannedJob& job) {
  return {{"id", job.id.hex},        {"kind", kind_name(job.specification)},
          {"after", ids(job.after)}, {"slots", job.slots},
          {"label", job.label},      {"specification", to_json(job.specification)}};
}

Json write(const TablePlan& table) {
  Json rows = Json::array();
  for (const RowPlan& row : table.rows) {
    Json cells = Json::array();
    for (const CellPlan& cell : row.cells)
      cells.push_back(
          {{"dataset", cell.dataset}, {"evaluations", ids(cell.evaluations)}, {"references", Json(cell.references)}});
    rows.push_back({{"id", row.id}, {"label", row.label}, {"cells", std::move(cells)}});
  }
  Json claims = Json::array();
  for (const ClaimPlan& claim : table.claims)
    claims.push_back({{"dataset", claim.dataset},
                      {"metric", claim.metric},
                      {"paper", claim.paper},
                      {"paper_dataset", claim.paper_dataset},
                      {"worse_to_better", claim.worse_to_better}});
  return {{"id", table.id},
          {"title", table.title},
          {"metrics", table.metrics},
          {"datasets", table.datasets},
          {"rows", std::move(rows)},
          {"compare_with", table.compare_with},
          {"claims", std::move(claims)},
          {"no_reference", table.no_reference}};
}

}  // namespace

core::Json to_json(const Plan& plan) {
  Json jobs = Json::array();
  for (const PlannedJob& job : plan.jobs) jobs.push_back(write(job));
  Json tables = Json::array();
  for (const TablePlan& table : plan.tables) tables.push_back(write(table));
  Json datasets = Json::array();
  const StoreLayout layout{std::filesystem::path()};
  for (const DatasetPlan& dataset : plan.datasets)
    datasets.push_back({{"id", dataset.id},
                        {"pack_folder", layout.pack_folder(dataset.pack).generic_string()},
                        {"root", dataset.root.generic_string()}});
  return {{"suite", plan.suite},
          {"title", plan.title},
          {"jobs", std::move(jobs)},
          {"tables", std::move(tables)},
          {"datasets", std::move(datasets)},
          {"worker", plan.worker},
          {"notes", plan.notes}};
}

}  // namespace resolute::experiments
