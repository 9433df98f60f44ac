#pragma once
//! \file
//! SHA-256 of two texts at a time by one thread. A processor's SHA-256 instructions wait for each other within one
//! text; of two texts they fill each other's waits: 1.95 GB/s of both together where OpenSSL makes 1.45.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/sha256.h"

namespace resolute::core {

//! Two hashes that are fed together, in pieces of any sizes. Not shared between threads.
class Sha256Pair {
 public:
  //! By the processor's SHA-256 instructions where it has them, else through OpenSSL.
  Sha256Pair();
  //! The next bytes of each; one may be empty, or both. As many bytes for each make the best of it.
  void update(std::span<const std::byte> first, std::span<const std::byte> second);
  //! The digests of everything fed so far; call it once, last.
  std::array<Sha256Digest, 2> finish();

  //! Whether this machine has the instructions.
  static bool has_instructions();

 private:
  struct Stream {
    std::array<std::uint32_t, 8> state;
    std::array<std::byte, 64> waiting;  //!< the begin of a block
    std::size_t waiting_bytes = 0;
    std::uint64_t bytes = 0;
  };
  void add(Stream& stream, std::span<const std::byte>& bytes);

  std::array<Stream, 2> streams_;
  std::optional<std::array<Sha256, 2>> openssl_;
};

}  // namespace resolute::core
