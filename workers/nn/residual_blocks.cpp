#include "workers/nn/residual_blocks.h"

namespace resolute::workers {

Downsample::Downsample(std::int64_t in, std::int64_t out, std::int64_t stride)
    : convolution_(register_module(
          "0", std::make_shared<Convolution>(ConvolutionOptions{.in = in, .out = out, .kernel = 1, .stride = stride}))),
      norm_(register_module("1", std::make_shared<BatchNorm>(out))) {}

at::Tensor Downsample::forward(const at::Tensor& input) const { return norm_->forward(convolution_->forward(input)); }

ResidualBlock::ResidualBlock(std::int64_t in, std::int64_t out, std::int64_t stride) {
  if (stride != 1 || in != out) downsample_ = std::make_shared<Downsample>(in, out, stride);
  if (downsample_) register_module("downsample", downsample_);
}

at::Tensor ResidualBlock::shortcut(const at::Tensor& input) const {
  return downsample_ ? downsample_->forward(input) : input;
}

BasicBlock::BasicBlock(std::int64_t in, std::int64_t out, std::int64_t stride)
    : ResidualBlock(in, out, stride),
      conv1_(register_module("conv1", std::make_shared<Convolution>(
                                          ConvolutionOptions{.in = in, .out = out, .kernel = 3, .stride = stride}))),
      conv2_(register_module("conv2",
                             std::make_shared<Convolution>(ConvolutionOptions{.in = out, .out = out, .kernel = 3}))),
      bn1_(register_module("bn1", std::make_shared<BatchNorm>(out))),
      bn2_(register_module("bn2", std::make_shared<BatchNorm>(out))) {}

// In place: a batch norm's backward pass needs its input, not its output; a quarter of the activations' memory is
// saved.
at::Tensor BasicBlock::forward(const at::Tensor& input) const {
  at::Tensor inner = bn1_->forward(conv1_->forward(input)).relu_();
  return bn2_->forward(conv2_->forward(inner)).add_(shortcut(input)).relu_();
}

Bottleneck::Bottleneck(std::int64_t in, std::int64_t out, std::int64_t stride)
    : ResidualBlock(in, out, stride),
      conv1_(register_module("conv1", std::make_shared<Convolution>(ConvolutionOptions{.in = in, .out = out / 4}))),
      conv2_(register_module("conv2", std::make_shared<Convolution>(ConvolutionOptions{
                                          .in = out / 4, .out = out / 4, .kernel = 3, .stride = stride}))),
      conv3_(register_module("conv3", std::make_shared<Convolution>(ConvolutionOptions{.in = out / 4, .out = out}))),
      bn1_(register_module("bn1", std::make_shared<BatchNorm>(out / 4))),
      bn2_(register_module("bn2", std::make_shared<BatchNorm>(out / 4))),
      bn3_(register_module("bn3", std::make_shared<BatchNorm>(out))) {}

at::Tensor Bottleneck::forward(const at::Tensor& input) const {
  at::Tensor inner = bn1_->forward(conv1_->forward(input)).relu_();
  inner = bn2_->forward(conv2_->forward(inner)).relu_();
  return bn3_->forward(conv3_->forward(inner)).add_(shortcut(input)).relu_();
}

}  // namespace resolute::workers
