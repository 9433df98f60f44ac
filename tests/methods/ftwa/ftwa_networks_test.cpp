//! FTWA's networks: shapes and numbers of parameters as worked out by hand from the layers that ftwa_networks.h names.
#include <gtest/gtest.h>

#include "methods/ftwa/networks/networks.h"
#include "networks/nn/backbone.h"
#include "networks/nn/initialise.h"
#include "tests/methods/small_training.h"
#include "tests/support/any_word.h"
#include "tests/support/formula.h"

namespace resolute::workers::ftwa_networks_test {
namespace {

using worker_tests::parameter_count;

TEST(FtwaNetworks, resnet50_has_the_papers_maps_and_the_counted_parameters) {
  const at::NoGradGuard no_grad;
  const settings::TrunkShape shape = settings::trunk_shape({.backbone = settings::Trunk::kResnet50, .last_stride = 1});
  const networks::ShallowTrunk encoder(shape);
  const networks::Backbone trunk(shape);
  const methods::FeatureTransformation transformation(2048, 4);
  const at::Tensor f2 = encoder.forward_shallow(at::zeros({1, 3, 256, 128}))[1];
  EXPECT_EQ(f2.sizes(), (at::IntArrayRef{1, 256, 64, 32}));
  const at::Tensor f5 = trunk.forward_deep(f2).back();
  EXPECT_EQ(f5.sizes(), (at::IntArrayRef{1, 2048, 16, 8}));
  EXPECT_EQ(transformation.forward(f5).sizes(), f5.sizes());
  EXPECT_EQ(methods::QualityEvaluator(2048).forward(at::zeros({3, 2048})).sizes(), (at::IntArrayRef{3}));

  // conv1 9,408 + bn1 128; layer1's first block 75,008, its second and third 70,400 each.
  EXPECT_EQ(parameter_count(encoder), 225'344);
  // A block of width 256: 590,080 + 2 · 295,168 + 147,584 + 16,416 + 16,896 + 131,328.
  EXPECT_EQ(parameter_count(methods::TransformationBlock(256)), 1'492'640);
  // Head 524,544; four blocks; 262,400; 590,080; tail 526,336.
  EXPECT_EQ(parameter_count(transformation), 7'873'920);
  EXPECT_EQ(parameter_count(methods::QualityEvaluator(2048)), 1'049'601);
}

TEST(FtwaNetworks, resnet_small_has_the_counted_parameters) {
  const at::NoGradGuard no_grad;
  const settings::TrunkShape shape =
      settings::trunk_shape({.backbone = settings::Trunk::kResnetSmall, .last_stride = 1});
  const networks::ShallowTrunk encoder(shape);
  const networks::Backbone trunk(shape);
  const methods::FeatureTransformation transformation(128, 4);
  const at::Tensor f2 = encoder.forward_shallow(at::zeros({2, 3, 64, 32}))[1];
  EXPECT_EQ(f2.sizes(), (at::IntArrayRef{2, 16, 32, 16}));
  const at::Tensor f5 = trunk.forward_deep(f2).back();
  EXPECT_EQ(f5.sizes(), (at::IntArrayRef{2, 128, 8, 4}));
  EXPECT_EQ(transformation.forward(f5).sizes(), f5.sizes());

  // Stem 432 + 32; a block of two 3×3 convolutions 2 · (2,304 + 32), its downsampling 256 + 32.
  EXPECT_EQ(parameter_count(encoder), 5'424);
  EXPECT_EQ(parameter_count(methods::TransformationBlock(32)), 23'508);
  EXPECT_EQ(parameter_count(transformation), 115'760);
  // Another block: its own and 32 · 32 of the 1×1 behind the concatenation.
  EXPECT_EQ(parameter_count(methods::FeatureTransformation(128, 5)), 115'760 + 23'508 + 1'024);
  EXPECT_EQ(parameter_count(methods::QualityEvaluator(128)), 4'161);
}

TEST(FtwaNetworks, a_trunk_is_its_shallow_part_and_its_deep_one) {
  const at::NoGradGuard no_grad;
  for (const char* name : {"resnet50", "resnet-small"}) {
    const settings::TrunkShape shape = settings::trunk_shape({.backbone = tests::AnyWord(name), .last_stride = 1});
    networks::Backbone trunk(shape);
    tests::fill_with_numbers(trunk);
    networks::ShallowTrunk encoder(shape);
    networks::copy_weights(trunk, encoder);
    const at::Tensor images = tests::numbers("images", {2, 3, 32, 16});
    const std::vector<at::Tensor> whole = trunk.forward(images);
    const auto [f1, f2] = encoder.forward_shallow(images);
    const std::vector<at::Tensor> deep = trunk.forward_deep(f2);
    EXPECT_TRUE(whole[0].equal(f1));
    EXPECT_TRUE(whole[1].equal(f2));
    for (std::size_t i = 0; i < deep.size(); ++i) EXPECT_TRUE(whole[i + 2].equal(deep[i])) << i;
  }
}

TEST(FtwaNetworks, the_transformation_adds_to_its_input_and_so_do_its_blocks) {
  const at::NoGradGuard no_grad;
  methods::FeatureTransformation transformation(64, 2);
  tests::fill_with_numbers(transformation);
  const at::Tensor map = tests::numbers("map", {3, 64, 4, 2});
  const at::Tensor output = transformation.forward(map);
  EXPECT_FALSE(output.allclose(map, 1e-2, 1e-2));
  for (auto& item : transformation.named_parameters())
    if (item.key().starts_with("tail.")) item.value().zero_();
  EXPECT_TRUE(transformation.forward(map).equal(map));
  methods::TransformationBlock block(32);
  tests::fill_with_numbers(block);
  const at::Tensor narrow = tests::numbers("map", {3, 32, 4, 2});
  EXPECT_FALSE(block.forward(narrow).allclose(narrow, 1e-2, 1e-2));
  for (auto& item : block.named_parameters())
    if (item.key().starts_with("fuse.")) item.value().zero_();
  EXPECT_TRUE(block.forward(narrow).equal(narrow));
}

TEST(FtwaNetworks, a_fresh_transformation_is_near_the_identity) {
  const at::NoGradGuard no_grad;
  struct Root : torch::nn::Module {
  } root;
  auto transformation =
      root.register_module("transformation", std::make_shared<methods::FeatureTransformation>(128, 4));
  networks::initialise(root, 0);
  const at::Tensor map = tests::numbers("map", {8, 128, 8, 4}).relu_();
  const double change = (transformation->forward(map) - map).norm().item<double>() / map.norm().item<double>();
  EXPECT_GT(change, 1e-3);
  EXPECT_LT(change, 0.5);
}

TEST(FtwaNetworks, weights_are_positive_whatever_the_vector) {
  const at::NoGradGuard no_grad;
  methods::QualityEvaluator evaluator(16);
  tests::fill_with_numbers(evaluator);
  for (double scale : {1.0, 1e3, -1e3, 1e30}) {
    const at::Tensor weights = evaluator.forward(tests::numbers("vectors", {9, 16}, scale));
    EXPECT_GE(weights.min().item<double>(), 1e-3F);
    EXPECT_LE(weights.max().item<double>(), 1.001F);
  }
  const at::Tensor narrow = evaluator.forward(tests::numbers("vectors", {9, 16}));
  EXPECT_GT((narrow.max() - narrow.min()).item<double>(), 1e-2);  // they do depend on it
}

}  // namespace
}  // namespace resolute::workers::ftwa_networks_test
