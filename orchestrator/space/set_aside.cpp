#include "orchestrator/space/set_aside.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "core/numbers.h"
#include "experiments/store/bundle.h"
#include "experiments/store/stored_specification.h"
#include "orchestrator/store/claim.h"

namespace resolute::orchestrator {
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

}  // namespace

WithUsers with_users(core::FileSystem& files, const experiments::StoreLayout& store, const std::vector<JobId>& jobs) {
  experiments::BundledFiles stored(files, store);  // `suite compact` packs specifications
  WithUsers all;
  std::set<JobId> evaluations;
  std::map<JobId, std::set<JobId>> readers;  // of a training's weights
  for (const SuiteNeeds& suite : read_needs(files, store, [&](const fs::path& folder) { return files.list(folder); })) {
    if (std::none_of(jobs.begin(), jobs.end(), [&](const JobId& job) { return suite.jobs.contains(job.hex); }))
      continue;
    all.suites.insert(suite.suite);
    for (const auto& [id, kind] : suite.jobs) {
      if (kind == "evaluation") evaluations.insert({id});
      if (kind != "evaluation" && kind != "training") continue;
      const auto specification = experiments::read_stored_specification(stored, store, {id});
      if (const JobId* read = specification ? experiments::weights_read_by(*specification) : nullptr)
        readers[*read].insert({id});
    }
  }
  all.jobs = jobs;
  std::set<JobId> found(jobs.begin(), jobs.end());
  for (std::size_t i = 0; i < all.jobs.size(); ++i)
    for (const JobId& reader : readers[all.jobs[i]])
      if (found.insert(reader).second) all.jobs.push_back(reader);
  std::ranges::reverse(all.jobs);  // what stands on a job was found behind it
  std::stable_partition(all.jobs.begin(), all.jobs.end(), [&](const JobId& job) { return evaluations.contains(job); });
  return all;
}

fs::path set_aside(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& suite,
                   const std::vector<JobId>& jobs) {
  ClaimHolders claims(files, store);
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

LastAside last_aside(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& suite) {
  LastAside last;
  int latest = 0;
  for (const std::string& name : files.list(before_folder(store, suite))) {
    const fs::path folder = before_folder(store, suite) / name;
    std::vector<JobId> jobs;
    for (const std::string& job : files.list(folder))
      if (core::is_sha256_hex(job)) jobs.push_back({job});
    if (jobs.empty() || number_of(name) <= latest) continue;
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

}  // namespace resolute::orchestrator
