#include "workers/nn/backbone.h"

#include <string>

#include "core/error.h"

namespace resolute::workers {

BackboneShape backbone_shape(const experiments::NetworkSettings& settings) {
  if (settings.last_stride != 1 && settings.last_stride != 2)
    throw core::input_error(fmt::format("last_stride is {} (must be 1 or 2)", settings.last_stride));
  const std::int64_t last = settings.last_stride;
  if (settings.backbone == "resnet50")
    return {.bottlenecks = true,
            .stem_kernel = 7,
            .stem_stride = 2,
            .pooling = true,
            .channels = {64, 256, 512, 1024, 2048},
            .blocks = {3, 4, 6, 3},
            .strides = {1, 2, 2, last}};
  if (settings.backbone == "resnet-small")
    return {.bottlenecks = false,
            .stem_kernel = 3,
            .stem_stride = 1,
            .pooling = false,
            .channels = {16, 16, 32, 64, 128},
            .blocks = {1, 1, 1, 1},
            .strides = {2, 2, 2, last}};
  throw core::input_error(fmt::format("backbone '{}' is unknown", settings.backbone), "",
                          "choose 'resnet50' or 'resnet-small'");
}

Backbone::Backbone(const BackboneShape& shape) : shape_(shape) {
  conv1_ = register_module(
      "conv1", std::make_shared<Convolution>(ConvolutionOptions{
                   .in = 3, .out = shape.channels[0], .kernel = shape.stem_kernel, .stride = shape.stem_stride}));
  bn1_ = register_module("bn1", std::make_shared<BatchNorm>(shape.channels[0]));
  for (std::size_t stage = 0; stage < layers_.size(); ++stage) {
    torch::nn::ModuleList list;
    for (std::int64_t block = 0; block < shape.blocks[stage]; ++block) {
      const std::int64_t in = block == 0 ? shape.channels[stage] : shape.channels[stage + 1];
      const std::int64_t out = shape.channels[stage + 1];
      const std::int64_t stride = block == 0 ? shape.strides[stage] : 1;
      std::shared_ptr<ResidualBlock> made;
      if (shape.bottlenecks)
        made = std::make_shared<Bottleneck>(in, out, stride);
      else
        made = std::make_shared<BasicBlock>(in, out, stride);
      layers_[stage].push_back(made);
      list->push_back(made);
    }
    register_module("layer" + std::to_string(stage + 1), list);
  }
}

std::vector<at::Tensor> Backbone::forward(const at::Tensor& images) const {
  std::vector<at::Tensor> features{bn1_->forward(conv1_->forward(images)).relu_()};
  at::Tensor current = features[0];
  if (shape_.pooling) current = at::max_pool2d(current, {3, 3}, {2, 2}, {1, 1});
  for (const auto& blocks : layers_) {
    for (const auto& block : blocks) current = block->forward(current);
    features.push_back(current);
  }
  return features;
}

std::int64_t Backbone::channels(int level) const {
  RESOLUTE_EXPECT(level >= 1 && level <= static_cast<int>(kLevels), "feature levels are 1 to 5");
  return shape_.channels[static_cast<std::size_t>(level - 1)];
}

std::int64_t Backbone::total_stride() const {
  std::int64_t stride = shape_.stem_stride * (shape_.pooling ? 2 : 1);
  for (std::int64_t stage : shape_.strides) stride *= stage;
  return stride;
}

}  // namespace resolute::workers
