#include "methods/rain/networks/networks.h"

#include "core/error.h"
#include "networks/nn/recorded_passes.h"

namespace resolute::methods {
namespace {

constexpr double kDiscriminatorLeak = 0.2;

std::vector<DiscriminatorLayer> layers_of(DiscriminatorKind kind, std::int64_t width) {
  if (kind == DiscriminatorKind::kPixelwise) return {{width, 1, 1}, {width / 2, 1, 1}, {1, 1, 1}};
  return {{width, 1, 1}, {width, 3, 2}, {width / 2, 3, 1}, {1, 1, 1}};
}

}  // namespace

std::shared_ptr<networks::Convolution> image_convolution(std::int64_t in) {
  return std::make_shared<networks::Convolution>(networks::ConvolutionOptions{
      .in = in, .out = 3, .kernel = 3, .bias = true, .initialisation = networks::Initialisation::kLecunFanIn});
}

at::Tensor cut_to(at::Tensor map, std::int64_t height, std::int64_t width) {
  // A slice of all would give its gradient another memory format.
  for (const auto& [dimension, size] : {std::pair(2, height), std::pair(3, width)})
    if (map.size(dimension) > size) map = map.slice(dimension, 0, size);
  return map;
}

Decoder::Decoder(const networks::Backbone& trunk, DecoderKind kind) {
  constexpr auto kRule = networks::Initialisation::kHeFanIn;
  const auto add_doubling = [&](const std::string& name, std::int64_t in, std::int64_t out) -> Doubling {
    if (kind == DecoderKind::kTransposed) {
      auto convolution = register_module(name, std::make_shared<networks::DoublingConvolution>(in, out, kRule));
      return [convolution](const at::Tensor& x) { return convolution->forward(x); };
    }
    auto convolution = register_module(name, std::make_shared<networks::Convolution>(networks::ConvolutionOptions{
                                                 .in = in, .out = out, .kernel = 3, .initialisation = kRule}));
    return [convolution](const at::Tensor& x) {
      return convolution->forward(at::upsample_nearest2d(x, {x.size(2) * 2, x.size(3) * 2}));
    };
  };
  std::int64_t in = trunk.channels(networks::kLevels);
  for (std::int64_t stride = trunk.total_stride(); stride > 1; stride /= 2) {
    const std::int64_t out = trunk.shape().decoder_widths.at(doublings_.size());
    const std::string index = std::to_string(doublings_.size() + 1);
    doublings_.push_back(add_doubling("conv" + index, in, out));
    norms_.push_back(register_module("bn" + index, std::make_shared<networks::BatchNorm>(out)));
    in = out;
  }
  image_ = register_module("image", image_convolution(in));
}

at::Tensor Decoder::forward(const at::Tensor& f5, std::int64_t height, std::int64_t width) const {
  const auto pass = [&](const std::vector<at::Tensor>& inputs) -> std::vector<at::Tensor> {
    at::Tensor current = inputs.front();
    for (std::size_t i = 0; i < doublings_.size(); ++i) current = at::relu(norms_[i]->forward(doublings_[i](current)));
    return {image_->forward(current)};
  };
  return cut_to(networks::recorded(*this, "whole", {f5}, pass).front(), height, width);
}

Discriminator::Discriminator(std::int64_t channels, std::int64_t width, DiscriminatorKind kind)
    : Discriminator(channels, layers_of(kind, width)) {}

Discriminator::Discriminator(std::int64_t channels, const std::vector<DiscriminatorLayer>& layers) {
  std::int64_t in = channels;
  for (const DiscriminatorLayer& layer : layers) {
    const bool last = layers_.size() + 1 == layers.size();
    layers_.push_back(register_module(
        "conv" + std::to_string(layers_.size() + 1),
        std::make_shared<networks::Convolution>(networks::ConvolutionOptions{
            .in = in,
            .out = layer.out,
            .kernel = layer.kernel,
            .stride = layer.stride,
            .bias = true,
            .initialisation = last ? networks::Initialisation::kLecunFanIn : networks::Initialisation::kHeFanIn})));
    in = layer.out;
  }
}

at::Tensor Discriminator::apply(const at::Tensor& feature,
                                at::Tensor (networks::Convolution::*run)(const at::Tensor&) const) const {
  at::Tensor current = (layers_.front().get()->*run)(feature);
  for (std::size_t i = 1; i < layers_.size(); ++i)
    current = (layers_[i].get()->*run)(at::leaky_relu(current, kDiscriminatorLeak));
  return current;
}

}  // namespace resolute::methods
