// The fuzzers as libFuzzer runs them (script/fuzz), in one program: RESOLUTE_FUZZ_TARGET names one of them. Without it
// the program prints their names, a line each, with " in-child" behind those whose crashes are no faults. With
// RESOLUTE_FUZZ_EXAMPLES too it writes the examples of that one into this folder, and ends.
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "core/files/file_system.h"
#include "core/log.h"
#include "tests/fuzz/targets.h"

namespace {

using resolute::tests::Fuzzer;
using resolute::tests::fuzzers;

const Fuzzer* chosen = nullptr;

void list_fuzzers() {
  for (const Fuzzer& fuzzer : fuzzers()) std::printf("%s%s\n", fuzzer.name.c_str(), fuzzer.in_child ? " in-child" : "");
}

void write_examples(const std::filesystem::path& folder) {
  auto& files = resolute::core::real_file_system();
  files.create_directories(folder);
  if (chosen->examples == nullptr) return;
  int number = 0;
  for (const std::string& example : chosen->examples())
    resolute::core::replace_unsynced(files, folder / ("example-" + std::to_string(number++)), example);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  resolute::core::set_up_log("fuzz", resolute::core::LogLevel::kError);
  const char* name = std::getenv("RESOLUTE_FUZZ_TARGET");
  if (name == nullptr) {
    list_fuzzers();
    std::exit(0);
  }
  for (const Fuzzer& fuzzer : fuzzers())
    if (fuzzer.name == name) chosen = &fuzzer;
  if (chosen == nullptr) {
    std::fprintf(stderr, "resolute: there is no fuzzer '%s'; without RESOLUTE_FUZZ_TARGET all are listed\n", name);
    std::exit(2);
  }
  if (const char* folder = std::getenv("RESOLUTE_FUZZ_EXAMPLES")) {
    write_examples(folder);
    std::exit(0);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen->run({reinterpret_cast<const char*>(data), size});
  return 0;
}

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

// Half of the changes are libFuzzer's, half those that the format's own tests make.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most,
                                               unsigned int seed) {
  if (seed % 2 == 0) return LLVMFuzzerMutate(data, size, most);
  resolute::core::RandomStream random("libfuzzer", {seed});
  resolute::core::Bytes bytes = resolute::tests::bytes_of({reinterpret_cast<const char*>(data), size});
  chosen->mutate(bytes, resolute::core::Bytes(bytes), random);
  if (bytes.empty() || bytes.size() > most) return LLVMFuzzerMutate(data, size, most);
  std::memcpy(data, bytes.data(), bytes.size());
  return bytes.size();
}
