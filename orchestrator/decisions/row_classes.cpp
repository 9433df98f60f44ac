#include <algorithm>
#include <map>
#include <utility>

#include "orchestrator/decisions/apply_parts.h"

namespace resolute::orchestrator {
namespace {

// The row that it is compared with, or itself.
int family_of(const JobRow& row) { return row.compared_with >= 0 ? row.compared_with : row.number; }

const std::string& most_of(const std::map<std::string, int>& classes) {
  return std::ranges::max_element(classes, [](const auto& one, const auto& other) { return one.second < other.second; })
      ->first;
}

}  // namespace

void give_class(State& state, JobRow row, const std::string& numeric_class) {
  for (int i = 0; std::cmp_less(i, state.jobs.size()); ++i) {
    JobRow& other = job_of(state, {i}).row;
    const bool same = other.number == row.number;
    const bool begins = other.numeric_class.empty() && family_of(other) == family_of(row) &&
                        (other.beside.empty() || row.compared_with < 0);
    if (!same && !begins) continue;
    unindex_job(state, {i});
    (same ? other.numeric_class : other.beside) = numeric_class;
    index_job(state, {i});
  }
}

void give_classes_of_done(State& state) {
  std::map<int, std::map<std::string, int>> done, families;  // by row, by class
  for (const Job& job : state.jobs) {
    if (!job.wanted || job.row.number < 0 || job.numeric_class.empty() || !std::holds_alternative<Succeeded>(job.state))
      continue;
    ++done[job.row.number][job.numeric_class];
    ++families[family_of(job.row)][job.numeric_class];
  }
  if (done.empty()) return;
  for (int i = 0; std::cmp_less(i, state.jobs.size()); ++i) {
    JobRow& row = job_of(state, {i}).row;
    const auto of_row = done.find(row.number), compared = done.find(family_of(row));
    const auto family = families.find(family_of(row));
    const bool begins = compared != done.end() || (family != families.end() && row.beside.empty());
    if ((of_row == done.end() && !begins) || std::holds_alternative<Succeeded>(job_of(state, {i}).state)) continue;
    unindex_job(state, {i});
    if (of_row != done.end())
      row.numeric_class = most_of(of_row->second);
    else
      row.beside = most_of(compared != done.end() ? compared->second : family->second);
    index_job(state, {i});
  }
}

}  // namespace resolute::orchestrator
