#include "experiments/store/attempt_files.h"

#include "core/numbers.h"

namespace resolute::experiments {

std::set<int> stored_attempts(core::FileSystem& files, const std::filesystem::path& job_folder) {
  std::set<int> attempts;
  for (const std::string& name : files.list(job_folder))
    if (const auto attempt = attempt_of(name)) attempts.insert(*attempt);
  return attempts;
}

std::map<int, std::filesystem::path> stored_rank_files(core::FileSystem& files, const StoreLayout& store,
                                                       const JobId& job, int attempt, const std::string& stream) {
  std::map<int, std::filesystem::path> found;
  // NAME of process rank 0, NAME-R of the others.
  const auto path = store.attempt_file(job, attempt, stream);
  const std::string start = path.filename().string();
  for (const std::string& name : files.list(path.parent_path())) {
    if (!name.starts_with(start)) continue;
    const std::string_view behind = std::string_view(name).substr(start.size());
    if (behind.empty())
      found.emplace(0, path);
    else if (const auto rank = core::number_of<int>(behind.substr(1)); behind.front() == '-' && rank >= 1)
      found.emplace(*rank, path.parent_path() / name);
  }
  return found;
}

}  // namespace resolute::experiments
