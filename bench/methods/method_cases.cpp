#include "bench/methods/method_cases.h"

#include <algorithm>

#include "bench/images.h"
#include "workers/training/make_method.h"
#include "workers/training/trainer.h"

namespace resolute::workers {

const std::vector<Scale>& scales() {
  static const std::vector<Scale> all{{"resnet50", 256, 128, 751, 2, false, 1},
                                      {"efficientnet-lite0", 256, 128, 751, 2, false, 2},
                                      {"resnet-small", 64, 32, 32, 8, true, 10}};
  return all;
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = [] {
    using namespace experiments;
    CadnetOptions of_f;
    of_f.features = methods::JointFeature::kF;
    RainOptions off, pixelwise, transposed, single;
    off.adversary = methods::NoAdversary();
    pixelwise.adversary = methods::Adversary{.discriminator = methods::DiscriminatorKind::kPixelwise};
    transposed.decoder = methods::DecoderKind::kTransposed;
    single.adversary = methods::Adversary{.levels = {5}};
    BaselineOptions stored;
    stored.images = methods::BaselineImages::kStored;
    stored.classification_weight = 3;
    stored.mining = methods::Mining::kBatchHard;
    FtwaOptions streams, transformed;
    streams.form = methods::FtwaForm::kStreams;
    transformed.form = methods::FtwaForm::kTransformed;
    MsiflaOptions one, shared;
    one.scales = {1};
    shared.reid_networks = methods::ReidNetworks::kShared;
    ResolutionAdaptiveOptions plain, varying, masked, joint, progressive;
    plain.varying_length = masked.varying_length = false;
    plain.masks = varying.masks = methods::Masks::kOff;
    masked.masks = joint.masks = methods::Masks::kJoint;
    progressive.stage_steps = 1;
    return std::vector<Case>{{"baseline", BaselineOptions{}},
                             {"rain {4, 5}", RainOptions{}},
                             {"rain {5}", single},
                             {"rain, adversary off", off},
                             {"rain, pixelwise D", pixelwise},
                             {"rain, transposed G", transposed},
                             {"cadnet", CadnetOptions{}},
                             {"cadnet, f alone", of_f},
                             {"baseline, stored", stored, 2},
                             {"ftwa B", streams, 2},
                             {"ftwa R", transformed, 2},
                             {"ftwa", FtwaOptions{}, 2},
                             {"msifla {1}", one, 2},
                             {"msifla, shared", shared, 2},
                             {"msifla", MsiflaOptions{}, 2},
                             {"resolution-adaptive, plain", plain},
                             {"resolution-adaptive, varying length", varying},
                             {"resolution-adaptive, masks", masked},
                             {"resolution-adaptive, joint", joint},
                             {"resolution-adaptive", progressive}};
  }();
  return all;
}

int images(const Case& measured, const Scale& scale) { return measured.lr_images > 0 || scale.identities > 2 ? 4 : 2; }

std::unique_ptr<methods::Method> make(const Case& measured, const Scale& scale, const experiments::Recipe& recipe) {
  experiments::TrainingSpecification specification;
  specification.method = measured.method;
  specification.network.backbone = settings::from_word<settings::Trunk>(scale.backbone).value();
  specification.network.neck = scale.neck;
  specification.recipe = recipe;
  specification.recipe.lr_images = measured.lr_images;
  return make_method(specification, scale.classes);
}

RepeatedBatch::RepeatedBatch(const Scale& scale, int identities, int images, int lr_images, std::size_t copies)
    : batch_(random_batch(0, {identities, images, lr_images}, copies, scale.height, scale.width)) {}

methods::LaneBatch RepeatedBatch::batch(std::uint64_t step, int) {
  begun.emplace_back();
  methods::LaneBatch batch = batch_;
  batch.step = step;
  return batch;
}

Shortest train(methods::Method& method, RepeatedBatch& source, const experiments::Recipe& recipe, std::uint64_t first) {
  ProgressPipe progress(-1);
  TrainerOptions options;
  options.recipe = recipe;
  Trainer trainer({.method = method, .source = source, .progress = progress}, options);
  if (first > 0) {
    Checkpoint begun = trainer.snapshot();
    begun.step = first;
    trainer.restore(begun);
  }
  trainer.run();
  source.begun.emplace_back();
  Shortest shortest;
  for (std::size_t i = 2; i < source.begun.size(); ++i) {
    const Moment &from = source.begun[i - 1], &to = source.begun[i];
    shortest.seconds = std::min(shortest.seconds, std::chrono::duration<double>(to.time - from.time).count());
    shortest.processor_seconds =
        std::min(shortest.processor_seconds, static_cast<double>(to.processor - from.processor) / CLOCKS_PER_SEC);
  }
  return shortest;
}

std::uint64_t last_window(methods::Method& method) {
  std::uint64_t first = 0;
  for (const methods::ParameterGroup& group : method.parameter_groups()) first = std::max(first, group.first_step);
  return first;
}

}  // namespace resolute::workers
