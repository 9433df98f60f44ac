#include "orchestrator/store/stored_jobs.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "core/files/ownership.h"
#include "core/hash/sha256.h"
#include "core/log.h"
#include "core/process/side_by_side.h"

namespace resolute::orchestrator {
namespace {

constexpr std::size_t kJobsATurn = 64;

// Another user's folders, said once before their jobs fail: each of those costs a line of its own.
void warn_of_closed_folders(const experiments::StoreLayout& store, const std::vector<experiments::PlannedJob>& jobs,
                            const std::vector<StoredJob>& stored) {
  std::set<std::filesystem::path> needed;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    if (stored[i].result) continue;
    const auto folder = store.job_folder(jobs[i].id);
    needed.insert(stored[i].folder ? folder : folder.parent_path());
  }
  const std::vector<std::filesystem::path> folders(needed.begin(), needed.end());
  std::vector<std::optional<std::string>> why(folders.size());
  core::side_by_side(folders.size(), [&](std::size_t i) { why[i] = core::why_not_writable(folders[i]); });
  const auto first = std::ranges::find_if(why, [](const auto& one) { return one.has_value(); });
  if (first == why.end()) return;
  const auto count = std::count_if(first, why.end(), [](const auto& one) { return one.has_value(); });
  core::log_warning("{} of the folders that jobs need cannot be written to; the first: '{}' ({}); {}", count,
                    folders[static_cast<std::size_t>(first - why.begin())].string(), **first,
                    core::sharing_advice(store.root()));
}

struct LookedFor {
  const experiments::JobId& id;
  std::string kind{};
};

std::vector<StoredJob> look_at(core::FileSystem& files, const experiments::StoreLayout& store,
                               const std::vector<LookedFor>& jobs, const RecordCheck& check,
                               const std::function<bool(const experiments::JobId&)>& known_done) {
  std::map<std::string, std::vector<std::size_t>> by_folder;
  for (std::size_t i = 0; i < jobs.size(); ++i) by_folder[jobs[i].id.hex.substr(0, 2)].push_back(i);
  std::vector<StoredJob> found(jobs.size());
  std::vector<const std::vector<std::size_t>*> groups;
  if (core::calls_at_once(jobs.size()) == 1 || files.exists(store.root() / "jobs"))
    for (const auto& [folder, group] : by_folder) groups.push_back(&group);
  core::side_by_side(groups.size(), core::calls_at_once(jobs.size()), [&](std::size_t turn) {
    const std::vector<std::size_t>& group = *groups[turn];
    std::optional<std::vector<std::string>> names;
    // If something foreign stands there, each job tells it for itself.
    if (group.size() > 1)
      names = unless_foreign(files, store,
                             [&] { return files.list(store.job_folder(jobs[group.front()].id).parent_path()); });
    for (const std::size_t i : group) {
      const auto& [job, kind] = jobs[i];
      if (names && !std::binary_search(names->begin(), names->end(), job.hex)) continue;
      found[i].folder = true;
      const auto seen = names && known_done && known_done(job) ? experiments::SeenRecord()
                                                               : look_at_result(files, store, job, check, kind);
      found[i].result = seen && seen->damage.empty();
      if (found[i].result) found[i].numeric_class = seen->numeric_class;
    }
  });
  return found;
}

}  // namespace

std::vector<StoredJob> look_at_jobs(core::FileSystem& files, const experiments::StoreLayout& store,
                                    const std::vector<experiments::PlannedJob>& jobs, const RecordCheck& check,
                                    const std::function<bool(const experiments::JobId&)>& known_done) {
  std::vector<LookedFor> looked_for;
  for (const auto& job : jobs) looked_for.push_back({job.id, kind_name(job.specification)});
  return look_at(files, store, looked_for, check, known_done);
}

std::vector<StoredJob> look_at_jobs(core::FileSystem& files, const experiments::StoreLayout& store,
                                    const std::vector<experiments::JobId>& jobs) {
  std::vector<LookedFor> looked_for;
  for (const auto& job : jobs) looked_for.push_back({job});
  return look_at(files, store, looked_for, {}, {});
}

std::vector<FoundJob> find_jobs(core::FileSystem& files, const experiments::StoreLayout& store,
                                const std::vector<experiments::PlannedJob>& jobs, const RecordChecks& checks) {
  const std::vector<StoredJob> stored = look_at_jobs(files, store, jobs, checks.plain);
  std::vector<FoundJob> found(jobs.size());
  const auto count_attempts = [&](std::size_t i) { found[i].attempts = attempts_in_store(files, store, jobs[i].id); };
  core::side_by_side(jobs.size(), [&](std::size_t i) {
    found[i].result = stored[i].result;
    // An agent names its own class like this (find_numeric_class()).
    if (const std::string& made_in = stored[i].numeric_class; !made_in.empty())
      found[i].numeric_class = core::sha256_hex(made_in);
    if (stored[i].folder && !stored[i].result) count_attempts(i);
  });
  warn_of_closed_folders(store, jobs, stored);
  if (!checks.with_weights) return found;
  std::set<experiments::JobId> doubtful;
  for (std::size_t i = 0; i < jobs.size(); ++i)
    if (const experiments::JobId* training = experiments::weights_read_by(jobs[i].specification))
      if (!found[i].result && found[i].attempts > 0) doubtful.insert(*training);
  core::side_by_side(jobs.size(), core::calls_at_once(doubtful.size()), [&](std::size_t i) {
    if (!found[i].result || !doubtful.contains(jobs[i].id)) return;
    found[i].result = has_result(files, store, jobs[i].id, checks.with_weights);
    if (found[i].result) return;
    found[i].numeric_class.clear();
    count_attempts(i);
  });
  return found;
}

std::vector<std::string> classes_of(const std::vector<StoredJob>& stored) {
  std::vector<std::string> classes;
  for (const StoredJob& job : stored) classes.push_back(job.numeric_class);
  return classes;
}

bool all_results_there(core::FileSystem& files, const experiments::StoreLayout& store, const experiments::Plan& plan,
                       const RecordCheck& check) {
  const auto is_done = [&](const experiments::PlannedJob& job) {
    return has_result(files, store, job.id, check, kind_name(job.specification));
  };
  const auto& jobs = plan.jobs;
  // The last in the plan are mostly those done last.
  if (!jobs.empty() && !is_done(jobs.back())) return false;
  std::atomic<bool> all = true;
  core::side_by_side(
      (jobs.size() + kJobsATurn - 1) / kJobsATurn, core::calls_at_once(jobs.size()), [&](std::size_t turn) {
        const auto begin = jobs.begin() + static_cast<std::ptrdiff_t>(turn * kJobsATurn);
        const auto end = jobs.begin() + static_cast<std::ptrdiff_t>(std::min(jobs.size(), (turn + 1) * kJobsATurn));
        if (all && !std::all_of(begin, end, is_done)) all = false;
      });
  return all;
}

}  // namespace resolute::orchestrator
