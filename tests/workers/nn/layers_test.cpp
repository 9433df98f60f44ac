#include "workers/nn/layers.h"

#include <gtest/gtest.h>

#include "tests/workers/formula.h"

namespace resolute::workers::layers_test {
namespace {

// Output, and the gradients of input and weight.
template <class Layer>
std::vector<at::Tensor> run(const Layer& layer, const at::Tensor& image) {
  const at::Tensor input = image.detach().clone(at::MemoryFormat::ChannelsLast).requires_grad_(),
                   output = layer.forward(input);
  std::vector<at::Tensor> results{output.detach().to(at::kFloat)};
  const at::Tensor seed = worker_tests::numbers("seed/layer", output.sizes()).to(output.scalar_type());
  for (const at::Tensor& gradient :
       torch::autograd::grad({output}, {input, layer.weight}, {seed.contiguous(at::MemoryFormat::ChannelsLast)}))
    results.push_back(gradient.to(at::kFloat));
  return results;
}

// In bf16 what float32 gives, at the smallest maps too: there kernels of some processors are wrong.
template <class Layer>
void expect_the_same_in_bf16(Layer layer, std::int64_t channels) {
  worker_tests::fill_with_numbers(layer);
  for (const std::int64_t height : {1, 2, 4, 8})
    for (const std::int64_t width : {1, 2, 3, 4})
      for (const std::int64_t rows : {1, 16}) {
        const at::Tensor image = worker_tests::numbers("images/layer", {rows, channels, height, width});
        layer.to(at::kBFloat16);
        const std::vector<at::Tensor> narrow = run(layer, image.to(at::kBFloat16));
        layer.to(at::kFloat);
        const std::vector<at::Tensor> wide = run(layer, image.to(at::kBFloat16).to(at::kFloat));
        ASSERT_EQ(wide.size(), narrow.size());
        for (std::size_t i = 0; i < wide.size(); ++i) {
          ASSERT_EQ(wide[i].sizes(), narrow[i].sizes());
          // A NaN is no smaller either.
          EXPECT_LT((narrow[i] - wide[i]).abs().max().item<double>() / wide[i].abs().max().item<double>(), 3e-2)
              << "result " << i << " of " << image.sizes();
        }
      }
}

TEST(Layers, convolutions_in_bf16_are_those_in_float32_within_rounding) {
  for (const std::int64_t kernel : {1, 3})
    for (const std::int64_t stride : {1, 2})
      expect_the_same_in_bf16(Convolution({.in = 64, .out = 128, .kernel = kernel, .stride = stride}), 64);
}

TEST(Layers, doubling_convolutions_in_bf16_are_those_in_float32_within_rounding) {
  expect_the_same_in_bf16(DoublingConvolution(128, 64, Initialisation::kHeFanIn), 128);
}

}  // namespace
}  // namespace resolute::workers::layers_test
