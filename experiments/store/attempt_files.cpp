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

std::map<int, std::filesystem::path> stored_rank_files(core::FileSystem& files, const StoreLayout& store,
                                                       const JobId& job, int attempt, const std::string& stream) {
  std::map<int, std::filesystem::path> found;
  // NAME of process rank 0, NAME-R of the others.
  const auto take = [&](const std::filesystem::path& folder, const std::string& start) {
    for (const std::string& name : files.list(folder)) {
      if (!name.starts_with(start)) continue;
      const std::string_view behind = std::string_view(name).substr(start.size());
      if (behind.empty())
        found.emplace(0, folder / name);
      else if (const auto rank = core::number_of<int>(behind.substr(1)); behind.front() == '-' && rank >= 1)
        found.emplace(*rank, folder / name);
    }
  };
  const auto path = store.attempt_file(job, attempt, stream);
  take(path.parent_path(), path.filename().string());
  take(store.job_folder(job) / kOldFolder / fmt::format("{:03}", attempt), stream);
  return found;
}

}  // namespace resolute::experiments
