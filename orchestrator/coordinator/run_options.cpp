#include "orchestrator/coordinator/run_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "core/error.h"
#include "settings/names.h"

namespace resolute::orchestrator {

std::chrono::seconds length_of(BurnInLength length) {
  switch (length) {
    case BurnInLength::kOff:
      return std::chrono::seconds(0);
    case BurnInLength::kQuick:
      return std::chrono::seconds(10);
    case BurnInLength::kFull:
      return std::chrono::seconds(60);
  }
  return {};
}

int RunOutcome::exit_code() const {
  if (interrupted) return kExitToBeContinued;
  return failed + cancelled + unfinished > 0 ? kExitIncomplete : 0;
}

experiments::Plan select(const experiments::Plan& plan, const std::string& only) {
  std::set<experiments::JobId> wanted;
  std::vector<std::string> rows;
  for (const auto& table : plan.tables)
    for (const auto& row : table.rows) {
      rows.push_back(row.id);
      if (row.id == only || table.id + "/" + row.id == only)
        for (const auto& cell : row.cells) wanted.insert(cell.evaluations.begin(), cell.evaluations.end());
    }
  if (wanted.empty() && only.size() >= 4)
    for (const auto& job : plan.jobs)
      if (job.id.hex.starts_with(only)) wanted.insert(job.id);
  if (wanted.empty()) {
    const std::string near = settings::did_you_mean(only, rows);
    throw core::input_error(
        fmt::format("'{}' names no row and no job of suite '{}'", only, plan.suite), "",
        near.empty() ? "`resolute suite plan` lists them; a job's id may be cut to 4 digits or more" : near);
  }
  experiments::Plan selected = plan;
  selected.jobs.clear();
  for (auto job = plan.jobs.rbegin(); job != plan.jobs.rend(); ++job) {
    if (!wanted.contains(job->id)) continue;
    wanted.insert(job->after.begin(), job->after.end());
    selected.jobs.push_back(*job);
  }
  std::ranges::reverse(selected.jobs);
  return selected;
}

}  // namespace resolute::orchestrator
