#pragma once
//! \file
//! MSIFLA: Zhang et al., "Multi-Scale Image- and Feature-Level Alignment for Cross-Resolution Person
//! Re-Identification", Remote Sensing 16(2), 2024. A cascade of image-recovery (IR) networks turns every image into one
//! of each scale; a re-ID network of each scale makes its features. With scales {1} it is table 2's Baseline, with one
//! re-ID network shared by all scales its "+ CMSR²". More: docs/inside/methods/msifla.md.
//!
// clang-format off
//! symbol               here
//! IR-Network_1/s       ir_[k], module "ir_S": ImageRecoveryNetwork; k counts in the cascade's order, S is its scale
//! x^k                  cascade()[k - 1], the k-th network's output: x^1 = IR_s1(x), x^k = IR_sk(x^(k-1))
//! re-ID network_1/s    reid_[k], module "reid_S": PartNetwork; "shared": "reid_1" alone
//!                      with reid_ensemble E on scale 1: also "reid_1_2" … "reid_1_E", whose terms end in "_network_2" …
//! x_h                  LaneBatch::hr of the rows that have an HR image: "HR rows"
//! x_1/r                LaneBatch::copies of the HR rows, one for each rate of train.train_rates
//! y                    a labelled row's image as it stands: hr of an HR row, lr of the others ("LR rows")
//! L_IR_1/s             eqs. 1–3: "recovery_scale_S"
//! L_LSR_1/s, ε         eqs. 8–11: "classification_scale_S", recipe.label_smoothing; the outer minus holds for both
//!                      summands of eq. 11, as in eq. 8
//! L_triplet_1/s, m     eq. 12: "triplet_scale_S", MsiflaOptions::margin
//! L_IR, L_ReID         eqs. 4, 13, 14: the sums of the terms of the phases "recovery" and "reid"
//! f, f_1/s, f_1/s^h    eqs. 5–7: embed(): scales in the cascade's order, in each the four parts from top to bottom
//!
//! Stated [§3.3]: L_IR and L_ReID are not added but "backward separately": two phases, whose gradients of the IR
//!   networks are summed and step together.
//! UNSTATED: which parameters L_ReID's gradient reaches → those of the IR networks too (the abstract: identity cues are
//!   kept by training them together); reid_into_ir = false: of the re-ID networks alone.
//! UNSTATED: whether a stage's L_IR reaches the stages before → it does (eq. 4 is one sum).
//! UNSTATED: the scale of ‖·‖² in eqs. 1–3 → the mean over elements and HR rows; the sum over the inputs as printed;
//!   recovery_weight stands before it, since in the IR networks it decides what L_IR is against L_ReID.
//! UNSTATED: of what eqs. 11 and 12 are means → over labelled rows, over anchors (mining "all": their sum).
//! UNSTATED: whether parts of an anchor share a positive and a negative → each part has its own hardest ones. Triplets
//!   stay within a scale.
//! UNSTATED: whether L_ReID sees the copies → no: the batch has its own LR images [§4.2]. L_IR sees no LR rows, of
//!   which there is no target.
//! UNSTATED: rows without a label (train.labelled_fraction) → HR rows enter L_IR alone, LR rows nothing.
//! UNSTATED: batch norms → one batch of a scale's HR and LR images; a shared network has one of all scales' images.
//! UNSTATED: how a re-ID network begins without ImageNet's weights [§4.2] → from a draw of its own.
//! UNSTATED: the IR networks' optimiser → Adam as the re-ID networks', with its own rate [§4.2: 3e-3, ÷ 10
//!   after half of the epochs, as theirs].
//! DEVIATION (option ir_warmup_steps): so many steps of L_IR alone. Before them the re-ID networks, their statistics
//!   too, stand still: an untrained cascade hands them noise.
//! DEVIATION (option reid_ensemble): as many re-ID networks on one scale, each from a draw of its own and with the losses
//!   of one: what MR²L's networks are worth without their scales.
//! DEVIATION (option unit_parts): each f_1/s^h of the descriptor is divided by its length; the losses are as they are.
//! DEVIATION (option ir_residual): ImageRecoveryNetwork.
// clang-format on

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "methods/msifla/networks/networks.h"
#include "methods/networks/streams.h"
#include "methods/networks/trunk_method.h"

namespace resolute::methods {

class Msifla : public NetworkMethod<MsiflaOptions> {
 public:
  //! \throws RuntimeError (kInput) for options that experiments::validate() refuses
  Msifla(const MsiflaOptions& options, const settings::NetworkSettings& network, const settings::Recipe& recipe,
         int classes, std::uint64_t seed);

  std::vector<ParameterGroup> parameter_groups() override;
  std::vector<Phase> phases() const override;
  Activations forward(const LaneBatch& batch) override;
  std::vector<LossTerm> losses(std::size_t phase, const Activations& activations, const LaneBatch& batch) override;

  //! f.
  at::Tensor embed(const at::Tensor& images) override;
  Embedder embedder(const EmbedderOptions& options) override;
  std::string embedder_graph(networks::onnx::Graph& graph, Side side, int level) const override;
  int embedding_size() const override;
  std::vector<at::Tensor> recover(const at::Tensor& images) override;

 private:
  std::vector<at::Tensor> cascade(const at::Tensor& images) const;
  void identify(const std::vector<at::Tensor>& images, Activations& activations) const;
  //! Re-ID networks side by side in the descriptor: one for each scale, shared or not, or an ensemble on one scale.
  std::size_t streams() const { return std::max(ir_.size(), reid_.size()); }
  std::size_t scale_of(std::size_t stream) const { return ir_.size() == 1 ? 0 : stream; }
  std::string term_name(const char* kind, std::size_t stream) const;
  at::Tensor recovery_term(std::size_t scale, const Activations& activations, const LaneBatch& batch) const;
  template <class LossOf>
  at::Tensor sum_over_parts(std::size_t stream, std::size_t first, const Activations& activations,
                            const LossOf& loss_of) const;
  const PartNetwork& reid_of(std::size_t stream) const { return *reid_[reid_.size() == 1 ? 0 : stream]; }

  TripletSettings triplet_;
  std::vector<std::shared_ptr<ImageRecoveryNetwork>> ir_;  //!< of options_.scales
  std::vector<std::shared_ptr<PartNetwork>> reid_;         //!< of options_.scales, one for all, or an ensemble
};

//! f_1/s of a re-ID network's parts: N×(kParts · C). \param unit each part divided by its length (0 stays 0)
at::Tensor part_descriptor(const std::vector<at::Tensor>& parts, bool unit);

}  // namespace resolute::methods
