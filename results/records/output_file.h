#pragma once
//! \file
//! Files beside a result.json, held against the hash that it names.

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/files/file_system.h"

namespace resolute::results {

//! Files by their name relative to the job's folder.
using OutputFiles = std::map<std::string, core::Bytes>;

core::Bytes bytes_of(std::string_view text);

//! Each file whole or not at all. \return their names → SHA-256 \throws RuntimeError as the file system does
std::map<std::string, std::string> write_outputs(core::FileSystem& files, const std::filesystem::path& folder,
                                                 const OutputFiles& outputs);

//! \param sha256 64 hexadecimal digits \param limit bytes \throws core::RuntimeError: kCorrupt where the file is
//! missing or its hash is another; as FileSystem::read() for a larger one
core::Bytes read_output(core::FileSystem& files, const std::filesystem::path& path, const std::string& sha256,
                        std::uint64_t limit = std::uint64_t{1} << 40);

//! The same for a file that a library opens by its path, such as features.h5. \throws as read_output()
void check_output(core::FileSystem& files, const std::filesystem::path& path, const std::string& sha256);

}  // namespace resolute::results
