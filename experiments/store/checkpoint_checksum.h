#pragma once
//! \file
//! The checksum of a checkpoint, of which workers write and believe the rest (docs/inside/formats/checkpoint.md):
//! "crc32c" sorts first among the keys of the metadata and the metadata stands first in the header, so its eight digits
//! have a fixed place.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/files/file_system.h"

namespace resolute::experiments {

inline constexpr std::string_view kBeforeChecksum = R"({"__metadata__":{"crc32c":")";
inline constexpr std::size_t kChecksumAt = 8 + kBeforeChecksum.size();
inline constexpr std::string_view kNoChecksum = "00000000";

//! Tells whether a file can be a checkpoint by its first bytes.
bool starts_as_checkpoint(std::span<const std::byte> start);
//! The checksum of a file that starts with these bytes, kChecksumAt + 8 or more; crc32c() continues it.
std::uint32_t start_checksum(std::span<const std::byte> start);

//! Reads the file in pieces. \return why it is none that was written; nothing if it is whole \throws RuntimeError as
//! ReadableFile
std::optional<std::string> checkpoint_damage(core::ReadableFile& file);

}  // namespace resolute::experiments
