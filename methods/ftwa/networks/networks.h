#pragma once
//! \file
//! The networks that FTWA adds to its two streams: the feature transformation T (RAFT) with its blocks (RAFTB), and the
//! quality evaluators W_HR and W_LR. None has a batch norm. See ftwa.h.
//!
//! Zhang et al., §2.2, give the kinds of the layers of T and RAFTB; figure 2, which may give more, is not at hand.
//! Their model is IMDN (Hui et al., "Lightweight Image Super-Resolution with Information Multi-distillation Network",
//! ACM MM 2019), whose numbers fill the gaps. UNSTATED: initial weights → torch's for such layers (normal, deviation
//! √(1 / (3 fan in))), as IMDN's code has them, and
//!   biases 0: T begins near the identity.
//! UNSTATED: biases → every layer has one. UNSTATED: the slope of the leaky rectifiers → 0.05 (IMDN).

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "networks/nn/initialise.h"
#include "networks/nn/layers.h"
#include "networks/onnx/graph.h"
#include "networks/torch.h"

namespace resolute::methods {

//! RAFTB: N×w×h×w' → the same shape. Three 3×3 convolutions whose outputs are split into halves, of which the first is
//! kept and the second goes on to the next; a fourth; the four halves concatenated (2w), their channels rescaled by
//! attention (global average, 1×1, 1×1, sigmoid), brought to w by a 1×1 convolution ("Conv1" of figure 2, the one
//! without a rectifier); the input added.
//! UNSTATED: which half is kept → the first (IMDN). UNSTATED: the attention's inner width → w/8.
class TransformationBlock : public torch::nn::Module {
 public:
  //! \param width w, a multiple of 8
  explicit TransformationBlock(std::int64_t width);
  at::Tensor forward(const at::Tensor& input) const;
  //! The same in a graph.
  networks::onnx::Map add_to(networks::onnx::Graph& graph, const networks::onnx::Map& input) const;

 private:
  std::int64_t half_;
  std::vector<std::shared_ptr<networks::Convolution>> convolutions_;
  std::shared_ptr<networks::Convolution> squeeze_, excite_, fuse_;
};

//! T: F_LR → F'_HR, N×C×h×w → the same shape.
//! UNSTATED: its layers → head 1×1 C→w; RAFTBs in a row, their outputs concatenated; 1×1 →w with a rectifier; 3×3 w→w;
//!   the head's output added; tail 1×1 w→C; the input added.
//! UNSTATED: the width → w = C/8, at least 32: 256 for ResNet-50, 32 for resnet-small. UNSTATED: how many RAFTBs → 4.
class FeatureTransformation : public torch::nn::Module {
 public:
  //! \param channels C \param blocks RAFTBs, at least 1
  FeatureTransformation(std::int64_t channels, int blocks);
  at::Tensor forward(const at::Tensor& map) const;
  //! The same in a graph.
  networks::onnx::Map add_to(networks::onnx::Graph& graph, const networks::onnx::Map& map) const;

 private:
  std::vector<std::shared_ptr<TransformationBlock>> blocks_;
  std::shared_ptr<networks::Convolution> head_, merge_, smooth_, tail_;
};

//! W_HR, W_LR: how much an image's vector counts. N×D → N float32, above kFloor and at most 1 + kFloor.
//! UNSTATED: its layers → linear D→D/4, rectifier, linear →1, sigmoid; kFloor is added, or eqs. 5 and 7 could divide by
//!   0.
class QualityEvaluator : public torch::nn::Module {
 public:
  static constexpr double kFloor = 1e-3;
  explicit QualityEvaluator(std::int64_t features);
  at::Tensor forward(const at::Tensor& features) const;
  //! The same in a graph, as N×1.
  std::string add_to(networks::onnx::Graph& graph, const std::string& features) const;

 private:
  std::shared_ptr<networks::Linear> hidden_, output_;
};

//! The weights of one kind of vectors by their mean: N → N. In training mode by the batch's mean, which has a gradient,
//! and the buffer running_mean (1 at first) moves to it by a tenth as a batch norm's does; in evaluation mode by that
//! buffer. Over no row nothing moves.
class WeightScale : public torch::nn::Module, public networks::InitialisedLayer {
 public:
  WeightScale();
  at::Tensor forward(const at::Tensor& weights) const;
  void initialise(std::uint64_t seed, const std::string& name) override;

  at::Tensor running_mean;  //!< one value, float32
};

}  // namespace resolute::methods
