#include "results/tables/table_notes.h"
#include "results/tables/tables.h"

namespace resolute::results {
namespace {

using core::Json;

Json json_number(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json json_difference(const std::optional<Difference>& d) { return d ? json_difference(*d) : Json(nullptr); }

Json json_setting(const std::string& value) { return value.empty() ? Json(nullptr) : Json::parse(value); }

Json to_json(const ComparedClaim& claim) {
  Json rows = Json::array();
  for (const ClaimRow& row : claim.rows)
    rows.push_back({{"id", row.id}, {"label", row.label}, {"mean", json_number(row.mean)}});
  Json steps = Json::array(), differences = Json::array();
  for (const Verdict step : claim.steps) steps.push_back(settings::word(step));
  for (const auto& pair : claim.differences) differences.push_back(json_difference(pair));
  return {{"kind", settings::word(claim.kind)},
          {"form", settings::word(claim.form)},
          {"dataset", claim.dataset},
          {"metric", claim.metric},
          {"paper", claim.paper},
          {"paper_dataset", claim.paper_dataset},
          {"paper_order", claim.paper_order},
          {"rows", std::move(rows)},
          {"steps", std::move(steps)},
          {"differences", std::move(differences)},
          {"trials", claim.trials},
          {"status", settings::word(claim.status)}};
}

Json to_json(const AgainstPaper& against, double margin) {
  return {{"difference", against.difference},
          {"low", json_number(against.low)},
          {"high", json_number(against.high)},
          {"margin", margin},
          {"verdict", settings::word(against.verdict)}};
}

Json to_json(const Cell& cell, const Footnotes& footnotes, double margin) {
  Json values = Json::array();
  for (const auto& value : cell.values) values.push_back(json_number(value));
  Json jobs = Json::array();
  for (const TrialJobs& trial : cell.jobs)
    for (const JobId* job : {&trial.training, &trial.evaluation}) jobs.push_back(job->hex);
  Json json = {{"dataset", cell.dataset},
               {"metric", cell.metric},
               {"mean", json_number(cell.mean)},
               {"std", json_number(cell.std)},
               {"trials", cell.trials},
               {"trials_needed", cell.trials_needed},
               {"values", std::move(values)},
               {"reference", json_number(cell.reference)},
               {"chance", json_number(cell.chance)},
               {"complete", cell.status == CellStatus::kComplete},
               {"status", settings::word(cell.status)},
               {"why", cell.why},
               {"difference", json_difference(cell.difference)},
               {"jobs", std::move(jobs)}};
  if (experiments::is_across(cell.dataset)) {
    const experiments::ColumnSets sets = experiments::sets_of(cell.dataset);
    json.update({{"trained_on", sets.trained_on}, {"asked_on", sets.asked_on}});
  }
  if (!cell.paper_dataset.empty()) json["paper_dataset"] = cell.paper_dataset;
  if (cell.reference_error) json["reference_error"] = *cell.reference_error;
  if (cell.best) json["best"] = true;
  if (!cell.difference_why.empty()) json["difference_why"] = cell.difference_why;
  if (cell.against_paper) json["against_paper"] = to_json(*cell.against_paper, margin);
  if (cell.no_reference && !cell.reference) json["no_reference"] = true;
  if (!cell.footnotes.empty()) json["footnotes"] = footnotes.numbers_of(cell.footnotes);
  if (!cell.own_footnotes.empty()) json["own_footnotes"] = footnotes.numbers_of(cell.own_footnotes);
  if (cell.difference && !cell.difference->footnotes.empty())
    json["difference"]["footnotes"] = footnotes.numbers_of(cell.difference->footnotes);
  return json;
}

//! Adds "paper_datasets", "no_reference" and "footnotes", by data set, where there are any.
void add_paper(Json& json, const experiments::PublishedRow& row, const Footnotes& footnotes) {
  for (const auto& [dataset, paper] : row.paper) {
    if (!paper.datasets.empty()) json["paper_datasets"][dataset] = paper.datasets;
    for (const std::string& metric : paper.no_reference) json["no_reference"][dataset].push_back(metric);
    for (const auto& [metric, texts] : paper.footnotes)
      json["footnotes"][dataset][metric] = footnotes.numbers_of(texts);
  }
}

Json to_json(const Table& table) {
  const Footnotes footnotes(table);
  Json rows = Json::array();
  for (const Row& row : table.rows) {
    Json cells = Json::array();
    for (const Cell& cell : row.cells) cells.push_back(to_json(cell, footnotes, table.margin));
    rows.push_back({{"id", row.id}, {"label", row.label}, {"cells", std::move(cells)}});
    for (const DifferentSetting& one : row.other_settings)
      rows.back()["other_settings"].push_back(
          {{"key", one.key}, {"value", json_setting(one.first)}, {"compared", json_setting(one.second)}});
  }
  Json claims = Json::array();
  for (const ComparedClaim& claim : table.claims) claims.push_back(to_json(claim));
  Json json = {{"id", table.id},
               {"title", table.title},
               {"metrics", table.metrics},
               {"datasets", table.datasets},
               {"lanes", table.lanes},
               {"from_scratch", table.from_scratch},
               {"compare_with", table.compare_with.empty() ? Json(nullptr) : Json(table.compare_with)},
               {"comparisons", table.comparisons},
               {"claims", std::move(claims)},
               {"rows", std::move(rows)}};
  if (!table.no_reference.empty()) json["no_reference"] = table.no_reference;
  if (!table.mean_of.empty()) json["mean_of"] = table.mean_of;
  if (!table.stand_ins.empty()) json["stand_ins"] = table.stand_ins;
  if (!table.drawn.empty()) json["drawn"] = table.drawn;
  if (!table.notes.empty()) json["notes"] = table.notes;
  if (!footnotes.texts().empty()) json["footnotes"] = footnotes.texts();
  for (const experiments::PublishedRow& row : table.published) {
    json["published"].push_back({{"id", row.method}, {"label", row.label}, {"references", Json(row.numbers)}});
    add_paper(json["published"].back(), row, footnotes);
  }
  return json;
}

}  // namespace

Json json_difference(const Difference& d) {
  return {{"to", d.to},
          {"mean", d.mean},
          {"low", d.low},
          {"high", d.high},
          {"trials", d.trials},
          {"p", d.p},
          {"p_holm", d.p_holm},
          {"verdict", settings::word(side_of(d))},
          {"survives_holm", survives_holm(d)}};
}

Json to_json(const SuiteTables& tables) {
  Json list = Json::array();
  for (const Table& table : tables.tables) list.push_back(to_json(table));
  return {{"suite", tables.suite},
          {"title", tables.title},
          {"complete", tables.complete},
          {"notes", tables.notes},
          {"tables", std::move(list)}};
}

}  // namespace resolute::results
