#include "networks/nn/layers.h"

#include <gtest/gtest.h>

#include "tests/support/formula.h"

namespace resolute::networks::layers_test {
namespace {

// Output, and the gradients of input and weight.
template <class Layer>
std::vector<at::Tensor> run(const Layer& layer, const at::Tensor& image) {
  const at::Tensor input = image.detach().clone(at::MemoryFormat::ChannelsLast).requires_grad_(),
                   output = layer.forward(input);
  std::vector<at::Tensor> results{output.detach().to(at::kFloat)};
  const at::Tensor seed = tests::numbers("seed/layer", output.sizes()).to(output.scalar_type());
  for (const at::Tensor& gradient :
       torch::autograd::grad({output}, {input, layer.weight}, {seed.contiguous(at::MemoryFormat::ChannelsLast)}))
    results.push_back(gradient.to(at::kFloat));
  return results;
}

// In bf16 what float32 gives, at the smallest maps too: there kernels of some processors are wrong.
template <class Layer>
void expect_the_same_in_bf16(Layer layer, std::int64_t channels) {
  tests::fill_with_numbers(layer);
  for (const std::int64_t height : {1, 2, 4, 8})
    for (const std::int64_t width : {1, 2, 3, 4})
      for (const std::int64_t rows : {1, 16}) {
        const at::Tensor image = tests::numbers("images/layer", {rows, channels, height, width});
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

// torch's instance_norm, written by hand; a map of no row, and one of a single pixel, whose output is the bias.
TEST(Layers, an_instance_norm_normalises_each_channel_of_each_image) {
  for (const std::int64_t rows : {0, 1, 3})
    for (const std::int64_t side : {1, 5})
      for (const at::MemoryFormat format : {at::MemoryFormat::Contiguous, at::MemoryFormat::ChannelsLast}) {
        InstanceNorm norm(4);
        tests::fill_with_numbers(norm);
        norm.to(at::kDouble);
        // A half of the channels, as IBN-a gives it one.
        const at::Tensor maps = tests::numbers("maps", {rows, 8, side, side}).to(at::kDouble).contiguous(format);
        const at::Tensor input = maps.narrow(1, 0, 4).detach().requires_grad_();
        const at::Tensor output = norm.forward(input);
        const auto [variance, mean] = at::var_mean(input, at::IntArrayRef{2, 3}, /*unbiased=*/false, /*keepdim=*/true);
        const at::Tensor by_hand =
            (input - mean) / (variance + 1e-5).sqrt() * norm.weight.view({1, -1, 1, 1}) + norm.bias.view({1, -1, 1, 1});
        EXPECT_TRUE(at::allclose(output, by_hand, 1e-10, 1e-12));
        const at::Tensor seed = tests::numbers("seed", output.sizes()).to(at::kDouble);
        const auto gradients = torch::autograd::grad({output}, {input, norm.weight, norm.bias}, {seed});
        const auto expected = torch::autograd::grad({by_hand}, {input, norm.weight, norm.bias}, {seed});
        for (std::size_t i = 0; i < gradients.size(); ++i)
          EXPECT_TRUE(at::allclose(gradients[i], expected[i], 1e-8, 1e-10)) << rows << " " << side << " " << i;
        if (side > 1 && rows > 0) EXPECT_TRUE(output.is_contiguous(format));
      }
}

// The number of threads decides neither bits nor gradients of maps that channels-last kernels would share out.
TEST(Layers, an_instance_norms_bits_are_those_of_one_thread) {
  InstanceNorm norm(4);
  tests::fill_with_numbers(norm);
  const at::Tensor maps = tests::numbers("maps", {3, 4, 64, 32}).contiguous(at::MemoryFormat::ChannelsLast);
  const auto run = [&](int threads) {
    at::set_num_threads(threads);
    const at::Tensor input = maps.clone().requires_grad_(), output = norm.forward(input);
    auto found = torch::autograd::grad({output}, {input, norm.weight, norm.bias}, {maps});
    found.push_back(output);
    at::set_num_threads(1);
    return found;
  };
  const std::vector<at::Tensor> one = run(1), three = run(3);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(one[i].equal(three[i])) << i;
}

// The sums are those of a convolution of the pixels that the stride meets, at every processor: oneDNN's gradient of the
// weight was another where the input has few channels, and overran its memory (CMakeLists.txt runs this with AVX2 too).
TEST(Layers, strided_1x1_convolutions_are_those_of_every_other_pixel) {
  for (const std::int64_t channels : {1, 2, 3, 4, 7, 8, 12, 15, 16, 17})
    for (const std::int64_t rows : {1, 2, 16})
      for (const std::int64_t height : {1, 3, 4, 8, 16}) {
        const ConvolutionOptions options{.in = channels, .out = 2 * channels, .stride = 2};
        Convolution strided(options), every_pixel({.in = options.in, .out = options.out});
        tests::fill_with_numbers(strided);
        tests::fill_with_numbers(every_pixel);
        every_pixel.to(at::kDouble);
        const at::Tensor image = tests::numbers("images/layer", {rows, channels, height, 8});
        const std::vector<at::Tensor> results = run(strided, image),
                                      expected = run(every_pixel,
                                                     image.to(at::kDouble).slice(2, 0, height, 2).slice(3, 0, 8, 2));
        EXPECT_LT((results[0] - expected[0]).abs().max().item<double>(), 1e-4) << image.sizes();
        EXPECT_LT((results[1].slice(2, 0, height, 2).slice(3, 0, 8, 2) - expected[1]).abs().max().item<double>(), 1e-4)
            << image.sizes();
        EXPECT_LT((results[2] - expected[2]).abs().max().item<double>(), 1e-3) << image.sizes();
      }
}

TEST(Layers, doubling_convolutions_in_bf16_are_those_in_float32_within_rounding) {
  expect_the_same_in_bf16(DoublingConvolution(128, 64, Initialisation::kHeFanIn), 128);
}

}  // namespace
}  // namespace resolute::networks::layers_test
