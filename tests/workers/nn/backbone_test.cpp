#include "workers/nn/backbone.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "methods/trunk_shape.h"
#include "tests/support/any_word.h"
#include "tests/workers/formula.h"

namespace resolute::workers::backbone_test {
namespace {

std::vector<std::vector<std::int64_t>> shapes(const std::string& backbone, int last_stride, std::int64_t height,
                                              std::int64_t width) {
  at::NoGradGuard no_grad;
  Backbone trunk(backbone_shape({.backbone = tests::AnyWord(backbone), .last_stride = last_stride}));
  initialise(trunk, 1);
  std::vector<std::vector<std::int64_t>> found;
  for (const at::Tensor& f : trunk.forward(at::zeros({1, 3, height, width}).contiguous(at::MemoryFormat::ChannelsLast)))
    found.push_back(f.sizes().vec());
  return found;
}

using Shapes = std::vector<std::vector<std::int64_t>>;

TEST(Backbone, resnet50_gives_the_papers_maps) {
  EXPECT_EQ(shapes("resnet50", 1, 256, 128),
            (Shapes{{1, 64, 128, 64}, {1, 256, 64, 32}, {1, 512, 32, 16}, {1, 1024, 16, 8}, {1, 2048, 16, 8}}));
  EXPECT_EQ(shapes("resnet50", 2, 256, 128).back(), (std::vector<std::int64_t>{1, 2048, 8, 4}));
}

TEST(Backbone, resnet_small_keeps_a_small_image) {
  EXPECT_EQ(shapes("resnet-small", 1, 64, 32),
            (Shapes{{1, 16, 64, 32}, {1, 16, 32, 16}, {1, 32, 16, 8}, {1, 64, 8, 4}, {1, 128, 8, 4}}));
  EXPECT_EQ(shapes("resnet-small", 2, 64, 32).back(), (std::vector<std::int64_t>{1, 128, 4, 2}));
}

TEST(Backbone, total_stride_and_channels) {
  EXPECT_EQ(Backbone(backbone_shape({.last_stride = 1})).total_stride(), 16);
  EXPECT_EQ(Backbone(backbone_shape({.last_stride = 2})).total_stride(), 32);
  EXPECT_EQ(Backbone(backbone_shape({.backbone = settings::Trunk::kResnetSmall})).total_stride(), 8);
  EXPECT_EQ(Backbone(backbone_shape({.last_stride = 1})).channels(5), 2048);
}

TEST(Backbone, the_planner_knows_each_trunks_stride) {
  for (const char* backbone : {"resnet50", "resnet-small"})
    for (int last_stride : {1, 2}) {
      const experiments::NetworkSettings network{.backbone = tests::AnyWord(backbone), .last_stride = last_stride};
      EXPECT_EQ(Backbone(backbone_shape(network)).total_stride(), methods::trunk_stride(network)) << backbone;
    }
}

//! torchvision's resnet50 without fc: 161 - 2 parameters, 23,508,032 values; its names.
TEST(Backbone, resnet50_has_torchvisions_parameters) {
  Backbone trunk(backbone_shape({.last_stride = 2}));
  auto parameters = trunk.named_parameters();
  EXPECT_EQ(parameters.size(), 159U);
  std::int64_t values = 0;
  for (const auto& item : parameters) values += item.value().numel();
  EXPECT_EQ(values, 23'508'032);
  for (const char* name : {"conv1.weight", "bn1.weight", "layer1.0.downsample.0.weight", "layer1.0.downsample.1.bias",
                           "layer3.5.conv3.weight", "layer4.2.bn3.bias"})
    EXPECT_TRUE(parameters.contains(name)) << name;
  EXPECT_TRUE(trunk.named_buffers().contains("layer4.0.bn2.running_var"));
  EXPECT_EQ(parameters["layer4.0.conv2.weight"].sizes(), (at::IntArrayRef{512, 512, 3, 3}));
}

TEST(Backbone, equals_its_python_twin) {
  at::set_num_threads(1);
  at::NoGradGuard no_grad;
  const core::Json expected = worker_tests::golden("rain/resnet50.json");
  struct Root : torch::nn::Module {
  } root;
  auto trunk = root.register_module("trunk", std::make_shared<Backbone>(backbone_shape({.last_stride = 1})));
  worker_tests::fill_with_numbers(root);
  root.to(at::kDouble);
  auto features = trunk->forward(worker_tests::numbers("images/resnet50", {2, 3, 64, 32}, 1.5).to(at::kDouble));
  for (std::size_t j = 0; j < features.size(); ++j) {
    const core::Json& f = expected["features"][j];
    EXPECT_EQ(features[j].sizes().vec(), f["shape"].get<std::vector<std::int64_t>>());
    EXPECT_NEAR(features[j].mean().item<double>(), f["mean"].get<double>(), 1e-9);
    EXPECT_NEAR(worker_tests::probe("f" + std::to_string(j + 1), features[j]), f["probe"].get<double>(), 1e-9);
  }
}

TEST(Backbone, what_comes_after_a_block_is_what_the_next_one_reads) {
  at::set_num_threads(1);
  const at::NoGradGuard no_grad;
  for (const char* backbone : {"resnet50", "resnet-small"}) {
    const experiments::NetworkSettings network{.backbone = tests::AnyWord(backbone), .last_stride = 1};
    Backbone trunk(backbone_shape(network));
    worker_tests::fill_with_numbers(trunk);
    trunk.eval();
    const at::Tensor images = worker_tests::numbers("images/after", {1, 3, 32, 16}, 1.5);
    const std::vector<at::Tensor> plain = trunk.forward(images);
    std::vector<std::size_t> blocks;
    std::vector<std::int64_t> channels;
    const auto noted = trunk.forward(images, [&](std::size_t block, const at::Tensor& map) {
      blocks.push_back(block);
      if (channels.empty() || channels.back() != map.size(1)) channels.push_back(map.size(1));
      return map;
    });
    for (std::size_t j = 0; j < kLevels; ++j) EXPECT_TRUE(noted[j].equal(plain[j])) << j;
    ASSERT_EQ(blocks.size(), static_cast<std::size_t>(methods::residual_blocks(network)));
    for (std::size_t i = 0; i < blocks.size(); ++i) EXPECT_EQ(blocks[i], i);
    EXPECT_EQ(channels,
              (std::vector<std::int64_t>{trunk.channels(2), trunk.channels(3), trunk.channels(4), trunk.channels(5)}));
    // Behind zeros an image tells nothing.
    const auto cut = static_cast<std::size_t>(trunk.shape().blocks[0]);  // the first of layer2
    const AfterBlock zeroed = [&](std::size_t block, const at::Tensor& map) { return block == cut ? map * 0 : map; };
    const std::vector<at::Tensor> of_images = trunk.forward(images, zeroed), of_others = trunk.forward(-images, zeroed);
    EXPECT_TRUE(of_images[0].equal(plain[0]) && of_images[1].equal(plain[1]));
    EXPECT_FALSE(of_images[1].equal(of_others[1]));
    for (std::size_t j = 2; j < kLevels; ++j) {
      EXPECT_TRUE(of_images[j].equal(of_others[j])) << j;
      EXPECT_FALSE(of_images[j].equal(plain[j])) << j;
    }
  }
}

TEST(Backbone, refuses_what_it_does_not_know) {}

}  // namespace
}  // namespace resolute::workers::backbone_test
