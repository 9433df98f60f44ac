#include "cli/job/find_job.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/files/json.h"
#include "core/hash/sha256.h"
#include "core/log.h"
#include "experiments/store/job_folder.h"
#include "operations/look/attempt_logs.h"
#include "operations/look/explain.h"

namespace resolute::cli {

using experiments::JobId;
using experiments::StoreLayout;

namespace {

constexpr std::size_t kMostJobsListed = 20;

void require_digits(const std::string& name) {
  if (are_digits(name)) return;
  if (name.size() > 64 || !core::is_hexadecimal(name))
    throw core::input_error("job '" + name + "' is neither an id nor a file",
                            "an id has 64 digits of 0-9 and a-f, of which the first few will do",
                            "`resolute suite status` and `resolute suite plan --jobs` print the ids");
  throw core::input_error("job '" + name + "' is too short", fmt::format("{} digits are needed", kFewestDigits));
}

JobId only_told_job(core::FileSystem& files, const StoreLayout& store, const std::string& name,
                    const std::vector<operations::KnownJob>& known) {
  if (known.size() == 1) return known.front().job;
  std::vector<operations::KnownJob> with_logs;
  for (const auto& one : known)
    if (!operations::latest_logs(files, store, one.job).empty()) with_logs.push_back(one);
  if (with_logs.size() == 1) return with_logs.front().job;
  const auto& listed = with_logs.empty() ? known : with_logs;
  for (std::size_t i = 0; i < std::min(listed.size(), kMostJobsListed); ++i)
    core::log_info("{}  {}  in {}", experiments::short_id(listed[i].job), listed[i].label,
                   fmt::join(listed[i].suites, ", "));
  throw core::input_error(
      fmt::format("'{}' fits {} jobs", name, listed.size()),
      listed.size() > kMostJobsListed ? fmt::format("the first {} are listed", kMostJobsListed) : "",
      "name one by its id, by more words of its label, or with --suite");
}

}  // namespace

bool are_digits(const std::string& name) {
  return name.size() >= kFewestDigits && name.size() <= 64 && core::is_hexadecimal(name);
}

bool is_job_file(const std::string& name) {
  std::error_code ignored;
  return fs::exists(name, ignored) && !fs::is_directory(name, ignored);
}

JobId find_job(core::FileSystem& files, const StoreLayout& store, const std::string& name) {
  if (is_job_file(name)) {
    auto specification =
        experiments::specification_from_json(core::parse_json(core::read_named_text(files, name), name), name);
    experiments::validate(specification, name);
    return experiments::job_id(specification);
  }
  require_digits(name);
  return experiments::only_id(
      experiments::stored_ids(files, store, name), name,
      core::input_error("no job '" + name + "' in store '" + store.root().string() + "'", {},
                        "'resolute suite plan SUITE.toml --json' lists the ids of a suite's jobs"));
}

JobId find_told_job(core::FileSystem& files, const StoreLayout& store, const std::string& name,
                    const std::optional<std::string>& suite) {
  if (is_job_file(name)) {
    const JobId job = find_job(files, store, name);
    return suite ? operations::find_explained_job(files, store, job.hex, suite) : job;
  }
  const bool digits = are_digits(name);
  if (digits && !suite && !experiments::stored_ids(files, store, name).empty()) return find_job(files, store, name);
  const auto known = operations::jobs_called(files, store, name, suite);
  if (!known.empty()) return only_told_job(files, store, name, known);
  if (digits) return operations::find_explained_job(files, store, name, suite);
  throw core::input_error(
      fmt::format("no job and no row is called '{}'", name),
      fmt::format("in the journals of {}", suite ? "suite '" + *suite + "'" : "store '" + store.root().string() + "'"),
      "`resolute suite status` names what failed; a job is known once a run has begun");
}

experiments::JobSpecification read_job_specification(core::FileSystem& files, const StoreLayout& store,
                                                     const JobId& job) {
  auto specification = experiments::read_stored_specification(files, store, job);
  if (!specification)
    throw core::input_error("job '" + job.hex + "' is not in store '" + store.root().string() + "'",
                            "it has no spec.json there", "check JOB and --store");
  experiments::validate(*specification, store.specification_file(job).string());
  return std::move(*specification);
}

}  // namespace resolute::cli
