//! MSIFLA's networks: shapes, numbers of parameters and functions as worked out by hand from what msifla_networks.h
//! says, and the features that they make for evaluation.
#include <gtest/gtest.h>

#include <map>

#include "core/error.h"
#include "methods/msifla/networks/msifla.h"
#include "methods/msifla/networks/networks.h"
#include "networks/nn/initialise.h"
#include "tests/methods/msifla/msifla_examples.h"
#include "workers/training/make_method.h"

namespace resolute::workers::msifla_networks_test {
namespace {

using experiments::MsiflaOptions;
using namespace worker_tests;

constexpr std::int64_t kHeight = 32, kWidth = 16, kChannels = 128;

methods::EmbedderOptions options_of(at::ScalarType precision = at::kFloat) {
  return {.height = kHeight, .width = kWidth, .precision = precision};
}

TEST(MsiflaNetworks, the_recovery_network_keeps_the_size_and_has_the_counted_parameters) {
  const at::NoGradGuard no_grad;
  for (const bool residual : {false, true}) {
    const methods::ImageRecoveryNetwork full(64, residual), small(16, residual), least(2, residual);
    EXPECT_EQ(full.forward(tests::images(1, 256, 128)).sizes(), (at::IntArrayRef{1, 3, 256, 128}));
    EXPECT_EQ(small.forward(tests::images(3, 64, 32)).sizes(), (at::IntArrayRef{3, 3, 64, 32}));
    EXPECT_EQ(least.forward(tests::images(2, 12, 4)).sizes(), (at::IntArrayRef{2, 3, 12, 4}));
    EXPECT_TRUE(small.forward(tests::images(3, 64, 32)).is_contiguous(at::MemoryFormat::ChannelsLast));
    // 28 w + 3 (9 w² + w), 18 w² + 2 w + 3 (36 w² + 2 w), 2 w² + 2 w, 32 w² + w, 8 w² + w/2, 13.5 w + 3.
    EXPECT_EQ(parameter_count(full), 802'307);
    EXPECT_EQ(parameter_count(small), 50'819);
    EXPECT_EQ(parameter_count(least), 895);
    EXPECT_THROW(small.forward(tests::images(1, 62, 32)), core::ContractError);
  }
}

TEST(MsiflaNetworks, the_recovery_network_is_its_layers_written_out) {
  const at::NoGradGuard no_grad;
  for (const bool residual : {false, true}) {
    methods::ImageRecoveryNetwork network(6, residual);
    tests::fill_with_numbers(network);
    std::map<std::string, at::Tensor> p;
    for (const auto& item : network.named_parameters()) p[item.key()] = item.value().to(at::kDouble).contiguous();
    const at::Tensor input = tests::images(2).to(at::kDouble).contiguous();
    const auto convolve = [&](const std::string& name, const at::Tensor& x, std::int64_t stride) {
      const std::int64_t padding = p.at(name + ".weight").size(2) / 2;
      return at::conv2d(x, p.at(name + ".weight"), p.at(name + ".bias"), {stride, stride}, {padding, padding});
    };
    // Every second row and column between zeros, then a convolution with the kernel turned round.
    const auto double_side = [&](const std::string& name, const at::Tensor& x) {
      at::Tensor wide = at::zeros({x.size(0), x.size(1), 2 * x.size(2) + 3, 2 * x.size(3) + 3}, at::kDouble);
      wide.slice(2, 2, 2 + 2 * x.size(2), 2).slice(3, 2, 2 + 2 * x.size(3), 2).copy_(x);
      return at::conv2d(wide, p.at(name + ".weight").transpose(0, 1).flip({2, 3}), p.at(name + ".bias"));
    };
    const at::Tensor a1 = at::relu(convolve("part_a_1", input, 1)), a2 = at::relu(convolve("part_a_2", a1, 2));
    const at::Tensor a = at::relu(convolve("part_a_4", at::relu(convolve("part_a_3", a2, 1)), 1));
    const at::Tensor b1 = at::relu(convolve("part_b_1", a, 2)), b2 = at::relu(convolve("part_b_2", b1, 1));
    const at::Tensor b =
        at::relu(convolve("part_b_4", at::relu(convolve("part_b_3", b2, 1)), 1) + convolve("projection", a, 2));
    const at::Tensor d1 = at::relu(double_side("deconvolution_1", b) + a);
    at::Tensor expected = convolve("output", at::relu(double_side("deconvolution_2", d1)), 1);
    if (residual) expected = expected + input;
    EXPECT_LT(tests::difference(network.forward(tests::images(2)).to(at::kDouble), expected), 1e-5);
    // Half of the values lie on either side of a rectifier: each layer counts.
    EXPECT_GT(expected.abs().mean().item<double>(), 1e-2);
  }
}

TEST(MsiflaNetworks, a_fresh_recovery_network_gives_images_of_about_the_inputs_deviation_or_the_input_itself) {
  const at::NoGradGuard no_grad;
  for (const std::int64_t width : {16, 64}) {
    struct Root : torch::nn::Module {
    } root;
    auto network = root.register_module("ir_1", std::make_shared<methods::ImageRecoveryNetwork>(width, false));
    networks::initialise(root, 0);
    const double deviation =
        network->forward(tests::images(4)).std().item<double>() / tests::images(4).std().item<double>();
    EXPECT_GT(deviation, 0.3) << width;
    EXPECT_LT(deviation, 4) << width;
    auto residual = root.register_module("residual", std::make_shared<methods::ImageRecoveryNetwork>(width, true));
    networks::initialise(root, 0);
    EXPECT_TRUE(residual->forward(tests::images(4)).equal(tests::images(4)));
  }
}

TEST(MsiflaNetworks, parts_are_adaptive_pooling_from_top_to_bottom) {
  for (const std::int64_t height : {16, 8, 4, 5, 6, 7, 9, 3, 2, 1}) {
    at::Tensor map = tests::numbers("map", {3, 8, height, 4}).contiguous(at::MemoryFormat::ChannelsLast);
    map.requires_grad_();
    const at::Tensor pooled = at::adaptive_avg_pool2d(map, {4, 1}).squeeze(3);
    const std::vector<at::Tensor> parts = methods::horizontal_parts(map);
    ASSERT_EQ(parts.size(), 4U);
    at::Tensor sum = at::zeros({}), expected = at::zeros({});
    for (std::int64_t part = 0; part < 4; ++part) {
      const at::Tensor& found = parts[static_cast<std::size_t>(part)];
      EXPECT_LT(tests::difference(found, pooled.select(2, part)), 1e-6) << height << ", " << part;
      sum = sum + static_cast<double>(part + 1) * found.square().sum();
      expected = expected + static_cast<double>(part + 1) * pooled.select(2, part).square().sum();
    }
    EXPECT_LT(tests::difference(torch::autograd::grad({sum}, {map})[0], torch::autograd::grad({expected}, {map})[0]),
              1e-6);
  }
  const at::Tensor narrow = tests::numbers("map", {3, 8, 4, 4}).to(at::kBFloat16);
  EXPECT_EQ(methods::horizontal_parts(narrow)[0].scalar_type(), at::kFloat);
}

TEST(MsiflaNetworks, the_gradient_of_parts_stays_channels_last) {
  at::Tensor image = tests::numbers("map", {2, 8, 8, 4}).contiguous(at::MemoryFormat::ChannelsLast).requires_grad_();
  const at::Tensor map = image * 2;
  bool channels_last = false;
  const std::vector<at::Tensor> parts = methods::horizontal_parts(map);
  map.register_hook([&](const at::Tensor& gradient) {
    channels_last = gradient.is_contiguous(at::MemoryFormat::ChannelsLast) && !gradient.is_contiguous();
  });
  (parts[0] + parts[3]).sum().backward();
  EXPECT_TRUE(channels_last);
}

TEST(MsiflaNetworks, resnet50_has_the_papers_maps_and_the_counted_parameters) {
  const at::NoGradGuard no_grad;
  const settings::TrunkShape shape = settings::trunk_shape({.backbone = settings::Trunk::kResnet50, .last_stride = 1});
  const methods::PartNetwork network(shape, 100, /*neck=*/false, /*classification=*/true);
  const std::vector<at::Tensor> parts = network.parts(tests::images(1, 256, 128)), logits = network.logits(parts);
  ASSERT_EQ(parts.size(), 4U);
  ASSERT_EQ(logits.size(), 4U);
  for (std::size_t part = 0; part < 4; ++part) {
    EXPECT_EQ(parts[part].sizes(), (at::IntArrayRef{1, 2048}));
    EXPECT_EQ(logits[part].sizes(), (at::IntArrayRef{1, 100}));
  }
  EXPECT_EQ(parameter_count(network), 23'508'032 + 4 * 204'900);
  const methods::PartNetwork necked(shape, 100, /*neck=*/true, /*classification=*/true);
  EXPECT_EQ(parameter_count(necked), parameter_count(network) + 4 * 2 * 2048);
  const methods::PartNetwork bare(shape, 100, /*neck=*/true, /*classification=*/false);
  EXPECT_EQ(parameter_count(bare), 23'508'032);
  EXPECT_TRUE(bare.logits(parts).empty());
}

TEST(MsiflaNetworks, has_a_network_of_each_scale_or_one_for_all) {
  const auto children = [](const MsiflaOptions& options) {
    std::vector<std::string> names;
    for (const auto& item : made_up_msifla(options)->module().named_children()) names.push_back(item.key());
    return names;
  };
  EXPECT_EQ(children(narrow_msifla()),
            (std::vector<std::string>{"ir_3", "ir_2", "ir_1", "reid_3", "reid_2", "reid_1"}));
  EXPECT_EQ(children(worker_tests::shared(narrow_msifla({4, 2, 1}))),
            (std::vector<std::string>{"ir_4", "ir_2", "ir_1", "reid_1"}));
  // Its networks begin from draws of their own.
  const auto method = make_method(worker_tests::small_specification(narrow_msifla()), 4);
  const auto parameters = method->module().named_parameters();
  EXPECT_FALSE(parameters["ir_3.part_a_1.weight"].equal(parameters["ir_2.part_a_1.weight"]));
  EXPECT_FALSE(parameters["reid_3.trunk.conv1.weight"].equal(parameters["reid_1.trunk.conv1.weight"]));
  EXPECT_FALSE(parameters["reid_1.classifier_1.linear.weight"].equal(parameters["reid_1.classifier_4.linear.weight"]));
}

// What the embedder folds: layer by layer in evaluation mode, features of a scale after another.
at::Tensor layer_by_layer(methods::Method& method, const MsiflaOptions& options, const at::Tensor& input) {
  const at::NoGradGuard no_grad;
  method.module().eval();
  std::vector<at::Tensor> columns;
  at::Tensor current = input;
  for (const int scale : options.scales) {
    current = descendant<methods::ImageRecoveryNetwork>(method, "ir_" + std::to_string(scale)).forward(current);
    const std::string network =
        "reid_" + std::to_string(options.reid_networks == methods::ReidNetworks::kShared ? 1 : scale);
    const at::Tensor f5 = descendant<networks::Backbone>(method, network + ".trunk").forward(current).back();
    const at::Tensor parts = at::adaptive_avg_pool2d(f5, {4, 1}).squeeze(3);
    for (std::int64_t part = 0; part < 4; ++part) {
      const at::Tensor feature = parts.select(2, part);
      columns.push_back(options.unit_parts ? feature / feature.norm(2, {1}, true) : feature);
    }
  }
  method.module().train();
  return at::cat(columns, 1);
}

std::vector<MsiflaOptions> embedded_variants() {
  std::vector<MsiflaOptions> variants{narrow_msifla(), narrow_msifla({1}), narrow_msifla({4, 3, 2, 1}), narrow_msifla(),
                                      narrow_msifla()};
  variants[3].reid_networks = methods::ReidNetworks::kShared;
  variants[3].ir_residual = true;
  variants[4].unit_parts = true;
  return variants;
}

TEST(MsiflaEmbedder, gives_the_parts_of_every_scale_in_the_cascades_order_within_rounding) {
  const at::Tensor input = tests::images(5);
  for (const MsiflaOptions& options : embedded_variants()) {
    const auto method = made_up_msifla(options);
    const auto columns = static_cast<std::int64_t>(options.scales.size()) * 4 * kChannels;
    EXPECT_EQ(method->embedding_size(), columns);
    const at::Tensor expected = layer_by_layer(*method, options, input);
    const std::string before = worker_tests::state_hash(method->module());
    const at::Tensor plain = method->embed(input), folded = method->embedder(options_of())(input);
    for (const at::Tensor& found : {plain, folded}) {
      EXPECT_EQ(found.sizes(), (at::IntArrayRef{5, columns}));
      EXPECT_EQ(found.scalar_type(), at::kFloat);
      EXPECT_FALSE(found.requires_grad());
    }
    EXPECT_LT(tests::difference(plain, expected), 1e-5);
    EXPECT_LT(tests::difference(folded, expected), 2e-5);
    EXPECT_EQ(worker_tests::state_hash(method->module()), before);
    EXPECT_TRUE(method->module().is_training());
    if (!options.unit_parts) continue;
    const at::Tensor lengths = folded.view({5, -1, kChannels}).norm(2, {2});
    EXPECT_LT((lengths - 1).abs().max().item<double>(), 1e-5);
  }
}

TEST(MsiflaEmbedder, a_part_without_activations_stays_zero_when_divided_by_its_length) {
  const at::Tensor part = at::tensor({0.0F, 0.0F, 3.0F, 4.0F}).view({2, 2});
  EXPECT_TRUE(methods::part_descriptor({part, part}, /*unit=*/true)
                  .equal(at::tensor({0.0F, 0.0F, 0.0F, 0.0F, 0.6F, 0.8F, 0.6F, 0.8F}).view({2, 4})));
}

TEST(MsiflaNetworks, recovers_an_image_for_each_scale_in_the_cascades_order) {
  const auto method = made_up_msifla(narrow_msifla());
  const at::Tensor input = tests::images(5);
  const std::string before = worker_tests::state_hash(method->module());
  const std::vector<at::Tensor> recovered = method->recover(input);
  EXPECT_EQ(worker_tests::state_hash(method->module()), before);
  EXPECT_TRUE(method->module().is_training());
  ASSERT_EQ(method->tells().recovered, (std::vector<int>{3, 2, 1}));
  ASSERT_EQ(recovered.size(), 3U);
  at::Tensor current = input;
  for (std::size_t i = 0; i < recovered.size(); ++i) {
    const std::string name = "ir_" + std::to_string(method->tells().recovered[i]);
    const at::NoGradGuard no_grad;
    current = descendant<methods::ImageRecoveryNetwork>(*method, name).forward(current);
    EXPECT_TRUE(recovered[i].equal(current)) << name;
    EXPECT_FALSE(recovered[i].requires_grad());
  }
}

}  // namespace
}  // namespace resolute::workers::msifla_networks_test
