#include <ostream>

#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"

namespace resolute::experiments {
namespace {

using core::Json;

Json ids(const std::vector<JobId>& jobs) {
  Json list = Json::array();
  for (const JobId& job : jobs) list.push_back(job.hex);
  return list;
}

Json write(const PlannedJob& job) {
  Json json = {{"id", job.id.hex},        {"kind", kind_name(job.specification)},
               {"after", ids(job.after)}, {"slots", job.slots},
               {"label", job.label},      {"specification", to_json(job.specification)}};
  if (job.provisional) json["provisional"] = true;
  if (job.goes_on) json["goes_on"] = {{"from", job.goes_on->from.hex}, {"steps", job.goes_on->steps}};
  return json;
}

//! Adds "entries", and "footnotes" and "no_reference" where there are any.
void add_paper(Json& cell, const PaperCell& paper) {
  cell["entries"] = Json::array();
  for (const PaperEntry& entry : paper.entries)
    cell["entries"].push_back({{"paper", entry.paper},
                               {"table", entry.table},
                               {"method", entry.method},
                               {"dataset", entry.dataset},
                               {"variant", entry.variant}});
  if (!paper.footnotes.empty()) cell["footnotes"] = paper.footnotes;
  if (!paper.no_reference.empty()) cell["no_reference"] = paper.no_reference;
}

Json write(const SearchPlan& search) {
  Json rungs = Json::array();
  for (const SearchPlan::Rung& rung : search.rungs)
    rungs.push_back({{"steps", rung.steps}, {"points", rung.points}, {"done", rung.done}});
  return {{"id", search.id},
          {"dataset", search.dataset},
          {"rungs", std::move(rungs)},
          {"trials", search.trials},
          {"steps", search.steps()},
          {"grid_steps", search.grid_steps()},
          {"winner", search.winner.empty() ? Json() : Json(search.winner)}};
}

Json write(const TablePlan& table) {
  Json rows = Json::array();
  for (const RowPlan& row : table.rows) {
    Json cells = Json::array();
    for (const CellPlan& cell : row.cells) {
      cells.push_back(
          {{"dataset", cell.dataset}, {"evaluations", ids(cell.evaluations)}, {"references", Json(cell.references)}});
      if (is_across(cell.dataset)) {
        const ColumnSets sets = sets_of(cell.dataset);
        cells.back().update({{"trained_on", sets.trained_on}, {"asked_on", sets.asked_on}});
      }
      add_paper(cells.back(), cell.paper);
    }
    rows.push_back({{"id", row.id}, {"label", row.label}, {"cells", std::move(cells)}});
    if (!row.deviations.empty()) rows.back()["deviations"] = row.deviations;
    if (!row.starts.empty()) rows.back()["starts"] = row.starts;
    if (!row.joined.empty()) rows.back()["joined"] = row.joined;
  }
  Json claims = Json::array();
  for (const ClaimPlan& claim : table.claims)
    claims.push_back({{"kind", settings::word(claim.kind)},
                      {"form", settings::word(claim.form)},
                      {"dataset", claim.dataset},
                      {"metric", claim.metric},
                      {"paper", claim.paper},
                      {"paper_dataset", claim.paper_dataset},
                      {"paper_order", claim.paper_order},
                      {"worse_to_better", claim.worse_to_better}});
  Json published = Json::array();
  for (const PublishedRow& row : table.published) {
    published.push_back(
        {{"id", row.method}, {"label", row.label}, {"references", Json(row.numbers)}, {"papers", Json::object()}});
    for (const auto& [dataset, paper] : row.paper) add_paper(published.back()["papers"][dataset], paper);
  }
  Json json = {{"id", table.id},
               {"title", table.title},
               {"metrics", table.metrics},
               {"datasets", table.datasets},
               {"rows", std::move(rows)},
               {"compare_with", table.compare_with},
               {"claims", std::move(claims)},
               {"no_reference", table.no_reference},
               {"mean_of", table.mean_of},
               {"margin", table.margin},
               {"published", std::move(published)},
               {"notes", table.notes}};
  if (table.strict_classes) json["strict_classes"] = true;
  if (!table.look_up.empty()) json["look_up"] = table.look_up;
  return json;
}

//! All but the jobs, of which 100,000 as one tree would take more than a gigabyte.
Json without_jobs(const Plan& plan) {
  Json tables = Json::array();
  for (const TablePlan& table : plan.tables) tables.push_back(write(table));
  Json datasets = Json::array();
  const StoreLayout layout{std::filesystem::path()};
  for (const DatasetPlan& dataset : plan.datasets)
    datasets.push_back({{"id", dataset.id},
                        {"pack_folder", layout.pack_folder(dataset.pack).generic_string()},
                        {"root", dataset.root.generic_string()}});
  for (std::size_t i = 0; i < plan.datasets.size(); ++i)
    if (const Images images = images_of(plan.datasets[i]); images != Images::kReal)
      datasets[i][images == Images::kStandIn ? "stand_in" : "drawn"] = true;
  Json epochs = Json::array();
  for (const EpochsPlan& one : plan.epochs)
    epochs.push_back({{"dataset", one.dataset},
                      {"key", one.key},
                      {"epochs", one.epochs},
                      {"batch", one.batch},
                      {"images", {one.fewest_images, one.most_images}},
                      {"steps", {one.fewest_steps, one.most_steps}},
                      {"estimated", one.estimated}});
  Json json = {{"suite", plan.suite},
               {"title", plan.title},
               {"jobs", Json::array()},
               {"tables", std::move(tables)},
               {"datasets", std::move(datasets)},
               {"epochs", std::move(epochs)},
               {"worker", plan.worker},
               {"notes", plan.notes}};
  for (const SearchPlan& search : plan.searches) json["searches"].push_back(write(search));
  if (!plan.of_unknown_people.empty()) json["of_unknown_people"] = plan.of_unknown_people;
  return json;
}

}  // namespace

void write_json(std::ostream& to, const Plan& plan, const Json& more) {
  Json document = without_jobs(plan);
  document.update(more);
  const std::string text = document.dump(1, ' ', false, Json::error_handler_t::replace);
  const std::size_t jobs = text.find("\n \"jobs\": []") + std::string_view("\n \"jobs\": [").size();
  to << std::string_view(text).substr(0, jobs);
  for (const PlannedJob& job : plan.jobs) {
    std::string indented = &job == &plan.jobs.front() ? "\n  " : ",\n  ";
    for (const char c : write(job).dump(1, ' ', false, Json::error_handler_t::replace)) {
      indented += c;
      if (c == '\n') indented += "  ";
    }
    to << indented;
  }
  to << "\n " << std::string_view(text).substr(jobs) << "\n";
}

}  // namespace resolute::experiments
