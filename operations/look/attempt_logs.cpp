#include "operations/look/attempt_logs.h"

#include <algorithm>
#include <span>

#include "experiments/store/job_folder.h"
#include "orchestrator/messages/event.h"

namespace resolute::operations {
namespace {

constexpr std::uint64_t kMostLookedAt = std::uint64_t{64} << 10;
constexpr std::uint64_t kPiece = std::uint64_t{1} << 20;

std::string text_between(core::ReadableFile& file, std::uint64_t begin, std::uint64_t end) {
  std::string text(end - begin, '\0');
  file.read_at(begin, std::as_writable_bytes(std::span(text)));
  return text;
}

}  // namespace

std::set<int> attempts_left(core::FileSystem& files, const experiments::StoreLayout& store,
                            const experiments::JobId& job) {
  std::set<int> attempts = experiments::stored_attempts(files, store.job_folder(job));
  attempts.erase(attempts.upper_bound(orchestrator::kMostAttempts), attempts.end());
  return attempts;
}

std::vector<AttemptLog> attempt_logs(core::FileSystem& files, const experiments::StoreLayout& store,
                                     const experiments::JobId& job, int attempt) {
  std::vector<AttemptLog> logs;
  for (auto& [rank, path] : experiments::stored_rank_files(files, store, job, attempt, "stderr"))
    logs.push_back({attempt, rank, path});
  return logs;
}

std::vector<AttemptLog> latest_logs(core::FileSystem& files, const experiments::StoreLayout& store,
                                    const experiments::JobId& job) {
  const std::set<int> attempts = attempts_left(files, store, job);
  for (auto attempt = attempts.rbegin(); attempt != attempts.rend(); ++attempt)
    if (auto logs = attempt_logs(files, store, job, *attempt); !logs.empty()) return logs;
  return {};
}

std::vector<std::string> last_lines(core::FileSystem& files, const std::filesystem::path& path, std::size_t most) {
  const auto file = files.open_for_read(path);
  const std::uint64_t size = file->size();
  const std::uint64_t begin = size - std::min(size, kMostLookedAt);
  const std::string text = text_between(*file, begin, size);
  std::vector<std::string> lines;
  for (std::size_t end = text.ends_with('\n') ? text.size() - 1 : text.size();
       lines.size() < most && end != std::string::npos && !text.empty();) {
    const std::size_t before = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
    const std::size_t first = before == std::string::npos ? 0 : before + 1;
    lines.push_back(text.substr(first, end - first));
    end = before;
  }
  std::ranges::reverse(lines);
  return lines;
}

void LogReader::read_on(const std::vector<AttemptLog>& logs, const Take& take) {
  for (const AttemptLog& log : logs) {
    const auto file = files_.open_for_read(log.path);
    std::uint64_t& taken = taken_[log.path];
    if (file->size() < taken) taken = 0;
    while (taken < file->size()) {
      const std::uint64_t end = std::min(file->size(), taken + kPiece);
      const std::string bytes = text_between(*file, taken, end);
      taken = end;
      take(log, bytes);
    }
  }
}

}  // namespace resolute::operations
