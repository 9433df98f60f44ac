#include "orchestrator/agent/logs.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/error.h"
#include "core/files/file_system.h"
#include "core/process/last_words.h"

namespace resolute::orchestrator {
namespace {

constexpr std::size_t kTail = 24576;  // libtorch lists frames behind an exception, about 200 bytes each
constexpr std::size_t kLongestLine = 500;
constexpr std::uint64_t kPage = 4096;

// The file's last `count` bytes, or fewer.
std::string read_tail(int file, std::uint64_t size, std::size_t count) {
  std::string tail(count, '\0');
  const std::uint64_t from = size - std::min<std::uint64_t>(size, count);
  const ssize_t got = ::pread(file, tail.data(), tail.size(), static_cast<off_t>(from));
  tail.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return tail;
}

std::uint64_t size_of(int memory) {
  struct stat status {};
  return ::fstat(memory, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

}  // namespace

RankOutput::RankOutput() : memory_(::memfd_create("output of a rank", MFD_CLOEXEC)) {
  // The rank's children write to it too, and whoever opens it again by its name in /proc.
  if (!memory_.valid() || ::fcntl(memory_.get(), F_SETFL, O_APPEND) != 0)
    throw core::system_error("no memory for what a rank writes", errno);
}

void LogFile::keep(std::uint64_t limit) {
  const std::uint64_t written = size_of(memory_.get());
  if (written <= kept_) {
    kept_ = written;  // less where the rank has cut it
    return;
  }
  if (append(written))
    cut_log(path_, limit);
  else
    kept_ = std::max(kept_, written - std::min(written, limit));
  forget(kept_ - std::min<std::uint64_t>(kept_, kTail));
}

bool LogFile::append(std::uint64_t size) {
  try {
    const core::FileDescriptor file(core::open_regular(path_, O_WRONLY | O_CREAT | O_APPEND));
    std::array<char, 65536> block;
    while (kept_ < size) {
      const std::size_t wanted = std::min<std::uint64_t>(block.size(), size - kept_);
      const ssize_t got = ::pread(memory_.get(), block.data(), wanted, static_cast<off_t>(kept_));
      const ssize_t put = got <= 0 ? got : ::write(file.get(), block.data(), static_cast<std::size_t>(got));
      if (put <= 0) return false;
      kept_ += static_cast<std::uint64_t>(put);
    }
    return true;
  } catch (const core::RuntimeError&) {
    return false;
  }
}

// Gives back the memory of what is not asked for any more, whole pages of it.
void LogFile::forget(std::uint64_t until) {
  const std::uint64_t end = until - until % kPage;
  if (end <= forgotten_) return;
  ::fallocate(memory_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(forgotten_),
              static_cast<off_t>(end - forgotten_));
  forgotten_ = end;
}

std::string RankOutput::last_words() const {
  std::string line = core::last_words(read_tail(memory_.get(), size_of(memory_.get()), kTail));
  line.resize(std::min(line.size(), kLongestLine));
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return line;
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
