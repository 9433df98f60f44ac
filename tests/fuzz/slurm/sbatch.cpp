// What `sbatch --parsable` prints: nothing, or a job whose id and cluster are the whole text.
#include "tests/fuzz/targets.h"
#include "tests/slurm/support/job_texts.h"
#include "tests/slurm/support/recorded.h"

namespace resolute::tests::sbatch_fuzzer {
namespace {

std::vector<std::string> sbatch_examples() { return recorded("sbatch", {"alone", "cluster"}); }

}  // namespace

RESOLUTE_FUZZER(sbatch, .rounds = 40'000, .examples = sbatch_examples)(std::string_view bytes) {
  const std::string text(bytes);
  const auto accepted = slurm::parse_accepted(text);
  if (!accepted.has_value()) return false;
  require(disagreement(text, *accepted).empty(), "a job that the text does not name");
  return true;
}

}  // namespace resolute::tests::sbatch_fuzzer
