#include "networks/nn/residual_blocks.h"

#include <string>

#include "core/error.h"

namespace resolute::networks {
namespace {

//! A layer of a block's path, with the names of its convolution and batch norm.
struct PathLayer {
  std::string convolution, norm;
  ConvolutionOptions options;
};

std::vector<PathLayer> path_of(const ResidualBlockOptions& o) {
  switch (o.kind) {
    case settings::TrunkBlock::kBasic:
      return {{"conv1", "bn1", {.in = o.in, .out = o.out, .kernel = 3, .stride = o.stride}},
              {"conv2", "bn2", {.in = o.out, .out = o.out, .kernel = 3}}};
    case settings::TrunkBlock::kBottleneck: {
      const std::int64_t inner = o.out / 4;
      return {{"conv1", "bn1", {.in = o.in, .out = inner}},
              {"conv2", "bn2", {.in = inner, .out = inner, .kernel = 3, .stride = o.stride}},
              {"conv3", "bn3", {.in = inner, .out = o.out}}};
    }
    case settings::TrunkBlock::kInverted: {
      const std::int64_t inner = o.in * o.expansion;
      std::vector<PathLayer> path;
      if (o.expansion != 1) path.push_back({"_expand_conv", "_bn0", {.in = o.in, .out = inner}});
      path.push_back({"_depthwise_conv",
                      "_bn1",
                      {.in = inner,
                       .out = inner,
                       .kernel = o.kernel,
                       .stride = o.stride,
                       .groups = inner,
                       .padding = Padding::kSame}});
      path.push_back({"_project_conv", "_bn2", {.in = inner, .out = o.out}});
      return path;
    }
  }
  throw core::ContractError("a block outside its enumeration");
}

}  // namespace

Rectifier rectifier_of(settings::TrunkBlock kind) {
  return kind == settings::TrunkBlock::kInverted ? Rectifier::kRelu6 : Rectifier::kRelu;
}

// In place: a batch norm's backward pass needs its input, not its output; a quarter of the activations' memory is
// saved.
at::Tensor rectified(at::Tensor map, Rectifier rectifier) {
  switch (rectifier) {
    case Rectifier::kNone:
      return map;
    case Rectifier::kRelu:
      return map.relu_();
    case Rectifier::kRelu6:
      return at::relu6_(map);
  }
  throw core::ContractError("a rectifier outside its enumeration");
}

at::Tensor NormalisedConvolution::forward(const at::Tensor& input) const {
  const at::Tensor map = convolution->forward(input);
  if (!instance && norm->is_fused(map)) return norm->forward_fused(map, {}, rectifier);
  if (!instance) return rectified(norm->forward(map), rectifier);
  const std::int64_t first = instance->channels();
  const std::vector<at::Tensor> parts =
      with_channels_last_gradient(map).split_with_sizes({first, map.size(1) - first}, 1);
  const at::Tensor rest = parts[1].contiguous(map.suggest_memory_format());
  return rectified(at::cat({instance->forward(parts[0]), norm->forward(rest)}, 1), rectifier);
}

void NormalisedConvolution::freeze() {
  convolution->weight.requires_grad_(false);
  norm->freeze();
  if (instance) instance->weight.requires_grad_(false), instance->bias.requires_grad_(false);
}

ResidualBlock::ResidualBlock(const ResidualBlockOptions& o) {
  const bool inverted = o.kind == settings::TrunkBlock::kInverted, same_shape = o.stride == 1 && o.in == o.out;
  shortcut_ = !inverted || same_shape;
  if (!inverted) rectifier_ = rectifier_of(o.kind);
  if (shortcut_ && !same_shape) {
    const auto downsample = register_module("downsample", std::make_shared<torch::nn::Module>());
    downsample_ = {.convolution = downsample->register_module(
                       "0", std::make_shared<Convolution>(
                                ConvolutionOptions{.in = o.in, .out = o.out, .kernel = 1, .stride = o.stride})),
                   .norm = downsample->register_module("1", std::make_shared<BatchNorm>(o.out, o.norm))};
  }
  const std::vector<PathLayer> layers = path_of(o);
  for (const PathLayer& layer : layers)
    path_.push_back({register_module(layer.convolution, std::make_shared<Convolution>(layer.options)), nullptr,
                     rectifier_of(o.kind)});
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::int64_t channels = layers[i].options.out;
    if (i > 0 || !o.instance_half) {
      path_[i].norm = register_module(layers[i].norm, std::make_shared<BatchNorm>(channels, o.norm));
      continue;
    }
    const auto both = register_module(layers[i].norm, std::make_shared<torch::nn::Module>());
    path_[i].instance = both->register_module("IN", std::make_shared<InstanceNorm>(channels / 2));
    path_[i].norm = both->register_module("BN", std::make_shared<BatchNorm>(channels - channels / 2, o.norm));
  }
  path_.back().rectifier = Rectifier::kNone;
}

void ResidualBlock::freeze() {
  for (NormalisedConvolution& layer : path_) layer.freeze();
  if (downsample_) downsample_->freeze();
}

at::Tensor ResidualBlock::forward(const at::Tensor& input) const {
  at::Tensor inner = input;
  for (std::size_t i = 0; i + 1 < path_.size(); ++i) inner = path_[i].forward(inner);
  const NormalisedConvolution& last = path_.back();
  inner = last.convolution->forward(inner);
  const auto shortcut = [&] { return downsample_ ? downsample_->forward(input) : input; };
  if (last.norm->is_fused(inner))
    return last.norm->forward_fused(inner, shortcut_ ? shortcut() : at::Tensor(), rectifier_);
  inner = last.norm->forward(inner);
  if (shortcut_) inner = inner.add_(shortcut());
  return rectified(inner, rectifier_);
}

}  // namespace resolute::networks
