#include "methods/msifla/networks/networks.h"

#include "core/error.h"
#include "networks/nn/recorded_passes.h"

namespace resolute::methods {
namespace {

constexpr std::int64_t kReduction = 4;  //!< of each side, from the image to part B

}  // namespace

ImageRecoveryNetwork::ImageRecoveryNetwork(std::int64_t width, bool residual) : residual_(residual) {
  RESOLUTE_EXPECT(width >= 2 && width % 2 == 0, "an IR network's width is even");
  const auto convolution = [&](const std::string& name, networks::ConvolutionOptions options,
                               networks::Initialisation rule = networks::Initialisation::kHeFanIn) {
    options.bias = true;
    options.initialisation = rule;
    return register_module(name, std::make_shared<networks::Convolution>(options));
  };
  const auto part = [&](const std::string& name, std::int64_t in, std::int64_t out, std::size_t strided) {
    std::vector<std::shared_ptr<networks::Convolution>> layers;
    for (std::size_t i = 1; i <= 4; ++i)
      layers.push_back(convolution(name + std::to_string(i),
                                   {.in = i == 1 ? in : out, .out = out, .kernel = 3, .stride = i == strided ? 2 : 1}));
    return layers;
  };
  part_a_ = part("part_a_", 3, width, 2);
  part_b_ = part("part_b_", width, 2 * width, 1);
  projection_ = convolution("projection", {.in = width, .out = 2 * width, .kernel = 1, .stride = 2},
                            networks::Initialisation::kLecunFanIn);
  const auto deconvolution = [&](const char* name, std::int64_t in, std::int64_t out) {
    return register_module(name, std::make_shared<networks::DoublingConvolution>(
                                     in, out, networks::Initialisation::kHeFanIn, /*with_bias=*/true));
  };
  deconvolution_1_ = deconvolution("deconvolution_1", 2 * width, width);
  deconvolution_2_ = deconvolution("deconvolution_2", width, width / 2);
  output_ = convolution("output", {.in = width / 2, .out = 3, .kernel = 3},
                        residual ? networks::Initialisation::kZero : networks::Initialisation::kLecunFanIn);
}

at::Tensor ImageRecoveryNetwork::forward(const at::Tensor& images) const {
  RESOLUTE_EXPECT(images.size(2) % kReduction == 0 && images.size(3) % kReduction == 0,
                  "an IR network's images have sides that are multiples of 4");
  const auto pass = [&](const std::vector<at::Tensor>& inputs) -> std::vector<at::Tensor> {
    const at::Tensor& x = inputs.front();
    // In place: no layer's gradient needs its output before the rectifier.
    at::Tensor a = x;
    for (const auto& layer : part_a_) a = layer->forward(a).relu_();
    at::Tensor b = a;
    for (std::size_t i = 0; i + 1 < part_b_.size(); ++i) b = part_b_[i]->forward(b).relu_();
    b = part_b_.back()->forward(b).add_(projection_->forward(a)).relu_();
    at::Tensor decoded = deconvolution_1_->forward(b).add_(a).relu_();
    decoded = output_->forward(deconvolution_2_->forward(decoded).relu_());
    return {residual_ ? decoded + x : decoded};
  };
  return networks::recorded(*this, "whole", {images}, pass).front();
}

networks::onnx::Map ImageRecoveryNetwork::add_to(networks::onnx::Graph& graph,
                                                 const networks::onnx::Map& images) const {
  const auto rectified = [&](const networks::Convolution& layer, const networks::onnx::Map& map) {
    return graph.rectified(graph.convolve(layer, map));
  };
  networks::onnx::Map a = images;
  for (const auto& layer : part_a_) a = rectified(*layer, a);
  networks::onnx::Map b = a;
  for (std::size_t i = 0; i + 1 < part_b_.size(); ++i) b = rectified(*part_b_[i], b);
  b = graph.rectified(graph.sum(graph.convolve(*part_b_.back(), b), graph.convolve(*projection_, a)));
  networks::onnx::Map decoded = graph.rectified(graph.sum(graph.doubled(*deconvolution_1_, b), a));
  decoded = graph.convolve(*output_, graph.rectified(graph.doubled(*deconvolution_2_, decoded)));
  return residual_ ? graph.sum(decoded, images) : decoded;
}

std::vector<at::Tensor> horizontal_parts(const at::Tensor& map) {
  // Rows first: what the parts cut, and their gradients fill up with zeros, is small.
  const at::Tensor rows = networks::loss_precision(networks::with_channels_last_gradient(map)).mean(at::IntArrayRef{3});
  const std::int64_t height = rows.size(2);
  std::vector<at::Tensor> parts;
  for (const auto& [begin, end] : rows_of_parts(height))
    parts.push_back(rows.narrow(2, begin, end - begin).mean(at::IntArrayRef{2}));
  return parts;
}

std::vector<std::pair<std::int64_t, std::int64_t>> rows_of_parts(std::int64_t height) {
  std::vector<std::pair<std::int64_t, std::int64_t>> rows;
  for (std::int64_t part = 0; part < kParts; ++part)
    rows.emplace_back(part * height / kParts, ((part + 1) * height + kParts - 1) / kParts);
  return rows;
}

PartNetwork::PartNetwork(const settings::TrunkShape& shape, std::int64_t classes, bool neck, bool classification) {
  trunk_ = register_module("trunk", std::make_shared<networks::Backbone>(shape));
  for (std::int64_t part = 1; classification && part <= kParts; ++part)
    classifiers_.push_back(
        register_module("classifier_" + std::to_string(part),
                        std::make_shared<IdentityClassifier>(trunk_->channels(networks::kLevels), classes, neck)));
}

std::vector<at::Tensor> PartNetwork::logits(const std::vector<at::Tensor>& parts) const {
  std::vector<at::Tensor> found;
  for (std::size_t i = 0; i < classifiers_.size(); ++i) found.push_back(classifiers_[i]->forward(parts[i]));
  return found;
}

}  // namespace resolute::methods
