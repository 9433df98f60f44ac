#include "experiments/store/job_folder.h"

#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "core/files/json.h"
#include "core/hash/sha256.h"
#include "core/numbers.h"

namespace resolute::experiments {

std::optional<JobSpecification> read_stored_specification(core::FileSystem& files, const StoreLayout& store,
                                                          const JobId& job) {
  const std::string path = store.specification_file(job).string();
  const auto text = core::read_text_if_exists(files, path);
  if (!text) return std::nullopt;
  const core::Json json = core::parse_json(*text, path);
  // The hash is taken of what stands there, before defaults or a newer reader could change its meaning.
  if (const std::string found = core::sha256_hex(core::canonical_json(json)); found != job.hex)
    throw core::corrupt_error(fmt::format("'{}' is not the specification of job '{}'", path, job.hex),
                              fmt::format("its hash is {}", found));
  return specification_from_json(json, path);
}

std::set<std::string> stored_ids(core::FileSystem& files, const StoreLayout& store, const std::string& digits) {
  std::set<std::string> ids;
  for (const std::string& id : files.list(store.root() / "jobs" / digits.substr(0, 2)))
    if (id.starts_with(digits) && core::is_sha256_hex(id)) ids.insert(id);
  return ids;
}

JobId only_id(const std::set<std::string>& ids, const std::string& digits, const core::RuntimeError& none) {
  constexpr std::size_t kMostListed = 8;
  if (ids.empty()) throw core::RuntimeError(none);
  if (ids.size() == 1) return {*ids.begin()};
  const auto end = std::next(ids.begin(), static_cast<std::ptrdiff_t>(std::min(ids.size(), kMostListed)));
  throw core::input_error(fmt::format("{} jobs begin with '{}'", ids.size(), digits),
                          fmt::format("{}{}", fmt::join(ids.begin(), end, ", "), end == ids.end() ? "" : ", …"),
                          "give more digits");
}

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
