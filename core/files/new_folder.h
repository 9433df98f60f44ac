#pragma once
//! \file
//! Files and folders that are there whole or not at all, and only where nothing was: folders of many files (exports,
//! stand-ins), and files that another library writes. Files that a user names, in the place of earlier ones.

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/file_system.h"

namespace resolute::core {

//! The files of a folder that is being made; not thread-safe.
class NewFolder {
 public:
  NewFolder(FileSystem& files, std::filesystem::path folder) : files_(files), folder_(std::move(folder)) {}
  //! Writes a file; its folders are made. \param path relative to the folder
  void write(const std::string& path, std::span<const std::byte> bytes);
  void write(const std::string& path, std::string_view text) { write(path, as_byte_span(text)); }
  //! The same, for a file that is written piece by piece; the caller closes it.
  std::unique_ptr<WritableFile> create(const std::string& path);
  //! fsync of all that was written and of its folders.
  void sync() const;

 private:
  FileSystem& files_;
  std::filesystem::path folder_;
  std::set<std::filesystem::path> folders_;
  std::vector<std::filesystem::path> written_;
};

//! For whoever makes a folder of `out`: says before any work that it cannot be. \param or_else ends the suggestion, as
//! ", or give --replace" \throws RuntimeError (kInput) where `out` is a folder that holds something, the working
//! folder, where a file system is mounted, no folder, or a symbolic link
void require_new_folder(FileSystem& files, const std::filesystem::path& out, std::string_view or_else = {});

//! Makes `out` of what `fill` writes, in a temporary folder beside it, synced, renamed. After an error nothing of it is
//! there. \param out absent or an empty folder \throws what `fill` throws; system_error()
void write_new_folder(FileSystem& files, const std::filesystem::path& out, const std::function<void(NewFolder&)>& fill);

//! For whoever makes a file of `out`: says before any work that it cannot be. \param or_else as above \throws
//! RuntimeError (kInput) where something stands there, a broken link too, or the folder is missing
void require_new_file(FileSystem& files, const std::filesystem::path& out, std::string_view or_else = {});

//! Makes `out` of what `write` leaves under a temporary name beside it: synced, and renamed unless something stands
//! there by then. After an error nothing of it is there. \throws what `write` throws; as require_new_file();
//! system_error()
void write_new_file(FileSystem& files, const std::filesystem::path& out,
                    const std::function<void(const std::filesystem::path& temporary)>& write);

//! Makes `out` anew, in the place of an earlier one of its kind, which goes when the new one is whole. After an error
//! the earlier one is as it was. \param make makes a new file or folder of the path that it is given \throws what
//! `make` throws; system_error(); RuntimeError (kInput) where `out` is a link, is a folder that holds what the new one
//! does not, the working folder, where a file system is mounted, or a file that is not empty and begins otherwise than
//! the new one
void replace_whole(FileSystem& files, const std::filesystem::path& out,
                   const std::function<void(const std::filesystem::path& made)>& make);

//! For whoever makes a file of `out`, in the place of an earlier one of its format: says before any work that something
//! else stands there. \param begin how the file will begin; four bytes tell the format \throws RuntimeError (kInput)
//! where `out` is no regular file, a link too, or one that begins otherwise and is not empty
void require_replaceable_file(FileSystem& files, const std::filesystem::path& out, std::span<const std::byte> begin);

//! write_atomic() of a file that a user names. \throws also as require_replaceable_file()
void replace_named_file(FileSystem& files, const std::filesystem::path& out, std::span<const std::byte> bytes);
void replace_named_file(FileSystem& files, const std::filesystem::path& out, std::string_view text);

}  // namespace resolute::core
