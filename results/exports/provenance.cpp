#include "results/exports/provenance.h"

#include "core/log.h"
#include "core/process/side_by_side.h"
#include "experiments/store/job_folder.h"
#include "results/records/training_log.h"

namespace resolute::results {
namespace {

using core::Json;

constexpr int kProvenanceSchema = 1;

std::optional<int> last_logged_attempt(core::FileSystem& files, const experiments::StoreLayout& store,
                                       const JobId& job) {
  const auto attempts = experiments::stored_attempts(files, store.job_folder(job));
  for (auto attempt = attempts.rbegin(); attempt != attempts.rend(); ++attempt)
    if (files.exists(store.attempt_file(job, *attempt, kStepLogName))) return *attempt;
  return std::nullopt;
}

Json ids_of(const std::vector<JobId>& jobs) {
  Json list = Json::array();
  for (const JobId& job : jobs) list.push_back(job.hex);
  return list;
}

// The record without what it measured and without names of files: hashes and the class that decided bits.
Json result_of(const Record& record) {
  Json json = core::parse_json(record_text(record), "a record");
  if (const auto provenance = json.find("provenance"); provenance != json.end()) {
    const Json members = *provenance;
    json.update(members);
  }
  for (const char* key : {"job", "metrics", "outputs", "provenance", "weights_file"}) json.erase(key);
  return json;
}

Json json_of_job(const JobProvenance& job) {
  const Json& specification = job.specification;
  Json code = {{"schema", specification.at("schema")}};
  Json json = {{"id", job.job.hex},
               {"kind", job.kind},
               {"label", job.label},
               {"after", ids_of(job.after)},
               {"pack", specification.at("pack").at("name")},
               {"result", job.record ? result_of(*job.record) : Json(nullptr)}};
  if (job.kind == "training") {
    for (const char* key : {"method", "method_revision"}) code[key] = specification.at(key);
    const auto& weights = specification.at("initial_weights");
    json["initial_weights"] = weights.get_ref<const std::string&>().empty() ? Json(nullptr) : weights;
    json["attempts"] = job.attempts ? Json(*job.attempts) : Json(nullptr);
  }
  if (!job.damage.empty()) json["damaged"] = job.damage;
  json["code"] = std::move(code);
  return json;
}

}  // namespace

Provenance provenance_of(const experiments::Plan& plan, core::FileSystem& files,
                         const experiments::StoreLayout& store) {
  Provenance provenance{plan.suite, {}, {}};
  for (const auto& table : plan.tables)
    for (const auto& row : table.rows)
      for (const auto& cell : row.cells) provenance.cells.push_back({table.id, row.id, cell.dataset, cell.evaluations});
  using Found = std::pair<FoundRecord, std::optional<int>>;
  const auto read = [&](std::size_t i) {
    Found found{find_record(files, store, plan.jobs[i].id, kind_name(plan.jobs[i].specification)), std::nullopt};
    if (const auto* record = std::get_if<Record>(&found.first);
        record && std::holds_alternative<TrainingRecord>(*record))
      found.second = last_logged_attempt(files, store, plan.jobs[i].id);
    return found;
  };
  core::read_ahead(plan.jobs.size(), read, [&](std::size_t i, Found found) {
    const experiments::PlannedJob& job = plan.jobs[i];
    auto* record = std::get_if<Record>(&found.first);
    const auto* damaged = std::get_if<DamagedRecord>(&found.first);
    if (damaged != nullptr)
      core::log_warning("{}: its record counts as none ({}); {}", job.label, damaged->why, damaged->advice);
    provenance.jobs.push_back({job.id, kind_name(job.specification), job.label, job.after,
                               experiments::to_json(job.specification),
                               record == nullptr ? std::nullopt : std::optional(std::move(*record)), found.second});
    if (damaged != nullptr) provenance.jobs.back().damage = damaged->why;
  });
  return provenance;
}

core::Json to_json(const Provenance& provenance) {
  Json cells = Json::array(), jobs = Json::array();
  for (const CellProvenance& cell : provenance.cells)
    cells.push_back({{"table", cell.table},
                     {"row", cell.row},
                     {"dataset", cell.dataset},
                     {"evaluations", ids_of(cell.evaluations)}});
  for (const JobProvenance& job : provenance.jobs) jobs.push_back(json_of_job(job));
  return {{"schema", kProvenanceSchema},
          {"suite", provenance.suite},
          {"cells", std::move(cells)},
          {"jobs", std::move(jobs)}};
}

}  // namespace resolute::results
