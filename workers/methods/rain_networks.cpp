#include "workers/methods/rain_networks.h"

#include <string>

namespace resolute::workers {
namespace {

constexpr double kLeak = 0.2;
constexpr std::int64_t kSmallTrunk = 512;  //!< trunks with fewer channels in f5 get the small networks

bool is_small(const Backbone& trunk) { return trunk.channels(kLevels) < kSmallTrunk; }

std::vector<std::int64_t> decoder_widths(const Backbone& trunk) {
  std::vector<std::int64_t> widths =
      is_small(trunk) ? std::vector<std::int64_t>{16, 16, 8, 8} : std::vector<std::int64_t>{512, 256, 128, 64, 32};
  std::size_t doublings = 0;
  for (std::int64_t stride = trunk.total_stride(); stride > 1; stride /= 2) ++doublings;
  widths.resize(doublings);
  return widths;
}

}  // namespace

Decoder::Decoder(const Backbone& trunk) {
  std::int64_t in = trunk.channels(kLevels);
  for (std::int64_t out : decoder_widths(trunk)) {
    const std::string index = std::to_string(convolutions_.size() + 1);
    convolutions_.push_back(register_module(
        "conv" + index, std::make_shared<Convolution>(ConvolutionOptions{
                            .in = in, .out = out, .kernel = 3, .initialisation = Initialisation::kHeFanIn})));
    norms_.push_back(register_module("bn" + index, std::make_shared<BatchNorm>(out)));
    in = out;
  }
  image_ = register_module(
      "image", std::make_shared<Convolution>(ConvolutionOptions{
                   .in = in, .out = 3, .kernel = 3, .bias = true, .initialisation = Initialisation::kLecunFanIn}));
}

at::Tensor Decoder::forward(const at::Tensor& f5, std::int64_t height, std::int64_t width) const {
  at::Tensor current = f5;
  for (std::size_t i = 0; i < convolutions_.size(); ++i) {
    current = at::upsample_nearest2d(current, {current.size(2) * 2, current.size(3) * 2});
    current = at::relu(norms_[i]->forward(convolutions_[i]->forward(current)));
  }
  return image_->forward(current).slice(2, 0, height).slice(3, 0, width);
}

Discriminator::Discriminator(std::int64_t channels, std::int64_t width) {
  auto add = [this](const char* name, std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                    Initialisation rule) {
    return register_module(
        name, std::make_shared<Convolution>(ConvolutionOptions{
                  .in = in, .out = out, .kernel = kernel, .stride = stride, .bias = true, .initialisation = rule}));
  };
  enter_ = add("conv1", channels, width, 1, 1, Initialisation::kHeFanIn);
  shrink_ = add("conv2", width, width, 3, 2, Initialisation::kHeFanIn);
  mix_ = add("conv3", width, width / 2, 3, 1, Initialisation::kHeFanIn);
  judge_ = add("conv4", width / 2, 1, 1, 1, Initialisation::kLecunFanIn);
}

at::Tensor Discriminator::apply(const at::Tensor& feature,
                                at::Tensor (Convolution::*run)(const at::Tensor&) const) const {
  at::Tensor current = feature;
  for (const auto& layer : {enter_, shrink_, mix_}) current = at::leaky_relu((layer.get()->*run)(current), kLeak);
  return (judge_.get()->*run)(current);
}

std::int64_t discriminator_width(const Backbone& trunk) { return is_small(trunk) ? 64 : 256; }

}  // namespace resolute::workers
