#pragma once
//! \file
//! Drives the fuzzers of this folder: every file of corpus/FORMAT/, then mutations of them, from a seed of the commit.
//! An input that once was a fault is kept there; the others are one good example of each kind.

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <cstring>

#include "core/files/file_system.h"
#include "core/hash/sha256.h"
#include "core/random/random.h"
#include "tests/support/folders.h"
#include "tests/support/slice.h"

namespace resolute::tests {

using EntryPoint = int (*)(const std::uint8_t*, std::size_t);
using Mutation = void (*)(core::Bytes& bytes, const core::Bytes& other, core::RandomStream& random);

inline const std::filesystem::path kCorpus = tests::source_folder() / "tests/fuzz/corpus";

inline int run(EntryPoint entry_point, const core::Bytes& bytes) {
  return entry_point(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

// One change of those that find most: a bit, a byte, a number at its limits, a stretch removed, doubled or taken from
// another input.
inline void mutate(core::Bytes& bytes, const core::Bytes& other, core::RandomStream& random) {
  if (bytes.empty()) bytes.push_back(std::byte{0});
  const std::size_t at = random.below(bytes.size());
  const auto offset = static_cast<std::ptrdiff_t>(at);
  const auto stretch = static_cast<std::ptrdiff_t>(std::min<std::size_t>(1 + random.below(16), bytes.size() - at));
  switch (random.below(6)) {
    case 0:
      bytes[at] ^= static_cast<std::byte>(1U << random.below(8));
      break;
    case 1:
      bytes[at] = static_cast<std::byte>(random.below(256));
      break;
    case 2: {
      constexpr std::array<std::uint32_t, 6> kLimits{0, 1, 0x7f, 0x7fffffff, 0x80000000, 0xffffffff};
      const std::uint32_t value = kLimits.at(random.below(kLimits.size()));
      std::memcpy(bytes.data() + at, &value, std::min<std::size_t>(sizeof value, bytes.size() - at));
      break;
    }
    case 3:
      bytes.erase(bytes.begin() + offset, bytes.begin() + offset + stretch);
      break;
    case 4: {
      const core::Bytes doubled(bytes.begin() + offset, bytes.begin() + offset + stretch);
      bytes.insert(bytes.begin() + offset, doubled.begin(), doubled.end());
      break;
    }
    default:
      if (at < other.size())
        std::copy_n(other.begin() + offset, std::min<std::ptrdiff_t>(stretch, std::ssize(other) - offset),
                    bytes.begin() + offset);
  }
}

inline void drive(const std::string& format, EntryPoint entry_point, int rounds, Mutation mutation = mutate) {
  auto& files = core::real_file_system();
  std::vector<core::Bytes> corpus;
  for (const std::string& name : files.list(kCorpus / format)) {
    corpus.push_back(files.read(kCorpus / format / name));
    const int answer = run(entry_point, corpus.back());
    if (name.starts_with("good-")) {
      EXPECT_EQ(answer, 0) << name << " is understood no more: write the corpus anew";
    }
  }
  ASSERT_FALSE(corpus.empty());
  core::RandomStream random("fuzz " + format + slice_commit(), {1});
  for (int i = 0; i < rounds; ++i) {
    core::Bytes bytes = corpus[random.below(corpus.size())];
    for (std::uint64_t n = 1 + random.below(4); n > 0; --n)
      mutation(bytes, corpus[random.below(corpus.size())], random);
    try {
      run(entry_point, bytes);
    } catch (const std::exception& error) {
      FAIL() << "round " << i << ": " << error.what() << "\nkeep it in tests/fuzz/corpus/" << format << ": "
             << core::to_hex(bytes);
    }
  }
}

// So many where a sanitizer watches, a fifth where nothing but a crash would be noticed; half of that in a slice, where
// each commit has other inputs. RESOLUTE_FUZZ_ROUNDS: more of them, for a night.
inline int rounds(int all) {
#ifndef __SANITIZE_ADDRESS__
  all /= 5;
#endif
  if (!slice_commit().empty()) all /= 2;
  const char* wanted = std::getenv("RESOLUTE_FUZZ_ROUNDS");
  return wanted == nullptr ? all : std::atoi(wanted);
}

inline void write_good(const std::string& format, const std::string& name, std::string_view bytes) {
  core::write_atomic(core::real_file_system(), kCorpus / format / ("good-" + name), bytes);
}

}  // namespace resolute::tests
