#include "methods/rain/networks/rain.h"

#include <string>

#include "core/error.h"
#include "networks/nn/losses.h"

namespace resolute::methods {
namespace {

// The tensors of Activations; undefined where an option leaves the network out. From kFirstLevel on, two a level
// of Adversary::levels: f_j of the HR stream, f_j of the LR stream.
// Labelled… and logits hold the rows that have a label, the others all rows of their stream.
enum RainSlot : std::size_t { kLabelledHr, kLabelledLr, kLogitsHr, kLogitsLr, kImageHr, kImageLr, kFirstLevel };

constexpr const char* kDiscriminatorModule = "discriminator_level_";  // + j; kDiscriminatorPrefix

}  // namespace

Rain::Rain(const RainOptions& options, const settings::NetworkSettings& network, const settings::Recipe& recipe,
           int classes, std::uint64_t seed)
    : TrunkMethod(options, network, recipe), triplet_{options.margin, options.mining} {
  if (options.classification)
    classifier_ = root_->register_module(
        "classifier", std::make_shared<IdentityClassifier>(trunk_->channels(networks::kLevels), classes, network.neck));
  if (options.reconstruction)
    decoder_ = root_->register_module("decoder", std::make_shared<Decoder>(*trunk_, options.decoder));
  for (int level : levels())
    discriminators_.push_back(root_->register_module(
        kDiscriminatorModule + std::to_string(level),
        std::make_shared<Discriminator>(trunk_->channels(level), trunk_->shape().discriminator_width,
                                        options.opponent()->discriminator)));
  networks::initialise(*root_, seed);
}

std::vector<int> Rain::levels() const {
  return options_.opponent() != nullptr ? options_.opponent()->levels : std::vector<int>{};
}

std::vector<ParameterGroup> Rain::parameter_groups() { return game_groups(*root_, recipe_); }

std::vector<Phase> Rain::phases() const {
  if (discriminators_.empty()) return {{kNetworks, {kNetworks}}};
  const bool simultaneous = options_.opponent()->updates == Updates::kSimultaneous;
  return {{kDiscriminators, {kDiscriminators}, simultaneous}, {kNetworks, {kNetworks}}};
}

StreamRows Rain::rows_of(const LaneBatch& batch) const {
  StreamRows rows = stream_rows(batch, options_.pairing == Pairing::kShuffled);
  if (options_.supervision == Supervision::kHrOnlyLabels) rows.labelled_lr = at::empty({0}, at::kLong);
  return rows;
}

Activations Rain::forward(const LaneBatch& batch) {
  using Maps = std::vector<at::Tensor>;
  const StreamRows rows = rows_of(batch);
  const Streams images{select_rows(batch.hr, rows.with_hr), select_rows(batch.lr, rows.lr)};
  const std::vector<Streams> features =
      through_streams({images}, joint_, [&](const Maps& x) { return trunk_->forward(x.front()); });

  Activations activations{std::vector<at::Tensor>(kFirstLevel)};
  auto& slots = activations.tensors;
  const Streams& f5 = features.back();
  // Rows without a label stay out of the neck's batch too.
  const Streams v{select_rows(pooled(f5.hr), rows.labelled_hr), select_rows(pooled(f5.lr), rows.labelled_lr)};
  slots[kLabelledHr] = v.hr;
  slots[kLabelledLr] = v.lr;
  if (classifier_) {
    const auto classify = [&](const Maps& x) { return Maps{classifier_->forward(x.front())}; };
    const Streams logits = through_streams({v}, joint_, classify).front();
    slots[kLogitsHr] = logits.hr;
    slots[kLogitsLr] = logits.lr;
  }
  const Streams aimed{f5.hr, select_rows(f5.lr, rows.aimed_lr)};
  if (decoder_ && aimed.hr.size(0) + aimed.lr.size(0) > 0) {
    const auto decode = [&](const Maps& x) {
      return Maps{decoder_->forward(x.front(), batch.lr.size(2), batch.lr.size(3))};
    };
    const Streams decoded = through_streams({aimed}, joint_, decode).front();
    slots[kImageHr] = decoded.hr;
    slots[kImageLr] = decoded.lr;
  }
  for (int level : levels()) {
    slots.push_back(features[static_cast<std::size_t>(level - 1)].hr);
    slots.push_back(features[static_cast<std::size_t>(level - 1)].lr);
  }
  return activations;
}

std::vector<LossTerm> Rain::losses(std::size_t phase, const Activations& activations, const LaneBatch& batch) {
  RESOLUTE_EXPECT(phase < phases().size(), "rain has no such phase");
  return phases()[phase].name == kDiscriminators ? discriminator_terms(activations) : network_terms(activations, batch);
}

Streams Rain::feature(std::size_t index, const Activations& activations) const {
  return {activations.tensors[kFirstLevel + 2 * index], activations.tensors[kFirstLevel + 2 * index + 1]};
}

//! eq. 8, max over D_j: minimises −L_adv^Dj.
std::vector<LossTerm> Rain::discriminator_terms(const Activations& activations) const {
  std::vector<LossTerm> terms;
  for (std::size_t i = 0; i < discriminators_.size(); ++i) {
    const Streams f = feature(i, activations);
    at::Tensor logits = discriminators_[i]->forward(at::cat({f.hr, f.lr}).detach());
    terms.push_back({kDiscriminatorModule + std::to_string(levels()[i]),
                     -networks::adversarial_value(logits.narrow(0, 0, f.hr.size(0)),
                                                  logits.narrow(0, f.hr.size(0), f.lr.size(0)))});
  }
  return terms;
}

//! eq. 1 as F sees it. UNSTATED: the form of F's loss → eq. 1 itself, through both of its terms (minimax).
//! DEVIATION (option "non-saturating"): F minimises −E[log D(f^L)].
at::Tensor Rain::adversarial_loss(std::size_t index, const Activations& activations) const {
  const Streams f = feature(index, activations);
  if (options_.opponent()->non_saturating)
    return networks::non_saturating_loss(discriminators_[index]->forward_frozen(f.lr));
  at::Tensor logits = discriminators_[index]->forward_frozen(at::cat({f.hr, f.lr}));
  return networks::adversarial_value(logits.narrow(0, 0, f.hr.size(0)), logits.narrow(0, f.hr.size(0), f.lr.size(0)));
}

//! eq. 8, min over F, G, C.
std::vector<LossTerm> Rain::network_terms(const Activations& activations, const LaneBatch& batch) const {
  const auto& slots = activations.tensors;
  const StreamRows rows = rows_of(batch);
  // Rows without a label have the adversarial and reconstruction losses alone.
  const Streams labels = stream_labels(batch, rows);

  std::vector<LossTerm> terms;
  if (options_.classification)  // eq. 3
    terms.push_back({"classification",
                     stream_classification({slots[kLogitsHr], slots[kLogitsLr]}, labels, recipe_.label_smoothing)});
  if (options_.triplet)  // eqs. 4–6
    terms.push_back({"triplet", stream_triplets({slots[kLabelledHr], slots[kLabelledLr]}, labels, triplet_, batch)});
  if (options_.reconstruction) {  // eq. 2
    const at::Tensor loss = slots[kImageHr].defined()
                                ? stream_reconstruction({slots[kImageHr], slots[kImageLr]}, batch, rows)
                                : networks::zero_loss(slots[kLabelledLr]);
    terms.push_back({"reconstruction", options_.reconstruction_weight * loss});
  }
  for (std::size_t i = 0; i < discriminators_.size(); ++i)
    terms.push_back({"adversarial_level_" + std::to_string(levels()[i]),
                     options_.opponent()->weight * adversarial_loss(i, activations)});
  return terms;
}

std::vector<at::Tensor> Rain::recover(const at::Tensor& images) {
  RESOLUTE_EXPECT(decoder_ != nullptr, "a decoder recovers images");
  return {evaluated(*root_, [&] {
    return networks::loss_precision(decoder_->forward(trunk_->forward(images).back(), images.size(2), images.size(3)));
  })};
}

}  // namespace resolute::methods
