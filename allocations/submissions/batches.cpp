#include "allocations/submissions/batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace resolute::allocations {

namespace {

// SLURM's default limit of an array is 1001 (slurm.conf, MaxArraySize).
constexpr std::size_t kMostElements = 1000;
// Of a suite's name in a job's name, which may have 128 signs.
constexpr std::size_t kNameLength = 64;

std::string job_name(const std::string& suite, const std::string& token, int number) {
  return fmt::format("resolute-{}-{}-{}", suite.substr(0, kNameLength), token, number);
}

using Jobs = std::vector<const experiments::PlannedJob*>;

// Jobs without a result by level: 0 needs nothing that is missing.
std::vector<Jobs> levels_of(const experiments::Plan& plan,
                            const std::function<bool(const experiments::JobId&)>& has_result) {
  std::vector<Jobs> levels;
  std::map<experiments::JobId, std::size_t> level;
  for (const experiments::PlannedJob& job : plan.jobs) {
    if (has_result(job.id)) continue;
    std::size_t own = 0;
    for (const experiments::JobId& need : job.after)
      if (const auto found = level.find(need); found != level.end()) own = std::max(own, found->second + 1);
    level[job.id] = own;
    levels.resize(std::max(levels.size(), own + 1));
    levels[own].push_back(&job);
  }
  return levels;
}

std::vector<slurm::Batch> array_batches(const std::string& suite, const std::string& token,
                                        const std::vector<Jobs>& levels) {
  std::vector<slurm::Batch> batches;
  std::map<experiments::JobId, int> batch_of;
  int allocation = 1;
  for (const Jobs& level : levels)
    for (std::size_t begin = 0; begin < level.size(); begin += kMostElements) {
      slurm::Batch batch;
      batch.number = static_cast<int>(batches.size()) + 1;
      batch.job_name = job_name(suite, token, batch.number);
      batch.first_allocation = allocation;
      const std::size_t end = std::min(begin + kMostElements, level.size());
      for (std::size_t i = begin; i < end; ++i) {
        batch.jobs.push_back(level[i]->id.hex);
        batch_of[level[i]->id] = batch.number;
        // Batches of later levels have higher numbers: the last of them is of the level before this one.
        for (const experiments::JobId& need : level[i]->after)
          if (const auto found = batch_of.find(need); found != batch_of.end())
            batch.after = std::max(batch.after, found->second);
      }
      allocation += static_cast<int>(batch.jobs.size());
      batches.push_back(std::move(batch));
    }
  return batches;
}

}  // namespace

std::vector<slurm::Batch> batches_of(const experiments::Plan& plan, const std::string& token, int allocations,
                                     bool array, const std::function<bool(const experiments::JobId&)>& has_result) {
  if (array) return array_batches(plan.suite, token, levels_of(plan, has_result));
  std::vector<slurm::Batch> batches;
  for (int number = 1; number <= allocations; ++number) {
    slurm::Batch batch;
    batch.number = number;
    batch.job_name = job_name(plan.suite, token, number);
    batch.first_allocation = number;
    batches.push_back(std::move(batch));
  }
  return batches;
}

std::vector<std::pair<std::string, std::string>> suite_variables(
    const std::string& suite_text, const std::map<std::string, std::string>& environment) {
  std::set<std::string> names;
  for (std::size_t at = suite_text.find("${"); at != std::string::npos; at = suite_text.find("${", at + 2)) {
    const std::size_t close = suite_text.find('}', at);
    if (close == std::string::npos) break;
    const std::string name = suite_text.substr(at + 2, close - at - 2);
    if (name != "STORE" && slurm::is_variable_name(name)) names.insert(name);
  }
  std::vector<std::pair<std::string, std::string>> variables;
  // An empty one counts as not set wherever a suite is read.
  for (const std::string& name : names)
    if (const auto found = environment.find(name); found != environment.end() && !found->second.empty())
      variables.emplace_back(*found);
  return variables;
}

}  // namespace resolute::allocations
