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

Decoder::Decoder(const networks::Backbone& trunk, DecoderKind kind) {
  using Add = Doubling (Decoder::*)(const std::string&, std::int64_t, std::int64_t);
  const Add add = kind == DecoderKind::kNearest ? &Decoder::add_nearest : &Decoder::add_transposed;
  std::int64_t in = trunk.channels(networks::kLevels);
  for (std::int64_t stride = trunk.total_stride(); stride > 1; stride /= 2) {
    const std::int64_t out = trunk.shape().decoder_widths.at(doublings_.size());
    const std::string index = std::to_string(doublings_.size() + 1);
    doublings_.push_back((this->*add)("conv" + index, in, out));
    norms_.push_back(register_module("bn" + index, std::make_shared<networks::BatchNorm>(out)));
    in = out;
  }
  image_ = register_module(
      "image",
      std::make_shared<networks::Convolution>(networks::ConvolutionOptions{
          .in = in, .out = 3, .kernel = 3, .bias = true, .initialisation = networks::Initialisation::kLecunFanIn}));
}

Decoder::Doubling Decoder::add_nearest(const std::string& name, std::int64_t in, std::int64_t out) {
  auto convolution = register_module(
      name, std::make_shared<networks::Convolution>(networks::ConvolutionOptions{
                .in = in, .out = out, .kernel = 3, .initialisation = networks::Initialisation::kHeFanIn}));
  return [convolution](const at::Tensor& x) {
    return convolution->forward(at::upsample_nearest2d(x, {x.size(2) * 2, x.size(3) * 2}));
  };
}

Decoder::Doubling Decoder::add_transposed(const std::string& name, std::int64_t in, std::int64_t out) {
  auto convolution = register_module(
      name, std::make_shared<networks::DoublingConvolution>(in, out, networks::Initialisation::kHeFanIn));
  return [convolution](const at::Tensor& x) { return convolution->forward(x); };
}

at::Tensor Decoder::forward(const at::Tensor& f5, std::int64_t height, std::int64_t width) const {
  const auto pass = [&](const std::vector<at::Tensor>& inputs) -> std::vector<at::Tensor> {
    at::Tensor current = inputs.front();
    for (std::size_t i = 0; i < doublings_.size(); ++i) current = at::relu(norms_[i]->forward(doublings_[i](current)));
    return {image_->forward(current)};
  };
  at::Tensor image = networks::recorded(*this, "whole", {f5}, pass).front();
  // A slice of all would give its gradient another memory format.
  for (const auto& [dimension, size] : {std::pair(2, height), std::pair(3, width)})
    if (image.size(dimension) > size) image = image.slice(dimension, 0, size);
  return image;
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
