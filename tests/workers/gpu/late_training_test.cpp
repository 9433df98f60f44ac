// Trainings on an accelerator whose streams run as late as they can: nothing that the host forgets to wait for may
// reach a result.

#include "tests/workers/gpu/device_training.h"
#include "tests/workers/gpu/gpu_gang.h"
#include "tests/workers/gpu/lone.h"

namespace resolute::workers::gpu_test::late_training_test {
namespace {

using accelerator::Lateness;

constexpr Lateness kLatest{Lateness::Kind::kMost, 0}, kSideAhead{Lateness::Kind::kMain, 0};

TEST(LateTraining, kernels_that_run_only_when_waited_for_give_the_same_bits) {
  for (const char* method : kMethods) {
    const Plan plan{.method = method, .steps = 2};
    const std::string expected = late_hash(plan, {});
    EXPECT_EQ(expected, late_hash(plan, kLatest)) << name(plan);
    EXPECT_EQ(expected, late_hash(plan, kSideAhead)) << name(plan) << ", other streams ahead";
  }
}

TEST(LateTraining, the_path_through_exchanges_gives_the_same_bits) {
  const Plan plan{.method = "rain", .precision = "bf16", .steps = 2};
  const std::unique_ptr<Communicator> alone = device().connect(connect_alone(), std::chrono::seconds(60));
  const std::string expected = late_hash(plan, {});
  EXPECT_EQ(expected, late_hash(plan, kLatest, alone.get()));
  EXPECT_EQ(expected, late_hash(plan, kSideAhead, alone.get()));
}

}  // namespace
}  // namespace resolute::workers::gpu_test::late_training_test
