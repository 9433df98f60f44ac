// What `sbatch --parsable` prints: nothing, or a job whose id and cluster are the whole text.
#include "tests/fuzz/targets.h"
#include "tests/slurm/support/job_texts.h"

RESOLUTE_FUZZER(sbatch)(const std::uint8_t* data, std::size_t size) {
  using namespace resolute;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto accepted = slurm::parse_accepted(text);
  if (!accepted.has_value()) return -1;
  tests::require(tests::disagreement(text, *accepted).empty(), "a job that the text does not name");
  return 0;
}
