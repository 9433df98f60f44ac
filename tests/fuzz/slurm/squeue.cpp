// What squeue prints: refused whole, or records that written again are the same text.
#include "tests/fuzz/targets.h"
#include "tests/slurm/support/job_texts.h"
#include "tests/slurm/support/recorded.h"

namespace resolute::tests::squeue_fuzzer {
namespace {

std::vector<std::string> squeue_examples() {
  return recorded("squeue", {"array", "pending", "running", "requeued-held", "unlimited"});
}

}  // namespace

RESOLUTE_FUZZER(squeue, .rounds = 40'000, .examples = squeue_examples)(std::string_view bytes) {
  const std::string text(bytes);
  return understood([&] {
    const std::string wrong = disagreement(text, slurm::parse_queue(text));
    require(wrong.empty(), wrong.c_str());
  });
}

}  // namespace resolute::tests::squeue_fuzzer
