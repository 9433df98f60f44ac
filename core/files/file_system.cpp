#include "core/files/file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <utility>

#include "core/error.h"
#include "core/hash/sha256.h"
#include "core/process/process.h"
#include "core/process/secret.h"

namespace resolute::core {
namespace {

class FileInMemory final : public ReadableFile {
 public:
  FileInMemory(std::span<const std::byte> bytes, fs::path path) : bytes_(bytes), path_(std::move(path)) {}
  FileInMemory(Bytes bytes, fs::path path) : kept_(std::move(bytes)), bytes_(kept_), path_(std::move(path)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  void read_at(std::uint64_t offset, std::span<std::byte> to) override {
    if (offset > bytes_.size() || to.size() > bytes_.size() - offset)
      throw ends_early_error(path_, bytes_.size(),
                             to.size() - (bytes_.size() - std::min<std::uint64_t>(offset, bytes_.size())));
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), to.size(), to.begin());
  }

 private:
  Bytes kept_;  // another file system's file, read as a whole
  std::span<const std::byte> bytes_;
  fs::path path_;
};

enum class Durable { kNo, kYes };

// Writes `bytes` under a temporary name beside `path` and calls `place(temporary)`; the temporary never stays behind.
template <class Place>
void write_beside(FileSystem& files, const fs::path& path, std::span<const std::byte> bytes, OpenMode mode,
                  Durable durable, Folders folders, Place place) {
  if (folders == Folders::kCreate) files.create_directories(folder_above(path));
  const fs::path temporary = temporary_beside(path);
  try {
    auto file = files.open_for_write(temporary, mode);
    file->write(bytes);
    if (durable == Durable::kYes) file->sync();
    file->close();
    place(temporary);
  } catch (...) {
    try {
      files.remove(temporary);
    } catch (const RuntimeError&) {
      // The first error is the one to report.
    }
    throw;
  }
  if (durable == Durable::kYes) files.sync_path(folder_above(path));
}

void replace(FileSystem& files, const fs::path& path, std::span<const std::byte> bytes, OpenMode mode, Durable durable,
             Folders folders) {
  write_beside(files, path, bytes, mode, durable, folders,
               [&](const fs::path& temporary) { files.rename(temporary, path); });
}

}  // namespace

std::unique_ptr<ReadableFile> open_in_memory(std::span<const std::byte> bytes, const fs::path& name) {
  return std::make_unique<FileInMemory>(bytes, name);
}

std::unique_ptr<ReadableFile> FileSystem::open_for_read(const fs::path& path) {
  return std::make_unique<FileInMemory>(read(path), path);
}

std::optional<FileIdentity> FileSystem::identity(const fs::path& path) { return real_file_system().identity(path); }

bool FileSystem::remove_folder(const fs::path&) { throw ContractError("this file system keeps its folders"); }

void WritableFile::write_at(std::uint64_t, std::span<const std::byte>) {
  throw ContractError("this file system writes in order only");
}

RuntimeError ends_early_error(const fs::path& path, std::uint64_t at, std::uint64_t missing) {
  return corrupt_error(fmt::format("'{}' ends after {} bytes", path.string(), at),
                       fmt::format("{} more are needed", missing));
}

RuntimeError too_large_error(const fs::path& path, std::uint64_t limit) {
  return input_error(fmt::format("'{}' is larger than {} bytes", path.string(), limit), "that is the limit here");
}

fs::path folder_above(const fs::path& path) { return path.has_parent_path() ? path.parent_path() : fs::path("."); }

bool is_folder(const fs::path& path) {
  std::error_code error;
  const fs::file_type type = fs::status(path, error).type();
  if (type == fs::file_type::none) throw system_error(fmt::format("cannot stat '{}'", path.string()), error.value());
  return type == fs::file_type::directory;
}

fs::path temporary_beside(const fs::path& path) {
  static std::atomic<std::uint64_t> count{0};
  static const std::string host = host_name();
  // Numbers of processes repeat, in containers of one host at each start.
  static const std::string token = random_token(8);
  return folder_above(path) /
         fmt::format(".{}.{}-{}-{}-{}.tmp", path.filename().string(), host, ::getpid(), token, ++count);
}

bool is_temporary_name(std::string_view name) { return name.starts_with('.') && name.ends_with(".tmp"); }

void write_atomic(FileSystem& files, const fs::path& path, std::span<const std::byte> bytes, Folders folders) {
  replace(files, path, bytes, OpenMode::kCreateNew, Durable::kYes, folders);
}

void write_atomic_uncached(FileSystem& files, const fs::path& path, std::span<const std::byte> bytes) {
  replace(files, path, bytes, OpenMode::kCreateUncached, Durable::kYes, Folders::kCreate);
}

void write_atomic(FileSystem& files, const fs::path& path, std::string_view text, Folders folders) {
  write_atomic(files, path, as_byte_span(text), folders);
}

void replace_unsynced(FileSystem& files, const fs::path& path, std::string_view text, Folders folders) {
  replace(files, path, as_byte_span(text), OpenMode::kCreateNew, Durable::kNo, folders);
}

bool publish_exclusive(FileSystem& files, const fs::path& path, std::span<const std::byte> bytes, Folders folders) {
  bool ours = false;
  write_beside(files, path, bytes, OpenMode::kCreateNew, Durable::kYes, folders, [&](const fs::path& temporary) {
    ours = files.link(temporary, path);
    files.remove(temporary);
  });
  return ours;
}

bool publish_exclusive(FileSystem& files, const fs::path& path, std::string_view text, Folders folders) {
  return publish_exclusive(files, path, as_byte_span(text), folders);
}

std::string sha256_of(ReadableFile& file) {
  Sha256 hash;
  Bytes piece(std::size_t{1} << 20);
  for (std::uint64_t at = 0; at < file.size();) {
    const auto part =
        std::span(piece).first(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), file.size() - at)));
    file.read_at(at, part);
    hash.update(part);
    at += part.size();
  }
  return hash.finish_hex();
}

std::string read_text(FileSystem& files, const fs::path& path) {
  return std::string(as_text(files.read(path, kLongestText)));
}

std::string read_named_text(FileSystem& files, const fs::path& path, std::uint64_t limit) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))
    return std::string(as_text(files.read(path, limit)));
  static std::mutex mutex;
  static std::map<fs::path, std::string> read_before;
  const std::lock_guard lock(mutex);
  if (const auto found = read_before.find(path); found != read_before.end()) return found->second;
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file.valid()) throw system_error(fmt::format("cannot open '{}'", path.string()), errno);
  std::string text;
  std::array<char, 65536> block;
  while (true) {
    const ssize_t count = ::read(file.get(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw system_error(fmt::format("cannot read '{}'", path.string()), errno);
    if (count == 0) return read_before[path] = text;
    text.append(block.data(), static_cast<std::size_t>(count));
    if (text.size() > limit) throw too_large_error(path, limit);
  }
}

void probe_storage(FileSystem& files, const fs::path& folder) {
  // One a thread: what a failure leaves is removed by the next.
  thread_local const fs::path name = temporary_beside("probe").filename();
  const fs::path path = folder / name;
  files.remove(path);
  publish_exclusive(files, path, "the store takes what is written\n", Folders::kMustExist);
  files.read(path);
  files.rename(path, path);
  files.exists(path);
  files.list(folder);
  files.remove(path);
}

std::optional<std::string> read_text_if_exists(FileSystem& files, const fs::path& path, std::uint64_t limit) {
  try {
    return std::string(as_text(files.read(path, limit)));
  } catch (const RuntimeError& error) {
    if (!error.is_missing()) throw;
    return std::nullopt;
  }
}

}  // namespace resolute::core
