#include "methods/cadnet/networks/networks.h"

#include <string>

#include "networks/nn/recorded_passes.h"

namespace resolute::methods {

namespace {

//! The trunk's last level before f whose maps have that stride, or 0: what a doubling of SkipDecoder sees.
int skip_level(const settings::TrunkShape& shape, std::int64_t stride) {
  for (int level = settings::kTrunkLevels - 1; level > 0; --level)
    if (shape.stride(level) == stride) return level;
  return 0;
}

}  // namespace

SkipDecoder::SkipDecoder(const networks::Backbone& trunk) {
  std::int64_t in = trunk.channels(networks::kLevels);
  for (std::int64_t stride = trunk.total_stride(); stride > 1; stride /= 2) {
    const std::int64_t out = trunk.shape().decoder_widths.at(doublings_.size());
    const int skip = skip_level(trunk.shape(), stride / 2);
    const std::string index = std::to_string(doublings_.size() + 1);
    networks::NormalisedConvolution layer{
        register_module("conv" + index, std::make_shared<networks::Convolution>(networks::ConvolutionOptions{
                                            .in = in + (skip > 0 ? trunk.channels(skip) : 0),
                                            .out = out,
                                            .kernel = 3,
                                            .initialisation = networks::Initialisation::kHeFanIn})),
        register_module("bn" + index, std::make_shared<networks::BatchNorm>(out)), networks::Rectifier::kRelu};
    doublings_.push_back({layer, static_cast<std::size_t>(skip)});
    in = out;
  }
  image_ = register_module("image", image_convolution(in));
}

at::Tensor SkipDecoder::forward(const std::vector<at::Tensor>& maps, std::int64_t height, std::int64_t width) const {
  std::vector<at::Tensor> read{maps.back()};
  for (const Doubling& doubling : doublings_)
    if (doubling.skip > 0) read.push_back(maps[doubling.skip - 1]);
  const auto pass = [&](const std::vector<at::Tensor>& inputs) -> std::vector<at::Tensor> {
    at::Tensor current = inputs.front();
    std::size_t next = 1;
    for (const Doubling& doubling : doublings_) {
      current = at::upsample_nearest2d(current, {current.size(2) * 2, current.size(3) * 2});
      if (doubling.skip > 0) {
        const at::Tensor& beside = inputs[next++];
        current = at::cat({cut_to(current, beside.size(2), beside.size(3)), beside}, 1);
      }
      current = doubling.layer.forward(current);
    }
    return {image_->forward(current)};
  };
  return cut_to(networks::recorded(*this, "whole", read, pass).front(), height, width);
}

networks::onnx::Map SkipDecoder::add_to(networks::onnx::Graph& graph, const std::vector<networks::onnx::Map>& maps,
                                        const networks::onnx::Map& images) const {
  networks::onnx::Map current = maps.back();
  for (const Doubling& doubling : doublings_) {
    current = graph.doubled(current);
    if (doubling.skip > 0) {
      const networks::onnx::Map& beside = maps[doubling.skip - 1];
      current = graph.concatenated({graph.cropped(current, beside.height, beside.width), beside});
    }
    current = graph.folded(doubling.layer, current);
  }
  return graph.cropped(graph.convolve(*image_, current), images.height, images.width);
}

std::vector<DiscriminatorLayer> image_discriminator_layers(std::int64_t width) {
  return {{width / 4, 3, 2}, {width / 2, 3, 2}, {width, 3, 2}, {1, 1, 1}};
}

}  // namespace resolute::methods
