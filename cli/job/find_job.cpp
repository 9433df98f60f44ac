#include "cli/job/find_job.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/files/json.h"
#include "core/hash/sha256.h"
#include "experiments/store/stored_specification.h"

namespace resolute::cli {

namespace fs = std::filesystem;
using experiments::JobId;
using experiments::StoreLayout;

namespace {

constexpr std::size_t kMostListed = 8;

}  // namespace

void require_digits(const std::string& name) {
  if (name.size() > 64 || name.find_first_not_of("0123456789abcdef") != std::string::npos)
    throw core::input_error("job '" + name + "' is neither an id nor a file",
                            "an id has 64 digits of 0-9 and a-f, of which the first few will do");
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
  std::vector<std::string> found;
  for (const std::string& id : files.list(store.root() / "jobs" / name.substr(0, 2)))
    if (id.starts_with(name) && core::is_sha256_hex(id)) found.push_back(id);
  if (found.empty())
    throw core::input_error("no job '" + name + "' in store '" + store.root().string() + "'", {},
                            "'resolute suite plan SUITE.toml --json' tells the ids of a suite's jobs");
  if (found.size() > 1) {
    const std::size_t listed = std::min(found.size(), kMostListed);
    throw core::input_error(
        fmt::format("{} jobs begin with '{}'", found.size(), name),
        fmt::format("{}{}", fmt::join(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(listed), ", "),
                    listed < found.size() ? ", …" : ""),
        "give more digits");
  }
  return {found.front()};
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
