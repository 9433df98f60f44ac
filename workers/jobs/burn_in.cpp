#include <cmath>
#include <cstdint>
#include <memory>

#include "core/clock.h"
#include "core/hash/sha256.h"
#include "core/random/random.h"
#include "workers/jobs/commands.h"
#include "workers/training/batch_source.h"
#include "workers/training/checkpoint.h"
#include "workers/training/make_method.h"
#include "workers/training/trainer.h"

namespace resolute::workers {
namespace {

// A GPU is to be full of work, a single processor to be done in seconds.
struct Size {
  int rows, height, width, steps;
};
Size size_on(const at::Device& device) { return device.is_cpu() ? Size{4, 64, 32, 2} : Size{64, 256, 128, 8}; }

constexpr int kClasses = 8;

// The same batch in every step.
class DrawnBatch : public BatchSource {
 public:
  DrawnBatch(const Size& size, const at::Device& device) {
    core::RandomStream stream("burn-in", {0});
    at::Tensor pixels = at::empty({size.rows, size.height, size.width, 3});
    float* values = pixels.mutable_data_ptr<float>();
    for (std::int64_t i = 0; i < pixels.numel(); ++i) values[i] = static_cast<float>(stream.uniform(-2, 2));
    batch_.hr = pixels.permute({0, 3, 1, 2}).to(device);
    batch_.lr = batch_.hr.flip({3});
    batch_.lr_rates = at::full({size.rows}, 2, at::kLong);
    batch_.labels = at::arange(size.rows, at::kLong).div(2, "floor").remainder(kClasses);
    batch_.has_hr = at::ones({size.rows}, at::kBool);
  }
  std::vector<std::int64_t> lane_rows(std::uint64_t) override { return {batch_.hr.size(0)}; }
  methods::LaneBatch batch(std::uint64_t step, int) override {
    methods::LaneBatch batch = batch_;
    batch.step = step;
    return batch;
  }

 private:
  methods::LaneBatch batch_;
};

std::string digest_after_training(Device& device, DrawnBatch& source, int steps) {
  experiments::TrainingSpecification specification;
  specification.method = experiments::BaselineOptions{};
  specification.recipe.steps = steps;
  const std::unique_ptr<methods::Method> method = make_method(specification, kClasses);
  if (!device.place().is_cpu()) method->module().to(device.place());
  ProgressPipe silent(-1);
  TrainerOptions options;
  options.recipe = specification.recipe;
  Trainer trainer(
      {.method = *method, .source = source, .progress = silent, .recorder = device.recorder(), .device = &device},
      options);
  within_memory(device, [&] { return trainer.run(); });
  Weights weights{"burn-in", kClasses, {}};
  list_module(method->module(), "", weights.tensors);
  return core::sha256_hex(encode_weights(weights));
}

}  // namespace

core::Json burn_in(Device& device, std::chrono::seconds time) {
  const std::uint64_t free_mib = device.memory().free >> 20;
  const Size size = size_on(device.place());
  DrawnBatch source(size, device.place());
  const auto begun = core::monotonic_clock().now();
  const std::string digest = digest_after_training(device, source, size.steps);
  const auto warm = core::monotonic_clock().now();
  auto now = warm;
  int rounds = 0;
  do {
    if (digest_after_training(device, source, size.steps) != digest)
      throw core::RuntimeError(core::ErrorKind::kEnvironment, "the same training ended twice in different weights",
                               "this machine computes wrongly", "have its GPU, processor and memory tested");
    ++rounds;
    now = core::monotonic_clock().now();
  } while (now - begun < time);
  const double minutes = std::chrono::duration<double>(now - warm).count() / 60;
  return {{"digest", digest},
          {"images_a_minute", static_cast<std::uint64_t>(std::llround(rounds * size.steps * size.rows / minutes))},
          {"free_mib", free_mib}};
}

}  // namespace resolute::workers
