#pragma once
//! \file
//! The resolution-adaptive method adds these to a trunk: masks behind its residual blocks, and a representation of
//! sub-vectors of which an image has as many as its level of resolution. See resolution_adaptive.h.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "networks/nn/backbone.h"
#include "networks/nn/batch_norm.h"
#include "networks/nn/layers.h"
#include "networks/torch.h"

namespace resolute::methods {

//! N int64 levels on the CPU, each 1 to `count` → N×count, 1 at the image's level, else 0. \param like its type and
//! device
at::Tensor one_hot_levels(const at::Tensor& levels, std::int64_t count, const at::Tensor& like);

//! M of one block: parameter "levels", m × C, starts Normal(mean, deviation). The factors are its sigmoid: between 0
//! and 1, and in float32 exactly 1 from 17 on.
class ResolutionMask : public torch::nn::Module, public networks::InitialisedLayer {
 public:
  ResolutionMask(std::int64_t count, std::int64_t channels, double mean, double deviation);
  //! Σ_k s_k sigmoid(M_k) as a sum over k, which is exact: N×C of M's type. \param one_hot s: N×m \param frozen no
  //! gradient reaches M
  at::Tensor factors(const at::Tensor& one_hot, bool frozen) const;
  void initialise(std::uint64_t seed, const std::string& name) override;

  at::Tensor levels;

 private:
  double mean_, deviation_;
};

//! The masks in use, by their place in the network's order: all from `first` on. Those before `frozen` learn.
struct ActingMasks {
  std::size_t first = 0, frozen = 0;
};

//! The masks of a trunk: module "layer3.0" of the first residual block of layer3, or "layer3" of that whole stage.
class ResolutionMasks : public torch::nn::Module {
 public:
  ResolutionMasks(const settings::TrunkShape& shape, const ResolutionAdaptiveOptions& options);
  //! L, methods::mask_count().
  std::size_t size() const { return masks_.size(); }
  //! "layer3.0" or "layer3".
  const std::string& name(std::size_t mask) const { return names_[mask]; }
  //! X̄ of each block's X: the map times a factor an image and channel, which is computed in M's type and rounded to
  //! the map's. Channels-last stays channels-last, in the gradient too. \param one_hot N×m, of M's type and device
  networks::AfterBlock after_block(const at::Tensor& one_hot, ActingMasks acting) const;
  //! For FoldedBackbone: one a residual block, undefined where no mask acts. \param level from 1
  std::vector<at::Tensor> scales(int level, ActingMasks acting) const;
  //! sigmoid(M): m × C float32 on the CPU.
  at::Tensor values(std::size_t mask) const;

 private:
  std::vector<std::string> names_;
  std::vector<std::shared_ptr<ResolutionMask>> masks_;
  static constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();
  std::vector<std::size_t> mask_behind_;  //!< each residual block: its place in masks_, or kNone
};

//! The first `lengths` columns of each row of N×d, exact zeros behind them, whatever stood there. No gradient passes
//! through those. \param lengths N int64, on any device
at::Tensor zero_padded(const at::Tensor& rows, const at::Tensor& lengths);

//! f of the verification loss: Linear, ReLU, Linear. P×d differences → P logits of the differences, then P of their
//! opposites. The first layer's product of an opposite is the negative of the other's, so it is computed once.
at::Tensor verification_logits(const networks::Linear& first, const networks::Linear& second,
                               const at::Tensor& differences);

//! Binary cross-entropy of verification_logits() in float32 (float64 stays), mean over all, exactly 0 over none, where
//! the first half of the differences are of one identity each and the others of two.
at::Tensor verification_loss(const at::Tensor& logits);

}  // namespace resolute::methods
