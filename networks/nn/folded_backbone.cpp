#include "networks/nn/folded_backbone.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include <string_view>
#include <utility>

#include "core/error.h"
#include "networks/nn/layers.h"

namespace resolute::networks {
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

// The rectifier as the fused operators name it, and its parameters.
std::pair<Text, Scalars> rectifier(Rectifier asked) {
  Scalars bounds;
  if (asked == Rectifier::kNone) return {std::nullopt, bounds};
  if (asked == Rectifier::kRelu) return {"relu", bounds};
  bounds.push_back(at::Scalar(0.0));
  bounds.push_back(at::Scalar(6.0));
  return {"hardtanh", bounds};
}

// True if this build of libtorch and this processor have them for the precision.
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

FoldedConvolution fold_norm(const NormalisedConvolution& from) {
  const at::NoGradGuard no_grad;
  const auto wide = [](const at::Tensor& tensor) { return tensor.detach().to(at::kDouble); };
  const BatchNorm& norm = *from.norm;
  at::Tensor scale = wide(norm.weight) / (wide(norm.running_var) + norm.epsilon()).sqrt();
  at::Tensor bias = wide(norm.bias) - wide(norm.running_mean) * scale;
  if (from.instance) {
    const at::Tensor as_they_are = at::ones_like(wide(from.instance->weight));
    scale = at::cat({as_they_are, scale});
    bias = at::cat({as_they_are - 1, bias});
  }
  return {wide(from.convolution->weight) * scale.view({-1, 1, 1, 1}), bias};
}

// Folds layers in the order of the network and follows the size of its maps.
class FoldedBackbone::Builder {
 public:
  Builder(const Backbone& backbone, at::ScalarType precision, Extent extent)
      : precision_(precision),
        pack_(backbone.parameters().front().is_cpu() && fused::available(precision)),
        extent_(extent) {}

  Extent extent() const { return extent_; }
  void set_extent(Extent extent) { extent_ = extent; }

  // The map takes the layer's output size.
  Layer fold(const NormalisedConvolution& from) {
    const ConvolutionSteps steps = from.convolution->options().steps();
    const auto [weight, bias] = fold_norm(from);
    Layer layer;
    layer.weight = weight.to(precision_).contiguous(at::MemoryFormat::ChannelsLast);
    layer.bias = bias.to(precision_);
    layer.steps = steps;
    layer.rectifier = from.rectifier;
    if (from.instance)
      layer.instance = copied(*from.instance, std::make_shared<InstanceNorm>(from.instance->channels()), precision_);
    const std::int64_t kernel = weight.size(2), stride = steps.stride;
    layer.rows = side_padding(kernel, steps, extent_.height);
    layer.columns = side_padding(kernel, steps, extent_.width);
    layer.packed = pack_ && (precision_ == at::kFloat || !miscomputed_in_bf16(kernel, stride, extent_.width));
    if (layer.packed) {
      // The layout that a kernel wants depends on the size of its input too.
      const std::array<std::int64_t, 2> padding{layer.rows.padding, layer.columns.padding}, strides{stride, stride};
      const std::array<std::int64_t, 4> input{kBlockOnCpu, weight.size(1) * steps.groups, extent_.height,
                                              extent_.width};
      layer.weight = fused::find<fused::Reorder>("mkldnn::_reorder_convolution_weight")
                         .call(layer.weight, padding, strides, kNoDilation, steps.groups, at::IntArrayRef(input));
    }
    extent_ = {(extent_.height + stride - 1) / stride, (extent_.width + stride - 1) / stride};
    return layer;
  }

 private:
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
      shape_(backbone.shape()),
      own_pixels_(shape_) {
  RESOLUTE_EXPECT(precision == at::kFloat || precision == at::kBFloat16, "a folded trunk is float32 or bfloat16");
  RESOLUTE_EXPECT(height > 0 && width > 0, "an image has a pixel");
  const at::NoGradGuard no_grad;
  Builder builder(backbone, precision, {height, width});
  stem_ = builder.fold(shallow.stem());
  if (shape_.pooling) builder.set_extent({(builder.extent().height + 1) / 2, (builder.extent().width + 1) / 2});
  for (std::size_t number = 0; number < backbone.blocks().size(); ++number) {
    const ResidualBlock& from = *(number < shallow.blocks().size() ? shallow : backbone).blocks()[number];
    const Extent input = builder.extent();
    Block block;
    block.shortcut = from.has_shortcut();
    block.rectifier = from.rectifier();
    if (from.downsample()) {
      block.downsample = builder.fold(*from.downsample());
      builder.set_extent(input);
    }
    for (const NormalisedConvolution& layer : from.path()) block.convolutions.push_back(builder.fold(layer));
    // Not folded into the weights: a shortcut without a convolution carries the map past them.
    if (number < scales.size() && scales[number].defined())
      block.scale = scales[number].detach().to(precision, /*non_blocking=*/false, /*copy=*/true).view({1, -1, 1, 1});
    blocks_.push_back(std::move(block));
  }
  if (backbone.head()) head_ = builder.fold(*backbone.head());
  RESOLUTE_EXPECT(scales.empty() || scales.size() == blocks_.size(), "a scale for each residual block, or none");
}

at::Tensor FoldedBackbone::convolve(const Layer& layer, const at::Tensor& input) {
  if (!layer.instance) return convolve(layer, input, layer.rectifier);
  const at::Tensor map = convolve(layer, input, Rectifier::kNone);
  at::Tensor first = map.narrow(1, 0, layer.instance->channels());
  first.copy_(layer.instance->forward(first));
  return rectified(map, layer.rectifier);
}

at::Tensor FoldedBackbone::convolve(const Layer& layer, const at::Tensor& input, Rectifier rectifier) {
  if (!layer.packed) return rectified(networks::convolve(input, layer.weight, layer.bias, layer.steps), rectifier);
  const std::array<std::int64_t, 2> padding{layer.rows.padding, layer.columns.padding},
      stride{layer.steps.stride, layer.steps.stride};
  static const auto convolution = fused::find<fused::Convolution>("mkldnn::_convolution_pointwise");
  const auto [name, scalars] = fused::rectifier(rectifier);
  at::Tensor output = convolution.call(input, layer.weight, layer.bias, padding, stride, kNoDilation,
                                       layer.steps.groups, name.value_or("none"), scalars, "");
  if (layer.rows.dropped + layer.columns.dropped == 0) return output;
  return output.slice(2, layer.rows.dropped).slice(3, layer.columns.dropped).contiguous(at::MemoryFormat::ChannelsLast);
}

// rectifier(convolution + sum), written over `sum` where that saves a tensor.
at::Tensor FoldedBackbone::convolve_and_add(const Layer& layer, const at::Tensor& input, at::Tensor sum,
                                            Rectifier rectifier) {
  if (!layer.packed) return rectified(convolve(layer, input).add_(sum), rectifier);
  const std::array<std::int64_t, 2> padding{layer.rows.padding, layer.columns.padding},
      stride{layer.steps.stride, layer.steps.stride};
  static const auto convolution = fused::find<fused::ConvolutionAdd>("mkldnn::_convolution_pointwise_", "binary");
  const auto [name, scalars] = fused::rectifier(rectifier);
  return convolution.call(sum, input, layer.weight, layer.bias, padding, stride, kNoDilation, layer.steps.groups, "add",
                          1.0, name, scalars, "");
}

at::Tensor FoldedBackbone::run_block(const at::Tensor& images) const {
  at::Tensor map = convolve(stem_, own_pixels_(images).to(precision_));
  if (shape_.pooling) map = at::max_pool2d(map, {3, 3}, {2, 2}, {1, 1});
  for (const Block& block : blocks_) {
    at::Tensor inner = map;
    const std::size_t last = block.convolutions.size() - 1;
    for (std::size_t i = 0; i < last; ++i) inner = convolve(block.convolutions[i], inner);
    if (block.downsample) map = convolve(*block.downsample, map);
    map = block.shortcut ? convolve_and_add(block.convolutions[last], inner, std::move(map), block.rectifier)
                         : convolve(block.convolutions[last], inner);
    if (block.scale.defined()) map.mul_(block.scale);
  }
  return head_ ? convolve(*head_, map) : map;
}

at::Tensor FoldedBackbone::embed(const at::Tensor& images) const {
  return apply(images, channels_, [](const at::Tensor& f5) { return f5.to(at::kFloat).mean(at::IntArrayRef{2, 3}); });
}

at::Tensor FoldedBackbone::apply(const at::Tensor& images, std::int64_t columns, const Head& head) const {
  RESOLUTE_EXPECT(images.dim() == 4 && images.size(1) == 3 && images.size(2) == height_ && images.size(3) == width_,
                  "images have another size than the trunk was folded for");
  const at::NoGradGuard no_grad;
  return in_blocks(images, block_, columns, [&](const at::Tensor& block) { return head(run_block(block)); });
}

}  // namespace resolute::networks
