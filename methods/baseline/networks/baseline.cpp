#include "methods/baseline/networks/baseline.h"

#include "core/error.h"
#include "networks/nn/losses.h"
#include "networks/nn/placed.h"

namespace resolute::methods {
namespace {

// The tensors of Activations; undefined where the network has no classifier.
enum BaselineSlot : std::size_t { kBaselineFeature, kBaselineLogits, kBaselineSlots };

}  // namespace

Baseline::Baseline(const BaselineOptions& options, const settings::NetworkSettings& network,
                   const settings::Recipe& recipe, int classes, std::uint64_t seed)
    : TrunkMethod(options, network, recipe),
      stored_(options.images == BaselineImages::kStored),
      triplet_{options.margin, options.mining} {
  if (options.classification)
    classifier_ = root_->register_module(
        "classifier", std::make_shared<IdentityClassifier>(trunk_->channels(networks::kLevels), classes, network.neck));
  networks::initialise(*root_, seed);
}

Rows Baseline::taught_rows(const LaneBatch& batch) const {
  if (stored_) return rows_where(batch.has_label);
  return rows_where(batch.has_label.defined() ? batch.has_hr.logical_and(batch.has_label) : batch.has_hr);
}

at::Tensor Baseline::images_of(const LaneBatch& batch) const {
  // A row without an HR image is zeros in `hr`.
  if (!stored_ || batch.has_hr.all().item<bool>()) return batch.hr;
  return at::where(networks::placed(batch.has_hr, batch.hr.device()).view({-1, 1, 1, 1}), batch.hr, batch.lr)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

Activations Baseline::forward(const LaneBatch& batch) {
  at::Tensor images = select_rows(images_of(batch), taught_rows(batch));
  Activations activations{std::vector<at::Tensor>(kBaselineSlots)};
  auto& slots = activations.tensors;
  if (images.size(0) == 0) {
    // A lane without a row that it looks at: nothing to learn from, but a graph to differentiate.
    const auto& parameters = root_->parameters();
    slots[kBaselineFeature] = parameters.front().slice(0, 0, 0).flatten(1);
    if (classifier_) slots[kBaselineLogits] = parameters.back().slice(0, 0, 0).unsqueeze(1);
    return activations;
  }
  slots[kBaselineFeature] = pooled(trunk_->deepest(images));
  if (classifier_) slots[kBaselineLogits] = classifier_->forward(slots[kBaselineFeature]);
  return activations;
}

std::vector<LossTerm> Baseline::losses(std::size_t phase, const Activations& activations, const LaneBatch& batch) {
  RESOLUTE_EXPECT(phase == 0, "baseline has one phase");
  const auto& slots = activations.tensors;
  at::Tensor labels = select_rows(batch.labels, taught_rows(batch));
  std::vector<LossTerm> terms;
  if (options_.classification)  // eq. 3, HR part
    terms.push_back(
        {"classification", options_.classification_weight *
                               networks::classification_loss(slots[kBaselineLogits], labels, recipe_.label_smoothing)});
  if (options_.triplet)  // eqs. 4–6, HR part
    terms.push_back(
        {"triplet", mined_triplet_loss(slots[kBaselineFeature], labels, triplet_, batch, MiningSite::kHighResolution)});
  return terms;
}

}  // namespace resolute::methods
