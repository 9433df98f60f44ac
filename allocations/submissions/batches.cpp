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

// Batches with their numbers and names.
class Batches {
 public:
  Batches(const std::string& suite, const std::string& token) : suite_(suite), token_(token) {}

  //! \param allocations that it stands for
  slurm::Batch& add(int allocations, const std::optional<slurm::Resources>& resources) {
    slurm::Batch& batch = all_.emplace_back();
    batch.number = static_cast<int>(all_.size());
    batch.job_name = job_name(suite_, token_, batch.number);
    batch.first_allocation = next_allocation_;
    batch.resources = resources;
    next_allocation_ += allocations;
    return batch;
  }
  std::vector<slurm::Batch> take() && { return std::move(all_); }

 private:
  const std::string& suite_;
  const std::string& token_;
  int next_allocation_ = 1;
  std::vector<slurm::Batch> all_;
};

std::optional<slurm::Resources> first_shape(const Pool& pool) {
  return pool.shapes.empty() ? std::nullopt : std::optional(pool.shapes.front());
}

// Its jobs of the pool's kinds.
Jobs jobs_of(const Jobs& level, const Pool& pool) {
  Jobs jobs;
  std::copy_if(level.begin(), level.end(), std::back_inserter(jobs), [&](const experiments::PlannedJob* job) {
    return takes(pool.kinds, experiments::job_kind(job->specification));
  });
  return jobs;
}

}  // namespace

bool takes(const std::vector<settings::JobKind>& kinds, settings::JobKind kind) {
  return kinds.empty() || std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

std::vector<slurm::Batch> batches_of(const std::string& suite, const std::string& token,
                                     const std::vector<Pool>& pools) {
  Batches batches(suite, token);
  for (const Pool& pool : pools) {
    for (int i = 0; i < pool.least; ++i) batches.add(1, first_shape(pool)).kinds = pool.kinds;
    const auto add_on_demand = [&](const std::optional<slurm::Resources>& shape) {
      for (int i = pool.least; i < pool.most; ++i) {
        slurm::Batch& batch = batches.add(1, shape);
        batch.kinds = pool.kinds;
        batch.on_demand = true;
      }
    };
    if (pool.shapes.empty()) add_on_demand(std::nullopt);
    for (const slurm::Resources& shape : pool.shapes) add_on_demand(shape);
  }
  return std::move(batches).take();
}

std::vector<Pool> pools_of(const slurm::SubmissionRequest& request) {
  std::vector<Pool> pools;
  for (const slurm::Batch& batch : request.batches) {
    auto pool = std::find_if(pools.begin(), pools.end(), [&](const Pool& one) { return one.kinds == batch.kinds; });
    if (pool == pools.end()) pool = pools.insert(pools.end(), {batch.kinds, {}, 0, 0});
    ++(batch.on_demand ? pool->most : pool->least);
    if (batch.resources && std::find(pool->shapes.begin(), pool->shapes.end(), *batch.resources) == pool->shapes.end())
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

std::vector<slurm::Batch> array_batches_of(const experiments::Plan& plan, const std::string& token,
                                           const std::vector<Pool>& pools,
                                           const std::function<bool(const experiments::JobId&)>& has_result) {
  Batches batches(plan.suite, token);
  std::map<experiments::JobId, int> batch_of;
  for (const Jobs& level : levels_of(plan, has_result))
    for (const Pool& pool : pools) {
      const Jobs jobs = jobs_of(level, pool);
      for (std::size_t begin = 0; begin < jobs.size(); begin += kMostElements) {
        const std::size_t end = std::min(begin + kMostElements, jobs.size());
        slurm::Batch& batch = batches.add(static_cast<int>(end - begin), first_shape(pool));
        batch.kinds = pool.kinds;
        for (std::size_t i = begin; i < end; ++i) {
          batch.jobs.push_back(jobs[i]->id.hex);
          batch_of[jobs[i]->id] = batch.number;
          // Batches of later levels have higher numbers: the last of them is of the level before this one.
          for (const experiments::JobId& need : jobs[i]->after)
            if (const auto found = batch_of.find(need); found != batch_of.end())
              batch.after = std::max(batch.after, found->second);
        }
      }
    }
  return std::move(batches).take();
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

}  // namespace resolute::allocations
