#pragma once
//! \file
//! Names as parts of a random stream's key.

#include <cstdint>
#include <cstring>
#include <string_view>

#include "core/bytes.h"
#include "core/hash/sha256.h"

namespace resolute::datasets {

//! The first 8 bytes of the name's SHA-256, little-endian.
inline std::uint64_t name_key(std::string_view name) {
  const core::Sha256Digest digest = core::sha256(core::as_byte_span(name));
  std::uint64_t key = 0;
  std::memcpy(&key, digest.data(), sizeof(key));
  return key;
}

}  // namespace resolute::datasets
