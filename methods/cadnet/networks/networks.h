#pragma once
//! \file
//! The networks that CAD-Net has and RAIN has not: a decoder with skip connections, and the layers of a discriminator
//! of images. See cadnet.h.

#include <vector>

#include "methods/rain/networks/networks.h"
#include "networks/onnx/graph.h"

namespace resolute::methods {

//! G: f and the maps before it → an image of the network's input size, in normalised image space.
//!
//! Stated: a skip connection between E and G. UNSTATED: of which maps, and how → before each convolution the trunk's
//! last map of that size, if there is one, is set beside the enlarged map (as U-Net's, Ronneberger et al., MICCAI
//! 2015). UNSTATED: its other layers → RAIN's "nearest": [nearest neighbour ×2, 3×3 convolution, batch norm, rectifier]
//! until f's grid covers the image, then 3×3 → 3 with bias; widths: TrunkShape::decoder_widths.
class SkipDecoder : public torch::nn::Module {
 public:
  explicit SkipDecoder(const networks::Backbone& trunk);
  //! f1 to f5 → N×3×height×width. Sides that were halved rounding up are cut at the right and bottom.
  at::Tensor forward(const std::vector<at::Tensor>& maps, std::int64_t height, std::int64_t width) const;
  //! The same in evaluation mode as a part of a graph.
  networks::onnx::Map add_to(networks::onnx::Graph& graph, const std::vector<networks::onnx::Map>& maps,
                             const networks::onnx::Map& images) const;

 private:
  struct Doubling {
    networks::NormalisedConvolution layer;
    std::size_t skip = 0;  //!< level of the map that is set beside; 0: none
  };
  std::vector<Doubling> doublings_;
  std::shared_ptr<networks::Convolution> image_;
};

//! D_I: an image → a map of logits of "this is a real HR image", one for each patch. UNSTATED: its layers → 3×3 with
//! stride 2 to w/4, w/2 and w channels, then 1×1 → 1, as Discriminator has them: a patch is 15×15 pixels (after
//! PatchGAN, Isola et al., CVPR 2017, which has 4×4 convolutions and batch norms). \param width w, a multiple of 4
std::vector<DiscriminatorLayer> image_discriminator_layers(std::int64_t width);

}  // namespace resolute::methods
