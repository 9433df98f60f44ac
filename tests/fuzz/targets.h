#pragma once
//! \file
//! What the fuzzers share. Each PART/FORMAT.cpp here tells in one place what a format's fuzzer is: its name, good
//! examples, and a function of bytes. The tests of this folder drive all of them with mutations of their own, the same
//! in each run; libfuzzer.cpp has libFuzzer drive them (script/fuzz).

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/bytes.h"
#include "core/hash/crc32c.h"
#include "tests/fuzz/mutations.h"

namespace resolute::tests {

struct Fuzzer {
  std::string name;         //!< of the format, and of the folder of its corpus: corpus/NAME
  std::string_view source;  //!< where it stands
  //! \return whether the bytes were understood, not refused. Anything but a RuntimeError is a fault and thrown on
  bool (*run)(std::string_view bytes) = nullptr;
  int rounds = 10'000;                               //!< of a test that an address sanitizer watches
  std::vector<std::string> (*examples)() = nullptr;  //!< that are understood, beside the corpus
  Mutation mutate = mutate_bytes;
  //! The product reads such files in a child process, because a library falls over some of them: a crash is no fault.
  bool in_child = false;
};

//! Whether an input is a few changes away from a good one: for those alone holds what checksums promise. libFuzzer also
//! makes one file of two.
#ifdef RESOLUTE_LIBFUZZER
inline constexpr bool kFewChanges = false;
#else
inline constexpr bool kFewChanges = true;
#endif

//! Every fuzzer of the program.
inline std::vector<Fuzzer>& fuzzers() {
  static std::vector<Fuzzer> all;
  return all;
}
inline bool add_fuzzer(Fuzzer fuzzer) {
  fuzzers().push_back(std::move(fuzzer));
  return true;
}

//! RESOLUTE_FUZZER(FORMAT, .rounds = …, .examples = …, .mutate = …)(std::string_view bytes) { … }: what is left out has
//! its default.
#define RESOLUTE_FUZZER(format, ...)                                                                         \
  static bool fuzz_##format(std::string_view bytes);                                                         \
  [[maybe_unused]] static const bool has_fuzz_##format =                                                     \
      resolute::tests::add_fuzzer({.name = #format, .source = __FILE__, .run = fuzz_##format, __VA_ARGS__}); \
  static bool fuzz_##format

//! What was last refused, and why.
inline std::string& last_refusal() {
  static std::string message;
  return message;
}

//! Runs `read`: a refusal is what broken bytes are for.
template <class Read>
bool understood(Read&& read) {
  try {
    read();
    return true;
  } catch (const core::RuntimeError& error) {
    last_refusal() = error.what();
    return false;
  }
}

inline void require(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

//! What was read is written alike however often it is read again: not as it came, where a whole number is read in place
//! of a fraction. \param write value → text \param read text → value
template <class Value, class Write, class Read>
void require_one_text(const Value& value, Write&& write, Read&& read, const char* what) {
  const std::string written = write(value);
  require(write(read(written)) == written, what);
}

inline core::Bytes bytes_of(std::string_view text) {
  const auto bytes = core::as_byte_span(text);
  return {bytes.begin(), bytes.end()};
}

//! Puts the right CRC-32C of `guarded`, continued from `crc`, at `at`: what a checksum would stop gets through.
inline void repair(core::Bytes& bytes, std::size_t at, std::span<const std::byte> guarded, std::uint32_t crc = 0) {
  const std::uint32_t value = core::crc32c(guarded, crc);
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

}  // namespace resolute::tests
