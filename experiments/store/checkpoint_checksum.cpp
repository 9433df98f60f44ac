#include "experiments/store/checkpoint_checksum.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/hash/crc32c.h"

namespace resolute::experiments {

bool starts_as_checkpoint(std::span<const std::byte> start) {
  return start.size() >= kChecksumAt + kNoChecksum.size() &&
         core::as_text(start.subspan(8, kBeforeChecksum.size())) == kBeforeChecksum;
}

std::uint32_t start_checksum(std::span<const std::byte> start) {
  std::uint32_t crc = core::crc32c(start.first(kChecksumAt));
  crc = core::crc32c(core::as_byte_span(kNoChecksum), crc);
  return core::crc32c(start.subspan(kChecksumAt + kNoChecksum.size()), crc);
}

std::optional<std::string> checkpoint_damage(core::ReadableFile& file) {
  core::Bytes piece(std::size_t{1} << 20);
  std::string written;
  std::uint32_t crc = 0;
  for (std::uint64_t at = 0; at == 0 || at < file.size(); at += piece.size()) {
    piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), file.size() - at)));
    file.read_at(at, piece);
    if (at > 0) {
      crc = core::crc32c(piece, crc);
      continue;
    }
    if (!starts_as_checkpoint(piece)) return "it is no checkpoint, or only its start";
    written = core::as_text(std::span(piece).subspan(kChecksumAt, kNoChecksum.size()));
    crc = start_checksum(piece);
  }
  const std::string found = fmt::format("{:08x}", crc);
  if (found != written) return fmt::format("its checksum is {}, not {}", found, written);
  return std::nullopt;
}

}  // namespace resolute::experiments
