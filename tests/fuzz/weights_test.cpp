// Drives the fuzzers of files of weights.
#include "tests/fuzz/drive.h"

namespace resolute::tests::weights_test {
namespace {

RESOLUTE_DRIVE_FUZZERS(FuzzWeights, {"weights"});

}  // namespace
}  // namespace resolute::tests::weights_test
