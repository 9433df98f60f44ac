#pragma once
//! \file
//! The networks' trunks: images to five feature maps f1..f5 (RAIN, "Architecture": the last activation of each of five
//! residual blocks). Names of parameters are torchvision's (conv1, bn1, layer1.0.conv1, …), so that its weights fit.
//!
//! For 3×256×128: ResNet-50 gives f1 64×128×64 (after conv1, before the pooling), f2 256×64×32, f3 512×32×16,
//! f4 1024×16×8, f5 2048×16×8 with last stride 1 (8×4 with 2). resnet-small (basic blocks, one a stage, no pooling, a
//! stem of stride 1: made for 64×32 to 128×64 on one core) gives for 3×64×32: f1 16×64×32, f2 16×32×16, f3 32×16×8,
//! f4 64×8×4, f5 128×8×4 (4×2).

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "experiments/specification/specification.h"
#include "workers/nn/residual_blocks.h"
#include "workers/torch.h"

namespace resolute::workers {

inline constexpr std::size_t kLevels = 5;

//! What distinguishes one trunk from another.
struct BackboneShape {
  bool bottlenecks = false;  //!< Bottleneck or BasicBlock
  std::int64_t stem_kernel = 3, stem_stride = 1;
  bool pooling = false;  //!< 3×3 max-pooling of stride 2 after f1
  std::array<std::int64_t, kLevels> channels{};
  std::array<std::int64_t, 4> blocks{};   //!< of layer1..layer4
  std::array<std::int64_t, 4> strides{};  //!< of the first block of layer1..layer4
};

//! What is made of each residual block's output before anything reads it: the same shape. \param block 0, 1, …, counted
//! over all four stages \param map not to be changed in place: its block's backward pass needs it
using AfterBlock = std::function<at::Tensor(std::size_t block, const at::Tensor& map)>;

//! conv1, bn1, the pooling and layer1: the part of a trunk that a method may have once for each kind of image.
class ShallowTrunk : public torch::nn::Module {
 public:
  explicit ShallowTrunk(const BackboneShape& shape);
  //! N×3×H×W → f1, f2. \param after empty: blocks' outputs as they are
  std::array<at::Tensor, 2> forward_shallow(const at::Tensor& images, const AfterBlock& after = {}) const;
  const BackboneShape& shape() const { return shape_; }

 protected:
  using Stage = std::vector<std::shared_ptr<ResidualBlock>>;
  //! Registers "layer" + stage, stage 1..4.
  Stage make_stage(std::size_t stage);

 private:
  BackboneShape shape_;
  std::shared_ptr<Convolution> conv1_;
  std::shared_ptr<BatchNorm> bn1_;
  Stage layer1_;
};

class Backbone : public ShallowTrunk {
 public:
  explicit Backbone(const BackboneShape& shape);
  //! N×3×H×W → f1..f5, f_j at index j - 1. \param after of all blocks; empty: their outputs as they are
  std::vector<at::Tensor> forward(const at::Tensor& images, const AfterBlock& after = {}) const;
  //! f2, this trunk's or another ShallowTrunk's of its shape → f3, f4, f5.
  std::vector<at::Tensor> forward_deep(const at::Tensor& f2, const AfterBlock& after = {}) const;
  //! Channels of f_level, level 1..5.
  std::int64_t channels(int level) const;
  //! Image pixels per pixel of f5 along each side: sizes are halved rounding up, log2 of this many times.
  std::int64_t total_stride() const;

 private:
  std::array<Stage, 3> deep_layers_;  //!< layer2..layer4
};

//! \throws RuntimeError (kInput) for an unknown backbone or a last stride other than 1 and 2
BackboneShape backbone_shape(const experiments::NetworkSettings& settings);

}  // namespace resolute::workers
