#pragma once
//! \file
//! MSIFLA's two kinds of networks: the image-recovery (IR) network, of which the cascade has one for each scale, and
//! the re-ID network with its horizontal parts. See msifla.h.

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "methods/msifla/options.h"
#include "methods/networks/identity_terms.h"
#include "networks/nn/backbone.h"
#include "networks/nn/layers.h"
#include "networks/onnx/graph.h"
#include "networks/torch.h"

namespace resolute::methods {

//! IR network: N×3×H×W → the same shape, normalised image space on both sides. An encoder of two parts, A and B, of
//! four convolutions each, and a decoder of two deconvolutions and a convolution, with residual connections "between
//! the two components of the encoder, and between the encoder and the decoder" (Zhang et al., §3.2). No batch norm, so
//! that an image's output depends on it alone.
//!
//! Stated: the encoder's kernels are 3×3 [§4.2]. UNSTATED: widths, strides, the other kernels → with
//! w = MsiflaOptions::ir_width
//!   part_a_1 … part_a_4      3×3, 3→w; w→w of stride 2; w→w; w→w                 A, w×H/2×W/2
//!   part_b_1 … part_b_4      3×3, w→2w of stride 2; 2w→2w; 2w→2w; 2w→2w
//!   projection               1×1 of stride 2, w→2w, of A: added to part B's last  B, 2w×H/4×W/4
//!   deconvolution_1          4×4 of stride 2, 2w→w; A is added
//!   deconvolution_2          4×4 of stride 2, w→w/2
//!   output                   3×3, w/2→3
//! UNSTATED: activations → a rectifier behind every convolution and deconvolution, behind the sum where something is
//!   added; none behind the projection and the output. UNSTATED: biases → every layer has one.
//! UNSTATED: initial weights → He et al.'s by fan in, behind which the output has about the input's deviation; biases
//!   0.
//!
//! DEVIATION (option ir_residual): the input is added to the output; the last layer's weights begin at 0 and the
//!   network with the identity. Drawn as the others, they begin so far from it that Adam's first steps leave most
//!   rectifiers dead.
class ImageRecoveryNetwork : public torch::nn::Module {
 public:
  //! \param width w, even, at least 2
  ImageRecoveryNetwork(std::int64_t width, bool residual);
  //! Sides are multiples of 4.
  at::Tensor forward(const at::Tensor& images) const;
  //! The same in a graph.
  networks::onnx::Map add_to(networks::onnx::Graph& graph, const networks::onnx::Map& images) const;

 private:
  bool residual_;
  std::vector<std::shared_ptr<networks::Convolution>> part_a_, part_b_;
  std::shared_ptr<networks::Convolution> projection_, output_;
  std::shared_ptr<networks::DoublingConvolution> deconvolution_1_, deconvolution_2_;
};

inline constexpr std::int64_t kParts = MsiflaOptions::kParts;

//! N×C×h×w → kParts of N×C float32 (float64 stays), from top to bottom: part i is the mean over the rows
//! ⌊i·h/4⌋ … ⌈(i+1)·h/4⌉ - 1, as adaptive average pooling has it; that is not deterministic on GPUs. h is at least 1.
std::vector<at::Tensor> horizontal_parts(const at::Tensor& map);
//! The rows of h that part i is a mean over: its first row, and the one behind its last.
std::vector<std::pair<std::int64_t, std::int64_t>> rows_of_parts(std::int64_t height);

//! Re-ID network: an image → the features of its parts, each with a classifier of its own (eqs. 6, 8).
//! UNSTATED: what stands between a part's feature and its classifier → nothing, or a batch norm (network.neck).
class PartNetwork : public torch::nn::Module {
 public:
  //! \param classification whether it has classifiers
  PartNetwork(const settings::TrunkShape& shape, std::int64_t classes, bool neck, bool classification);
  //! N×3×H×W → kParts of N×C float32.
  std::vector<at::Tensor> parts(const at::Tensor& images) const {
    return horizontal_parts(trunk_->forward(images).back());
  }
  //! Logits of each part by its own classifier: kParts of N×classes; empty without classifiers.
  std::vector<at::Tensor> logits(const std::vector<at::Tensor>& parts) const;
  const networks::Backbone& trunk() const { return *trunk_; }

 private:
  std::shared_ptr<networks::Backbone> trunk_;
  std::vector<std::shared_ptr<IdentityClassifier>> classifiers_;  //!< classifier_1 … classifier_4
};

}  // namespace resolute::methods
