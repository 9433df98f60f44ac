#include "networks/nn/layers.h"

#include <ATen/autocast_mode.h>

#include "core/error.h"

namespace resolute::networks {
namespace {

constexpr std::int64_t kDoublingKernel = 4, kDoublingStride = 2, kDoublingPadding = 1;

// In float32 all is right.
bool computes_in_bf16_on_cpu(const at::Tensor& input) {
  return input.is_cpu() && (input.scalar_type() == at::kBFloat16 || at::autocast::is_autocast_enabled(at::kCPU));
}

// oneDNN's gradient of such a weight writes past its workspace where the input has fewer channels than one of the
// kernel's blocks, 8 with AVX2 and 16 with AVX-512 (docs/inside/decisions.md). Stride 1 needs none.
bool overruns_its_workspace(const at::Tensor& weight, std::int64_t stride) {
  constexpr std::int64_t kLargestBlock = 16;
  return weight.size(2) == 1 && stride > 1 && weight.size(1) < kLargestBlock;
}

}  // namespace

bool miscomputed_in_bf16(std::int64_t kernel, std::int64_t stride, std::int64_t width) {
  return kernel > 1 && stride > 1 && width <= stride;
}

SidePadding side_padding(std::int64_t kernel, const ConvolutionSteps& steps, std::int64_t side) {
  const std::int64_t symmetric = (kernel - 1) / 2;
  const bool less_before = steps.padding == Padding::kSame && kernel > 1 && steps.stride == 2 && side % 2 == 0;
  return less_before ? SidePadding{symmetric + 1, 1} : SidePadding{symmetric, 0};
}

at::Tensor convolve(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                    const ConvolutionSteps& steps) {
  const std::int64_t kernel = weight.size(2), stride = steps.stride;
  const SidePadding rows = side_padding(kernel, steps, input.size(2)),
                    columns = side_padding(kernel, steps, input.size(3));
  const auto run = [&](const at::Tensor& image, at::IntArrayRef strides, at::IntArrayRef padding) {
    return at::conv2d(image, weight, bias, strides, padding, {1, 1}, steps.groups);
  };
  if (input.is_cpu() && overruns_its_workspace(weight, stride)) {
    const at::Tensor met = input.slice(2, 0, input.size(2), stride).slice(3, 0, input.size(3), stride);
    return run(met.contiguous(at::MemoryFormat::ChannelsLast), {1, 1}, {0, 0});
  }
  // The same sums for the one column that is kept; neither forward nor backward does a kernel stride to it.
  if (computes_in_bf16_on_cpu(input) && miscomputed_in_bf16(kernel, stride, input.size(3)))
    return run(input, {stride, 1}, {rows.padding, (kernel - 1) / 2})
        .slice(2, rows.dropped)
        .narrow(3, columns.dropped, 1)
        .contiguous(at::MemoryFormat::ChannelsLast);
  at::Tensor output = run(input, {stride, stride}, {rows.padding, columns.padding});
  if (rows.dropped + columns.dropped == 0) return output;
  // Its gradient keeps the memory format, which that of a slice does not.
  return at::constant_pad_nd(output, {-columns.dropped, 0, -rows.dropped, 0});
}

Convolution::Convolution(const ConvolutionOptions& options) : options_(options) {
  RESOLUTE_EXPECT(options.kernel % 2 == 1, "a convolution's kernel is odd");
  RESOLUTE_EXPECT(options.in % options.groups == 0 && options.out % options.groups == 0,
                  "groups have equally many channels");
  RESOLUTE_EXPECT(options.padding == Padding::kSymmetric || options.stride <= 2,
                  "\"same\" padding is for strides 1 and 2");
  weight =
      register_parameter("weight", at::empty({options.out, options.in / options.groups, options.kernel, options.kernel},
                                             at::MemoryFormat::ChannelsLast)
                                       .zero_());
  if (options.bias) bias = register_parameter("bias", at::zeros({options.out}));
}

at::Tensor Convolution::forward_frozen(const at::Tensor& input) const {
  return convolve(input, weight.detach(), bias.defined() ? bias.detach() : bias, options_.steps());
}

void Convolution::initialise(std::uint64_t seed, const std::string& name) {
  // An output value's fan in and an input value's fan out are of its own group.
  std::vector<std::int64_t> of_group = weight.sizes().vec();
  of_group.front() /= options_.groups;
  fill_normal(weight, deviation_of(options_.initialisation, of_group), seed, name + ".weight");
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
  // The gradient strides to the input's width. If that is one column, the stride along it means nothing, and 1 is
  // computed rightly everywhere.
  const std::int64_t along_width =
      computes_in_bf16_on_cpu(input) &&
              miscomputed_in_bf16(kDoublingKernel, kDoublingStride, kDoublingStride * input.size(3))
          ? 1
          : kDoublingStride;
  return at::conv_transpose2d(input, weight, bias, {kDoublingStride, along_width},
                              {kDoublingPadding, kDoublingPadding});
}

void DoublingConvolution::initialise(std::uint64_t seed, const std::string& name) {
  constexpr std::int64_t kTaps = kDoublingKernel / kDoublingStride;
  fill_normal(weight, deviation_of(rule_, {weight.size(1), weight.size(0), kTaps, kTaps}), seed, name + ".weight");
  at::NoGradGuard no_grad;
  if (bias.defined()) bias.zero_();
}

// One group for each channel. The kernel of channels-last maps shares an image's pixels between threads: the sums, and
// so the bits, would depend on how many there are, and on the image's place in its batch.
at::Tensor InstanceNorm::forward(const at::Tensor& input) const {
  return at::group_norm(input.contiguous(), channels(), weight, bias, kEpsilon)
      .to(input.scalar_type())
      .contiguous(input.suggest_memory_format());
}

at::Tensor with_channels_last_gradient(const at::Tensor& map) {
  if (map.requires_grad())
    map.register_hook([](const at::Tensor& gradient) {
      // None where a recorded pass is differentiated by its other maps.
      return gradient.defined() ? gradient.contiguous(at::MemoryFormat::ChannelsLast) : gradient;
    });
  return map;
}

std::vector<at::Tensor> rows_apart(const at::Tensor& output, at::IntArrayRef sizes) {
  return (output.dim() == 4 ? with_channels_last_gradient(output) : output).split_with_sizes(sizes);
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

}  // namespace resolute::networks
