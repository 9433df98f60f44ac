#include "methods/rain/networks.h"

#include <string_view>
#include <utility>

#include "core/error.h"

namespace resolute::workers {
namespace {

constexpr double kDiscriminatorLeak = 0.2;
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

//! One layer of a discriminator.
struct Layer {
  std::int64_t out, kernel, stride;
};

std::vector<Layer> convolutional_layers(std::int64_t width) {
  return {{width, 1, 1}, {width, 3, 2}, {width / 2, 3, 1}, {1, 1, 1}};
}

std::vector<Layer> pixelwise_layers(std::int64_t width) { return {{width, 1, 1}, {width / 2, 1, 1}, {1, 1, 1}}; }

constexpr std::pair<std::string_view, std::vector<Layer> (*)(std::int64_t)> kDiscriminatorKinds[] = {
    {"convolutional", convolutional_layers}, {"pixelwise", pixelwise_layers}};

//! What `table` has under `kind`.
template <class Table>
auto chosen(const Table& table, const char* key, const std::string& kind) {
  std::vector<std::string> choices;
  for (const auto& [name, value] : table) {
    if (name == kind) return value;
    choices.push_back(fmt::format("'{}'", name));
  }
  throw core::input_error(fmt::format("{} '{}' is unknown", key, kind), "",
                          fmt::format("choose {}", fmt::join(choices, " or ")));
}

}  // namespace

Decoder::Decoder(const Backbone& trunk, const std::string& kind) {
  using Add = Doubling (Decoder::*)(const std::string&, std::int64_t, std::int64_t);
  constexpr std::pair<std::string_view, Add> kDecoders[] = {{"nearest", &Decoder::add_nearest},
                                                            {"transposed", &Decoder::add_transposed}};
  const Add add = chosen(kDecoders, "decoder", kind);
  std::int64_t in = trunk.channels(kLevels);
  for (std::int64_t out : decoder_widths(trunk)) {
    const std::string index = std::to_string(doublings_.size() + 1);
    doublings_.push_back((this->*add)("conv" + index, in, out));
    norms_.push_back(register_module("bn" + index, std::make_shared<BatchNorm>(out)));
    in = out;
  }
  image_ = register_module(
      "image", std::make_shared<Convolution>(ConvolutionOptions{
                   .in = in, .out = 3, .kernel = 3, .bias = true, .initialisation = Initialisation::kLecunFanIn}));
}

Decoder::Doubling Decoder::add_nearest(const std::string& name, std::int64_t in, std::int64_t out) {
  auto convolution =
      register_module(name, std::make_shared<Convolution>(ConvolutionOptions{
                                .in = in, .out = out, .kernel = 3, .initialisation = Initialisation::kHeFanIn}));
  return [convolution](const at::Tensor& x) {
    return convolution->forward(at::upsample_nearest2d(x, {x.size(2) * 2, x.size(3) * 2}));
  };
}

Decoder::Doubling Decoder::add_transposed(const std::string& name, std::int64_t in, std::int64_t out) {
  auto convolution = register_module(name, std::make_shared<DoublingConvolution>(in, out, Initialisation::kHeFanIn));
  return [convolution](const at::Tensor& x) { return convolution->forward(x); };
}

at::Tensor Decoder::forward(const at::Tensor& f5, std::int64_t height, std::int64_t width) const {
  at::Tensor current = f5;
  for (std::size_t i = 0; i < doublings_.size(); ++i) current = at::relu(norms_[i]->forward(doublings_[i](current)));
  return image_->forward(current).slice(2, 0, height).slice(3, 0, width);
}

Discriminator::Discriminator(std::int64_t channels, std::int64_t width, const std::string& kind) {
  const std::vector<Layer> layers = chosen(kDiscriminatorKinds, "discriminator", kind)(width);
  std::int64_t in = channels;
  for (const Layer& layer : layers) {
    const bool last = layers_.size() + 1 == layers.size();
    layers_.push_back(
        register_module("conv" + std::to_string(layers_.size() + 1),
                        std::make_shared<Convolution>(ConvolutionOptions{
                            .in = in,
                            .out = layer.out,
                            .kernel = layer.kernel,
                            .stride = layer.stride,
                            .bias = true,
                            .initialisation = last ? Initialisation::kLecunFanIn : Initialisation::kHeFanIn})));
    in = layer.out;
  }
}

at::Tensor Discriminator::apply(const at::Tensor& feature,
                                at::Tensor (Convolution::*run)(const at::Tensor&) const) const {
  at::Tensor current = (layers_.front().get()->*run)(feature);
  for (std::size_t i = 1; i < layers_.size(); ++i)
    current = (layers_[i].get()->*run)(at::leaky_relu(current, kDiscriminatorLeak));
  return current;
}

std::int64_t discriminator_width(const Backbone& trunk) { return is_small(trunk) ? 64 : 256; }

}  // namespace resolute::workers
