#include "bench/methods/step_parts.h"

#include <memory>
#include <vector>

#include "bench/methods/multiplications.h"
#include "bench/methods/timed_parts.h"
#include "methods/ftwa/networks.h"
#include "workers/nn/backbone.h"

namespace resolute::workers {
namespace {

using core::Json;

// Runs the parts when a step asks for its batch; what is left of the step after that is the step.
class PartsBeforeSteps final : public BatchSource {
 public:
  PartsBeforeSteps(RepeatedBatch& batches, TimedParts& parts) : batches_(batches), parts_(parts) {}
  std::vector<std::int64_t> lane_rows(std::uint64_t step) override {
    end_step();
    if (!batches_.begun.empty()) parts_.run();
    return batches_.lane_rows(step);
  }
  LaneBatch batch(std::uint64_t step, int lane) override { return batches_.batch(step, lane); }
  void end_step() {
    // The first step makes what the others find.
    if (batches_.begun.size() > 1) time.add(batches_.begun.back(), Moment());
  }

  Shortest time;

 private:
  RepeatedBatch& batches_;
  TimedParts& parts_;
};

}  // namespace

Json step_parts(const Case& measured, const Scale& scale, const std::string& precision, int turns) {
  experiments::Recipe recipe;
  recipe.precision = settings::from_word<settings::Precision>(precision).value();
  // Parts have networks of their own: those of the step carry the Trainer's hooks.
  const std::unique_ptr<Method> whole = make(measured, scale, recipe), apart = make(measured, scale, recipe);
  const std::uint64_t first = last_window(*whole);
  recipe.steps = static_cast<int>(first) + 1 + turns;
  RepeatedBatch batches(scale, scale.identities, images(measured, scale), measured.lr_images,
                        methods::copy_rates(whole->row().needs, recipe).size());
  TimedParts parts(*apart, batches.batch(first, 0), recipe);
  batches.begun.clear();
  PartsBeforeSteps source(batches, parts);
  train(*whole, source, recipe, first);
  source.end_step();
  return {{"parts", parts.times()},
          {"step", {{"seconds", source.time.seconds}, {"processor_seconds", source.time.processor_seconds}}},
          {"ratio", source.time.processor_seconds / parts.processor_seconds()}};
}

std::int64_t multiply_adds_of_transformation(Method& method, const at::Tensor& image) {
  const auto transformation = child<FeatureTransformation>(method, "transformation");
  if (!transformation) return 0;
  const at::NoGradGuard no_grad;
  const at::Tensor map = child<Backbone>(method, "trunk")->forward(image).back();
  const MultiplicationCount count;
  transformation->forward(map);
  return count.value();
}

}  // namespace resolute::workers
