#include "operations/submissions/batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

namespace resolute::operations {

namespace {

// Letters of a suite's name in a job's name, which has at most 128.
constexpr std::size_t kNameLength = 64;

}  // namespace

bool takes(const std::vector<settings::JobKind>& kinds, settings::JobKind kind) {
  return kinds.empty() || std::ranges::find(kinds, kind) != kinds.end();
}

std::vector<slurm::Batch> batches_of(const std::string& suite, const std::string& token,
                                     const std::vector<Pool>& pools) {
  std::vector<slurm::Batch> batches;
  const auto add = [&](const Pool& pool, const std::optional<slurm::Resources>& shape, bool on_demand) {
    slurm::Batch& batch = batches.emplace_back();
    batch.number = batch.first_allocation = static_cast<int>(batches.size());
    batch.job_name = fmt::format("resolute-{}-{}-{}", suite.substr(0, kNameLength), token, batch.number);
    batch.kinds = pool.kinds;
    batch.resources = shape;
    batch.on_demand = on_demand;
  };
  for (const Pool& pool : pools) {
    std::vector<std::optional<slurm::Resources>> shapes(pool.shapes.begin(), pool.shapes.end());
    if (shapes.empty()) shapes.emplace_back();
    for (int i = 0; i < pool.least; ++i) add(pool, shapes.front(), false);
    for (const auto& shape : shapes)
      for (int i = pool.least; i < pool.most; ++i) add(pool, shape, true);
  }
  return batches;
}

std::vector<Pool> pools_of(const slurm::SubmissionRequest& request) {
  std::vector<Pool> pools;
  for (const slurm::Batch& batch : request.batches) {
    auto pool = std::ranges::find(pools, batch.kinds, &Pool::kinds);
    if (pool == pools.end()) pool = pools.insert(pools.end(), {batch.kinds, {}, 0, 0});
    ++(batch.on_demand ? pool->most : pool->least);
    if (batch.resources && std::ranges::find(pool->shapes, *batch.resources) == pool->shapes.end())
      pool->shapes.push_back(*batch.resources);
  }
  for (Pool& pool : pools) pool.most = pool.least + pool.most / std::max(1, static_cast<int>(pool.shapes.size()));
  return pools;
}

int most_at_once(const slurm::SubmissionRequest& request, const slurm::Batch& batch) {
  for (const Pool& pool : pools_of(request))
    if (pool.kinds == batch.kinds) return pool.most;
  return 0;
}

std::vector<std::pair<std::string, std::string>> suite_variables(
    const std::string& suite_text, const std::map<std::string, std::string>& environment) {
  std::set<std::string> names;
  if (suite_text.find("python") != std::string::npos) names.insert("RESOLUTE_PYTHON");
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

}  // namespace resolute::operations
