#pragma once
//! \file
//! Files and folders known by one hash, such as a program of somebody's own, wherever they lie.

#include <filesystem>
#include <string>
#include <vector>

#include "core/files/file_system.h"

namespace resolute::core {

//! The limits of sha256_of_files().
inline constexpr std::size_t kMostHashedFiles = 10'000;
inline constexpr std::uint64_t kMostHashedBytes = std::uint64_t{256} << 20;

//! SHA-256 of one line per file, sorted by name: the canonical JSON [name, SHA-256 of the file's bytes] and a newline.
//! A folder stands for all files below it, links followed, but those whose name or folder begins with '.' and those of
//! `__pycache__`, which Python writes as it runs. \param names relative to `folder`, whose own place is not hashed
//! \throws RuntimeError (kInput) naming what is absolute, missing, a folder without files, or over a limit
std::string sha256_of_files(FileSystem& files, const std::filesystem::path& folder,
                            const std::vector<std::string>& names);

}  // namespace resolute::core
