#pragma once
//! \file
//! RAIN: Chen, Li, Du, Wang, "Learning Resolution-Invariant Deep Representations for Person Re-Identification", AAAI
//! 2019. No adversarial level is their "Baseline (train on HR & LR)" and "Ours w/o L_adv". More:
//! docs/inside/methods/rain.md.
//!
// clang-format off
//! symbol          here
//! F, f_1..f_5     trunk_            Backbone; f_j = last activation of block j
//! G               decoder_          Decoder, on f5 alone (null without reconstruction)
//! D_j             discriminators_   one Discriminator per level of Adversary::levels
//! C, v            classifier_       IdentityClassifier on v = GAP(f5) (null without classification)
//! x_H, x_L        LaneBatch::hr, lr: two streams; the target of x_L→H, lr's row i, is hr's row i
//! L_adv^Dj        eq. 1: "discriminator_level_j" (−L_adv) in phase "discriminators", "adversarial_level_j" in "networks"
//! L_rec           eq. 2: "reconstruction"
//! L_cls           eq. 3: "classification"
//! L_tri, m        eqs. 4–6: "triplet", RainOptions::margin
//! eqs. 7, 8       the sum of a phase's terms; min over F, G, C and max over D_j as two phases of one step
//!
//! UNSTATED: order and number of the min-max updates → one step of D on features detached from F, then one of F, G, C
//!   with D frozen ("alternating": F answers the D that has just moved).
//! UNSTATED: layers of G and D_j → networks.h.
//! UNSTATED: what of a stream has no label (figure 5) → rows by LaneBatch::has_label; an image and its copy are labelled
//!   together. Rows without a label enter the trunk, L_rec and L_adv; they are absent from C (and the neck's batch), from
//!   L_cls and from mining. A mean over no row is 0.
//! DEVIATION: images of which only an LR version is stored (train_pool "mlr"), or stands in the batch (train.lr_images),
//!   belong to the LR stream alone and have no reconstruction target; the paper makes every x_L from an x_H. With
//!   train_pool "mlr-with-originals" LaneBatch::has_target gives them one, which F never sees.
//! UNSTATED: whether x_L stands in the batch beside its x_H → yes ("aligned"). pairing "shuffled": the LR stream has the
//!   rows without has_hr alone, each aimed at its own HR image where there is one.
//! DEVIATION (option "non-saturating"): F minimises −E[log D(f^L)] (Goodfellow et al., NIPS 2014, §3).
//! DEVIATION (option updates = "simultaneous"): both gradients are taken at one state, D steps with the others (the
//!   gradient dynamics of Mescheder et al., NIPS 2017); eq. 8 written as one step.
//! DEVIATION (option supervision = "hr-only-labels"): all images of the LR stream are without a label, so that those
//!   stored as LR alone enter L_adv alone; no row of the paper.
//! DEVIATION (options, none on by default): mining "batch-hard" or "all" for eqs. 4–6, train.label_smoothing in eq. 3.
// clang-format on

#include <memory>

#include "methods/networks/streams.h"
#include "methods/networks/trunk_method.h"
#include "methods/rain/networks/networks.h"

namespace resolute::methods {

class Rain : public TrunkMethod<RainOptions> {
 public:
  Rain(const RainOptions& options, const settings::NetworkSettings& network, const settings::Recipe& recipe,
       int classes, std::uint64_t seed);

  std::vector<ParameterGroup> parameter_groups() override;
  std::vector<Phase> phases() const override;
  Activations forward(const LaneBatch& batch) override;
  std::vector<LossTerm> losses(std::size_t phase, const Activations& activations, const LaneBatch& batch) override;
  //! G(F(images)), layer by layer (no folded batch norms).
  std::vector<at::Tensor> recover(const at::Tensor& images) override;

 private:
  StreamRows rows_of(const LaneBatch& batch) const;
  std::vector<int> levels() const;  //!< with a discriminator
  std::vector<LossTerm> discriminator_terms(const Activations& activations) const;
  std::vector<LossTerm> network_terms(const Activations& activations, const LaneBatch& batch) const;
  at::Tensor adversarial_loss(std::size_t index, const Activations& activations) const;
  Streams feature(std::size_t index, const Activations& activations) const;

  TripletSettings triplet_;
  std::shared_ptr<IdentityClassifier> classifier_;
  std::shared_ptr<Decoder> decoder_;
  std::vector<std::shared_ptr<Discriminator>> discriminators_;
};

}  // namespace resolute::methods
