#include "networks/nn/folded_backbone.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/formula.h"

namespace resolute::networks::folded_backbone_test {
namespace {

using tests::difference;

constexpr std::int64_t kHeight = 64, kWidth = 32;

struct Kind {
  settings::Trunk backbone;
  int last_stride;
};

// A trunk whose batch norms are no identities, in training mode.
std::shared_ptr<Backbone> made_up_trunk(const Kind& kind) {
  auto trunk =
      std::make_shared<Backbone>(settings::trunk_shape({.backbone = kind.backbone, .last_stride = kind.last_stride}));
  tests::fill_with_numbers(*trunk);
  return trunk;
}

at::Tensor images(std::int64_t rows) {
  return tests::numbers("images/folded", {rows, 3, kHeight, kWidth}, 1.5).contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor unfolded(Backbone& trunk, const at::Tensor& input) {
  const at::NoGradGuard no_grad;
  trunk.eval();
  at::Tensor features = trunk.forward(input).back().mean(at::IntArrayRef{2, 3});
  trunk.train();
  return features;
}

class FoldedBackboneTest : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override { at::set_num_threads(1); }
};
INSTANTIATE_TEST_SUITE_P(
    Backbones, FoldedBackboneTest,
    ::testing::Values(Kind{settings::Trunk::kResnet50, 1}, Kind{settings::Trunk::kResnet50, 2},
                      Kind{settings::Trunk::kResnetSmall, 1}, Kind{settings::Trunk::kResnetSmall, 2},
                      Kind{settings::Trunk::kEfficientnetLite0, 1}, Kind{settings::Trunk::kEfficientnetLite0, 2},
                      Kind{settings::Trunk::kResnet50IbnA, 1}, Kind{settings::Trunk::kResnet50IbnA, 2}),
    [](const auto& info) {
      std::string name(settings::word(info.param.backbone));
      std::replace(name.begin(), name.end(), '-', '_');
      return name + "_" + std::to_string(info.param.last_stride);
    });

TEST_P(FoldedBackboneTest, gives_the_unfolded_trunks_features_within_rounding) {
  const auto trunk = made_up_trunk(GetParam());
  const at::Tensor input = images(5), expected = unfolded(*trunk, input);
  const at::Tensor features = FoldedBackbone(*trunk, at::kFloat, kHeight, kWidth).embed(input);
  EXPECT_EQ(at::kFloat, features.scalar_type());
  EXPECT_EQ(expected.sizes(), features.sizes());
  EXPECT_LT(difference(features, expected), 1e-5);
  // 8 bits of mantissa, through up to 50 layers; sums that no rectifier follows are rounded between all inverted
  // blocks.
  const bool inverted = trunk->shape().block == settings::TrunkBlock::kInverted;
  const at::Tensor narrow = FoldedBackbone(*trunk, at::kBFloat16, kHeight, kWidth).embed(input);
  EXPECT_EQ(at::kFloat, narrow.scalar_type());
  EXPECT_LT(difference(narrow, expected), inverted ? 6e-2 : 3e-2);
  EXPECT_GT(difference(narrow, expected), 0);
}

// What GPUs and processors without oneDNN's kernels run.
TEST_P(FoldedBackboneTest, needs_no_fused_kernels) {
  const auto trunk = made_up_trunk(GetParam());
  const at::Tensor input = images(3), expected = unfolded(*trunk, input);
  at::globalContext().setUserEnabledMkldnn(false);
  const at::Tensor features = FoldedBackbone(*trunk, at::kFloat, kHeight, kWidth).embed(input);
  at::globalContext().setUserEnabledMkldnn(true);
  EXPECT_LT(difference(features, expected), 1e-5);
}

TEST_P(FoldedBackboneTest, an_images_features_do_not_depend_on_its_company) {
  const auto trunk = made_up_trunk(GetParam());
  const std::int64_t rows = FoldedBackbone::kBlockOnCpu + 3;
  const at::Tensor input = images(rows);
  for (const at::ScalarType precision : {at::kFloat, at::kBFloat16}) {
    const FoldedBackbone folded(*trunk, precision, kHeight, kWidth);
    const at::Tensor together = folded.embed(input);
    for (const std::int64_t row : {std::int64_t{0}, std::int64_t{7}, rows - 1})
      EXPECT_TRUE(together[row].equal(folded.embed(input.narrow(0, row, 1))[0])) << row;
    EXPECT_TRUE(together.equal(folded.embed(input.flip({0})).flip({0})));
    EXPECT_EQ((at::IntArrayRef{0, trunk->channels(5)}), folded.embed(input.narrow(0, 0, 0)).sizes());
  }
}

TEST_P(FoldedBackboneTest, scales_blocks_as_the_unfolded_trunk_does_after_them) {
  const auto trunk = made_up_trunk(GetParam());
  std::vector<at::Tensor> scales, ones;
  for (const settings::TrunkStage& stage : trunk->shape().stages)
    for (int block = 0; block < stage.blocks; ++block) {
      const std::int64_t channels = stage.channels;
      const bool scaled = stage.level != 3;
      scales.push_back(scaled ? tests::numbers("scale/" + std::to_string(scales.size()), {channels}, 0.5, 0.5)
                              : at::Tensor());
      ones.push_back(at::ones({channels}));
    }
  const at::Tensor input = images(5);
  at::Tensor expected;
  {
    const at::NoGradGuard no_grad;
    trunk->eval();
    expected = trunk
                   ->forward(input,
                             [&](std::size_t block, const at::Tensor& map) {
                               return scales[block].defined() ? map * scales[block].view({1, -1, 1, 1}) : map;
                             })
                   .back()
                   .mean(at::IntArrayRef{2, 3});
    trunk->train();
  }
  EXPECT_LT(difference(FoldedBackbone(*trunk, at::kFloat, kHeight, kWidth, scales).embed(input), expected), 1e-5);
  // bfloat16 keeps 8 bits: a rounding a block, as of processors without instructions for it.
  const double rounding = std::ldexp(static_cast<double>(scales.size()), -8);
  EXPECT_LT(difference(FoldedBackbone(*trunk, at::kBFloat16, kHeight, kWidth, scales).embed(input), expected),
            rounding);
  for (const at::ScalarType precision : {at::kFloat, at::kBFloat16}) {
    const at::Tensor plain = FoldedBackbone(*trunk, precision, kHeight, kWidth).embed(input);
    EXPECT_TRUE(plain.equal(FoldedBackbone(*trunk, precision, kHeight, kWidth, ones).embed(input)));
    EXPECT_GT(difference(plain, expected), 0.1);
  }
}

TEST_P(FoldedBackboneTest, keeps_the_weights_that_it_was_made_of) {
  const auto trunk = made_up_trunk(GetParam());
  const FoldedBackbone folded(*trunk, at::kFloat, kHeight, kWidth);
  EXPECT_TRUE(trunk->is_training());
  const at::Tensor input = images(2), before = folded.embed(input);
  {
    const at::NoGradGuard no_grad;
    for (at::Tensor& parameter : trunk->parameters()) parameter.mul_(2);
    for (at::Tensor& buffer : trunk->buffers()) buffer.add_(1);
  }
  EXPECT_TRUE(before.equal(folded.embed(input)));
}

}  // namespace
}  // namespace resolute::networks::folded_backbone_test
