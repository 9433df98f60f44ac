#pragma once
//! \file
//! Convolution and linear layers whose construction draws no random number (torch's own advance the global generator).
//! Parameter names are torch's: weight, bias.

#include "networks/nn/initialise.h"
#include "networks/torch.h"

namespace resolute::networks {

//! True if oneDNN's bf16 kernels compute a convolution wrongly on some processors: those that stride to an output of
//! one column (docs/inside/decisions.md). \param width of the larger side, that is strided over
bool miscomputed_in_bf16(std::int64_t kernel, std::int64_t stride, std::int64_t width);

//! The place of the zeros that a convolution sees around its input. Stride 1 keeps the size, 2 halves it, rounding up.
enum class Padding {
  kSymmetric,  //!< (kernel - 1) / 2 both ways
  kSame,       //!< TensorFlow's "same": where stride 2 meets an even side, one less before it
};

//! How a convolution moves over its input.
struct ConvolutionSteps {
  std::int64_t stride = 1;  //!< 1 or 2 under Padding::kSame
  std::int64_t groups = 1;  //!< of channels, in and out, that see each other alone; as many as channels: depthwise
  Padding padding = Padding::kSymmetric;
};

//! A side under them. Padding::kSame is reached by one zero more before it than TensorFlow has, both ways, whose first
//! output is dropped: a copy of the output in place of one of the input, which is four times as large.
struct SidePadding {
  std::int64_t padding = 0;  //!< before and behind
  std::int64_t dropped = 0;  //!< outputs at the beginning
};
SidePadding side_padding(std::int64_t kernel, const ConvolutionSteps& steps, std::int64_t side);

//! at::conv2d for odd square kernels; right on every processor.
at::Tensor convolve(const at::Tensor& input, const at::Tensor& weight, const at::Tensor& bias,
                    const ConvolutionSteps& steps);

struct ConvolutionOptions {
  std::int64_t in = 0, out = 0;
  std::int64_t kernel = 1, stride = 1;
  bool bias = false;  //!< starts at 0
  Initialisation initialisation = Initialisation::kHeFanOut;
  std::int64_t groups = 1;
  Padding padding = Padding::kSymmetric;
  ConvolutionSteps steps() const { return {stride, groups, padding}; }
};

//! N×in×H×W → N×out×⌈H/stride⌉×⌈W/stride⌉, odd square kernels. The weight lies channels-last in memory.
class Convolution : public torch::nn::Module, public InitialisedLayer {
 public:
  explicit Convolution(const ConvolutionOptions& options);
  at::Tensor forward(const at::Tensor& input) const { return convolve(input, weight, bias, options_.steps()); }
  //! The same function with the parameters taken as constants: no gradient reaches them.
  at::Tensor forward_frozen(const at::Tensor& input) const;
  void initialise(std::uint64_t seed, const std::string& name) override;
  const ConvolutionOptions& options() const { return options_; }

  at::Tensor weight, bias;  //!< out×in/groups×k×k; out, or undefined

 private:
  ConvolutionOptions options_;
};

//! N×in×H×W → N×out×2H×2W, without a bias unless told otherwise (it starts at 0): a 4×4 transposed convolution of
//! stride 2 and padding 1, so that each output value sees 2×2 input pixels and all of them equally many. The weight
//! lies channels-last in memory. Source: Radford et al., "Unsupervised Representation Learning with Deep Convolutional
//! Generative Adversarial Networks", ICLR 2016.
class DoublingConvolution : public torch::nn::Module, public InitialisedLayer {
 public:
  DoublingConvolution(std::int64_t in, std::int64_t out, Initialisation rule, bool with_bias = false);
  at::Tensor forward(const at::Tensor& input) const;
  //! Draws with the fans of one output value, in · 2 · 2 and out · 2 · 2, not with those of the whole kernel.
  void initialise(std::uint64_t seed, const std::string& name) override;

  at::Tensor weight, bias;  //!< in×out×4×4; out, or undefined

 private:
  Initialisation rule_;
};

//! N×C×H×W → the same shape and memory format, each channel of each image normalised over its pixels, whatever the
//! mode. Source: Ulyanov et al., "Instance Normalization: The Missing
//! Ingredient for Fast Stylization", 2016. No image depends on the others, nor its bits on the number of threads.
class InstanceNorm : public NormLayer {
 public:
  static constexpr double kEpsilon = 1e-5;  //!< torch's, and what ONNX takes unasked

  using NormLayer::NormLayer;
  at::Tensor forward(const at::Tensor& input) const;
};

//! The same map, whose gradient reaches what made it channels-last: slices and means hand back gradients in the default
//! memory format, and every layer before it would read across memory.
at::Tensor with_channels_last_gradient(const at::Tensor& map);

//! Rows of an output apart, so many each, in one node: the gradients of narrow()s would be padded with zeros and added,
//! in another memory format. If a loss reaches some of a map's rows alone, the zeros of the others have its format
//! too. \param sizes sum to the rows of `output`
std::vector<at::Tensor> rows_apart(const at::Tensor& output, at::IntArrayRef sizes);

//! N×in → N×out, with a bias (starts at 0) unless told otherwise.
class Linear : public torch::nn::Module, public InitialisedLayer {
 public:
  Linear(std::int64_t in, std::int64_t out, bool with_bias = true);
  at::Tensor forward(const at::Tensor& input) const;
  void initialise(std::uint64_t seed, const std::string& name) override;

  at::Tensor weight, bias;  //!< out×in; out, or undefined
};

}  // namespace resolute::networks
