#include "orchestrator/spawner/logs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/error.h"
#include "core/file_system.h"

namespace resolute::orchestrator {
namespace {

constexpr std::size_t kTail = 8192;
constexpr std::size_t kLongestLine = 500;

// The file's last `count` bytes, or fewer.
std::string read_tail(int file, std::uint64_t size, std::size_t count) {
  std::string tail(count, '\0');
  const std::uint64_t from = size - std::min<std::uint64_t>(size, count);
  const ssize_t got = ::pread(file, tail.data(), tail.size(), static_cast<off_t>(from));
  tail.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return tail;
}

}  // namespace

core::FileDescriptor open_log(const std::string& path) {
  const auto open = [&] { return core::FileDescriptor(core::open_regular(path, O_WRONLY | O_CREAT | O_APPEND)); };
  const auto folder = std::filesystem::path(path).parent_path();
  try {
    return open();
  } catch (const core::RuntimeError&) {
    // The coordinator made the folder, but on another node NFS may not show it yet.
    if (core::real_file_system().exists(folder)) throw;
  }
  core::real_file_system().create_directories(folder);
  return open();
}

std::string last_line_of(const std::string& path) {
  core::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!file.valid() || ::fstat(file.get(), &status) != 0) return {};
  const std::string tail = read_tail(file.get(), static_cast<std::uint64_t>(status.st_size), kTail);
  const auto end = tail.find_last_not_of(" \r\n\t");
  if (end == std::string::npos) return {};
  const auto newline = tail.find_last_of('\n', end);
  const auto begin = newline == std::string::npos ? 0 : newline + 1;
  return tail.substr(begin, std::min(end + 1 - begin, kLongestLine));
}

void cut_log(const std::string& path, std::uint64_t limit) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || static_cast<std::uint64_t>(status.st_size) <= limit) return;
  core::FileDescriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) return;
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const std::uint64_t quarter = limit / 4;
  const std::string tail = read_tail(file.get(), size, quarter);
  if (tail.size() != quarter) return;
  const std::string text = fmt::format("\n[resolute: {} bytes were cut here, the limit of a log is {}]\n{}",
                                       size - quarter - tail.size(), limit, tail);
  // Over what is to go, which needs no new space; only when the tail stands there is its first copy cut away. On a full
  // disk the log stays too long.
  if (::pwrite(file.get(), text.data(), text.size(), static_cast<off_t>(quarter)) != static_cast<ssize_t>(text.size()))
    return;
  [[maybe_unused]] int ignored = ::ftruncate(file.get(), static_cast<off_t>(quarter + text.size()));
}

}  // namespace resolute::orchestrator
