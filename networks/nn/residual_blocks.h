#pragma once
//! \file
//! Residual blocks: those of He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, with torchvision's
//! names; inverted ones of Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018, as
//! EfficientNet-Lite has them (Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
//! ICML 2019; no squeeze-and-excite, ReLU6), with the names of PyPI's efficientnet-lite-pytorch.

#include <memory>
#include <optional>
#include <vector>

#include "networks/nn/batch_norm.h"
#include "networks/nn/layers.h"
#include "networks/torch.h"
#include "settings/trunk_shape.h"

namespace resolute::networks {

//! In place.
at::Tensor rectified(at::Tensor map, Rectifier rectifier);

//! A convolution, the batch norm behind it and a rectifier; the first two stand in a module under names of their own.
//! Of IBN-a an instance norm has the first channels, and the batch norm the others.
struct NormalisedConvolution {
  std::shared_ptr<Convolution> convolution;
  std::shared_ptr<BatchNorm> norm;
  Rectifier rectifier = Rectifier::kNone;
  std::shared_ptr<InstanceNorm> instance = nullptr;
  at::Tensor forward(const at::Tensor& input) const;
  //! From here on neither weights nor statistics move; gradients pass through.
  void freeze();
};

//! The rectifier that a trunk's blocks have, and its stem and head.
Rectifier rectifier_of(settings::TrunkBlock kind);

//! The parts of a block.
struct ResidualBlockOptions {
  settings::TrunkBlock kind{};
  std::int64_t in = 0, out = 0, stride = 1;
  std::int64_t kernel = 3, expansion = 1;  //!< of inverted blocks
  BatchNormOptions norm;
  bool instance_half = false;  //!< IBN-a: of the first norm's channels, modules "IN" and "BN" in it
};

//! N×in×H×W → N×out×⌈H/stride⌉×⌈W/stride⌉: convolutions one after another and a shortcut around them.
//! basic: two of 3×3, the first with the stride.
//! bottleneck: 1×1 to a quarter of `out`, 3×3 with the stride (torchvision's "v1.5"; the paper has it in the first
//! 1×1), 1×1 to `out`.
//! In both, the shortcut is the input, brought to the output's shape by "downsample", a 1×1 convolution "0" and a batch
//! norm "1", where it has another; the sum is rectified.
//! inverted: 1×1 to in · expansion (none where that is 1), depthwise k×k with the stride under "same" padding, 1×1 to
//! `out`, not rectified. The input is added where it has the output's shape; else there is no shortcut.
class ResidualBlock : public torch::nn::Module {
 public:
  explicit ResidualBlock(const ResidualBlockOptions& options);
  at::Tensor forward(const at::Tensor& input) const;
  //! NormalisedConvolution::freeze() of all.
  void freeze();
  //! One after another, from the input.
  const std::vector<NormalisedConvolution>& path() const { return path_; }
  //! True if the path's end is added to the input, or to what downsample() makes of it.
  bool has_shortcut() const { return shortcut_; }
  const std::optional<NormalisedConvolution>& downsample() const { return downsample_; }
  //! The rectifier behind the sum.
  Rectifier rectifier() const { return rectifier_; }

 private:
  std::vector<NormalisedConvolution> path_;
  std::optional<NormalisedConvolution> downsample_;
  bool shortcut_ = true;
  Rectifier rectifier_ = Rectifier::kNone;
};

}  // namespace resolute::networks
