#include "workers/nn/backbone.h"

#include <string>
#include <utility>

#include "core/error.h"

namespace resolute::workers {

BackboneShape backbone_shape(const experiments::NetworkSettings& settings) {
  const std::int64_t last = settings.last_stride;
  if (settings.backbone == settings::Trunk::kResnet50)
    return {.bottlenecks = true,
            .stem_kernel = 7,
            .stem_stride = 2,
            .pooling = true,
            .channels = {64, 256, 512, 1024, 2048},
            .blocks = {3, 4, 6, 3},
            .strides = {1, 2, 2, last}};
  return {.bottlenecks = false,
          .stem_kernel = 3,
          .stem_stride = 1,
          .pooling = false,
          .channels = {16, 16, 32, 64, 128},
          .blocks = {1, 1, 1, 1},
          .strides = {2, 2, 2, last}};
}

namespace {

//! \param first the number of the first of them
at::Tensor through(const std::vector<std::shared_ptr<ResidualBlock>>& blocks, std::size_t first, at::Tensor current,
                   const AfterBlock& after) {
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    current = blocks[i]->forward(current);
    if (after) current = after(first + i, current);
  }
  return current;
}

}  // namespace

ShallowTrunk::ShallowTrunk(const BackboneShape& shape) : shape_(shape) {
  conv1_ = register_module(
      "conv1", std::make_shared<Convolution>(ConvolutionOptions{
                   .in = 3, .out = shape.channels[0], .kernel = shape.stem_kernel, .stride = shape.stem_stride}));
  bn1_ = register_module("bn1", std::make_shared<BatchNorm>(shape.channels[0]));
  layer1_ = make_stage(1);
}

ShallowTrunk::Stage ShallowTrunk::make_stage(std::size_t stage) {
  Stage blocks;
  torch::nn::ModuleList list;
  for (std::int64_t block = 0; block < shape_.blocks[stage - 1]; ++block) {
    const std::int64_t in = block == 0 ? shape_.channels[stage - 1] : shape_.channels[stage];
    const std::int64_t out = shape_.channels[stage];
    const std::int64_t stride = block == 0 ? shape_.strides[stage - 1] : 1;
    std::shared_ptr<ResidualBlock> made;
    if (shape_.bottlenecks)
      made = std::make_shared<Bottleneck>(in, out, stride);
    else
      made = std::make_shared<BasicBlock>(in, out, stride);
    blocks.push_back(made);
    list->push_back(made);
  }
  register_module("layer" + std::to_string(stage), list);
  return blocks;
}

std::array<at::Tensor, 2> ShallowTrunk::forward_shallow(const at::Tensor& images, const AfterBlock& after) const {
  at::Tensor f1 = bn1_->forward(conv1_->forward(images)).relu_();
  return {f1, through(layer1_, 0, shape_.pooling ? at::max_pool2d(f1, {3, 3}, {2, 2}, {1, 1}) : f1, after)};
}

Backbone::Backbone(const BackboneShape& shape) : ShallowTrunk(shape) {
  for (std::size_t i = 0; i < deep_layers_.size(); ++i) deep_layers_[i] = make_stage(i + 2);
}

std::vector<at::Tensor> Backbone::forward(const at::Tensor& images, const AfterBlock& after) const {
  const auto [f1, f2] = forward_shallow(images, after);
  std::vector<at::Tensor> features{f1, f2};
  for (at::Tensor& map : forward_deep(f2, after)) features.push_back(std::move(map));
  return features;
}

std::vector<at::Tensor> Backbone::forward_deep(const at::Tensor& f2, const AfterBlock& after) const {
  std::vector<at::Tensor> features;
  auto first = static_cast<std::size_t>(shape().blocks.front());
  for (const Stage& stage : deep_layers_) {
    features.push_back(through(stage, first, features.empty() ? f2 : features.back(), after));
    first += stage.size();
  }
  return features;
}

std::int64_t Backbone::channels(int level) const {
  RESOLUTE_EXPECT(level >= 1 && level <= static_cast<int>(kLevels), "feature levels are 1 to 5");
  return shape().channels[static_cast<std::size_t>(level - 1)];
}

std::int64_t Backbone::total_stride() const {
  std::int64_t stride = shape().stem_stride * (shape().pooling ? 2 : 1);
  for (std::int64_t stage : shape().strides) stride *= stage;
  return stride;
}

}  // namespace resolute::workers
