#include "experiments/store/attempt_files.h"

#include <algorithm>

#include "core/numbers.h"

namespace resolute::experiments {
namespace {

constexpr const char* kOldFolder = "attempts";

}  // namespace

std::set<int> stored_attempts(core::FileSystem& files, const std::filesystem::path& job_folder) {
  std::set<int> attempts;
  const auto names = files.list(job_folder);
  for (const std::string& name : names)
    if (const auto attempt = attempt_of(name)) attempts.insert(*attempt);
  if (!std::binary_search(names.begin(), names.end(), kOldFolder)) return attempts;
  for (const std::string& name : files.list(job_folder / kOldFolder))
    if (const auto number = core::number_of<int>(name); number >= 1) attempts.insert(*number);
  return attempts;
}

std::filesystem::path stored_attempt_file(core::FileSystem& files, const StoreLayout& store, const JobId& job,
                                          int attempt, const std::string& name) {
  const auto path = store.attempt_file(job, attempt, name);
  const auto old = store.job_folder(job) / kOldFolder / fmt::format("{:03}", attempt) / name;
  return !files.exists(path) && files.exists(old) ? old : path;
}

}  // namespace resolute::experiments
