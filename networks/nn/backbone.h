#pragma once
//! \file
//! The networks' trunks: images to five feature maps f1..f5 (RAIN, "Architecture": the last activation of each of five
//! residual blocks). Names of parameters are those of published weights, so that these fit: torchvision's of ResNets
//! (conv1, bn1, layer1.0.conv1, …), IBN-Net's of ResNets with IBN-a (layer1.0.bn1.IN, layer1.0.bn1.BN),
//! efficientnet-lite-pytorch's of EfficientNet-Lite (_conv_stem, _blocks.0._bn1, …).
//!
//! For 3×256×128: ResNet-50 gives f1 64×128×64 (after conv1, before the pooling), f2 256×64×32, f3 512×32×16,
//! f4 1024×16×8, f5 2048×16×8 with last stride 1 (8×4 with 2). resnet-small (basic blocks, one a stage, no pooling, a
//! stem of stride 1: made for 64×32 to 128×64 on one core) gives for 3×64×32: f1 16×64×32, f2 16×32×16, f3 32×16×8,
//! f4 64×8×4, f5 128×8×4 (4×2). EfficientNet-Lite0 gives for 3×256×128: f1 16×128×64, f2 24×64×32, f3 40×32×16,
//! f4 112×16×8, f5 1280×16×8 (8×4): the outputs of its stages 1, 2, 3 and 5, which are not rectified, and of the head.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "networks/nn/residual_blocks.h"
#include "networks/torch.h"
#include "settings/trunk_shape.h"

namespace resolute::networks {

//! The factor and the summand of OwnPixels: 1×3×1×1 float64 on the CPU.
struct PixelFactors {
  at::Tensor factor, offset;
};
//! Nothing where the trunk takes images as the loader normalises them.
std::optional<PixelFactors> pixel_factors(const settings::TrunkShape& shape);

//! Images as the loader normalises them → as the trunk's weights were trained on them. A convolution's padding then has
//! the zero that it had there.
class OwnPixels {
 public:
  explicit OwnPixels(const settings::TrunkShape& shape) : factors_(pixel_factors(shape)) {}
  //! Images of a device: by one thread at a time.
  at::Tensor operator()(const at::Tensor& images) const;

 private:
  std::optional<PixelFactors> factors_;
  //! On the device of the images: a copy from here makes the host wait, and cannot be recorded.
  mutable std::optional<PixelFactors> placed_;
};

inline constexpr std::size_t kLevels = settings::kTrunkLevels;

//! A change of each residual block's output before anything reads it: the same shape. \param block 0, 1, …, counted
//! over all four stages \param map not to be changed in place: its block's backward pass needs it
using AfterBlock = std::function<at::Tensor(std::size_t block, const at::Tensor& map)>;

//! Stem and levels 1 and 2, frozen as its shape says: the part of a trunk that a method may have once for each kind of
//! image.
class ShallowTrunk : public torch::nn::Module {
 public:
  explicit ShallowTrunk(const settings::TrunkShape& shape);
  //! N×3×H×W → f1, f2. \param after empty: blocks' outputs as they are
  std::array<at::Tensor, 2> forward_shallow(const at::Tensor& images, const AfterBlock& after = {}) const;
  const settings::TrunkShape& shape() const { return shape_; }
  //! The feature level, 1 to 5, that one of its parameters belongs to.
  int level_of(const at::Tensor& parameter) const;
  const NormalisedConvolution& stem() const { return stem_; }
  //! Those that it has, in the network's order.
  const std::vector<std::shared_ptr<ResidualBlock>>& blocks() const { return blocks_; }

 protected:
  //! The blocks of that level, behind those that are there.
  void add_level(int level);
  //! A layer outside of blocks, its modules registered under these names.
  NormalisedConvolution make_layer(const char* convolution, const char* norm, const ConvolutionOptions& options);
  //! The map behind the blocks of that level.
  at::Tensor through(int level, at::Tensor map, const AfterBlock& after) const;

 private:
  torch::nn::ModuleList list_of_stage(std::size_t number);

  settings::TrunkShape shape_;
  OwnPixels own_pixels_;
  NormalisedConvolution stem_;
  std::vector<std::shared_ptr<ResidualBlock>> blocks_;
  std::vector<int> levels_;  //!< of each of blocks_
};

class Backbone : public ShallowTrunk {
 public:
  explicit Backbone(const settings::TrunkShape& shape);
  //! N×3×H×W → f1..f5, f_j at index j - 1. \param after of all blocks; empty: their outputs as they are
  std::vector<at::Tensor> forward(const at::Tensor& images, const AfterBlock& after = {}) const;
  //! N×3×H×W → f5: the bits of forward(). Of several process ranks the deep half's gradients leave before the shallow
  //! half's backward pass is played (records_in_halves()).
  at::Tensor deepest(const at::Tensor& images) const;
  //! f2, this trunk's or another ShallowTrunk's of its shape → f3, f4, f5.
  std::vector<at::Tensor> forward_deep(const at::Tensor& f2, const AfterBlock& after = {}) const;
  //! Channels of f_level, level 1..5.
  std::int64_t channels(int level) const { return shape().channels(level); }
  //! Image pixels per pixel of f5 along each side: sizes are halved rounding up, log2 of this many times.
  std::int64_t total_stride() const { return shape().stride(settings::kTrunkLevels); }
  //! The layer that ends a trunk whose f5 is not its last block's output.
  const std::optional<NormalisedConvolution>& head() const { return head_; }

 private:
  std::optional<NormalisedConvolution> head_;
};

}  // namespace resolute::networks
