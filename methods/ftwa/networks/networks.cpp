#include "methods/ftwa/networks/networks.h"

#include <algorithm>
#include <string>

#include "core/error.h"
#include "networks/nn/batch_norm.h"
#include "networks/nn/losses.h"
#include "networks/nn/recorded_passes.h"

namespace resolute::methods {
namespace {

constexpr double kFtwaLeak = 0.05;
constexpr std::int64_t kNarrowing = 8, kLeastWidth = 32;
constexpr std::int64_t kAttentionNarrowing = 8;  //!< of w, not of the 2w channels that it rescales

std::shared_ptr<networks::Convolution> convolution(std::int64_t in, std::int64_t out, std::int64_t kernel) {
  return std::make_shared<networks::Convolution>(networks::ConvolutionOptions{
      .in = in, .out = out, .kernel = kernel, .bias = true, .initialisation = networks::Initialisation::kTorchLinear});
}

at::Tensor rectified(at::Tensor map) { return at::leaky_relu_(map, kFtwaLeak); }

}  // namespace

TransformationBlock::TransformationBlock(std::int64_t width) : half_(width / 2) {
  RESOLUTE_EXPECT(width > 0 && width % kAttentionNarrowing == 0, "a transformation block's width is a multiple of 8");
  const auto add = [&](std::int64_t in, std::int64_t out) {
    convolutions_.push_back(
        register_module("conv" + std::to_string(convolutions_.size() + 1), convolution(in, out, 3)));
  };
  add(width, width);
  add(half_, width);
  add(half_, width);
  add(half_, half_);
  const std::int64_t kept = 4 * half_;
  squeeze_ = register_module("squeeze", convolution(kept, width / kAttentionNarrowing, 1));
  excite_ = register_module("excite", convolution(width / kAttentionNarrowing, kept, 1));
  fuse_ = register_module("fuse", convolution(kept, width, 1));
}

at::Tensor TransformationBlock::forward(const at::Tensor& input) const {
  std::vector<at::Tensor> kept;
  at::Tensor passed = input;
  for (std::size_t i = 0; i + 1 < convolutions_.size(); ++i) {
    // One node: the gradients of two narrow()s would be padded with zeros and added, in another memory format.
    const std::vector<at::Tensor> halves = rectified(convolutions_[i]->forward(passed)).split(half_, 1);
    kept.push_back(halves[0]);
    passed = halves[1];
  }
  kept.push_back(rectified(convolutions_.back()->forward(passed)));
  const at::Tensor all = at::cat(kept, 1);
  const at::Tensor average = all.mean(at::IntArrayRef{2, 3}, /*keepdim=*/true);
  const at::Tensor attention = excite_->forward(rectified(squeeze_->forward(average))).sigmoid();
  return fuse_->forward(all * attention) + input;
}

networks::onnx::Map TransformationBlock::add_to(networks::onnx::Graph& graph, const networks::onnx::Map& input) const {
  const auto rectified = [&](const networks::onnx::Map& map) { return graph.leaky_rectified(map, kFtwaLeak); };
  std::vector<networks::onnx::Map> kept;
  networks::onnx::Map passed = input;
  for (std::size_t i = 0; i + 1 < convolutions_.size(); ++i) {
    kept.push_back(rectified(graph.convolve(*convolutions_[i], passed, 0, half_)));
    passed = rectified(graph.convolve(*convolutions_[i], passed, half_, half_));
  }
  kept.push_back(rectified(graph.convolve(*convolutions_.back(), passed)));
  const networks::onnx::Map all = graph.concatenated(kept);
  const networks::onnx::Map average{graph.node("ReduceMean", {all.value}, {{"axes", std::vector<std::int64_t>{2, 3}}}),
                                    1, 1};
  const networks::onnx::Map attention = graph.convolve(*excite_, rectified(graph.convolve(*squeeze_, average)));
  const std::string rescaled = graph.node("Mul", {all.value, graph.node("Sigmoid", {attention.value})});
  return graph.sum(graph.convolve(*fuse_, {rescaled, all.height, all.width}), input);
}

FeatureTransformation::FeatureTransformation(std::int64_t channels, int blocks) {
  RESOLUTE_EXPECT(blocks >= 1, "a transformation has a block");
  const std::int64_t width = std::max(channels / kNarrowing, kLeastWidth);
  head_ = register_module("head", convolution(channels, width, 1));
  for (int i = 1; i <= blocks; ++i)
    blocks_.push_back(register_module("block" + std::to_string(i), std::make_shared<TransformationBlock>(width)));
  merge_ = register_module("merge", convolution(blocks * width, width, 1));
  smooth_ = register_module("smooth", convolution(width, width, 3));
  tail_ = register_module("tail", convolution(width, channels, 1));
}

at::Tensor FeatureTransformation::forward(const at::Tensor& map) const {
  const auto pass = [&](const std::vector<at::Tensor>& inputs) -> std::vector<at::Tensor> {
    const at::Tensor& x = inputs.front();
    const at::Tensor head = head_->forward(x);
    std::vector<at::Tensor> outputs;
    for (const auto& block : blocks_) outputs.push_back(block->forward(outputs.empty() ? head : outputs.back()));
    const at::Tensor merged = smooth_->forward(rectified(merge_->forward(at::cat(outputs, 1)))) + head;
    return {tail_->forward(merged) + x};
  };
  return networks::recorded(*this, "whole", {map}, pass).front();
}

networks::onnx::Map FeatureTransformation::add_to(networks::onnx::Graph& graph, const networks::onnx::Map& map) const {
  const networks::onnx::Map head = graph.convolve(*head_, map);
  std::vector<networks::onnx::Map> outputs;
  for (const auto& block : blocks_) outputs.push_back(block->add_to(graph, outputs.empty() ? head : outputs.back()));
  const networks::onnx::Map merged =
      graph.leaky_rectified(graph.convolve(*merge_, graph.concatenated(outputs)), kFtwaLeak);
  return graph.sum(graph.convolve(*tail_, graph.sum(graph.convolve(*smooth_, merged), head)), map);
}

QualityEvaluator::QualityEvaluator(std::int64_t features)
    : hidden_(register_module("hidden", std::make_shared<networks::Linear>(features, features / 4))),
      output_(register_module("output", std::make_shared<networks::Linear>(features / 4, 1))) {}

at::Tensor QualityEvaluator::forward(const at::Tensor& features) const {
  const at::Tensor score = output_->forward(at::relu(hidden_->forward(features))).squeeze(1);
  return networks::loss_precision(score).sigmoid() + kFloor;
}

std::string QualityEvaluator::add_to(networks::onnx::Graph& graph, const std::string& features) const {
  const std::string hidden = graph.node("Relu", {graph.linear(features, hidden_->weight, hidden_->bias)});
  const std::string score = graph.node("Sigmoid", {graph.linear(hidden, output_->weight, output_->bias)});
  return graph.node("Add", {score, graph.constant("floor", at::scalar_tensor(kFloor))});
}

WeightScale::WeightScale() : running_mean(register_buffer("running_mean", at::ones({1}))) {}

at::Tensor WeightScale::forward(const at::Tensor& weights) const {
  if (weights.size(0) == 0) return weights;
  if (!is_training()) return weights / running_mean;
  const at::Tensor mean = weights.mean();
  if (!networks::RunningStatisticsHold::active()) {
    const at::NoGradGuard no_grad;
    running_mean.lerp_(mean.detach().to(running_mean.scalar_type()), networks::BatchNormOptions{}.momentum);
  }
  return weights / mean;
}

void WeightScale::initialise(std::uint64_t, const std::string&) {
  const at::NoGradGuard no_grad;
  running_mean.fill_(1);
}

}  // namespace resolute::methods
