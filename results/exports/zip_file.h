#pragma once
//! \file
//! Internal to results/exports: a ZIP archive of files of which each is held against its hash while it is read.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/files/file_system.h"

namespace resolute::results {

struct ZipEntry {
  std::string name;  //!< "FOLDER/NAME", UTF-8
  std::uint64_t size = 0;
  std::string sha256;     //!< 64 hexadecimal digits
  bool deflated = false;  //!< or stored as it is
  std::function<std::unique_ptr<core::ReadableFile>()> open;
};

//! Writes `path`, which is not there. The bytes depend on the entries alone (and on the zlib that deflates them): their
//! times are 1980-01-01, their modes 0644. Archives and entries over 4 GiB are ZIP64. \param progress called with bytes
//! read, may be empty \throws core::RuntimeError: kCorrupt where an entry's bytes have another hash or size; of whoever
//! reads them; system_error() or kEnvironment where the archive cannot be written, whose file may then stand there in
//! part
void write_zip(const std::filesystem::path& path, const std::vector<ZipEntry>& entries,
               const std::function<void(std::uint64_t bytes)>& progress);

}  // namespace resolute::results
