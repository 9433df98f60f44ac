// A hundred schedules of late streams, each drawn from a seed, for each method.

#include <numeric>

#include "tests/support/slice.h"
#include "tests/workers/gpu/device_training.h"
#include "tests/workers/gpu/gpu_gang.h"

namespace resolute::workers::gpu_test::late_schedules_test {
namespace {

using accelerator::Lateness;

TEST(LateSchedules, a_hundred_give_one_hash) {
  std::vector<std::uint64_t> seeds(100);
  std::iota(seeds.begin(), seeds.end(), 0U);
  for (const char* method : kMethods) {
    const Plan plan{.method = method, .steps = 2};
    const std::string expected = late_hash(plan, {});
    for (std::uint64_t seed : tests::slice(fmt::format("schedules of {}", method), seeds, 2))
      EXPECT_EQ(expected, late_hash(plan, {Lateness::Kind::kDrawn, seed})) << name(plan) << ", seed " << seed;
  }
}

TEST(LateSchedules, bf16_has_the_same_bits_too) {
  for (const char* method : tests::slice("methods of late bf16", std::vector(kMethods.begin(), kMethods.end()), 1)) {
    const Plan plan{.method = method, .precision = "bf16", .steps = 2};
    EXPECT_EQ(late_hash(plan, {}), late_hash(plan, {Lateness::Kind::kMost, 0})) << name(plan);
  }
}

}  // namespace
}  // namespace resolute::workers::gpu_test::late_schedules_test
