//! \file
//! RAIN's networks at the paper's size: shapes of f1..f5, D and G for 3×256×128 images, numbers
//! of parameters, and what distinguishes the kinds of D and G.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <set>

#include "core/error.h"
#include "methods/rain/networks/networks.h"
#include "networks/nn/backbone.h"
#include "tests/methods/method_terms.h"
#include "tests/methods/small_training.h"
#include "tests/support/any_word.h"
#include "tests/support/formula.h"

namespace resolute::workers::rain_networks_test {
namespace {

using worker_tests::parameter_count;

constexpr std::int64_t kHeight = 256, kWidth = 128;

std::shared_ptr<networks::Backbone> trunk_of(const char* backbone, int last_stride) {
  return std::make_shared<networks::Backbone>(
      settings::trunk_shape({.backbone = tests::AnyWord(backbone), .last_stride = last_stride}));
}

//! Channels, height and width of f1..f5.
std::array<std::array<std::int64_t, 3>, networks::kLevels> maps(int last_stride) {
  const std::int64_t h5 = last_stride == 1 ? 16 : 8, w5 = last_stride == 1 ? 8 : 4;
  return {{{64, 128, 64}, {256, 64, 32}, {512, 32, 16}, {1024, 16, 8}, {2048, h5, w5}}};
}

TEST(RainNetworks, resnet50_gives_the_five_maps_of_the_protocols) {
  at::NoGradGuard no_grad;
  for (int last_stride : {1, 2}) {
    const auto trunk = trunk_of("resnet50", last_stride);
    const auto features = trunk->forward(at::zeros({1, 3, kHeight, kWidth}));
    ASSERT_EQ(features.size(), networks::kLevels);
    for (std::size_t j = 0; j < networks::kLevels; ++j) {
      const auto [channels, height, width] = maps(last_stride)[j];
      EXPECT_EQ(features[j].sizes(), (at::IntArrayRef{1, channels, height, width})) << "f" << j + 1;
      EXPECT_EQ(trunk->channels(static_cast<int>(j + 1)), channels);
    }
    // torchvision's 25 557 032 less the 2 049 000 of its classifier.
    EXPECT_EQ(parameter_count(*trunk), 23'508'032);
  }
}

TEST(RainNetworks, discriminators_judge_a_quarter_of_the_cells_or_each) {
  at::NoGradGuard no_grad;
  for (int last_stride : {1, 2})
    for (const auto& [channels, height, width] : maps(last_stride)) {
      const at::Tensor feature = at::zeros({2, channels, height, width});
      EXPECT_EQ(methods::Discriminator(channels, 256, tests::AnyWord("convolutional")).forward(feature).sizes(),
                (at::IntArrayRef{2, 1, height / 2, width / 2}));
      EXPECT_EQ(methods::Discriminator(channels, 256, tests::AnyWord("pixelwise")).forward(feature).sizes(),
                (at::IntArrayRef{2, 1, height, width}));
    }
  // ⌈h/2⌉×⌈w/2⌉ of odd maps.
  EXPECT_EQ(methods::Discriminator(8, 4, tests::AnyWord("convolutional")).forward(at::zeros({1, 8, 5, 3})).sizes(),
            (at::IntArrayRef{1, 1, 3, 2}));
}

TEST(RainNetworks, discriminators_have_the_parameters_of_their_layers) {
  const std::int64_t w = 256;
  for (const std::int64_t c : {64, 256, 512, 1024, 2048}) {
    const std::int64_t enter = c * w + w, judge = w / 2 + 1;
    EXPECT_EQ(parameter_count(methods::Discriminator(c, w, tests::AnyWord("convolutional"))),
              enter + (9 * w * w + w) + (9 * w * (w / 2) + w / 2) + judge);
    EXPECT_EQ(parameter_count(methods::Discriminator(c, w, tests::AnyWord("pixelwise"))),
              enter + (w * (w / 2) + w / 2) + judge);
  }
  EXPECT_EQ(trunk_of("resnet50", 1)->shape().discriminator_width, w);
  EXPECT_EQ(trunk_of("resnet-small", 1)->shape().discriminator_width, 64);
}

TEST(RainNetworks, decoders_return_to_the_image_and_have_the_parameters_of_their_layers) {
  at::NoGradGuard no_grad;
  for (int last_stride : {1, 2}) {
    const auto trunk = trunk_of("resnet50", last_stride);
    std::vector<std::int64_t> widths = {2048, 512, 256, 128, 64};
    if (last_stride == 2) widths.push_back(32);
    const auto [channels, height, width] = maps(last_stride)[4];
    const at::Tensor f5 = at::zeros({1, channels, height, width});
    for (const auto& [kind, taps] : {std::pair{"nearest", 9}, std::pair{"transposed", 16}}) {
      const methods::Decoder decoder(*trunk, tests::AnyWord(kind));
      EXPECT_EQ(decoder.forward(f5, kHeight, kWidth).sizes(), (at::IntArrayRef{1, 3, kHeight, kWidth})) << kind;
      std::int64_t expected = 9 * widths.back() * 3 + 3;
      for (std::size_t i = 1; i < widths.size(); ++i) expected += taps * widths[i - 1] * widths[i] + 2 * widths[i];
      EXPECT_EQ(parameter_count(decoder), expected) << kind;
    }
  }
}

TEST(RainNetworks, a_pixelwise_discriminator_judges_a_cell_by_itself) {
  for (const bool pixelwise : {false, true}) {
    methods::Discriminator discriminator(8, 4, tests::AnyWord(pixelwise ? "pixelwise" : "convolutional"));
    tests::fill_with_numbers(discriminator);
    at::Tensor feature = tests::numbers("feature", {1, 8, 6, 4}, 2.0).requires_grad_();
    const at::Tensor judged = discriminator.forward(feature)[0][0][1][1];
    const at::Tensor reached = torch::autograd::grad({judged}, {feature})[0].abs().sum(1)[0] > 0;
    EXPECT_EQ(reached.sum().item<std::int64_t>() == 1, pixelwise);
    EXPECT_TRUE(reached[1][1].item<bool>());
  }
}

TEST(RainNetworks, a_frozen_discriminator_judges_alike_and_learns_nothing) {
  for (const char* kind : {"convolutional", "pixelwise"}) {
    methods::Discriminator discriminator(8, 4, tests::AnyWord(kind));
    tests::fill_with_numbers(discriminator);
    at::Tensor feature = tests::numbers("feature", {2, 8, 6, 4}, 2.0).requires_grad_();
    const at::Tensor free = discriminator.forward(feature), frozen = discriminator.forward_frozen(feature);
    EXPECT_TRUE(at::equal(free, frozen));
    frozen.sum().backward();
    EXPECT_TRUE(feature.grad().defined());
    for (const auto& item : discriminator.named_parameters()) EXPECT_FALSE(item.value().grad().defined()) << item.key();
  }
}

TEST(RainNetworks, layers_begin_as_wide_as_what_one_output_value_sees) {
  const auto trunk = trunk_of("resnet50", 1);
  for (const auto& [kind, taps] : {std::pair{"nearest", 9}, std::pair{"transposed", 4}}) {
    methods::Decoder decoder(*trunk, tests::AnyWord(kind));
    networks::initialise(decoder, 3);
    const double found = decoder.named_parameters()["conv1.weight"].std().item<double>();
    EXPECT_NEAR(found * std::sqrt(2048.0 * taps / 2), 1, 1e-2) << kind;
  }
}

//! Of every map that both streams share, whether a loss reaches one stream of it or both.
TEST(RainNetworks, gradients_of_two_streams_in_one_pass_stay_channels_last) {
  for (const bool non_saturating : {false, true}) {
    experiments::RainOptions options;
    options.adversary = methods::Adversary{.levels = {1, 2, 3, 4, 5}, .non_saturating = non_saturating};
    const auto method = worker_tests::made_up(
        options, {.backbone = settings::Trunk::kResnetSmall, .bn_streams = settings::BatchNormStreams::kJoint});
    const methods::LaneBatch batch = worker_tests::made_up_batch(2, 2, 128, 64);
    const methods::Activations activations = method->forward(batch);
    std::set<const void*> shared;
    int reached = 0;
    for (const at::Tensor& tensor : activations.tensors) {
      if (!tensor.defined() || tensor.dim() != 4) continue;
      ASSERT_TRUE(tensor.is_view());
      const at::Tensor both(tensor._base());
      if (!shared.insert(both.unsafeGetTensorImpl()).second) continue;
      EXPECT_TRUE(both.is_contiguous(at::MemoryFormat::ChannelsLast)) << both.sizes();
      both.register_hook([&, sizes = both.sizes().vec()](const at::Tensor& gradient) {
        ++reached;
        EXPECT_TRUE(gradient.is_contiguous(at::MemoryFormat::ChannelsLast) && !gradient.is_contiguous())
            << at::IntArrayRef(sizes);
      });
    }
    EXPECT_EQ(6U, shared.size()) << "five maps and the images";
    worker_tests::sum_of(worker_tests::terms_of(*method, 1, activations, batch)).backward();
    EXPECT_EQ(6, reached);
  }
}

}  // namespace
}  // namespace resolute::workers::rain_networks_test
