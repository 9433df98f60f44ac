// What sinfo prints: refused whole, or partitions of which it can be told whether they ever start a job.
#include "slurm/partitions.h"
#include "tests/fuzz/targets.h"
#include "tests/slurm/support/recorded.h"

namespace resolute::tests::sinfo_fuzzer {
namespace {

std::vector<std::string> sinfo_examples() {
  return {recorded("sinfo-partitions"),
          "cpu*|1:00:00|1-infinite|4|2|4096|(null)\n"
          "gpu|2-00:00:00|1-2|3|64|512000|gpu:a100:4(S:0-1)\n"
          "gpu|2-00:00:00|1-2|1|64|1024000|gpu:h100:8(S:0-1,3),nvme:2\n"
          "open|infinite|1-infinite|2|128|256000|gpu:2\n"};
}

}  // namespace

RESOLUTE_FUZZER(sinfo, .rounds = 40'000, .examples = sinfo_examples, .mutate = mutate_lines)(std::string_view bytes) {
  understood([&] { slurm::gpus_of(bytes, ""); });
  return understood([&] {
    const std::vector<slurm::Partition> partitions = slurm::parse_partitions(bytes);
    slurm::Resources resources;
    resources.nodes = 2;
    resources.gpus_per_node = 8;
    resources.gpu_type = "a100";
    resources.time = std::chrono::hours(2);
    slurm::why_never(partitions, resources);
    slurm::why_never_by_default(partitions, resources);
  });
}

}  // namespace resolute::tests::sinfo_fuzzer
