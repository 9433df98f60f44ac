#pragma once
//! \file
//! A trunk made for evaluation: batch norms in evaluation mode folded into the convolutions before them, rectifiers and
//! residual sums fused into the convolutions where the machine can, weights laid out for its kernels.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "networks/nn/backbone.h"
#include "networks/torch.h"

namespace resolute::networks {

//! `run` over images, a block of always the same size at a time, channels-last in memory: the last block is filled up
//! with zeros, whose rows are dropped. Whatever a row of the output depends on, it is not the other images of the call
//! nor their number, as long as `run` treats each image by itself.
//! \param images N×3×H×W \param columns of the output \param run block×3×H×W → block×columns float32
at::Tensor in_blocks(const at::Tensor& images, std::int64_t block, std::int64_t columns,
                     const std::function<at::Tensor(const at::Tensor&)>& run);

//! A convolution that does what it and the batch norm behind it do in evaluation mode: float64, no graph. Channels of
//! an instance norm come out as they go into it.
struct FoldedConvolution {
  at::Tensor weight, bias;
};
FoldedConvolution fold_norm(const NormalisedConvolution& from);

//! A Backbone for evaluation: images → GAP(f5). Holds copies: training on changes nothing here.
//!
//! An image's features do not depend on the other images of a call, nor on their number: images pass in blocks of one
//! size, the last one filled up. They differ from those of the unfolded trunk by rounding.
class FoldedBackbone {
 public:
  //! Images that pass at a time: on a CPU as many as its cache holds (measured: docs/inside/decisions.md), on a GPU
  //! enough to keep it busy.
  static constexpr std::int64_t kBlockOnCpu = 16, kBlockOnGpu = 64;
  //! The block for a device.
  static std::int64_t block_on(at::Device device) { return device.is_cpu() ? kBlockOnCpu : kBlockOnGpu; }

  //! \param backbone read only, whatever its mode; its device is where images are expected
  //! \param precision of weights and activations: at::kFloat or at::kBFloat16; folding is computed in float64 and
  //! rounded once \param height, width of the images, at least 1
  //! \param scales of the channels of each residual block's output, in the network's order, on the backbone's device;
  //! an undefined one leaves its block alone, and so do none at all. Rounded to the precision.
  FoldedBackbone(const Backbone& backbone, at::ScalarType precision, std::int64_t height, std::int64_t width,
                 const std::vector<at::Tensor>& scales = {});
  //! The same with another shallow part, of the backbone's shape: backbone.forward_deep() behind
  //! shallow.forward_shallow().
  FoldedBackbone(const ShallowTrunk& shallow, const Backbone& backbone, at::ScalarType precision, std::int64_t height,
                 std::int64_t width, const std::vector<at::Tensor>& scales = {});

  //! N×3×height×width float32 on the backbone's device → N×channels(5) float32; the mean over f5 is taken in float32.
  //! No graph.
  at::Tensor embed(const at::Tensor& images) const;

  //! The columns made of f5, a block's images at a time: N×C×h×w in the precision, channels-last → N×columns float32.
  //! Always the same N, of which the last images may be fillings; a row is to depend on its own image alone.
  using Head = std::function<at::Tensor(const at::Tensor& f5)>;
  //! embed() with a head in place of the mean: N×columns.
  at::Tensor apply(const at::Tensor& images, std::int64_t columns, const Head& head) const;

 private:
  struct Layer {
    at::Tensor weight, bias;
    ConvolutionSteps steps;
    Rectifier rectifier = Rectifier::kNone;
    SidePadding rows, columns;
    std::shared_ptr<const InstanceNorm> instance;  //!< of the first channels, before the rectifier; or null
    bool packed = false;                           //!< the weight lies as oneDNN's kernel for this layer wants it
  };
  struct Block {
    std::vector<Layer> convolutions;
    bool shortcut = true;
    std::optional<Layer> downsample;
    Rectifier rectifier = Rectifier::kNone;  //!< behind the sum
    at::Tensor scale;                        //!< 1×C×1×1, or undefined
  };
  //! Height and width of a map.
  struct Extent {
    std::int64_t height = 0, width = 0;
  };
  class Builder;

  static at::Tensor convolve(const Layer& layer, const at::Tensor& input);
  static at::Tensor convolve(const Layer& layer, const at::Tensor& input, Rectifier rectifier);
  static at::Tensor convolve_and_add(const Layer& layer, const at::Tensor& input, at::Tensor sum, Rectifier rectifier);
  //! f5.
  at::Tensor run_block(const at::Tensor& images) const;

  std::int64_t block_, channels_;
  at::ScalarType precision_;
  std::int64_t height_, width_;
  settings::TrunkShape shape_;
  OwnPixels own_pixels_;
  Layer stem_;
  std::vector<Block> blocks_;
  std::optional<Layer> head_;
};

}  // namespace resolute::networks
