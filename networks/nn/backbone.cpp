#include "networks/nn/backbone.h"

#include <algorithm>
#include <string>
#include <utility>

#include "networks/nn/recorded_passes.h"

namespace resolute::networks {
namespace {

//! EfficientNet-Lite: its names, and TensorFlow's padding.
bool is_lite(const settings::TrunkShape& shape) { return shape.block == settings::TrunkBlock::kInverted; }

BatchNormOptions norm_options(const settings::TrunkShape& shape) {
  return {.epsilon = shape.norm_epsilon, .momentum = shape.norm_momentum};
}

// If `after` brings in tensors that are not the trunk's own, its giver records the pass with it.
std::vector<at::Tensor> pass_of(const ShallowTrunk& trunk, const char* part, const at::Tensor& input,
                                const AfterBlock& after, const Pass& pass) {
  return after ? pass({input}) : recorded(trunk, part, {input}, pass);
}

}  // namespace

std::optional<PixelFactors> pixel_factors(const settings::TrunkShape& shape) {
  if (!shape.pixels) return std::nullopt;
  constexpr double kLevels255 = 255;
  std::vector<double> factor, offset;
  for (std::size_t channel = 0; channel < settings::kChannelMean.size(); ++channel) {
    const double mean = settings::kChannelMean.at(channel), deviation = settings::kChannelDeviation.at(channel);
    factor.push_back(kLevels255 * deviation / shape.pixels->deviation);
    offset.push_back((kLevels255 * mean - shape.pixels->mean) / shape.pixels->deviation);
  }
  const auto of_channels = [](const std::vector<double>& values) {
    return at::tensor(values, at::kDouble).view({1, -1, 1, 1});
  };
  return PixelFactors{of_channels(factor), of_channels(offset)};
}

at::Tensor OwnPixels::operator()(const at::Tensor& images) const {
  if (!factors_) return images;
  const auto like = [&] {
    return PixelFactors{factors_->factor.to(images.options()), factors_->offset.to(images.options())};
  };
  const auto with = [&](const PixelFactors& factors) { return at::addcmul(factors.offset, images, factors.factor); };
  if (images.device().is_cpu()) return with(like());
  if (!placed_ || placed_->factor.device() != images.device() || placed_->factor.dtype() != images.dtype())
    placed_ = like();
  return with(*placed_);
}

ShallowTrunk::ShallowTrunk(const settings::TrunkShape& shape) : shape_(shape), own_pixels_(shape) {
  const bool lite = is_lite(shape);
  stem_ = make_layer(lite ? "_conv_stem" : "conv1", lite ? "_bn0" : "bn1",
                     {.in = 3,
                      .out = shape.stem_channels,
                      .kernel = shape.stem_kernel,
                      .stride = shape.stem_stride,
                      .padding = lite ? Padding::kSame : Padding::kSymmetric});
  if (shape.frozen_levels > 0) stem_.freeze();
  add_level(1);
  add_level(2);
}

void ShallowTrunk::add_level(int level) {
  std::int64_t in = shape_.stem_channels;
  for (std::size_t number = 0; number < shape_.stages.size(); ++number) {
    const settings::TrunkStage& stage = shape_.stages[number];
    if (stage.level == level) {
      torch::nn::ModuleList list = list_of_stage(number);
      for (int block = 0; block < stage.blocks; ++block) {
        const bool first = block == 0;
        blocks_.push_back(
            std::make_shared<ResidualBlock>(ResidualBlockOptions{.kind = shape_.block,
                                                                 .in = first ? in : stage.channels,
                                                                 .out = stage.channels,
                                                                 .stride = first ? stage.stride : 1,
                                                                 .kernel = stage.kernel,
                                                                 .expansion = stage.expansion,
                                                                 .norm = norm_options(shape_),
                                                                 .instance_half = level <= shape_.instance_levels}));
        levels_.push_back(level);
        list->push_back(blocks_.back());
        if (level <= shape_.frozen_levels) blocks_.back()->freeze();
      }
    }
    in = stage.channels;
  }
}

//! The list of a stage's blocks, as the published names have it: the stage's own, or one of all.
torch::nn::ModuleList ShallowTrunk::list_of_stage(std::size_t number) {
  const std::string name = is_lite(shape_) ? "_blocks" : "layer" + std::to_string(number + 1);
  if (const auto* known = named_children().find(name))
    return torch::nn::ModuleList(std::dynamic_pointer_cast<torch::nn::ModuleListImpl>(*known));
  return register_module(name, torch::nn::ModuleList());
}

NormalisedConvolution ShallowTrunk::make_layer(const char* convolution, const char* norm,
                                               const ConvolutionOptions& options) {
  auto made = register_module(convolution, std::make_shared<Convolution>(options));
  return {made, register_module(norm, std::make_shared<BatchNorm>(options.out, norm_options(shape_))),
          rectifier_of(shape_.block)};
}

int ShallowTrunk::level_of(const at::Tensor& parameter) const {
  const auto is_of = [&](const torch::nn::Module& module) {
    const std::vector<at::Tensor> parameters = module.parameters();
    return std::any_of(parameters.begin(), parameters.end(), [&](const auto& one) { return one.is_same(parameter); });
  };
  if (is_of(*stem_.convolution) || is_of(*stem_.norm)) return 1;
  for (std::size_t block = 0; block < blocks_.size(); ++block)
    if (is_of(*blocks_[block])) return levels_[block];
  return settings::kTrunkLevels;  // the layer behind the last block
}

at::Tensor ShallowTrunk::through(int level, at::Tensor map, const AfterBlock& after) const {
  for (std::size_t block = 0; block < blocks_.size(); ++block) {
    if (levels_[block] != level) continue;
    map = blocks_[block]->forward(map);
    if (after) map = after(block, map);
  }
  return map;
}

std::array<at::Tensor, 2> ShallowTrunk::forward_shallow(const at::Tensor& images, const AfterBlock& after) const {
  const auto pass = [&](const std::vector<at::Tensor>& inputs) -> std::vector<at::Tensor> {
    const at::Tensor f1 = through(1, stem_.forward(own_pixels_(inputs.front())), after);
    return {f1, through(2, shape_.pooling ? at::max_pool2d(f1, {3, 3}, {2, 2}, {1, 1}) : f1, after)};
  };
  const std::vector<at::Tensor> maps = pass_of(*this, "shallow", images, after, pass);
  return {maps[0], maps[1]};
}

Backbone::Backbone(const settings::TrunkShape& shape) : ShallowTrunk(shape) {
  for (int level = 3; level <= settings::kTrunkLevels; ++level) add_level(level);
  if (shape.head_channels > 0) {
    head_ = make_layer("_conv_head", "_bn1", {.in = shape.stages.back().channels, .out = shape.head_channels});
    if (shape.frozen_levels == settings::kTrunkLevels) head_->freeze();
  }
}

std::vector<at::Tensor> Backbone::forward(const at::Tensor& images, const AfterBlock& after) const {
  const auto pass = [&](const std::vector<at::Tensor>& inputs) {
    const auto [f1, f2] = forward_shallow(inputs.front(), after);
    std::vector<at::Tensor> features{f1, f2};
    for (at::Tensor& map : forward_deep(f2, after)) features.push_back(std::move(map));
    return features;
  };
  return pass_of(*this, "whole", images, after, pass);
}

at::Tensor Backbone::deepest(const at::Tensor& images) const {
  if (!records_in_halves()) return forward(images).back();
  // Whole or in halves, all of f2's gradient comes from the deep half, so it is added up in the same order.
  return forward_deep(forward_shallow(images)[1]).back();
}

std::vector<at::Tensor> Backbone::forward_deep(const at::Tensor& f2, const AfterBlock& after) const {
  const auto pass = [&](const std::vector<at::Tensor>& inputs) {
    std::vector<at::Tensor> features;
    for (int level = 3; level <= settings::kTrunkLevels; ++level)
      features.push_back(through(level, features.empty() ? inputs.front() : features.back(), after));
    if (head_) features.back() = head_->forward(features.back());
    return features;
  };
  return pass_of(*this, "deep", f2, after, pass);
}

}  // namespace resolute::networks
