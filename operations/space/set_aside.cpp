#include "operations/space/set_aside.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/files/json.h"
#include "core/hash/sha256.h"
#include "core/numbers.h"
#include "experiments/store/bundle.h"
#include "experiments/store/job_folder.h"
#include "orchestrator/store/claim.h"

namespace resolute::operations {
namespace {

using experiments::JobId;

fs::path before_folder(const experiments::StoreLayout& store, const std::string& suite) {
  return store.suite_folder(suite) / "before";
}

// 0 for a name that is none of ours.
int number_of(const std::string& name) { return core::number_of<int>(name).value_or(0); }

// The rename is on the disk when both folders are.
void move(core::FileSystem& files, const fs::path& from, const fs::path& to) {
  files.create_directories(to.parent_path());
  files.rename(from, to);
  files.sync_path(to.parent_path());
  files.sync_path(from.parent_path());
}

// By a training, what reads its weights.
using Readers = std::map<JobId, std::set<JobId>>;

// Each job behind all that stand on its result, however the jobs are given: evaluations before their training, a later
// stage before the one that it starts from.
std::vector<JobId> users_first(const std::vector<JobId>& jobs, const Readers& readers) {
  std::vector<JobId> ordered;
  std::set<JobId> seen;
  const auto visit = [&](const JobId& job, const auto& again) -> void {
    if (!seen.insert(job).second) return;
    if (const auto found = readers.find(job); found != readers.end())
      for (const JobId& reader : found->second) again(reader, again);
    ordered.push_back(job);
  };
  for (const JobId& job : jobs) visit(job, visit);
  return ordered;
}

}  // namespace

WithUsers with_users(core::FileSystem& files, const experiments::StoreLayout& store, const std::vector<JobId>& jobs) {
  experiments::BundledFiles stored(files, store);  // `suite compact` packs specifications
  WithUsers all;
  Readers readers;
  for (const SuiteNeeds& suite : read_needs(files, store, [&](const fs::path& folder) { return files.list(folder); })) {
    if (std::ranges::none_of(jobs, [&](const JobId& job) { return suite.jobs.contains(job.hex); })) continue;
    all.suites.insert(suite.suite);
    for (const auto& [id, kind] : suite.jobs) {
      if (kind != "evaluation" && kind != "training") continue;
      const auto specification = experiments::read_stored_specification(stored, store, {id});
      if (const JobId* read = specification ? experiments::weights_read_by(*specification) : nullptr)
        readers[*read].insert({id});
    }
  }
  all.jobs = users_first(jobs, readers);
  return all;
}

fs::path set_aside(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& suite,
                   const std::vector<JobId>& jobs) {
  orchestrator::ClaimHolders claims(files, store);
  for (const JobId& job : jobs)
    if (claims.held(job))
      throw core::input_error(fmt::format("job {} cannot be set aside", experiments::short_id(job)),
                              "a run works on it", "wait for its end");
  int number = 1;
  for (const std::string& name : files.list(before_folder(store, suite)))
    number = std::max(number, number_of(name) + 1);
  const fs::path folder = before_folder(store, suite) / fmt::format("{:06}", number);
  for (const JobId& job : jobs)
    if (files.exists(store.job_folder(job))) move(files, store.job_folder(job), folder / job.hex);
  return folder;
}

namespace {

// A job of a folder of set_aside() that reads another's weights, by that one; damage there keeps nothing from its
// place.
std::optional<JobId> base_of(core::FileSystem& files, core::FileSystem& bundled, const experiments::StoreLayout& store,
                             const fs::path& folder, const JobId& job) {
  try {
    auto text = core::read_text_if_exists(files, folder / job.hex / "spec.json");
    if (!text) text = core::read_text_if_exists(bundled, store.specification_file(job));
    if (!text) return std::nullopt;
    const auto specification = experiments::specification_from_json(core::parse_json(*text, job.hex), job.hex);
    const JobId* read = experiments::weights_read_by(specification);
    return read != nullptr ? std::optional(*read) : std::nullopt;
  } catch (const core::RuntimeError&) {
    return std::nullopt;
  }
}

// The jobs of a folder of set_aside(), each before all that stand on it.
std::vector<JobId> users_last(core::FileSystem& files, const experiments::StoreLayout& store, const fs::path& folder) {
  experiments::BundledFiles stored(files, store);
  std::vector<JobId> jobs;
  Readers readers;
  for (const std::string& name : files.list(folder)) {
    if (!core::is_sha256_hex(name)) continue;
    const JobId& job = jobs.emplace_back(JobId{name});
    if (const auto base = base_of(files, stored, store, folder, job)) readers[*base].insert(job);
  }
  jobs = users_first(jobs, readers);
  std::ranges::reverse(jobs);
  return jobs;
}

}  // namespace

LastAside last_aside(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& suite) {
  LastAside last;
  int latest = 0;
  for (const std::string& name : files.list(before_folder(store, suite))) {
    const fs::path folder = before_folder(store, suite) / name;
    if (number_of(name) <= latest) continue;
    std::vector<JobId> jobs = users_last(files, store, folder);
    if (jobs.empty()) continue;
    latest = number_of(name);
    last = {folder, std::move(jobs)};
  }
  return last;
}

void put_back(core::FileSystem& files, const experiments::StoreLayout& store, const LastAside& last) {
  for (const JobId& job : last.jobs)
    if (files.exists(store.job_folder(job)))
      throw core::input_error(fmt::format("job {} cannot be put back", experiments::short_id(job)),
                              "it has begun anew since",
                              fmt::format("remove '{}' first, and those of the others in '{}'",
                                          store.job_folder(job).string(), last.folder.string()));
  for (const JobId& job : last.jobs) move(files, last.folder / job.hex, store.job_folder(job));
  files.remove_folder(last.folder);
}

}  // namespace resolute::operations
