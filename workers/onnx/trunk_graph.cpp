#include "workers/onnx/trunk_graph.h"

#include <array>

#include "core/error.h"
#include "workers/nn/folded_backbone.h"
#include "workers/onnx/model.h"

namespace resolute::workers::onnx {
namespace {

// A value of the graph and the size of its maps.
struct Map {
  std::string value;
  std::int64_t height = 0, width = 0;
};

// One side of a convolution's padding as ONNX has it: zeros before and behind.
struct Zeros {
  std::int64_t before = 0, behind = 0;
};

// The first output that is dropped (layers.h: SidePadding) is one stride of zeros less before.
Zeros zeros_of(std::int64_t kernel, const ConvolutionSteps& steps, std::int64_t side, std::int64_t out) {
  const SidePadding ours = side_padding(kernel, steps, side);
  const std::int64_t before = ours.padding - ours.dropped * steps.stride;
  return {before, std::max<std::int64_t>(0, (out - 1) * steps.stride + kernel - side - before)};
}

class TrunkGraph {
 public:
  TrunkGraph(const Backbone& trunk, std::int64_t height, std::int64_t width)
      : trunk_(trunk),
        input_{"images", height, width},
        model_("images", {std::string("N"), std::int64_t{3}, height, width}, "features",
               {std::string("N"), trunk.channels(kLevels)}) {}

  core::Bytes encode(const std::map<std::string, std::string>& metadata) && {
    Map map = convolve(trunk_.stem(), own_pixels(input_));
    if (trunk_.shape().pooling) map = pooled(map);
    for (const auto& block : trunk_.blocks()) map = through(*block, map);
    if (trunk_.head()) map = convolve(*trunk_.head(), map);
    const std::string mean = model_.add_node("ReduceMean", {map.value}, {{"axes", axes({2, 3})}, {"keepdims", 0}});
    return std::move(model_).encode(mean, metadata);
  }

 private:
  static std::vector<std::int64_t> axes(std::vector<std::int64_t> numbers) { return numbers; }

  std::string constant(std::string name, const at::Tensor& tensor) {
    const at::Tensor values = tensor.detach().to(at::kCPU, at::kFloat).contiguous();
    return model_.add_constant(std::move(name), values.sizes().vec(),
                               {values.const_data_ptr<float>(), static_cast<std::size_t>(values.numel())});
  }

  // Images as the trunk's weights were trained on them.
  Map own_pixels(Map map) {
    const std::optional<PixelFactors> own = pixel_factors(trunk_.shape());
    if (!own) return map;
    const std::string factor = constant("pixel_factor", own->factor), offset = constant("pixel_offset", own->offset);
    map.value = model_.add_node("Add", {model_.add_node("Mul", {map.value, factor}), offset});
    return map;
  }

  std::string rectified(const std::string& value, Rectifier rectifier) {
    if (rectifier == Rectifier::kNone) return value;
    if (rectifier == Rectifier::kRelu) return model_.add_node("Relu", {value});
    if (bounds_[0].empty())
      bounds_ = {constant("zero", at::scalar_tensor(0.0)), constant("six", at::scalar_tensor(6.0))};
    return model_.add_node("Clip", {value, bounds_[0], bounds_[1]});
  }

  Map convolve(const NormalisedConvolution& from, const Map& map) {
    const FoldedConvolution folded = fold_norm(from);
    const ConvolutionSteps steps = from.convolution->options().steps();
    const std::int64_t kernel = folded.weight.size(2), stride = steps.stride;
    Map out{"", (map.height + stride - 1) / stride, (map.width + stride - 1) / stride};
    const Zeros rows = zeros_of(kernel, steps, map.height, out.height);
    const Zeros columns = zeros_of(kernel, steps, map.width, out.width);
    const std::string weight = constant(fmt::format("weight_{}", convolutions_), folded.weight);
    const std::string bias = constant(fmt::format("bias_{}", convolutions_++), folded.bias);
    const std::string value =
        model_.add_node("Conv", {map.value, weight, bias},
                        {{"group", steps.groups},
                         {"kernel_shape", axes({kernel, kernel})},
                         {"pads", axes({rows.before, columns.before, rows.behind, columns.behind})},
                         {"strides", axes({stride, stride})}});
    out.value = rectified(value, from.rectifier);
    return out;
  }

  // As trunks with a pooling have it: 3×3 of stride 2, a pixel around the map.
  Map pooled(const Map& map) {
    return {model_.add_node("MaxPool", {map.value},
                            {{"kernel_shape", axes({3, 3})}, {"pads", axes({1, 1, 1, 1})}, {"strides", axes({2, 2})}}),
            (map.height + 1) / 2, (map.width + 1) / 2};
  }

  Map through(const ResidualBlock& block, const Map& input) {
    Map inner = input;
    for (const NormalisedConvolution& layer : block.path()) inner = convolve(layer, inner);
    if (block.has_shortcut()) {
      const Map shortcut = block.downsample() ? convolve(*block.downsample(), input) : input;
      inner.value = model_.add_node("Add", {inner.value, shortcut.value});
    }
    inner.value = rectified(inner.value, block.rectifier());
    return inner;
  }

  const Backbone& trunk_;
  Map input_;
  Model model_;
  std::array<std::string, 2> bounds_;  // of Rectifier::kRelu6, once it is met
  int convolutions_ = 0;
};

}  // namespace

core::Bytes encode_trunk_graph(const Backbone& trunk, std::int64_t height, std::int64_t width,
                               const std::map<std::string, std::string>& metadata) {
  RESOLUTE_EXPECT(height > 0 && width > 0, "an image has a pixel");
  const at::NoGradGuard no_grad;
  return TrunkGraph(trunk, height, width).encode(metadata);
}

}  // namespace resolute::workers::onnx
