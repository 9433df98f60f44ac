#pragma once
//! \file
//! The residual blocks of He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, with torchvision's
//! names.

#include <memory>

#include "workers/nn/batch_norm.h"
#include "workers/nn/layers.h"
#include "workers/torch.h"

namespace resolute::workers {

//! A block's input brought to its output's shape: 1×1 convolution "0" and batch norm "1".
class Downsample : public torch::nn::Module {
 public:
  Downsample(std::int64_t in, std::int64_t out, std::int64_t stride);
  at::Tensor forward(const at::Tensor& input) const;

 private:
  std::shared_ptr<Convolution> convolution_;
  std::shared_ptr<BatchNorm> norm_;
};

//! N×in×H×W → N×out×⌈H/stride⌉×⌈W/stride⌉, rectified.
class ResidualBlock : public torch::nn::Module {
 public:
  virtual at::Tensor forward(const at::Tensor& input) const = 0;

 protected:
  ResidualBlock(std::int64_t in, std::int64_t out, std::int64_t stride);
  at::Tensor shortcut(const at::Tensor& input) const;

 private:
  std::shared_ptr<Downsample> downsample_;  //!< null where the input has the output's shape already
};

//! Two 3×3 convolutions; the first carries the stride.
class BasicBlock : public ResidualBlock {
 public:
  BasicBlock(std::int64_t in, std::int64_t out, std::int64_t stride);
  at::Tensor forward(const at::Tensor& input) const override;

 private:
  std::shared_ptr<Convolution> conv1_, conv2_;
  std::shared_ptr<BatchNorm> bn1_, bn2_;
};

//! 1×1 to a quarter of `out`, 3×3 with the stride (torchvision's "v1.5"; the paper has it in the first 1×1), 1×1 to
//! `out`.
class Bottleneck : public ResidualBlock {
 public:
  Bottleneck(std::int64_t in, std::int64_t out, std::int64_t stride);
  at::Tensor forward(const at::Tensor& input) const override;

 private:
  std::shared_ptr<Convolution> conv1_, conv2_, conv3_;
  std::shared_ptr<BatchNorm> bn1_, bn2_, bn3_;
};

}  // namespace resolute::workers
