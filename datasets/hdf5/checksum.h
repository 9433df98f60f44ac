#pragma once
//! \file
//! The checksum that HDF5 keeps of its metadata (file format specification III, appendix "Checksum"): Bob Jenkins'
//! lookup3 hash, hashlittle(), with an initial value of 0.

#include <bit>
#include <cstdint>
#include <span>

#include "core/bytes.h"

namespace resolute::datasets::hdf5 {

inline std::uint32_t metadata_checksum(std::span<const std::byte> bytes) {
  std::uint32_t a = 0xdeadbeef + static_cast<std::uint32_t>(bytes.size()), b = a, c = a;
  const auto add_block = [&](std::span<const std::byte> block) {
    std::uint32_t words[3] = {0, 0, 0};
    for (std::size_t i = 0; i < block.size(); ++i)
      words[i / 4] |= std::to_integer<std::uint32_t>(block[i]) << 8 * (i % 4);
    a += words[0];
    b += words[1];
    c += words[2];
  };
  while (bytes.size() > 12) {
    add_block(bytes.first(12));
    bytes = bytes.subspan(12);
    a = (a - c) ^ std::rotl(c, 4), c += b;
    b = (b - a) ^ std::rotl(a, 6), a += c;
    c = (c - b) ^ std::rotl(b, 8), b += a;
    a = (a - c) ^ std::rotl(c, 16), c += b;
    b = (b - a) ^ std::rotl(a, 19), a += c;
    c = (c - b) ^ std::rotl(b, 4), b += a;
  }
  if (bytes.empty()) return c;
  add_block(bytes);
  c = (c ^ b) - std::rotl(b, 14);
  a = (a ^ c) - std::rotl(c, 11);
  b = (b ^ a) - std::rotl(a, 25);
  c = (c ^ b) - std::rotl(b, 16);
  a = (a ^ c) - std::rotl(c, 4);
  b = (b ^ a) - std::rotl(a, 14);
  c = (c ^ b) - std::rotl(b, 24);
  return c;
}

}  // namespace resolute::datasets::hdf5
