#include "networks/onnx/graph.h"

#include <algorithm>

#include "core/error.h"
#include "networks/nn/folded_backbone.h"

namespace resolute::networks::onnx {
namespace {

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

std::vector<std::int64_t> axes(std::vector<std::int64_t> numbers) { return numbers; }

}  // namespace

Graph::Graph(std::int64_t height, std::int64_t width, std::int64_t columns)
    : images_{"images", height, width},
      model_("images", {std::string("N"), std::int64_t{3}, height, width}, "features", {std::string("N"), columns}) {
  RESOLUTE_EXPECT(height > 0 && width > 0, "an image has a pixel");
}

std::string Graph::constant(const std::string& name, const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach().to(at::kCPU, at::kFloat).contiguous();
  return model_.add_constant(fmt::format("{}_{}", name, constants_++), values.sizes().vec(),
                             {values.const_data_ptr<float>(), static_cast<std::size_t>(values.numel())});
}

std::vector<Map> Graph::levels(const ShallowTrunk& shallow, const Backbone& trunk, const Map& images,
                               const std::vector<at::Tensor>& scales) {
  Map map = folded(shallow.stem(), own_pixels(trunk.shape(), images));
  std::vector<Map> found(kLevels, map);  // f1 of a trunk without a stage at level 1
  // The pooling of trunks that have one: 3×3 of stride 2, a pixel around the map.
  if (trunk.shape().pooling)
    map = {node("MaxPool", {map.value},
                {{"kernel_shape", axes({3, 3})}, {"pads", axes({1, 1, 1, 1})}, {"strides", axes({2, 2})}}),
           (map.height + 1) / 2, (map.width + 1) / 2};
  std::size_t block = 0;
  for (const settings::TrunkStage& stage : trunk.shape().stages)
    for (int i = 0; i < stage.blocks; ++i, ++block) {
      map = through(*(block < shallow.blocks().size() ? shallow : trunk).blocks()[block], map);
      if (block < scales.size() && scales[block].defined())
        map.value = node("Mul", {map.value, constant("scale", scales[block].view({1, -1, 1, 1}))});
      found[static_cast<std::size_t>(stage.level) - 1] = map;
    }
  if (trunk.head()) found.back() = folded(*trunk.head(), map);
  return found;
}

// Images as the trunk's weights were trained on them.
Map Graph::own_pixels(const settings::TrunkShape& shape, const Map& images) {
  const std::optional<PixelFactors> factors = pixel_factors(shape);
  if (!factors) return images;
  const std::string scaled = node("Mul", {images.value, constant("pixel_factor", factors->factor)});
  return {node("Add", {scaled, constant("pixel_offset", factors->offset)}), images.height, images.width};
}

Map Graph::rectified(const Map& map, Rectifier rectifier) {
  if (rectifier == Rectifier::kNone) return map;
  if (rectifier == Rectifier::kRelu) return {node("Relu", {map.value}), map.height, map.width};
  if (bounds_[0].empty()) bounds_ = {constant("zero", at::scalar_tensor(0.0)), constant("six", at::scalar_tensor(6.0))};
  return {node("Clip", {map.value, bounds_[0], bounds_[1]}), map.height, map.width};
}

// max(x, slope x): LeakyRelu's slope would be the one attribute that is no whole number.
Map Graph::leaky_rectified(const Map& map, double slope) {
  const std::string below = node("Mul", {map.value, constant("slope", at::scalar_tensor(slope))});
  return {node("Max", {map.value, below}), map.height, map.width};
}

Map Graph::concatenated(const std::vector<Map>& maps) {
  std::vector<std::string> values;
  for (const Map& map : maps) values.push_back(map.value);
  return {node("Concat", values, {{"axis", std::int64_t{1}}}), maps.front().height, maps.front().width};
}

Map Graph::sum(const Map& one, const Map& other) {
  return {node("Add", {one.value, other.value}), one.height, one.width};
}

Map Graph::convolution(const at::Tensor& weight, const at::Tensor& bias, const ConvolutionSteps& steps,
                       const Map& map) {
  const std::int64_t kernel = weight.size(2), stride = steps.stride;
  const std::int64_t height = (map.height + stride - 1) / stride, width = (map.width + stride - 1) / stride;
  const Zeros rows = zeros_of(kernel, steps, map.height, height), columns = zeros_of(kernel, steps, map.width, width);
  return {node("Conv", {map.value, constant("weight", weight), constant("bias", bias)},
               {{"group", steps.groups},
                {"kernel_shape", axes({kernel, kernel})},
                {"pads", axes({rows.before, columns.before, rows.behind, columns.behind})},
                {"strides", axes({stride, stride})}}),
          height, width};
}

Map Graph::folded(const NormalisedConvolution& layer, const Map& map) {
  const FoldedConvolution folded = fold_norm(layer);
  const auto part = [&](std::int64_t first, std::int64_t count) {
    return convolution(folded.weight.narrow(0, first, count), folded.bias.narrow(0, first, count),
                       layer.convolution->options().steps(), map);
  };
  const std::int64_t count = folded.bias.size(0);
  if (!layer.instance) return rectified(part(0, count), layer.rectifier);
  const std::int64_t first = layer.instance->channels();
  Map instance = part(0, first);
  instance.value = node("InstanceNormalization", {instance.value, constant("weight", layer.instance->weight),
                                                  constant("bias", layer.instance->bias)});
  return rectified(concatenated({instance, part(first, count - first)}), layer.rectifier);
}

Map Graph::convolve(const Convolution& layer, const Map& map) { return convolve(layer, map, 0, layer.options().out); }

Map Graph::convolve(const Convolution& layer, const Map& map, std::int64_t first, std::int64_t count) {
  RESOLUTE_EXPECT(layer.bias.defined(), "a convolution that no batch norm follows has a bias");
  return convolution(layer.weight.narrow(0, first, count), layer.bias.narrow(0, first, count), layer.options().steps(),
                     map);
}

Map Graph::doubled(const DoublingConvolution& layer, const Map& map) {
  RESOLUTE_EXPECT(layer.bias.defined(), "a deconvolution that no batch norm follows has a bias");
  return {node("ConvTranspose", {map.value, constant("weight", layer.weight), constant("bias", layer.bias)},
               {{"kernel_shape", axes({4, 4})}, {"pads", axes({1, 1, 1, 1})}, {"strides", axes({2, 2})}}),
          2 * map.height, 2 * map.width};
}

// Four copies of the channels, each of which becomes one of the 2×2.
Map Graph::doubled(const Map& map) {
  const Map four = concatenated({map, map, map, map});
  return {node("DepthToSpace", {four.value}, {{"blocksize", std::int64_t{2}}}), 2 * map.height, 2 * map.width};
}

// Products with the first rows of unit matrices: a slice's numbers would be integers, which a Model has none of.
Map Graph::cropped(const Map& map, std::int64_t height, std::int64_t width) {
  Map kept = map;
  if (width < map.width)
    kept = {node("MatMul", {kept.value, constant("columns", at::eye(map.width, width))}), kept.height, width};
  if (height < map.height)
    kept = {node("MatMul", {constant("rows", at::eye(height, map.height)), kept.value}), height, kept.width};
  return kept;
}

Map Graph::through(const ResidualBlock& block, const Map& input) {
  Map inner = input;
  for (const NormalisedConvolution& layer : block.path()) inner = folded(layer, inner);
  if (block.has_shortcut()) inner = sum(inner, block.downsample() ? folded(*block.downsample(), input) : input);
  return rectified(inner, block.rectifier());
}

std::string Graph::mean(const Map& map) {
  return node("ReduceMean", {map.value}, {{"axes", axes({2, 3})}, {"keepdims", std::int64_t{0}}});
}

std::string Graph::linear(const std::string& rows, const at::Tensor& weight, const at::Tensor& bias) {
  return node("Gemm", {rows, constant("weight", weight), constant("bias", bias)}, {{"transB", std::int64_t{1}}});
}

}  // namespace resolute::networks::onnx
