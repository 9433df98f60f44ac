#include "workers/nn/layers.h"

#include "core/error.h"

namespace resolute::workers {
namespace {

constexpr std::int64_t kDoublingKernel = 4, kDoublingStride = 2, kDoublingPadding = 1;

}  // namespace

Convolution::Convolution(const ConvolutionOptions& options) : options_(options) {
  RESOLUTE_EXPECT(options.kernel % 2 == 1, "a convolution's kernel is odd");
  weight = register_parameter(
      "weight",
      at::empty({options.out, options.in, options.kernel, options.kernel}, at::MemoryFormat::ChannelsLast).zero_());
  if (options.bias) bias = register_parameter("bias", at::zeros({options.out}));
}

at::Tensor Convolution::forward_frozen(const at::Tensor& input) const {
  return apply(input, weight.detach(), bias.defined() ? bias.detach() : bias);
}

at::Tensor Convolution::apply(const at::Tensor& input, const at::Tensor& weight_used,
                              const at::Tensor& bias_used) const {
  const std::int64_t padding = (options_.kernel - 1) / 2;
  return at::conv2d(input, weight_used, bias_used, {options_.stride, options_.stride}, {padding, padding});
}

void Convolution::initialise(std::uint64_t seed, const std::string& name) {
  fill_normal(weight, deviation_of(options_.initialisation, weight.sizes()), seed, name + ".weight");
  at::NoGradGuard no_grad;
  if (bias.defined()) bias.zero_();
}

DoublingConvolution::DoublingConvolution(std::int64_t in, std::int64_t out, Initialisation rule, bool with_bias)
    : rule_(rule) {
  weight = register_parameter(
      "weight", at::empty({in, out, kDoublingKernel, kDoublingKernel}, at::MemoryFormat::ChannelsLast).zero_());
  if (with_bias) bias = register_parameter("bias", at::zeros({out}));
}

at::Tensor DoublingConvolution::forward(const at::Tensor& input) const {
  return at::conv_transpose2d(input, weight, bias, {kDoublingStride, kDoublingStride},
                              {kDoublingPadding, kDoublingPadding});
}

void DoublingConvolution::initialise(std::uint64_t seed, const std::string& name) {
  constexpr std::int64_t kTaps = kDoublingKernel / kDoublingStride;
  fill_normal(weight, deviation_of(rule_, {weight.size(1), weight.size(0), kTaps, kTaps}), seed, name + ".weight");
  at::NoGradGuard no_grad;
  if (bias.defined()) bias.zero_();
}

at::Tensor with_channels_last_gradient(const at::Tensor& map) {
  if (map.requires_grad())
    map.register_hook([](const at::Tensor& gradient) { return gradient.contiguous(at::MemoryFormat::ChannelsLast); });
  return map;
}

Linear::Linear(std::int64_t in, std::int64_t out, bool with_bias) {
  weight = register_parameter("weight", at::zeros({out, in}));
  if (with_bias) bias = register_parameter("bias", at::zeros({out}));
}

at::Tensor Linear::forward(const at::Tensor& input) const { return at::linear(input, weight, bias); }

void Linear::initialise(std::uint64_t seed, const std::string& name) {
  fill_normal(weight, deviation_of(Initialisation::kTorchLinear, weight.sizes()), seed, name + ".weight");
  at::NoGradGuard no_grad;
  if (bias.defined()) bias.zero_();
}

}  // namespace resolute::workers
