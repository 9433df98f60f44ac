#include "workers/nn/folded_backbone.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include <map>
#include <string>
#include <string_view>

#include "core/error.h"
#include "workers/nn/layers.h"

namespace resolute::workers {
namespace {

// oneDNN's fused operators, registered by libtorch but without C++ functions of their own. Inductor emits the same.
namespace fused {

using Scalars = c10::List<std::optional<at::Scalar>>;
using Text = std::optional<std::string_view>;
using Reorder = at::Tensor(const at::Tensor& weight, at::IntArrayRef padding, at::IntArrayRef stride,
                           at::IntArrayRef dilation, std::int64_t groups, at::OptionalIntArrayRef input_size);
using Convolution = at::Tensor(const at::Tensor& input, const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                               at::IntArrayRef padding, at::IntArrayRef stride, at::IntArrayRef dilation,
                               std::int64_t groups, std::string_view activation, Scalars scalars, Text algorithm);
using ConvolutionAdd = at::Tensor&(at::Tensor& sum, const at::Tensor& input, const at::Tensor& weight,
                                   const std::optional<at::Tensor>& bias, at::IntArrayRef padding,
                                   at::IntArrayRef stride, at::IntArrayRef dilation, std::int64_t groups,
                                   std::string_view binary, std::optional<at::Scalar> alpha, Text activation,
                                   Scalars scalars, Text algorithm);

template <class Signature>
c10::TypedOperatorHandle<Signature> find(const char* name, const char* overload = "") {
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, overload).typed<Signature>();
}

// Whether this build of libtorch and this processor have them for the precision.
bool available(at::ScalarType precision) {
  const auto has = [](const char* name, const char* overload) {
    return c10::Dispatcher::singleton().findSchema({name, overload}).has_value();
  };
  if (!at::globalContext().userEnabledMkldnn() || !has("mkldnn::_convolution_pointwise", "") ||
      !has("mkldnn::_convolution_pointwise_", "binary") || !has("mkldnn::_reorder_convolution_weight", "") ||
      !has("mkldnn::_is_mkldnn_bf16_supported", ""))
    return false;
  return precision == at::kFloat || find<bool()>("mkldnn::_is_mkldnn_bf16_supported").call();
}

}  // namespace fused

constexpr std::array<std::int64_t, 2> kNoDilation{1, 1};

}  // namespace

at::Tensor in_blocks(const at::Tensor& images, std::int64_t block, std::int64_t columns,
                     const std::function<at::Tensor(const at::Tensor&)>& run) {
  std::vector<at::Tensor> outputs;
  const std::int64_t rows = images.size(0);
  for (std::int64_t begin = 0; begin < rows; begin += block) {
    const std::int64_t count = std::min(block, rows - begin);
    at::Tensor filled = images.narrow(0, begin, count);
    if (count < block) {
      std::vector<std::int64_t> missing = images.sizes().vec();
      missing.front() = block - count;
      filled = at::cat({filled, at::zeros(missing, images.options())});
    }
    outputs.push_back(run(filled.contiguous(at::MemoryFormat::ChannelsLast)).narrow(0, 0, count));
  }
  if (outputs.empty()) return at::empty({0, columns}, images.options().dtype(at::kFloat));
  return outputs.size() == 1 ? outputs.front() : at::cat(outputs);
}

// Walks a trunk's parameters by their names, which are torchvision's, and follows the size of its maps. What the
// shallow part has is taken from there.
class FoldedBackbone::Builder {
 public:
  Builder(const ShallowTrunk& shallow, const Backbone& backbone, at::ScalarType precision, Extent extent)
      : precision_(precision),
        pack_(backbone.parameters().front().is_cpu() && fused::available(precision)),
        extent_(extent) {
    for (const torch::nn::Module* module :
         {static_cast<const torch::nn::Module*>(&shallow), static_cast<const torch::nn::Module*>(&backbone)}) {
      for (const auto& item : module->named_parameters()) tensors_.emplace(item.key(), item.value());
      for (const auto& item : module->named_buffers()) tensors_.emplace(item.key(), item.value());
    }
  }

  bool has(const std::string& convolution) const { return tensors_.contains(convolution + ".weight"); }
  Extent extent() const { return extent_; }
  void set_extent(Extent extent) { extent_ = extent; }

  // The map takes the layer's output size.
  Layer fold(const std::string& convolution, const std::string& norm, std::int64_t stride) {
    const auto wide = [](const at::Tensor& tensor) { return tensor.detach().to(at::kDouble); };
    const at::Tensor scale =
        wide(tensors_.at(norm + ".weight")) / (wide(tensors_.at(norm + ".running_var")) + BatchNorm::kEpsilon).sqrt();
    const at::Tensor weight = wide(tensors_.at(convolution + ".weight")) * scale.view({-1, 1, 1, 1});
    const at::Tensor bias = wide(tensors_.at(norm + ".bias")) - wide(tensors_.at(norm + ".running_mean")) * scale;
    Layer layer;
    layer.weight = weight.to(precision_).contiguous(at::MemoryFormat::ChannelsLast);
    layer.bias = bias.to(precision_);
    layer.stride = stride;
    layer.padding = (weight.size(2) - 1) / 2;
    layer.packed = pack_ && !miscomputed_on_amx(weight.size(3), stride, extent_.width);
    if (layer.packed) {
      // The layout that a kernel wants depends on the size of its input too.
      const std::array<std::int64_t, 2> padding{layer.padding, layer.padding}, strides{stride, stride};
      const std::array<std::int64_t, 4> input{kBlockOnCpu, weight.size(1), extent_.height, extent_.width};
      layer.weight = fused::find<fused::Reorder>("mkldnn::_reorder_convolution_weight")
                         .call(layer.weight, padding, strides, kNoDilation, 1, at::IntArrayRef(input));
    }
    extent_ = {(extent_.height + stride - 1) / stride, (extent_.width + stride - 1) / stride};
    return layer;
  }

 private:
  std::map<std::string, at::Tensor> tensors_;
  at::ScalarType precision_;
  bool pack_;
  Extent extent_;
};

FoldedBackbone::FoldedBackbone(const Backbone& backbone, at::ScalarType precision, std::int64_t height,
                               std::int64_t width, const std::vector<at::Tensor>& scales)
    : FoldedBackbone(backbone, backbone, precision, height, width, scales) {}

FoldedBackbone::FoldedBackbone(const ShallowTrunk& shallow, const Backbone& backbone, at::ScalarType precision,
                               std::int64_t height, std::int64_t width, const std::vector<at::Tensor>& scales)
    : block_(block_on(backbone.parameters().front().device())),
      channels_(backbone.channels(kLevels)),
      precision_(precision),
      height_(height),
      width_(width),
      pooling_(backbone.shape().pooling) {
  RESOLUTE_EXPECT(precision == at::kFloat || precision == at::kBFloat16, "a folded trunk is float32 or bfloat16");
  RESOLUTE_EXPECT(height > 0 && width > 0, "an image has a pixel");
  const at::NoGradGuard no_grad;
  const BackboneShape& shape = backbone.shape();
  Builder builder(shallow, backbone, precision, {height, width});
  stem_ = builder.fold("conv1", "bn1", shape.stem_stride);
  if (pooling_) builder.set_extent({(builder.extent().height + 1) / 2, (builder.extent().width + 1) / 2});
  // The convolution of a block that carries its stride.
  const int strided = shape.bottlenecks ? 2 : 1;
  for (std::size_t stage = 0; stage < shape.blocks.size(); ++stage) {
    for (std::int64_t index = 0; index < shape.blocks[stage]; ++index) {
      const std::string name = fmt::format("layer{}.{}.", stage + 1, index);
      const std::int64_t stride = index == 0 ? shape.strides[stage] : 1;
      const Extent input = builder.extent();
      Block block;
      if (builder.has(name + "downsample.0")) {
        block.downsample = builder.fold(name + "downsample.0", name + "downsample.1", stride);
        builder.set_extent(input);
      }
      for (int i = 1; i <= (shape.bottlenecks ? 3 : 2); ++i)
        block.convolutions.push_back(
            builder.fold(fmt::format("{}conv{}", name, i), fmt::format("{}bn{}", name, i), i == strided ? stride : 1));
      // Not folded into the weights: a shortcut without a convolution carries the map past them.
      if (const std::size_t number = blocks_.size(); number < scales.size() && scales[number].defined())
        block.scale = scales[number].detach().to(precision, /*non_blocking=*/false, /*copy=*/true).view({1, -1, 1, 1});
      blocks_.push_back(std::move(block));
    }
  }
  RESOLUTE_EXPECT(scales.empty() || scales.size() == blocks_.size(), "a scale for each residual block, or none");
}

at::Tensor FoldedBackbone::convolve(const Layer& layer, const at::Tensor& input, bool rectify) {
  if (layer.packed) {
    const std::array<std::int64_t, 2> padding{layer.padding, layer.padding}, stride{layer.stride, layer.stride};
    static const auto convolution = fused::find<fused::Convolution>("mkldnn::_convolution_pointwise");
    return convolution.call(input, layer.weight, layer.bias, padding, stride, kNoDilation, 1, rectify ? "relu" : "none",
                            fused::Scalars(), "");
  }
  at::Tensor output = workers::convolve(input, layer.weight, layer.bias, layer.stride);
  return rectify ? output.relu_() : output;
}

// relu(convolution + sum), written over `sum` where that saves a tensor.
at::Tensor FoldedBackbone::convolve_and_add(const Layer& layer, const at::Tensor& input, at::Tensor sum) {
  if (!layer.packed) return convolve(layer, input, /*rectify=*/false).add_(sum).relu_();
  const std::array<std::int64_t, 2> padding{layer.padding, layer.padding}, stride{layer.stride, layer.stride};
  static const auto convolution = fused::find<fused::ConvolutionAdd>("mkldnn::_convolution_pointwise_", "binary");
  return convolution.call(sum, input, layer.weight, layer.bias, padding, stride, kNoDilation, 1, "add", 1.0, "relu",
                          fused::Scalars(), "");
}

at::Tensor FoldedBackbone::run_block(const at::Tensor& images) const {
  at::Tensor map = convolve(stem_, images, /*rectify=*/true);
  if (pooling_) map = at::max_pool2d(map, {3, 3}, {2, 2}, {1, 1});
  for (const Block& block : blocks_) {
    at::Tensor inner = map;
    for (std::size_t i = 0; i + 1 < block.convolutions.size(); ++i)
      inner = convolve(block.convolutions[i], inner, /*rectify=*/true);
    if (block.downsample) map = convolve(*block.downsample, map, /*rectify=*/false);
    map = convolve_and_add(block.convolutions.back(), inner, std::move(map));
    if (block.scale.defined()) map.mul_(block.scale);
  }
  return map;
}

at::Tensor FoldedBackbone::embed(const at::Tensor& images) const {
  return apply(images, channels_, [](const at::Tensor& f5) { return f5.to(at::kFloat).mean(at::IntArrayRef{2, 3}); });
}

at::Tensor FoldedBackbone::apply(const at::Tensor& images, std::int64_t columns, const Head& head) const {
  RESOLUTE_EXPECT(images.dim() == 4 && images.size(1) == 3 && images.size(2) == height_ && images.size(3) == width_,
                  "images have another size than the trunk was folded for");
  const at::NoGradGuard no_grad;
  return in_blocks(images, block_, columns,
                   [&](const at::Tensor& block) { return head(run_block(block.to(precision_))); });
}

}  // namespace resolute::workers
