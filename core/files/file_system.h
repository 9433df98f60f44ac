#pragma once
//! \file
//! Files behind an interface of primitive operations, so that tests can let any one write, fsync, rename or link fail.
//! What matters is written by write_atomic() (temporary name, fsync, rename, fsync of the folder) or published by
//! publish_exclusive() (the same with link(): the first wins, safe on NFS). Thread-safe where the file system is.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"

//! As all of us call it.
namespace resolute {
namespace fs = std::filesystem;
}  // namespace resolute

namespace resolute::core {

//! A file open for writing. Not thread-safe. The destructor closes without sync and reports nothing: call close().
class WritableFile {
 public:
  virtual ~WritableFile() = default;
  //! Writes all bytes at the end or throws system_error().
  virtual void write(std::span<const std::byte> bytes) = 0;
  //! Writes all bytes at `offset`, growing the file with zeros where it is shorter, or throws system_error(). Not for a
  //! file opened with kAppend. A file system that never writes out of order need not have it (ContractError).
  virtual void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  //! fsync; after a failure the file's state is unknown and nothing more may be written.
  virtual void sync() = 0;
  virtual void close() = 0;
};

//! A file open for reading. Any thread, several at once.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  //! Bytes, when it was opened.
  virtual std::uint64_t size() const = 0;
  //! Fills `to` with the bytes from `offset` on. \throws system_error(), or kCorrupt where the file ends before that
  virtual void read_at(std::uint64_t offset, std::span<std::byte> to) = 0;
};

//! Device and inode.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

//! kExisting: a file that has to be there, for write_at(). kCreateUncached: as kCreateNew, but what is written passes
//! by the page cache where the file system can do that, which spares the machine a copy and the memory; for large files
//! that nobody reads soon. Fast from memory that is aligned to pages; write() only.
enum class OpenMode { kCreateNew, kTruncate, kAppend, kExisting, kCreateUncached };

//! All members throw system_error() with the path in the problem. The machine's own (real_file_system()) opens regular
//! files alone: a pipe, socket or device that somebody left under a name is refused (kInput) and never waited for.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual std::unique_ptr<WritableFile> open_for_write(const std::filesystem::path& path, OpenMode mode) = 0;
  //! The whole file. \param limit bytes over which the file is refused (kInput)
  virtual Bytes read(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 40) = 0;
  //! Opens a file to read parts of it into memory of the caller's. By default from read()'s answer.
  virtual std::unique_ptr<ReadableFile> open_for_read(const std::filesystem::path& path);
  virtual bool exists(const std::filesystem::path& path) = 0;
  //! Names in a folder, sorted by bytes, without "." and "..". A missing folder is an empty list.
  virtual std::vector<std::string> list(const std::filesystem::path& folder) = 0;
  virtual void create_directories(const std::filesystem::path& folder) = 0;
  //! As create_directories(). \return true if the folder itself was missing and this call made it: what lies in it is
  //! ours then. By default from exists() and create_directories(), which does not tell of two who make it at once.
  virtual bool make_folder(const std::filesystem::path& folder);
  virtual void rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  //! link(2). \return false if `to` exists already (it may be our own link after a lost NFS answer: compare link
  //! counts)
  virtual bool link(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  //! What tells the file that stands there from others as long as it lives, by whatever names; nothing if there is
  //! none. By default the machine's file system is asked.
  virtual std::optional<FileIdentity> identity(const std::filesystem::path& path);
  //! Removes a file; a missing one is not an error.
  virtual void remove(const std::filesystem::path& path) = 0;
  //! Removes an empty folder; a missing one is not an error. \return false if something is in it. A file system that
  //! nobody tidies up need not have it (ContractError).
  virtual bool remove_folder(const std::filesystem::path& folder);
  //! fsync of a folder's entry list, or of a closed file.
  virtual void sync_path(const std::filesystem::path& path) = 0;
};

//! The machine's file system; lives as long as the process, any thread.
FileSystem& real_file_system();

//! The refusal of a file that is over a limit in bytes (kInput).
RuntimeError too_large_error(const std::filesystem::path& path, std::uint64_t limit);
//! That of a file which ends at byte `at` though `missing` more are needed (kCorrupt).
RuntimeError ends_early_error(const std::filesystem::path& path, std::uint64_t at, std::uint64_t missing);

//! open(2) of a regular file, as the machine's file system does it, for whoever needs the descriptor: it is the
//! caller's to close. \param flags O_CLOEXEC is added; what O_CREAT makes has mode 0644 \throws RuntimeError as
//! FileSystem
int open_regular(const std::filesystem::path& path, int flags);

//! Of the folders above a file that is written: made where they are missing; or it is an error, so that a store that
//! was removed beneath a run is not born again in parts.
enum class Folders { kCreate, kMustExist };

//! Replaces `path` with `bytes` whole or not at all. On failure the temporary file is removed.
void write_atomic(FileSystem& files, const std::filesystem::path& path, std::span<const std::byte> bytes,
                  Folders folders = Folders::kCreate);
void write_atomic(FileSystem& files, const std::filesystem::path& path, std::string_view text,
                  Folders folders = Folders::kCreate);

//! The same without any fsync, for what is written again soon or can be made anew: after a power failure the old bytes,
//! the new ones or a torn file may stand there.
void replace_unsynced(FileSystem& files, const std::filesystem::path& path, std::string_view text,
                      Folders folders = Folders::kCreate);

//! write_atomic() with OpenMode::kCreateUncached, for hundreds of megabytes.
void write_atomic_uncached(FileSystem& files, const std::filesystem::path& path, std::span<const std::byte> bytes);

//! Publishes `bytes` under `path` unless something is there already. \return true if ours is the one that stands there
bool publish_exclusive(FileSystem& files, const std::filesystem::path& path, std::span<const std::byte> bytes,
                       Folders folders = Folders::kCreate);
bool publish_exclusive(FileSystem& files, const std::filesystem::path& path, std::string_view text,
                       Folders folders = Folders::kCreate);

//! A name beside `path` that no other process or call uses: `.NAME.HOST-PID-COUNT.tmp`.
std::filesystem::path temporary_beside(const std::filesystem::path& path);

//! SHA-256 of a file, read in pieces: 64 hexadecimal digits. \throws RuntimeError as ReadableFile
std::string sha256_of(ReadableFile& file);

//! read() as text. A file over 64 MiB is refused.
std::string read_text(FileSystem& files, const std::filesystem::path& path);

//! The text of a file that the user names, where anything may stand that can be read: a pipe (`<(…)`, `/dev/stdin`), a
//! terminal, `/dev/null`. Such a one is read to its end, and waited for, once in the life of the process: its path says
//! the same whenever it is asked again.
//! \param limit bytes over which it is refused (kInput)
std::string read_named_text(FileSystem& files, const std::filesystem::path& path,
                            std::uint64_t limit = std::uint64_t{64} << 20);

//! Does in a folder what a run does in its store: writes, syncs, links, reads and removes a file of its own. \throws
//! RuntimeError (is_storage()) while the store fails, any other where the folder is not there or not ours to write
void probe_storage(FileSystem& files, const std::filesystem::path& folder);

//! The file's text, or nothing if it does not exist.
std::optional<std::string> read_text_if_exists(FileSystem& files, const std::filesystem::path& path);

}  // namespace resolute::core
