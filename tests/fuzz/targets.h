#pragma once
//! \file
//! What the fuzzers share. Each FORMAT.cpp here is a libFuzzer entry point: compiled alone by clang with
//! -fsanitize=fuzzer,address and -DRESOLUTE_LIBFUZZER it is a fuzzer. The tests of this folder drive them all,
//! deterministically, where there is no clang.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>

#include "core/bytes.h"
#include "core/hash/crc32c.h"

//! RESOLUTE_FUZZER(FORMAT)(const std::uint8_t* data, std::size_t size): the entry point of a format, with a name of its
//! own where one program has them all.
//! \return 0 if the bytes were understood, -1 if they were refused. Anything but a RuntimeError is a fault and thrown
//! on
#ifdef RESOLUTE_LIBFUZZER
#define RESOLUTE_FUZZER(format) extern "C" int LLVMFuzzerTestOneInput
#else
#define RESOLUTE_FUZZER(format) extern "C" int fuzz_##format
#endif

namespace resolute::tests {

//! Runs `read`: a refusal is what broken bytes are for.
template <class Read>
int understood(Read&& read) {
  try {
    read();
    return 0;
  } catch (const core::RuntimeError&) {
    return -1;
  }
}

inline void require(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

//! Puts the right CRC-32C of `guarded`, continued from `crc`, at `at`: what a checksum would stop gets through.
inline void repair(core::Bytes& bytes, std::size_t at, std::span<const std::byte> guarded, std::uint32_t crc = 0) {
  const std::uint32_t value = core::crc32c(guarded, crc);
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

}  // namespace resolute::tests
