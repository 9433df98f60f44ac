#include "workers/methods/baseline.h"

#include "core/error.h"
#include "workers/nn/losses.h"

namespace resolute::workers {
namespace {

// What Activations::tensors holds; undefined where the network has no classifier.
enum Slot : std::size_t { kFeature, kLogits, kSlots };

// What it learns from: rows that have both an HR image and a label.
Rows taught_rows(const LaneBatch& batch) {
  return rows_where(batch.has_label.defined() ? batch.has_hr.logical_and(batch.has_label) : batch.has_hr);
}

}  // namespace

Baseline::Baseline(const experiments::BaselineOptions& options, const experiments::NetworkSettings& network,
                   const experiments::Recipe& recipe, int classes, std::uint64_t seed)
    : options_(options),
      adam_(adam_options(recipe)),
      label_smoothing_(recipe.label_smoothing),
      triplet_(triplet_settings(options.mining, options.margin)),
      root_(std::make_shared<torch::nn::Module>("baseline")) {
  if (!options.classification && !options.triplet)
    throw core::input_error("every loss of method 'baseline' is off", "nothing would be trained",
                            "set classification or triplet to true");
  trunk_ = root_->register_module("trunk", std::make_shared<Backbone>(backbone_shape(network)));
  if (options.classification)
    classifier_ = root_->register_module(
        "classifier", std::make_shared<IdentityClassifier>(trunk_->channels(kLevels), classes, network.neck));
  initialise(*root_, seed);
}

std::vector<ParameterGroup> Baseline::parameter_groups() {
  return {{"networks", parameters_of(*root_, "", /*inverse=*/false), adam_}};
}

Activations Baseline::forward(const LaneBatch& batch) {
  at::Tensor images = select_rows(batch.hr, taught_rows(batch));
  Activations activations{std::vector<at::Tensor>(kSlots)};
  auto& slots = activations.tensors;
  if (images.size(0) == 0) {
    // A lane of stored LR images or without a label: nothing to learn from, but a graph to differentiate.
    const auto& parameters = root_->parameters();
    slots[kFeature] = parameters.front().slice(0, 0, 0).flatten(1);
    if (classifier_) slots[kLogits] = parameters.back().slice(0, 0, 0).unsqueeze(1);
    return activations;
  }
  slots[kFeature] = pooled(trunk_->forward(images).back());
  if (classifier_) slots[kLogits] = classifier_->forward(slots[kFeature]);
  return activations;
}

std::vector<LossTerm> Baseline::losses(std::size_t phase, const Activations& activations, const LaneBatch& batch) {
  RESOLUTE_EXPECT(phase == 0, "baseline has one phase");
  const auto& slots = activations.tensors;
  at::Tensor labels = select_rows(batch.labels, taught_rows(batch));
  std::vector<LossTerm> terms;
  if (options_.classification)  // eq. 3, HR part
    terms.push_back({"classification", classification_loss(slots[kLogits], labels, label_smoothing_)});
  if (options_.triplet)  // eqs. 4–6, HR part
    terms.push_back(
        {"triplet", mined_triplet_loss(slots[kFeature], labels, triplet_, batch, MiningSite::kHighResolution)});
  return terms;
}

}  // namespace resolute::workers
