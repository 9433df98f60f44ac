// What a training step asks of a GPU besides computing, counted on the simulated accelerator: waits of the host, bytes
// of the batch, launches beside the backward pass. docs/gpu.md has the table that this prints.

#include "tests/workers/evaluation/packed_trial.h"
#include "tests/workers/gpu/packed_training.h"

namespace resolute::workers::gpu_test::step_counts_test {
namespace {

using accelerator::Counts;
using accelerator::streams;

class StepCountsTest : public PackedTrial {
 protected:
  static void SetUpTestSuite() { pack_images(8, 4, of_size(32, 16)); }

  Counts counted(const std::string& method, int steps) const {
    streams().reset_counts();
    train_packed(*pack_, split_, device().place(), {.method = method, .steps = steps});
    return streams().counts();
  }
  // Of a step in the middle of a training.
  Counts of_a_step(const std::string& method) const {
    const Counts shorter = counted(method, 3), longer = counted(method, 4);
    Counts step;
    const auto differ = [](const auto& more, const auto& fewer) {
      std::map<std::string, std::int64_t> difference;
      for (const auto& [name, count] : more) {
        const auto found = fewer.find(name);
        const std::int64_t before = found == fewer.end() ? 0 : found->second;
        if (count != before) difference[name] = count - before;
      }
      return difference;
    };
    step.kernels = differ(longer.kernels, shorter.kernels);
    step.side_kernels = differ(longer.side_kernels, shorter.side_kernels);
    step.waits = differ(longer.waits, shorter.waits);
    step.bytes_to_device = longer.bytes_to_device - shorter.bytes_to_device;
    step.bytes_to_host = longer.bytes_to_host - shorter.bytes_to_host;
    step.allocations = longer.allocations - shorter.allocations;
    return step;
  }
};

TEST_F(StepCountsTest, gradients_are_digested_beside_the_backward_pass) {
  for (const char* method : kMethods) {
    const Counts step = of_a_step(method);
    EXPECT_GT(Counts::sum(step.side_kernels), 0) << method;
    std::cout << "== " << method << ": kernels " << Counts::sum(step.kernels) << ", side "
              << Counts::sum(step.side_kernels) << ", waits " << Counts::sum(step.waits) << ", to device "
              << step.bytes_to_device << ", to host " << step.bytes_to_host << ", allocations " << step.allocations
              << "\n";
    for (const auto& [name, count] : step.waits) std::cout << "   wait " << count << " " << name << "\n";
    for (const auto& [name, count] : step.side_kernels) std::cout << "   side " << count << " " << name << "\n";
  }
}

}  // namespace
}  // namespace resolute::workers::gpu_test::step_counts_test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
