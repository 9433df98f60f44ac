#pragma once
//! \file
//! An interface to files with primitive operations, so that a test can let a single write, fsync, rename or link fail.
//! write_atomic() writes everything that matters (temporary name, fsync, rename, fsync of the folder), or
//! publish_exclusive() publishes it (the same with link(): the first one wins, also on NFS). The functions are
//! thread-safe if the file system is.

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

//! The name that all parts use.
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
  //! file opened with kAppend. A file system without it throws ContractError.
  virtual void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
  //! fsync; after a failure the file's state is unknown and nothing more may be written.
  virtual void sync() = 0;
  virtual void close() = 0;
};

//! A file open for reading. Thread-safe.
class ReadableFile {
 public:
  virtual ~ReadableFile() = default;
  //! Size in bytes when the file was opened.
  virtual std::uint64_t size() const = 0;
  //! Fills `to` with the bytes from `offset` on. \throws system_error(), or kCorrupt where the file ends before that
  virtual void read_at(std::uint64_t offset, std::span<std::byte> to) = 0;
};

//! Bytes as a file. \param bytes must outlive it \param name the file in messages
std::unique_ptr<ReadableFile> open_in_memory(std::span<const std::byte> bytes, const std::filesystem::path& name);

//! Device and inode.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileIdentity&) const = default;
};

//! kExisting: the file must exist; for write_at(). kCreateUncached: as kCreateNew, but writes go past the page cache
//! where the file system allows it, which saves a copy and memory. For large files that nobody reads soon; write()
//! only, and fast only from memory that is aligned to pages.
enum class OpenMode { kCreateNew, kTruncate, kAppend, kExisting, kCreateUncached };

//! All members throw system_error() with the path in the problem. The machine's own file system (real_file_system())
//! opens regular files only: it refuses a pipe, socket or device (kInput) and never waits for one.
class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual std::unique_ptr<WritableFile> open_for_write(const std::filesystem::path& path, OpenMode mode) = 0;
  //! The whole file. \param limit bytes over which the file is refused (kInput)
  virtual Bytes read(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 40) = 0;
  //! Opens a file, to read parts of it into the caller's memory. The default implementation reads the whole file by
  //! read().
  virtual std::unique_ptr<ReadableFile> open_for_read(const std::filesystem::path& path);
  virtual bool exists(const std::filesystem::path& path) = 0;
  //! Names in a folder, sorted by bytes, without "." and "..". A missing folder is an empty list.
  virtual std::vector<std::string> list(const std::filesystem::path& folder) = 0;
  //! Makes a folder and those above it. \return true if this call made the folder: its contents are the caller's then
  virtual bool make_folder(const std::filesystem::path& folder) = 0;
  void create_directories(const std::filesystem::path& folder) { make_folder(folder); }
  virtual void rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  //! link(2). \return false if `to` exists already (it may be our own link after a lost NFS answer: compare link
  //! counts)
  virtual bool link(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  //! The identity of the file at `path`, the same under all its names while it exists; nothing if there is no file. A
  //! file server answers, not a cache of its answers. The default implementation asks the machine's file system.
  virtual std::optional<FileIdentity> identity(const std::filesystem::path& path);
  //! Removes a file; a missing one is not an error.
  virtual void remove(const std::filesystem::path& path) = 0;
  //! Removes an empty folder; a missing one is not an error. \return false if the folder is not empty. A file system
  //! without it throws ContractError.
  virtual bool remove_folder(const std::filesystem::path& folder);
  //! fsync of a folder's entry list, or of a closed file.
  virtual void sync_path(const std::filesystem::path& path) = 0;
};

//! The machine's file system; lives as long as the process, any thread.
FileSystem& real_file_system();

//! The refusal of a file that is over a limit in bytes (kInput).
RuntimeError too_large_error(const std::filesystem::path& path, std::uint64_t limit);
//! The refusal of a file that ends at byte `at` though `missing` more bytes are needed (kCorrupt).
RuntimeError ends_early_error(const std::filesystem::path& path, std::uint64_t at, std::uint64_t missing);

//! open(2) of a regular file, as the machine's file system does it, for callers that need the descriptor. The caller
//! closes it. \param flags O_CLOEXEC is added; O_CREAT makes files of mode 0644 \throws RuntimeError as FileSystem
int open_regular(const std::filesystem::path& path, int flags);

//! Missing folders above a file that is written are made, or the call throws. To throw keeps a run from making parts of
//! a store again after somebody has removed the store.
enum class Folders { kCreate, kMustExist };

//! Replaces `path` with `bytes` whole or not at all. On failure the temporary file is removed.
void write_atomic(FileSystem& files, const std::filesystem::path& path, std::span<const std::byte> bytes,
                  Folders folders = Folders::kCreate);
void write_atomic(FileSystem& files, const std::filesystem::path& path, std::string_view text,
                  Folders folders = Folders::kCreate);

//! The same without any fsync, for files that are written again soon or can be made anew. After a power failure the
//! file may have the old bytes, the new bytes or a part of either.
void replace_unsynced(FileSystem& files, const std::filesystem::path& path, std::string_view text,
                      Folders folders = Folders::kCreate);

//! write_atomic() with OpenMode::kCreateUncached, for hundreds of megabytes.
void write_atomic_uncached(FileSystem& files, const std::filesystem::path& path, std::span<const std::byte> bytes);

//! Publishes `bytes` under `path` unless something is there already. \return true if `bytes` stand there now
bool publish_exclusive(FileSystem& files, const std::filesystem::path& path, std::span<const std::byte> bytes,
                       Folders folders = Folders::kCreate);
bool publish_exclusive(FileSystem& files, const std::filesystem::path& path, std::string_view text,
                       Folders folders = Folders::kCreate);

//! The folder in which a path lies; "." for a bare name.
std::filesystem::path folder_above(const std::filesystem::path& path);
//! Tells whether a folder stands there, or a link to one. \throws system_error() where that cannot be told
bool is_folder(const std::filesystem::path& path);
//! A name beside `path` that no other process or call uses: `.NAME.HOST-PID-TOKEN-COUNT.tmp`.
std::filesystem::path temporary_beside(const std::filesystem::path& path);
//! True if a name can be temporary_beside()'s.
bool is_temporary_name(std::string_view name);

//! SHA-256 of a file, read in pieces: 64 hexadecimal digits. \throws RuntimeError as ReadableFile
std::string sha256_of(ReadableFile& file);

//! The longest text that is read unless a longer one is expected.
inline constexpr std::uint64_t kLongestText = std::uint64_t{64} << 20;

//! read() as text. A file over kLongestText is refused.
std::string read_text(FileSystem& files, const std::filesystem::path& path);

//! The text of a file that the user names. It may be anything that can be read: a pipe (`<(…)`, `/dev/stdin`), a
//! terminal, `/dev/null`. The process waits for such a file and reads it to its end once; later calls with the same
//! path return the same text.
//! \param limit bytes over which it is refused (kInput)
std::string read_named_text(FileSystem& files, const std::filesystem::path& path, std::uint64_t limit = kLongestText);

//! Tries in a folder what a run does in its store: writes, syncs, links, reads and removes a file. \throws
//! RuntimeError (is_storage()) while the store fails, any other where the folder is not there or not ours to write
void probe_storage(FileSystem& files, const std::filesystem::path& folder);

//! The file's text, or nothing if it does not exist. \param limit bytes, above which it is refused
std::optional<std::string> read_text_if_exists(FileSystem& files, const std::filesystem::path& path,
                                               std::uint64_t limit = kLongestText);

}  // namespace resolute::core
