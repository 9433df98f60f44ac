#include "cli/job/find_job.h"

#include <filesystem>
#include <utility>

#include "core/error.h"
#include "core/files/json.h"
#include "core/hash/sha256.h"
#include "experiments/store/stored_specification.h"

namespace resolute::cli {

using experiments::JobId;
using experiments::StoreLayout;

void require_digits(const std::string& name) {
  if (name.size() > 64 || !core::is_hexadecimal(name))
    throw core::input_error("job '" + name + "' is neither an id nor a file",
                            "an id has 64 digits of 0-9 and a-f, of which the first few will do",
                            "`resolute suite status` and `resolute suite plan --jobs` print the ids");
  if (name.size() < kFewestDigits)
    throw core::input_error("job '" + name + "' is too short", fmt::format("{} digits are needed", kFewestDigits));
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
