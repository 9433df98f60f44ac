#pragma once
//! \file
//! Folders of many files that are there whole or not at all: exports and stand-ins.

#include <filesystem>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/file_system.h"

namespace resolute::datasets {

//! The files of a folder that is being made; not thread-safe.
class NewFolder {
 public:
  NewFolder(core::FileSystem& files, std::filesystem::path folder) : files_(files), folder_(std::move(folder)) {}
  //! Writes a file; its folders are made. \param path relative to the folder
  void write(const std::string& path, std::span<const std::byte> bytes);
  void write(const std::string& path, std::string_view text) { write(path, core::as_byte_span(text)); }
  //! fsync of all that was written and of its folders.
  void sync() const;

 private:
  core::FileSystem& files_;
  std::filesystem::path folder_;
  std::set<std::filesystem::path> folders_;
  std::vector<std::filesystem::path> written_;
};

//! "DIR/", whose file name is empty, as "DIR": what is made beside a folder has to stand beside DIR.
std::filesystem::path without_slash(const std::filesystem::path& folder);

//! Makes `out` of what `fill` writes, in a temporary folder beside it, synced, renamed. After an error nothing of it is
//! there. \param out absent or an empty folder \throws what `fill` throws; system_error()
void write_new_folder(core::FileSystem& files, const std::filesystem::path& out,
                      const std::function<void(NewFolder&)>& fill);

}  // namespace resolute::datasets
