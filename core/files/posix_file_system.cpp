// The machine's own files: FileSystem by POSIX calls.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "core/error.h"
#include "core/files/file_system.h"
#include "core/process/process.h"

namespace resolute::core {
namespace {

RuntimeError not_regular(const fs::path& path) {
  return input_error(fmt::format("'{}' is not a regular file", path.string()), "it is a pipe, a socket or a device",
                     "move it away");
}

// The error of a call that not every file system has. A file system that refuses it is no place for a store, and its
// errno alone says little.
RuntimeError call_error(std::string_view problem, int error, std::string_view needed) {
  const bool lacks = error == EINVAL || error == EPERM || error == ENOSYS || error == EOPNOTSUPP;
  return system_error(problem, error,
                      lacks ? fmt::format("a store needs a file system with {}; `resolute doctor --store STORE` tells "
                                          "whether one has what is needed",
                                          needed)
                            : std::string());
}

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(FileDescriptor file, fs::path path) : file_(std::move(file)), path_(std::move(path)) {}
  void write(std::span<const std::byte> bytes) override {
    write_all(bytes, [&](std::uint64_t) { return ::write(file_.get(), bytes.data(), bytes.size()); });
  }
  void write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    write_all(bytes, [&](std::uint64_t written) {
      return ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset + written));
    });
  }
  void sync() override {
    if (::fsync(file_.get()) != 0) throw system_error(fmt::format("cannot fsync '{}'", path_.string()), errno);
  }
  void close() override {
    if (file_.valid() && ::close(file_.release()) != 0)
      throw system_error(fmt::format("cannot close '{}'", path_.string()), errno);
  }
  int descriptor() const { return file_.get(); }

 private:
  // Calls `write` for what is left of the bytes, with how many it has written before, until none is.
  template <class Write>
  void write_all(std::span<const std::byte>& left, Write write) {
    for (std::uint64_t written = 0; !left.empty();) {
      const ssize_t count = write(written);
      if (count < 0 && errno != EINTR) throw system_error(fmt::format("cannot write '{}'", path_.string()), errno);
      if (count < 0) continue;
      written += static_cast<std::uint64_t>(count);
      left = left.subspan(static_cast<std::size_t>(count));
    }
  }

  FileDescriptor file_;
  fs::path path_;
};

// Direct writes want file offset, length and memory aligned; what is not goes through the page cache.
constexpr std::size_t kDirectAlignment = 4096;
// So much travels at a time: a kernel pins the memory of one write as a whole.
constexpr std::size_t kDirectPiece = std::size_t{8} << 20;

class PosixUncachedFile final : public WritableFile {
 public:
  PosixUncachedFile(FileDescriptor file, fs::path path) : file_(std::move(file), std::move(path)) {
    // Not at open(): a file system that refuses the flag there may have made the file before it refuses.
    set_direct(true);
  }
  void write(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      std::size_t count = 0;
      if (direct_) {
        const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % kDirectAlignment == 0;
        const std::size_t piece = std::min(bytes.size(), kDirectPiece) / kDirectAlignment * kDirectAlignment;
        if (!aligned || piece == 0 || (count = write_direct(bytes.first(piece))) % kDirectAlignment != 0 || count == 0)
          set_direct(false);
      } else {
        count = bytes.size();
        file_.write(bytes);
      }
      bytes = bytes.subspan(count);
    }
  }
  void sync() override { file_.sync(); }
  void close() override { file_.close(); }

 private:
  // \return bytes written; 0 where this file refuses to be written so, or says that it cannot: then the ordinary write
  // that follows either does it or knows the reason.
  std::size_t write_direct(std::span<const std::byte> bytes) {
    const ssize_t count = ::write(file_.descriptor(), bytes.data(), bytes.size());
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }
  void set_direct(bool on) {
    const int flags = ::fcntl(file_.descriptor(), F_GETFL);
    direct_ = flags >= 0 && ::fcntl(file_.descriptor(), F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0 && on;
  }

  PosixWritableFile file_;
  bool direct_ = false;
};

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(FileDescriptor file, std::uint64_t size, fs::path path)
      : file_(std::move(file)), path_(std::move(path)), size_(size) {}
  std::uint64_t size() const override { return size_; }
  void read_at(std::uint64_t offset, std::span<std::byte> to) override {
    while (!to.empty()) {
      const ssize_t count = ::pread(file_.get(), to.data(), to.size(), static_cast<off_t>(offset));
      if (count < 0) {
        if (errno == EINTR) continue;
        throw system_error(fmt::format("cannot read '{}'", path_.string()), errno);
      }
      if (count == 0) throw ends_early_error(path_, offset, to.size());
      offset += static_cast<std::uint64_t>(count);
      to = to.subspan(static_cast<std::size_t>(count));
    }
  }

 private:
  FileDescriptor file_;
  fs::path path_;
  std::uint64_t size_;
};

struct OpenFile {
  FileDescriptor descriptor;
  std::uint64_t size;
};

// A file in a store may be anybody's. A pipe is opened without waiting for its other end, a terminal without becoming
// ours; then both are refused.
OpenFile open_file(const fs::path& path, int flags) {
  const bool reads = (flags & O_ACCMODE) == O_RDONLY;
  FileDescriptor file(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644));
  // ENXIO: a socket, a device without a driver, or a pipe to be written that nobody reads.
  if (!file.valid() && errno == ENXIO) throw not_regular(path);
  if (!file.valid())
    throw system_error(fmt::format("cannot open '{}'{}", path.string(), reads ? "" : " for writing"), errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw system_error(fmt::format("cannot stat '{}'", path.string()), errno);
  if (S_ISDIR(status.st_mode)) throw system_error(fmt::format("cannot read '{}'", path.string()), EISDIR);
  if (!S_ISREG(status.st_mode)) throw not_regular(path);
  // A file system in user space may take the flag at its word.
  ::fcntl(file.get(), F_SETFL, ::fcntl(file.get(), F_GETFL) & ~O_NONBLOCK);
  return {std::move(file), static_cast<std::uint64_t>(std::max<off_t>(status.st_size, 0))};
}

class PosixFileSystem final : public FileSystem {
 public:
  std::unique_ptr<WritableFile> open_for_write(const fs::path& path, OpenMode mode) override {
    const int creation = mode == OpenMode::kTruncate   ? O_CREAT | O_TRUNC
                         : mode == OpenMode::kAppend   ? O_CREAT | O_APPEND
                         : mode == OpenMode::kExisting ? 0
                                                       : O_CREAT | O_EXCL;
    OpenFile file = open_file(path, O_WRONLY | O_CLOEXEC | creation);
    if (mode == OpenMode::kCreateUncached) return std::make_unique<PosixUncachedFile>(std::move(file.descriptor), path);
    return std::make_unique<PosixWritableFile>(std::move(file.descriptor), path);
  }

  Bytes read(const fs::path& path, std::uint64_t limit) override {
    const OpenFile file = open_file(path, O_RDONLY);
    const std::uint64_t expected = file.size;
    if (expected > limit) throw too_large_error(path, limit);
    // One byte more than the size finds the end without growing. The size is only a hint: files of /proc say 0, and
    // another process may append.
    Bytes bytes(static_cast<std::size_t>(expected) + 1);
    std::size_t filled = 0;
    while (true) {
      if (filled == bytes.size()) bytes.resize(bytes.size() + std::max<std::size_t>(4096, bytes.size() / 2));
      ssize_t count = ::read(file.descriptor.get(), bytes.data() + filled, bytes.size() - filled);
      if (count < 0) {
        if (errno == EINTR) continue;
        throw system_error(fmt::format("cannot read '{}'", path.string()), errno);
      }
      const bool short_of_asked = static_cast<std::size_t>(count) < bytes.size() - filled;
      filled += static_cast<std::size_t>(count);
      if (filled > limit) throw too_large_error(path, limit);
      // A file that has a size gives less than was asked for at its end alone, which spares the call that says so.
      if (count == 0 || (short_of_asked && filled >= expected && expected > 0)) break;
    }
    bytes.resize(filled);
    return bytes;
  }

  std::unique_ptr<ReadableFile> open_for_read(const fs::path& path) override {
    OpenFile file = open_file(path, O_RDONLY);
    return std::make_unique<PosixReadableFile>(std::move(file.descriptor), file.size, path);
  }

  bool exists(const fs::path& path) override {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    throw system_error(fmt::format("cannot stat '{}'", path.string()), errno);
  }

  std::vector<std::string> list(const fs::path& folder) override {
    std::vector<std::string> names;
    DIR* directory = ::opendir(folder.c_str());
    if (directory == nullptr) {
      if (errno == ENOENT) return names;
      throw system_error(fmt::format("cannot list '{}'", folder.string()), errno);
    }
    std::unique_ptr<DIR, int (*)(DIR*)> closer(directory, &::closedir);
    while (true) {
      errno = 0;
      const dirent* entry = ::readdir(directory);
      if (entry == nullptr) {
        if (errno != 0) throw system_error(fmt::format("cannot list '{}'", folder.string()), errno);
        break;
      }
      std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
    }
    std::ranges::sort(names);
    return names;
  }

  // The last folder first: mostly it is the only one that is missing, and the standard library's function looks at
  // every one above it.
  bool make_folder(const fs::path& folder) override {
    if (::mkdir(folder.c_str(), 0777) == 0) return true;
    int error = errno;
    const fs::path parent = folder.parent_path();
    if (error == ENOENT && !parent.empty() && parent != folder) {
      make_folder(parent);
      if (::mkdir(folder.c_str(), 0777) == 0) return true;
      error = errno;
    }
    struct stat status {};
    if (::stat(folder.c_str(), &status) == 0) {
      if (S_ISDIR(status.st_mode)) return false;
      error = ENOTDIR;
    }
    throw system_error(fmt::format("cannot create folder '{}'", folder.string()), error);
  }

  void rename(const fs::path& from, const fs::path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0)
      throw system_error(fmt::format("cannot rename '{}' to '{}'", from.string(), to.string()), errno);
  }

  bool link(const fs::path& from, const fs::path& to) override {
    if (::link(from.c_str(), to.c_str()) == 0) return true;
    int error = errno;
    // An NFS answer may be lost after the link was made: two links on our file mean that it is ours.
    struct stat ours {};
    struct stat theirs {};
    if (::stat(from.c_str(), &ours) == 0 && ::stat(to.c_str(), &theirs) == 0 && ours.st_ino == theirs.st_ino &&
        ours.st_dev == theirs.st_dev)
      return true;
    if (error == EEXIST) return false;
    throw call_error(fmt::format("cannot link '{}' to '{}'", from.string(), to.string()), error, "hard links");
  }

  std::optional<FileIdentity> identity(const fs::path& path) override {
    // A client of NFS would answer for up to a minute from its cache; what it hears of a folder tells it whether names
    // in it that were not there are to be looked for again.
    struct statx found {};
    if (::statx(AT_FDCWD, path.c_str(), AT_STATX_FORCE_SYNC, STATX_INO | STATX_MTIME, &found) == 0)
      return FileIdentity{makedev(found.stx_dev_major, found.stx_dev_minor), found.stx_ino};
    // Containers of before 2020 forbid the call, and older kernels do not have it.
    struct stat status {};
    if ((errno == EPERM || errno == ENOSYS || errno == EINVAL) && ::stat(path.c_str(), &status) == 0)
      return FileIdentity{status.st_dev, status.st_ino};
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw system_error(fmt::format("cannot stat '{}'", path.string()), errno);
  }

  void remove(const fs::path& path) override {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
      throw system_error(fmt::format("cannot remove '{}'", path.string()), errno);
  }

  bool remove_folder(const fs::path& folder) override {
    if (::rmdir(folder.c_str()) == 0 || errno == ENOENT) return true;
    if (errno == ENOTEMPTY || errno == EEXIST) return false;
    throw system_error(fmt::format("cannot remove folder '{}'", folder.string()), errno);
  }

  void sync_path(const fs::path& path) override {
    FileDescriptor folder(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!folder.valid()) throw system_error(fmt::format("cannot open '{}' for fsync", path.string()), errno);
    PosixWritableFile file(std::move(folder), path);
    if (::fsync(file.descriptor()) != 0)
      throw call_error(fmt::format("cannot fsync '{}'", path.string()), errno, "fsync of folders");
    file.close();
  }
};

}  // namespace

FileSystem& real_file_system() {
  // Never destroyed: a thread that a hanging store holds may come back while the process ends.
  static PosixFileSystem& files = *new PosixFileSystem;
  return files;
}

int open_regular(const fs::path& path, int flags) { return open_file(path, flags).descriptor.release(); }

}  // namespace resolute::core
