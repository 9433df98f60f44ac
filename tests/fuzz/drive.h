#pragma once
//! \file
//! Drives the fuzzers: every file of corpus/FORMAT/ and every example, then mutations of them, from a seed of the
//! commit. An input that once was a fault is kept in the corpus; what is called good-… there is understood. A format
//! that code writes in memory has examples in place of good files: they cannot grow old.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/hash/sha256.h"
#include "core/log.h"
#include "tests/fuzz/targets.h"
#include "tests/support/folders.h"
#include "tests/support/slice.h"

namespace resolute::tests {

inline const std::filesystem::path kCorpus = tests::source_folder() / "tests/fuzz/corpus";

//! Those that stand in these folders below tests/fuzz.
inline std::vector<Fuzzer> fuzzers_in(const std::vector<std::string>& folders) {
  std::vector<Fuzzer> found;
  for (const Fuzzer& fuzzer : fuzzers())
    for (const std::string& folder : folders)
      if (std::filesystem::path(fuzzer.source).parent_path().filename() == folder) found.push_back(fuzzer);
  return found;
}

// So many where a sanitizer watches, a fifth where nothing but a crash would be noticed; a quarter of that in a slice,
// where each commit has other inputs. RESOLUTE_FUZZ_ROUNDS: more of them, for a night.
inline int rounds(int all) {
#ifndef __SANITIZE_ADDRESS__
  all /= 5;
#endif
  if (!slice_commit().empty()) all /= 4;
  const char* wanted = std::getenv("RESOLUTE_FUZZ_ROUNDS");
  return wanted == nullptr ? all : std::atoi(wanted);
}

// \return what is wrong; empty: it was refused or understood
inline std::string fault_of(const Fuzzer& fuzzer, const core::Bytes& bytes) {
  try {
    fuzzer.run(core::as_text(bytes));
    return {};
  } catch (const std::exception& error) {
    return error.what();
  }
}

// The same in a child process that may crash, but not hang, be wrong or fill memory. (Of what a library asks for and
// does not touch, the machine gives nothing.)
inline std::string fault_in_child(const Fuzzer& fuzzer, const core::Bytes& bytes) {
  constexpr unsigned kLimit = 20;  // seconds
#ifdef __SANITIZE_ADDRESS__
  constexpr long kMostMemory = 3 << 20;  // KiB
#else
  constexpr long kMostMemory = 1 << 20;
#endif
  constexpr int kWrong = 3;
  const pid_t child = ::fork();
  if (child < 0) return "no child process can be started";
  if (child == 0) {
    ::alarm(kLimit);
    ::_exit(fault_of(fuzzer, bytes).empty() ? 0 : kWrong);
  }
  int status = 0;
  rusage used{};
  if (::wait4(child, &status, 0, &used) != child) return "a child process cannot be waited for";
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) return "it hangs";
  if (used.ru_maxrss > kMostMemory) return "it takes " + std::to_string(used.ru_maxrss >> 10) + " MiB";
  return WIFEXITED(status) && WEXITSTATUS(status) == kWrong ? fault_of(fuzzer, bytes) : "";
}

inline void drive(const Fuzzer& fuzzer) {
  core::set_up_log("fuzz", core::LogLevel::kError);  // every refusal that is only warned of would be a line
  std::vector<core::Bytes> corpus;
  const auto fault = [&](const core::Bytes& bytes) {
    return fuzzer.in_child ? fault_in_child(fuzzer, bytes) : fault_of(fuzzer, bytes);
  };
  const auto add = [&](const core::Bytes& bytes, bool good, const std::string& name) {
    if (good) {
      EXPECT_TRUE(fuzzer.run(core::as_text(bytes)))
          << name << " is understood no more, write it anew: " << last_refusal();
    } else {
      EXPECT_EQ(fault(bytes), "") << name;
    }
    // What has a library ask for gigabytes is not mutated: a sanitizer takes its time to give them.
    if (good || !fuzzer.in_child) corpus.push_back(bytes);
  };
  auto& files = core::real_file_system();
  if (files.exists(kCorpus / fuzzer.name))
    for (const std::string& name : files.list(kCorpus / fuzzer.name))
      add(files.read(kCorpus / fuzzer.name / name), name.starts_with("good-"), name);
  if (fuzzer.examples != nullptr)
    for (const std::string& example : fuzzer.examples()) add(bytes_of(example), true, "an example");
  ASSERT_FALSE(corpus.empty());
  core::RandomStream random("fuzz " + fuzzer.name + slice_commit(), {1});
  for (int i = 0, all = rounds(fuzzer.rounds); i < all; ++i) {
    core::Bytes bytes = corpus[random.below(corpus.size())];
    for (std::uint64_t n = 1 + random.below(4); n > 0; --n)
      fuzzer.mutate(bytes, corpus[random.below(corpus.size())], random);
    const std::string wrong = fault(bytes);
    ASSERT_TRUE(wrong.empty()) << "round " << i << ": " << wrong << "\nkeep it in tests/fuzz/corpus/" << fuzzer.name
                               << ": " << core::to_hex(bytes);
  }
}

inline void PrintTo(const Fuzzer& fuzzer, std::ostream* to) { *to << fuzzer.name; }

class DrivenFuzzer : public testing::TestWithParam<Fuzzer> {};

inline std::string fuzzer_name(const testing::TestParamInfo<Fuzzer>& asked) { return asked.param.name; }

}  // namespace resolute::tests

//! A test for each fuzzer of these folders.
#define RESOLUTE_DRIVE_FUZZERS(Name, ...)                                                              \
  class Name : public resolute::tests::DrivenFuzzer {};                                                \
  TEST_P(Name, every_input_is_refused_or_what_the_fuzzer_says) { resolute::tests::drive(GetParam()); } \
  INSTANTIATE_TEST_SUITE_P(, Name, testing::ValuesIn(resolute::tests::fuzzers_in(__VA_ARGS__)),        \
                           resolute::tests::fuzzer_name)
