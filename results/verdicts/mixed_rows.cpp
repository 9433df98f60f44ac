#include "results/verdicts/mixed_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "results/verdicts/numeric_classes.h"

namespace resolute::results {
namespace {

using Jobs = std::vector<JobId>;
using Counts = std::map<std::string, int>;     // by class
using Classes = std::map<JobId, std::string>;  // of jobs that have one

class Choice {
 public:
  Choice(const experiments::Plan& plan, const Classes& classes)
      : plan_(plan), classes_(classes), trainings_(trainings_of(plan)) {}

  std::vector<MixedRow> rows() {
    for (const auto& table : plan_.tables) {
      Counts trainings, evaluations;
      for (const auto& row : table.rows)
        for (const auto& cell : row.cells) {
          count(trainings_behind(cell.evaluations), trainings);
          count(cell.evaluations, evaluations);
        }
      for (const auto& row : table.rows)
        for (const auto& cell : row.cells) {
          if (!seen_.insert(cell.evaluations).second) continue;
          MixedRow mixed{table.id, row.label, cell.dataset, {}, {}};
          choose(trainings_behind(cell.evaluations), "trainings", trainings, mixed);
          Jobs kept = cell.evaluations;
          const Jobs anew = mixed.others;
          std::erase_if(kept, [&](const JobId& job) { return contains(anew, trainings_.at(job)); });
          choose(kept, "evaluations", evaluations, mixed);
          if (!mixed.others.empty()) rows_.push_back(std::move(mixed));
        }
    }
    return std::move(rows_);
  }

 private:
  static bool contains(const Jobs& jobs, const JobId& job) { return std::ranges::find(jobs, job) != jobs.end(); }

  Jobs trainings_behind(const Jobs& evaluations) const {
    Jobs trainings;
    std::set<JobId> seen;
    for (const JobId& job : evaluations)
      if (const JobId& training = trainings_.at(job); seen.insert(training).second) trainings.push_back(training);
    return trainings;
  }

  void count(const Jobs& jobs, Counts& counts) const {
    for (const JobId& job : jobs)
      if (const auto found = classes_.find(job); found != classes_.end()) ++counts[found->second];
  }

  // Rows on the same trainings keep the same class: each of two tables might keep what the other makes anew.
  const std::string& kept(const Jobs& jobs, const Counts& counts, const Counts& in_table) {
    const auto rank = [&](const auto& one) { return std::pair(one.second, in_table.at(one.first)); };
    const auto most = std::ranges::max_element(counts, {}, rank);
    return kept_.emplace(jobs, most->first).first->second;
  }

  void choose(const Jobs& jobs, const char* kind, const Counts& in_table, MixedRow& mixed) {
    Counts counts;
    count(jobs, counts);
    if (counts.size() < 2) return;
    const std::string& numeric_class = kept(jobs, counts, in_table);
    mixed.classes += (mixed.classes.empty() ? "" : "; ") + counts_text(counts, kind);
    for (const JobId& job : jobs)
      if (const auto found = classes_.find(job); found != classes_.end() && found->second != numeric_class)
        mixed.others.push_back(job);
  }

  const experiments::Plan& plan_;
  const Classes& classes_;
  const std::map<JobId, JobId> trainings_;  // by evaluation
  std::set<Jobs> seen_;
  std::map<Jobs, std::string> kept_;
  std::vector<MixedRow> rows_;
};

}  // namespace

std::map<JobId, JobId> trainings_of(const experiments::Plan& plan) {
  std::map<JobId, JobId> trainings;
  for (const auto& job : plan.jobs)
    if (const auto* evaluation = std::get_if<experiments::EvaluationSpecification>(&job.specification))
      trainings.emplace(job.id, evaluation->training);
  return trainings;
}

std::vector<MixedRow> mixed_rows(const experiments::Plan& plan, const std::vector<std::string>& classes) {
  Classes of_jobs;
  for (std::size_t i = 0; i < plan.jobs.size(); ++i)
    if (!classes.at(i).empty()) of_jobs.emplace(plan.jobs[i].id, classes[i]);
  if (of_jobs.empty()) return {};
  return Choice(plan, of_jobs).rows();
}

std::vector<JobId> jobs_to_remake(const experiments::Plan& plan, const std::vector<MixedRow>& rows) {
  std::set<JobId> chosen;
  for (const MixedRow& row : rows) chosen.insert(row.others.begin(), row.others.end());
  const std::map<JobId, JobId> trainings = trainings_of(plan);
  std::vector<JobId> jobs;
  for (const auto& job : plan.jobs) {
    const auto training = trainings.find(job.id);
    if (chosen.contains(job.id) || (training != trainings.end() && chosen.contains(training->second)))
      jobs.push_back(job.id);
  }
  return jobs;
}

std::string mixed_rows_hint(std::size_t rows) {
  if (rows == 0) return {};
  return fmt::format("{} row{} numeric classes: `resolute suite rerun --mixed` makes the fewer trials anew", rows,
                     rows == 1 ? " mixes" : "s mix");
}

}  // namespace resolute::results
