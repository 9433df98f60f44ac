#pragma once
//! \file
//! Resolution-adaptive representations: Wu et al., "Learning Resolution-Adaptive Representations for Cross-Resolution
//! Person Re-Identification", arXiv 2207.13037. A query is compared by as many sub-vectors as its resolution carries
//! (mechanism 1), and the trunk's maps are scaled by masks of the image's level (mechanism 2). Either can be off; with
//! neither it is a trunk with a linear layer, classification and verification. More:
//! docs/inside/methods/resolution_adaptive.md.
//!
// clang-format off
//! symbol               here
//! r, k, m              ResolutionAdaptiveOptions::level_rates: level k has the rate at index k - 1, the highest, m, 1
//! x, level of x        LaneBatch::hr of a row: m; LaneBatch::lr: that of its rate (methods::level_of_rate)
//! X^l, M_k^l           a block's output; masks_, module "masks.layerS.B" (or "masks.layerS"), row k - 1 of "levels"
//! X̄^l                  ResolutionMasks::after_block
//! s_k^l                one_hot_levels: the image's level, the same at every block
//! v_1 … v_m, d_k       consecutive parts of embedding_ (module "embedding") of GAP(f5); options' widths
//! z_p = cat(v_1:k)     representation(): zeros behind v_k
//! dis(x_p, x_g)        squared Euclidean distance of the first compared_dimensions(k) columns, k the query's level
//! W                    classifier_, module "classifier", on the padded z
//! L_cls                "classification"
//! L_verif, λ           "verification", ResolutionAdaptiveOptions::verification_weight; y_n: one identity or two
//! v_ij, f              z_i − z_j; modules "verification_1" and "verification_2"
//! Algorithm 1's l, T   methods::mask_stage, stage_steps_; buffers "stage", "stage_iteration" and "frozen"
//!
//! Stated: an image of a level below m is a down-sampled HR image, enlarged to its size; the representation is padded
//!   with zeros in training; masks "after each residual block", one per level; L_cls and L_verif together.
//! Stated [alg. 1]: masks from the block nearest the output downwards, T iterations each, earlier ones frozen.
//! UNSTATED: which LR images an HR one is seen with in a step → one, at the rate drawn for its row; both images are
//!   classified and verified alike.
//! DEVIATION: of a row stored as an LR image alone (train_pool "mlr") that image is trained on; the paper makes every LR
//!   image from an HR one.
//! UNSTATED: thresholds between levels → halfway between their rates by ratio (methods::level_of_area).
//! UNSTATED: d and d_k → 2048 and 512 each.
//! UNSTATED: whether a "block" is a bottleneck or a stage → every residual block (mask_blocks: the four stages).
//! UNSTATED: how masks start → standard normal before the sigmoid (mask_mean, mask_deviation).
//! UNSTATED: T → steps / (L + 1). The last mask learns to the end.
//! UNSTATED: masks that are not reached → not applied. Trunk, embedding, classifier and MLP learn throughout.
//! UNSTATED: the masks' optimiser → Adam with a rate of its own, without weight decay, which would pull factors to 1/2.
//! UNSTATED: f's layers → Linear d → verification_width, ReLU, Linear → 1.
//! UNSTATED: which pairs → of every image one positive and one negative drawn among all of the lane's, whatever their
//!   levels, in both orders; the sum of L_verif → a mean. λ → 1.
//! UNSTATED: rows without a label (train.labelled_fraction) → not forwarded, so that they stand in no batch-norm batch.
//! UNSTATED: batch norms → one batch of all images (network.bn_streams). A gallery image's level → m.
//! UNSTATED, on the page alone: trunk, optimiser, schedule, epochs, augmentation, batch, the highest level's size.
//! DEVIATION (option network.neck): a batch norm a sub-vector before the classifier, over the images that have it.
//! DEVIATION: a first stage, 0, of the trunk alone: masks in the making would scale maps that have yet to mean something.
//!   Algorithm 1 begins with l = 1.
//! DEVIATION: with several lanes pairs are drawn within a lane, and batch norms see a lane's images alone: those of lane
//!   0 move the statistics that a test has.
//! DEVIATION (options, none on by default): joint masks, masks of stages, rows without a label, label smoothing, other
//!   levels than four of rates 4, 3, 2 and 1.
// clang-format on

#include <cstdint>
#include <memory>
#include <vector>

#include "methods/levels.h"
#include "methods/networks/trunk_method.h"
#include "methods/resolution_adaptive/networks/networks.h"

namespace resolute::methods {

class ResolutionAdaptive : public TrunkMethod<ResolutionAdaptiveOptions> {
 public:
  //! \throws RuntimeError (kInput) for options that experiments::validate() refuses
  ResolutionAdaptive(const ResolutionAdaptiveOptions& options, const settings::NetworkSettings& network,
                     const settings::Recipe& recipe, int classes, std::uint64_t seed);

  //! "networks", then "masks" of joint ones, or "mask_layerS.B" of each of progressive ones, in the network's order.
  std::vector<ParameterGroup> parameter_groups() override;
  std::vector<Phase> phases() const override;
  Activations forward(const LaneBatch& batch) override;
  std::vector<LossTerm> losses(std::size_t phase, const Activations& activations, const LaneBatch& batch) override;

  //! z of images of the highest level.
  at::Tensor embed(const at::Tensor& images) override;
  Embedder embedder(const EmbedderOptions& options) override;
  std::string embedder_graph(networks::onnx::Graph& graph, Side side, int level) const override;
  int embedding_size() const override { return static_cast<int>(embedding_->weight.size(0)); }
  std::vector<MaskValues> mask_values() const override;

 private:
  //! Images of one batch-norm batch: z (N×d) and logits (N×classes; undefined without a classifier).
  struct Output {
    at::Tensor representation, logits;
  };

  int levels() const { return static_cast<int>(options_.level_rates.size()); }
  Output run(const at::Tensor& images, const at::Tensor& levels, ActingMasks acting) const;
  at::Tensor representation(const at::Tensor& f5, const at::Tensor& levels) const;
  at::Tensor necked(const at::Tensor& representation, const at::Tensor& levels) const;
  at::Tensor verification_term(const at::Tensor& representation, const at::Tensor& labels,
                               const LaneBatch& batch) const;
  void enter_stage(const MaskStage& stage);
  ActingMasks acting_masks(int stage) const;
  //! Those of the weights as they stand.
  ActingMasks acting_masks() const;

  int stage_steps_ = 0;                     //!< T of progressive masks
  std::shared_ptr<ResolutionMasks> masks_;  //!< null without masks
  torch::nn::Module masked_trunk_;          //!< both: whose passes are recorded
  std::shared_ptr<networks::Linear> embedding_;
  std::vector<std::shared_ptr<networks::BatchNorm>> necks_;            //!< of each sub-vector; empty without a neck
  std::shared_ptr<networks::Linear> classifier_;                       //!< null without classification
  std::shared_ptr<networks::Linear> verification_1_, verification_2_;  //!< null without verification
  at::Tensor stage_, stage_iteration_, frozen_;                        //!< undefined without progressive masks
};

}  // namespace resolute::methods
