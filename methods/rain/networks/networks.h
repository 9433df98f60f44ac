#pragma once
//! \file
//! The two networks that RAIN adds to a trunk and a classifier: the decoder G and the discriminators D_j, each in two
//! kinds. See rain.h.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "methods/rain/options.h"
#include "networks/nn/backbone.h"
#include "networks/torch.h"

namespace resolute::methods {

//! The end of a decoder: 3×3 → 3 with bias.
std::shared_ptr<networks::Convolution> image_convolution(std::int64_t in);
//! The upper left part of a map, or all of it where that is smaller.
at::Tensor cut_to(at::Tensor map, std::int64_t height, std::int64_t width);

//! G: f5 → an image of the network's input size, in normalised image space; no skip connections.
//!
//! UNSTATED: its layers → [doubling, batch norm, rectifier] until f5's grid covers the image, then 3×3 → 3 with bias.
//! Widths: TrunkShape::decoder_widths (settings/trunk_shape.h).
//! UNSTATED: how a side is doubled → "nearest": nearest neighbour ×2, then a 3×3 convolution (no checkerboard patterns:
//! Odena et al., "Deconvolution and Checkerboard Artifacts", Distill 2016); "transposed": DoublingConvolution.
class Decoder : public torch::nn::Module {
 public:
  explicit Decoder(const networks::Backbone& trunk, DecoderKind kind = DecoderKind::kNearest);
  //! N×C×h×w → N×3×height×width. If halving rounded up on the way down, the surplus at the right and bottom is cut.
  at::Tensor forward(const at::Tensor& f5, std::int64_t height, std::int64_t width) const;

 private:
  //! N×in×h×w → N×out×2h×2w.
  using Doubling = std::function<at::Tensor(const at::Tensor&)>;
  std::vector<Doubling> doublings_;
  std::vector<std::shared_ptr<networks::BatchNorm>> norms_;
  std::shared_ptr<networks::Convolution> image_;
};

//! One convolution of a discriminator.
struct DiscriminatorLayer {
  std::int64_t out, kernel, stride;
};

//! D_j: f_j → a map of logits of "this is an HR image's", one a cell.
//!
//! UNSTATED: its layers, LeakyReLU 0.2 after all but the last, biases, no batch norm →
//! "convolutional": 1×1 C→w, 3×3 stride 2 w→w, 3×3 w→w/2, 1×1 →1;
//! "pixelwise": 1×1 C→w, 1×1 w→w/2, 1×1 →1, which judges each cell by itself (after the PixelGAN of Isola et al.,
//! "Image-to-Image Translation with Conditional Adversarial Networks", CVPR 2017, which widens to 2w and has a batch
//! norm).
//! w = TrunkShape::discriminator_width; the expectation of eq. 1 is over images and cells.
class Discriminator : public torch::nn::Module {
 public:
  //! \param channels C of f_j \param width w, even
  Discriminator(std::int64_t channels, std::int64_t width, DiscriminatorKind kind = DiscriminatorKind::kConvolutional);
  //! The same with other layers. \param layers at least two; the last one has one output
  Discriminator(std::int64_t channels, const std::vector<DiscriminatorLayer>& layers);
  //! N×C×h×w → N×1×⌈h/2⌉×⌈w/2⌉ convolutional, N×1×h×w pixelwise.
  at::Tensor forward(const at::Tensor& feature) const { return apply(feature, &networks::Convolution::forward); }
  //! The same with D's parameters as constants: the gradient goes to the feature alone.
  at::Tensor forward_frozen(const at::Tensor& feature) const {
    return apply(feature, &networks::Convolution::forward_frozen);
  }

 private:
  at::Tensor apply(const at::Tensor& feature, at::Tensor (networks::Convolution::*run)(const at::Tensor&) const) const;
  std::vector<std::shared_ptr<networks::Convolution>> layers_;
};

}  // namespace resolute::methods
