// Drives the fuzzers of what is read but for data sets and weights.
#include "tests/fuzz/drive.h"

namespace resolute::tests::fuzz_test {
namespace {

RESOLUTE_DRIVE_FUZZERS(Fuzz, {"core", "experiments", "orchestrator", "results", "slurm"});

}  // namespace
}  // namespace resolute::tests::fuzz_test
