// The memory that the tensors of a training's batch take on a GPU is counted on the simulated one: plans tell it before
// anything runs (experiments/reference/step_times.toml, [[step_memory]]).

#include <ATen/autocast_mode.h>
#include <gmock/gmock.h>

#include "experiments/step_times.h"
#include "tests/support/accelerator/memory.h"
#include "tests/support/folders.h"
#include "tests/support/slice.h"
#include "tests/workers/gpu/device_training.h"
#include "tests/workers/gpu/gpu_gang.h"
#include "workers/training/make_method.h"

namespace resolute::workers::gpu_test::step_memory_test {
namespace {

constexpr int kHeight = 32, kWidth = 16, kPeople = 2;

experiments::TrainingSpecification asked_for(const experiments::MethodOptions& method, settings::Precision precision,
                                             int images) {
  experiments::TrainingSpecification asked;
  asked.method = method;
  // All of them, as at the end of progressive training.
  if (auto* adaptive = std::get_if<experiments::ResolutionAdaptiveOptions>(&asked.method))
    adaptive->masks = tests::AnyWord("joint");
  asked.pack.height = kHeight;
  asked.pack.width = kWidth;
  asked.recipe.precision = precision;
  asked.recipe.identities = kPeople;
  asked.recipe.images = images;
  return asked;
}

// The memory of the GPU once the losses of all phases are formed: what their backward passes need is there.
double taken(const experiments::MethodOptions& options, settings::Precision precision, int images) {
  const auto opened = accelerator::open(0, precision);
  const at::Device place = opened->place();
  const std::unique_ptr<methods::Method> method = make_method(asked_for(options, precision, images), kPeople);
  method->module().to(place);
  methods::LaneBatch batch = worker_tests::made_up_batch(kPeople, images, kHeight, kWidth);
  put_images(batch, place);
  // As in a training on a GPU.
  at::autocast::set_autocast_dtype(place.type(), at::kBFloat16);
  at::autocast::set_autocast_enabled(place.type(), precision == settings::Precision::kBf16);
  at::autocast::set_autocast_cache_enabled(false);
  const methods::Activations activations = method->forward(batch);
  std::vector<methods::LossTerm> all;
  for (std::size_t phase = 0; phase < method->phases().size(); ++phase)
    for (methods::LossTerm& term : method->losses(phase, activations, batch)) all.push_back(std::move(term));
  at::autocast::set_autocast_enabled(place.type(), false);
  return static_cast<double>(accelerator::memory_use().taken);
}

TEST(StepMemory, of_a_batch_is_what_plans_say) {
  const auto times = experiments::StepTimes::read(core::real_file_system(),
                                                  tests::source_folder() / "experiments/reference/step_times.toml");
  constexpr int kFew = 2, kMany = 4;
  for (const auto& method : tests::slice("methods whose memory is counted", methods::all_methods(), 1))
    for (const auto precision : {settings::Precision::kF32, settings::Precision::kBf16}) {
      const double more = taken(method, precision, kMany) - taken(method, precision, kFew);
      const double a_pixel = more / (double{kPeople} * (kMany - kFew) * kHeight * kWidth);
      std::cout << fmt::format("method = \"{}\" precision = \"{}\" bytes_a_pixel = {:.0f}\n",
                               methods::method_name(method), settings::word(precision), a_pixel)
                << std::flush;
      EXPECT_NEAR(times.bytes_a_pixel(asked_for(method, precision, kFew)).value_or(0), a_pixel, 0.02 * a_pixel);
    }
}

}  // namespace
}  // namespace resolute::workers::gpu_test::step_memory_test
