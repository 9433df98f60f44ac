#pragma once
//! \file
//! FTWA: Zhang, Jiang, Huang, Xu, "Resolution-Invariant Person ReID Based on Feature Transformation and Self-Weighted
//! Attention". Without the weighting it is table 2's FTWA_R, without the transformation too FTWA_B; table 2's Baseline
//! is methods/baseline/networks/baseline.h with images = "stored". More: docs/inside/methods/ftwa.md.
//!
// clang-format off
//! symbol              here
//! E_H, E_ID           trunk_            Backbone: its shallow part (conv1 to layer1), its deep one (layer2 to layer4)
//! E_L                 lr_encoder_       ShallowTrunk of its own weights
//! T (RAFT)            transformation_   FeatureTransformation (null without)
//! C_HR, C_LR          classifier_hr_, classifier_lr_   IdentityClassifier (null without classification)
//! W_HR, W_LR          weight_hr_, weight_lr_           QualityEvaluator (null without weighting)
//! I_HR, I'_LR         LaneBatch::hr and lr of the rows that have an HR image: "HR rows"
//! I_LR                LaneBatch::lr of the others (only an LR image is stored, or stands in the batch): "LR rows"
//! F_HR, F'_LR, F_LR   eq. 1                            F'_HR = T(F_LR)   eq. 3
//! v, w, f             eq. 4: GAP of F, W of v, C of v; stream names here: hr, copy (F'_LR), lr, transformed (F'_HR)
//! L_RAFT, λ3          eq. 2: "transformation", FtwaOptions::transformation_weight
//! L_cls, λ1           eq. 5: "classification", FtwaOptions::classification_weight
//! L_tri, m, λ2        eqs. 6, 7: "triplet", FtwaOptions::margin, triplet_weight
//! eq. 8               the sum of the terms of the one phase, "networks"
//!
//! UNSTATED: how E_L begins → as a copy of E_H (the paper starts both from ImageNet's weights).
//! UNSTATED: layers of T and W → networks.h; of C → a batch norm and a linear layer without bias (without a neck: a
//!   linear layer with bias), one pass over both of its streams.
//! UNSTATED: whether HR and LR images share a batch-norm batch in E_ID → bn_streams. E_L sees both kinds of LR images in
//!   one pass.
//! UNSTATED: which side of eq. 2 the gradient reaches → F'_LR alone (transformation_detach "hr"); under
//!   bn_streams "joint" it reaches E_H even so, through the batch statistics of E_ID that both sides share.
//! UNSTATED: the scale of ‖·‖₁ → the mean over elements; of eq. 5 → the mean over rows of each pair.
//! UNSTATED: of which images w is in eq. 5 → each pair (v and v' of one image) has its own (classification_weighting
//!   "per-sample"); "batch-mean" puts the lane's mean in its place. A pair's weights are divided by their sum before they
//!   multiply, so that equal ones are exactly 0.5 each. Without the weighting 0.5 each; without v'_HR (no transformation,
//!   or transformed_losses off) CE(f_LR) counts whole.
//! UNSTATED: what w_HR · w'_HR of eq. 7 is, whose factors are of different images → the product of the lane's means
//!   (triplet_weighting "batch-mean"). Without the weighting 0.5 each.
//! DEVIATION (the default): of eq. 6's triplets the hardest of each anchor, and the mean over anchors (mining
//!   "batch-hard"); "all" is the sum as printed.
//! UNSTATED: rows without a label (train.labelled_fraction) → they enter the encoders and L_RAFT, and no C, W, mining.
//! UNSTATED: comparison at test time → results/scores/branched_distance.h by the rows of branch_embedder().
//! DEVIATION (option triplet_weighting = "per-sample"): the i-th HR row of an identity and its i-th LR row make a pair,
//!   whose products of eq. 7 weigh the losses of its own four anchors before their mean (mining "all": their sum); rows
//!   without a partner are no anchors.
//! DEVIATION (option weight_balance = β > 0): "weight_balance", β · mean over the rows of both pairs of
//!   −½ log(4 α (1 − α)), α the first one's share of a pair's weights: 0 where they are equal, growing without bound as
//!   one takes all. Its gradient flows through v into the networks too, as eq. 5's. Under eq. 5 the classification
//!   rewards a low weight of the harder stream, whatever it could learn.
//! DEVIATION (option train.label_smoothing): smoothed labels in eq. 5.
//! DEVIATION (option weight_normalisation = "running-mean"): every w is divided by the mean of its kind (w_HR, w'_LR, w_LR,
//!   w'_HR): WeightScale. No stream can gain on the other then; what an image has against its like remains.
// clang-format on

#include <memory>

#include "methods/ftwa/networks/networks.h"
#include "methods/networks/streams.h"
#include "methods/networks/trunk_method.h"

namespace resolute::methods {

//! The four kinds of features of a labelled row: of HR images, of their copies, of LR images, of what T makes of these.
enum FtwaStream : std::size_t { kHr, kCopy, kLr, kTransformed, kStreams };

class Ftwa : public TrunkMethod<FtwaOptions> {
 public:
  //! \throws RuntimeError (kInput) for options that experiments::validate() refuses
  Ftwa(const FtwaOptions& options, const settings::NetworkSettings& network, const settings::Recipe& recipe,
       int classes, std::uint64_t seed);

  Activations forward(const LaneBatch& batch) override;
  std::vector<LossTerm> losses(std::size_t phase, const Activations& activations, const LaneBatch& batch) override;

  //! High side v_HR, as embed(); low side v'_HR, without the transformation v_LR.
  Embedder embedder(const EmbedderOptions& options) override { return make_embedder(options, /*branches=*/false); }
  //! High side [v_HR, w_HR, 0…, 0], low side [v'_HR, w'_HR, v_LR, w_LR]. Without the weighting every w is 1. With
  //! weight_normalisation the low side divides w_LR by the mean of w_LR, a gallery's copy or not; what is wrong by that
  //! for copies, the mean of w'_LR by that of w_LR, the high side's w_HR has as a factor, and every share is right.
  Embedder branch_embedder(const EmbedderOptions& options) override {
    return make_embedder(options, /*branches=*/true);
  }
  std::string embedder_graph(networks::onnx::Graph& graph, Side side, int level) const override;

 private:
  at::Tensor classification_term(const Activations& activations, const LaneBatch& batch) const;
  at::Tensor triplet_term(const Activations& activations, const LaneBatch& batch) const;
  at::Tensor transformation_term(const Activations& activations) const;
  at::Tensor balance_term(const Activations& activations) const;
  void weigh(Activations& activations) const;
  Embedder make_embedder(const EmbedderOptions& options, bool branches) const;
  //! branch_embedder() divides the weights by them: of W_HR on the high side, of W_HR and W_LR on the low one.
  struct MeanWeights {
    at::Tensor high, transformed, low;  //!< undefined without normalisation
  };
  MeanWeights mean_weights() const;
  void transform(const at::Tensor& copy, const at::Tensor& lr, Activations& activations) const;

  TripletSettings triplet_;
  std::shared_ptr<networks::ShallowTrunk> lr_encoder_;
  std::shared_ptr<FeatureTransformation> transformation_;
  std::shared_ptr<IdentityClassifier> classifier_hr_, classifier_lr_;
  std::shared_ptr<QualityEvaluator> weight_hr_, weight_lr_;
  std::vector<std::shared_ptr<WeightScale>> weight_scales_;  //!< of FtwaStream; none without normalisation
};

}  // namespace resolute::methods
