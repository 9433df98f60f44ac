// What squeue prints: refused whole, or records that written again are the same text.
#include "tests/fuzz/targets.h"
#include "tests/slurm/support/job_texts.h"

RESOLUTE_FUZZER(squeue)(const std::uint8_t* data, std::size_t size) {
  using namespace resolute;
  const std::string text(reinterpret_cast<const char*>(data), size);
  return tests::understood([&] {
    const std::string wrong = tests::disagreement(text, slurm::parse_queue(text));
    tests::require(wrong.empty(), wrong.c_str());
  });
}
