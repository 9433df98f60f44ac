#pragma once
//! \file
//! The two networks that RAIN adds to a trunk and a classifier: the decoder G and the discriminators D_j. See rain.h.

#include <memory>
#include <vector>

#include "workers/nn/backbone.h"
#include "workers/torch.h"

namespace resolute::workers {

//! G: f5 → an image of the network's input size, in normalised image space; no skip connections.
//! UNSTATED: its layers → [nearest ×2, 3×3 convolution, batch norm, rectifier] until f5's grid covers the image, then
//! 3×3 →
//! 3. Widths for ResNet-50: 512, 256, 128, 64 (32 with last stride 2); for resnet-small: 16, 16, 8 (8).
class Decoder : public torch::nn::Module {
 public:
  explicit Decoder(const Backbone& trunk);
  //! N×C×h×w → N×3×height×width. Where halving rounded up on the way down, the surplus at the right and bottom is cut.
  at::Tensor forward(const at::Tensor& f5, std::int64_t height, std::int64_t width) const;

 private:
  std::vector<std::shared_ptr<Convolution>> convolutions_;
  std::vector<std::shared_ptr<BatchNorm>> norms_;
  std::shared_ptr<Convolution> image_;
};

//! D_j: f_j → a map of logits of "this is an HR image's", one a cell.
//! UNSTATED: its layers → 1×1 C→w, 3×3 stride 2 w→w, 3×3 w→w/2, LeakyReLU 0.2 after each, 1×1 →1, with w = 256 for
//! ResNet-50 and 64 for resnet-small; the expectation of eq. 1 is over images and cells. No batch norm.
class Discriminator : public torch::nn::Module {
 public:
  Discriminator(std::int64_t channels, std::int64_t width);
  //! N×C×h×w → N×1×⌈h/2⌉×⌈w/2⌉.
  at::Tensor forward(const at::Tensor& feature) const { return apply(feature, &Convolution::forward); }
  //! The same with D's parameters as constants: the gradient goes to the feature alone.
  at::Tensor forward_frozen(const at::Tensor& feature) const { return apply(feature, &Convolution::forward_frozen); }

 private:
  at::Tensor apply(const at::Tensor& feature, at::Tensor (Convolution::*run)(const at::Tensor&) const) const;
  std::shared_ptr<Convolution> enter_, shrink_, mix_, judge_;
};

//! Width w of the discriminators that go with a trunk.
std::int64_t discriminator_width(const Backbone& trunk);

}  // namespace resolute::workers
