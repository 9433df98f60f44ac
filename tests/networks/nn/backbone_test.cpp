#include "networks/nn/backbone.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <string_view>

#include "settings/trunk_shape.h"
#include "tests/support/any_word.h"
#include "tests/support/formula.h"

namespace resolute::networks::backbone_test {
namespace {

std::vector<std::vector<std::int64_t>> shapes(const std::string& backbone, int last_stride, std::int64_t height,
                                              std::int64_t width) {
  at::NoGradGuard no_grad;
  Backbone trunk(settings::trunk_shape({.backbone = tests::AnyWord(backbone), .last_stride = last_stride}));
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

TEST(Backbone, efficientnet_lite0_halves_five_times_or_four) {
  EXPECT_EQ(shapes("efficientnet-lite0", 2, 64, 32),
            (Shapes{{1, 16, 32, 16}, {1, 24, 16, 8}, {1, 40, 8, 4}, {1, 112, 4, 2}, {1, 1280, 2, 1}}));
  EXPECT_EQ(shapes("efficientnet-lite0", 1, 64, 32).back(), (std::vector<std::int64_t>{1, 1280, 4, 2}));
  EXPECT_EQ(shapes("efficientnet-lite0", 2, 50, 23),
            (Shapes{{1, 16, 25, 12}, {1, 24, 13, 6}, {1, 40, 7, 3}, {1, 112, 4, 2}, {1, 1280, 2, 1}}));
}

TEST(Backbone, total_stride_and_channels) {
  EXPECT_EQ(Backbone(settings::trunk_shape({.last_stride = 1})).total_stride(), 16);
  EXPECT_EQ(Backbone(settings::trunk_shape({.last_stride = 2})).total_stride(), 32);
  EXPECT_EQ(Backbone(settings::trunk_shape({.backbone = settings::Trunk::kResnetSmall})).total_stride(), 8);
  EXPECT_EQ(Backbone(settings::trunk_shape({.last_stride = 1})).channels(5), 2048);
}

// What checks and widths are made from is what the network does.
TEST(Backbone, each_level_has_the_channels_and_the_stride_of_its_row) {
  for (const std::string& backbone : settings::word_list<settings::Trunk>())
    for (int last_stride : {1, 2}) {
      const auto found = shapes(backbone, last_stride, 64, 32);
      const settings::TrunkShape shape =
          settings::trunk_shape({.backbone = tests::AnyWord(backbone), .last_stride = last_stride});
      for (int level = 1; level <= settings::kTrunkLevels; ++level)
        EXPECT_EQ(
            found[static_cast<std::size_t>(level) - 1],
            (std::vector<std::int64_t>{1, shape.channels(level), 64 / shape.stride(level), 32 / shape.stride(level)}))
            << backbone << " " << level;
    }
}

//! torchvision's resnet50 without fc: 161 - 2 parameters, 23,508,032 values; its names.
TEST(Backbone, resnet50_has_torchvisions_parameters) {
  Backbone trunk(settings::trunk_shape({.last_stride = 2}));
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

//! efficientnet-lite-pytorch's model without _fc: 4,652,008 - 1,281,000 values; its names.
TEST(Backbone, efficientnet_lite0_has_the_packages_parameters) {
  Backbone trunk(settings::trunk_shape({.backbone = settings::Trunk::kEfficientnetLite0}));
  const core::Json expected = tests::golden("efficientnet_lite/trunk.json")["even"];
  std::int64_t values = 0;
  for (const auto& item : trunk.named_parameters()) {
    values += item.value().numel();
    EXPECT_TRUE(expected["gradients"].contains(item.key())) << item.key();
  }
  EXPECT_EQ(values, 3'371'008);
  EXPECT_EQ(trunk.named_parameters().size() + 1, expected["gradients"].size());  // and the images
  EXPECT_EQ(trunk.named_buffers().size(), expected["buffers"].size());
}

//! IBN-Net's resnet50_ibn_a without fc: as many values as torchvision's resnet50, in its names.
TEST(Backbone, resnet50_ibn_a_has_the_published_parameters) {
  const Backbone trunk(settings::trunk_shape({.backbone = settings::Trunk::kResnet50IbnA}));
  const core::Json expected = tests::golden("ibn_net/trunk.json")["odd"];
  std::int64_t values = 0;
  for (const auto& item : trunk.named_parameters()) {
    values += item.value().numel();
    EXPECT_TRUE(expected["gradients"].contains(item.key())) << item.key();
  }
  EXPECT_EQ(values, 23'508'032);
  EXPECT_EQ(trunk.named_parameters().size() + 1, expected["gradients"].size());  // and the images
  EXPECT_EQ(trunk.named_buffers().size(), expected["buffers"].size());
  for (const char* name :
       {"layer1.0.bn1.IN.weight", "layer3.5.bn1.BN.bias", "layer1.0.bn2.weight", "layer4.0.bn1.bias"})
    EXPECT_TRUE(trunk.named_parameters().contains(name)) << name;
}

// A case of a golden file of a trunk: tests/golden/FOLDER/trunk.json.
struct TwinCase {
  settings::Trunk backbone;
  const char *folder, *name;
};

class TwinOfTrunk : public ::testing::TestWithParam<TwinCase> {
 protected:
  static void expect_near(double found, const core::Json& expected, const std::string& what) {
    const auto value = expected.get<double>();
    EXPECT_NEAR(found, value, 1e-8 * std::max(1.0, std::abs(value))) << what;
  }
};
INSTANTIATE_TEST_SUITE_P(Cases, TwinOfTrunk,
                         ::testing::Values(TwinCase{settings::Trunk::kEfficientnetLite0, "efficientnet_lite", "even"},
                                           TwinCase{settings::Trunk::kEfficientnetLite0, "efficientnet_lite",
                                                    "last_stride_1"},
                                           TwinCase{settings::Trunk::kEfficientnetLite0, "efficientnet_lite", "odd"},
                                           TwinCase{settings::Trunk::kResnet50IbnA, "ibn_net", "last_stride_1"},
                                           TwinCase{settings::Trunk::kResnet50IbnA, "ibn_net", "odd"}),
                         [](const auto& info) { return std::string(info.param.folder) + "_" + info.param.name; });

// Maps, gradients and running statistics, with TensorFlow's padding of even sides and of odd ones.
TEST_P(TwinOfTrunk, equals_an_independent_network) {
  at::set_num_threads(1);
  const std::string folder = GetParam().folder;
  const core::Json expected = tests::golden(folder + "/trunk.json")[GetParam().name];
  struct Root : torch::nn::Module {
  } root;
  auto trunk = root.register_module(
      "trunk", std::make_shared<Backbone>(
                   settings::trunk_shape({.backbone = GetParam().backbone, .last_stride = expected["last_stride"]})));
  tests::fill_with_numbers(root);
  root.to(at::kDouble);
  const auto size = expected["size"].get<std::vector<std::int64_t>>();
  const at::Tensor images = tests::numbers("images/" + folder, {3, 3, size[0], size[1]}, 1.5)
                                .to(at::kDouble)
                                .contiguous(at::MemoryFormat::ChannelsLast)
                                .requires_grad_();
  at::Tensor total = at::zeros({}, at::kDouble);
  for (const char* mode : {"evaluation", "training"}) {
    const bool training = std::string_view(mode) == "training";
    trunk->train(training);
    const std::vector<at::Tensor> maps = trunk->forward(images);
    for (std::size_t j = 0; j < maps.size(); ++j) {
      const core::Json& f = expected[mode][j];
      const std::string name = "f" + std::to_string(j + 1);
      EXPECT_EQ(maps[j].sizes().vec(), f["shape"].get<std::vector<std::int64_t>>());
      EXPECT_TRUE(maps[j].is_contiguous(at::MemoryFormat::ChannelsLast)) << name;
      expect_near(maps[j].mean().item<double>(), f["mean"], name);
      expect_near(tests::probe(name, maps[j]), f["probe"], name);
      if (training)
        total = total + (maps[j] * tests::numbers(name + "/weights", maps[j].sizes()).to(at::kDouble)).sum() /
                            std::sqrt(static_cast<double>(maps[j].numel()));
    }
  }
  total.backward();
  expect_near(tests::probe("trunk.images", images.grad()), expected["gradients"]["images"], "images");
  for (const auto& item : trunk->named_parameters())
    expect_near(tests::probe("trunk." + item.key(), item.value().grad()), expected["gradients"][item.key()],
                item.key());
  for (const auto& item : trunk->named_buffers())
    expect_near(tests::probe("trunk." + item.key(), item.value()), expected["buffers"][item.key()], item.key());
}

TEST(Backbone, frozen_levels_keep_weights_and_statistics_and_pass_gradients_on) {
  at::set_num_threads(1);
  const at::Tensor images =
      tests::numbers("images/frozen", {2, 3, 32, 32}, 1.5).contiguous(at::MemoryFormat::ChannelsLast);
  for (const std::string& backbone : settings::word_list<settings::Trunk>())
    for (int frozen = 0; frozen <= settings::kTrunkLevels; ++frozen) {
      SCOPED_TRACE(backbone + " " + std::to_string(frozen));
      const auto made = [&](int levels) {
        auto trunk = std::make_shared<Backbone>(
            settings::trunk_shape({.backbone = tests::AnyWord(backbone), .frozen_levels = levels}));
        tests::fill_with_numbers(*trunk);
        return trunk;
      };
      const auto trunk = made(frozen), free = made(0);
      at::Tensor input = images.clone().requires_grad_();
      const std::vector<at::Tensor> maps = trunk->forward(input);
      maps.back().sum().backward();
      EXPECT_TRUE(input.grad().defined());
      // As in evaluation up to the last frozen level.
      free->eval();
      const std::vector<at::Tensor> evaluated = free->forward(images);
      for (std::size_t j = 0; j < maps.size(); ++j)
        EXPECT_EQ(maps[j].equal(evaluated[j]), j < static_cast<std::size_t>(frozen)) << j;
      // What learns: no parameter of a frozen level, every one of the others.
      std::set<std::string> of_frozen;
      const auto note = [&](const torch::nn::Module& part) {
        for (const at::Tensor& parameter : part.parameters())
          for (const auto& item : trunk->named_parameters())
            if (item.value().is_same(parameter)) of_frozen.insert(item.key());
      };
      if (frozen > 0) note(*trunk->stem().convolution), note(*trunk->stem().norm);
      std::size_t block = 0;
      for (const settings::TrunkStage& stage : trunk->shape().stages)
        for (int i = 0; i < stage.blocks; ++i, ++block)
          if (stage.level <= frozen) note(*trunk->blocks()[block]);
      if (trunk->head() && frozen == settings::kTrunkLevels)
        note(*trunk->head()->convolution), note(*trunk->head()->norm);
      for (const auto& item : trunk->named_parameters()) {
        EXPECT_EQ(item.value().requires_grad(), !of_frozen.contains(item.key())) << item.key();
        EXPECT_EQ(item.value().grad().defined(), !of_frozen.contains(item.key())) << item.key();
      }
      for (const auto& item : trunk->named_buffers()) {
        const std::string weight = item.key().substr(0, item.key().rfind('.')) + ".weight";
        EXPECT_EQ(item.value().equal(free->named_buffers()[item.key()]), of_frozen.contains(weight)) << item.key();
      }
    }
}

TEST(Backbone, equals_its_python_twin) {
  at::set_num_threads(1);
  at::NoGradGuard no_grad;
  const core::Json expected = tests::golden("rain/resnet50.json");
  struct Root : torch::nn::Module {
  } root;
  auto trunk = root.register_module("trunk", std::make_shared<Backbone>(settings::trunk_shape({.last_stride = 1})));
  tests::fill_with_numbers(root);
  root.to(at::kDouble);
  auto features = trunk->forward(tests::numbers("images/resnet50", {2, 3, 64, 32}, 1.5).to(at::kDouble));
  for (std::size_t j = 0; j < features.size(); ++j) {
    const core::Json& f = expected["features"][j];
    EXPECT_EQ(features[j].sizes().vec(), f["shape"].get<std::vector<std::int64_t>>());
    EXPECT_NEAR(features[j].mean().item<double>(), f["mean"].get<double>(), 1e-9);
    EXPECT_NEAR(tests::probe("f" + std::to_string(j + 1), features[j]), f["probe"].get<double>(), 1e-9);
  }
}

TEST(Backbone, what_comes_after_a_block_is_what_the_next_one_reads) {
  at::set_num_threads(1);
  const at::NoGradGuard no_grad;
  for (const std::string& backbone : settings::word_list<settings::Trunk>()) {
    const settings::NetworkSettings network{.backbone = tests::AnyWord(backbone), .last_stride = 1};
    Backbone trunk(settings::trunk_shape(network));
    tests::fill_with_numbers(trunk);
    trunk.eval();
    const at::Tensor images = tests::numbers("images/after", {1, 3, 32, 16}, 1.5);
    const std::vector<at::Tensor> plain = trunk.forward(images);
    std::vector<std::size_t> blocks;
    std::vector<std::int64_t> channels;
    const auto noted = trunk.forward(images, [&](std::size_t block, const at::Tensor& map) {
      blocks.push_back(block);
      if (channels.empty() || channels.back() != map.size(1)) channels.push_back(map.size(1));
      return map;
    });
    for (std::size_t j = 0; j < kLevels; ++j) EXPECT_TRUE(noted[j].equal(plain[j])) << j;
    ASSERT_EQ(blocks.size(), static_cast<std::size_t>(trunk.shape().blocks()));
    for (std::size_t i = 0; i < blocks.size(); ++i) EXPECT_EQ(blocks[i], i);
    std::vector<std::int64_t> of_stages;
    std::size_t cut = 0;  // the first block of level 3
    for (const settings::TrunkStage& stage : trunk.shape().stages) {
      of_stages.push_back(stage.channels);
      if (stage.level < 3) cut += static_cast<std::size_t>(stage.blocks);
    }
    EXPECT_EQ(channels, of_stages);
    // Behind zeros an image tells nothing.
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

TEST(Backbone, tells_the_level_of_each_parameter) {
  const Backbone trunk(settings::trunk_shape({.backbone = settings::Trunk::kEfficientnetLite0}));
  const auto named = trunk.named_parameters();
  for (const auto& [name, level] : std::vector<std::pair<std::string, int>>{{"_conv_stem.weight", 1},
                                                                            {"_bn0.bias", 1},
                                                                            {"_blocks.0._bn1.weight", 1},
                                                                            {"_blocks.1._project_conv.weight", 2},
                                                                            {"_blocks.5._bn2.weight", 4},
                                                                            {"_blocks.15._project_conv.weight", 5},
                                                                            {"_conv_head.weight", 5},
                                                                            {"_bn1.bias", 5}})
    EXPECT_EQ(level, trunk.level_of(named[name])) << name;
}

}  // namespace
}  // namespace resolute::networks::backbone_test
