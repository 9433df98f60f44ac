// Trainings on an accelerator whose streams run late, each another way: nothing that the host forgets to wait for may
// reach a result.

#include "tests/support/slice.h"
#include "tests/workers/gpu/device_training.h"
#include "tests/workers/gpu/gpu_gang.h"
#include "tests/workers/gpu/lone.h"

namespace resolute::workers::gpu_test::late_training_test {
namespace {

using accelerator::Lagging;
using accelerator::Lateness;

std::string hash(const Plan& plan, const Lateness& lateness, Communicator* communicator = nullptr) {
  const Lagging lagging(lateness);
  return train(device().place(), communicator, plan).hash();
}

std::vector<Plan> plans() {
  std::vector<Plan> plans;
  for (const char* method : kMethods)
    for (const char* precision : {"f32", "bf16"})
      plans.push_back({.method = method, .precision = precision, .steps = 3});
  return plans;
}

// No kernel runs before somebody waits for it: what is not waited for is not there.
TEST(LateTraining, kernels_that_run_only_when_waited_for_give_the_same_bits) {
  for (const Plan& plan : tests::slice("plans of late trainings", plans(), 4)) {
    const std::string expected = hash(plan, {});
    EXPECT_EQ(expected, hash(plan, {Lateness::Kind::kMost, 0})) << name(plan);
    EXPECT_EQ(expected, hash(plan, {Lateness::Kind::kMain, 0})) << name(plan) << ", other streams ahead";
  }
}

TEST(LateTraining, the_path_through_exchanges_gives_the_same_bits) {
  for (const Plan& plan : tests::slice("plans of late exchanges", plans(), 1)) {
    const std::unique_ptr<Communicator> alone = device().connect(connect_alone(), std::chrono::seconds(60));
    EXPECT_EQ(hash(plan, {}), hash(plan, {Lateness::Kind::kMost, 0}, alone.get())) << name(plan);
  }
}

TEST(LateTraining, a_hundred_schedules_give_one_hash) {
  std::vector<std::uint64_t> seeds(100);
  for (std::size_t i = 0; i < seeds.size(); ++i) seeds[i] = i;
  for (const char* method : kMethods) {
    const Plan plan{.method = method, .steps = 2};
    const std::string expected = hash(plan, {});
    for (std::uint64_t seed : tests::slice(fmt::format("schedules of {}", method), seeds, 2))
      EXPECT_EQ(expected, hash(plan, {Lateness::Kind::kDrawn, seed})) << name(plan) << ", seed " << seed;
  }
}

}  // namespace
}  // namespace resolute::workers::gpu_test::late_training_test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
