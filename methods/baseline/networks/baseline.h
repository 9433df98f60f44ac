#pragma once
//! \file
//! Baseline (train on HR) of Chen et al., "Learning Resolution-Invariant Deep Representations for Person
//! Re-Identification", AAAI 2019, table 1: the trunk and classifier of RAIN trained on X_H alone. (Their "Baseline
//! (train on HR & LR)" is RAIN without an adversarial level: methods/rain/networks/rain.h.) With images = "stored" the
//! baseline of Zhang et al., "Resolution-Invariant Person ReID Based on Feature Transformation and Self-Weighted
//! Attention", table 2: one stream over each image as the pool has it, HR or LR.
//!
//! symbol   here
//! F        trunk_        Backbone
//! C        classifier_   IdentityClassifier on v = GAP(f5)
//! L_cls    "classification", HR part of eq. 3, times BaselineOptions::classification_weight (λ1 of Zhang et al.)
//! L_tri    "triplet", HR part of eqs. 4–6
//! m        BaselineOptions::margin
//!
//! Rows without a label (train.labelled_fraction) and, with images = "hr", without an HR image are not looked at: not
//! forwarded, so that they stand in no batch-norm batch either. L_cls has smoothed labels with train.label_smoothing.

#include <memory>

#include "methods/networks/trunk_method.h"

namespace resolute::methods {

class Baseline : public TrunkMethod<BaselineOptions> {
 public:
  Baseline(const BaselineOptions& options, const settings::NetworkSettings& network, const settings::Recipe& recipe,
           int classes, std::uint64_t seed);

  Activations forward(const LaneBatch& batch) override;
  std::vector<LossTerm> losses(std::size_t phase, const Activations& activations, const LaneBatch& batch) override;

 private:
  //! The batch's images that are there as rows of the pool.
  at::Tensor images_of(const LaneBatch& batch) const;
  Rows taught_rows(const LaneBatch& batch) const;

  bool stored_;  //!< BaselineOptions::images is "stored"
  TripletSettings triplet_;
  std::shared_ptr<IdentityClassifier> classifier_;  //!< null without classification
};

}  // namespace resolute::methods
