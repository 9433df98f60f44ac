//! FTWA's features for evaluation: which image takes which way, how the rows of its branches lie, and that nothing but
//! the image decides them.
#include <gtest/gtest.h>

#include "methods/ftwa/networks.h"
#include "tests/methods/ftwa_examples.h"
#include "workers/nn/backbone.h"
#include "workers/nn/folded_backbone.h"

namespace resolute::workers::ftwa_embedder_test {
namespace {

using experiments::FtwaOptions;
using worker_tests::made_up_ftwa;
using worker_tests::part_of;

constexpr std::int64_t kHeight = 32, kWidth = 16, kFeatures = 128, kColumns = 2 * (kFeatures + 1);

EmbedderOptions options_of(Side side, at::ScalarType precision = at::kFloat) {
  return {.height = kHeight, .width = kWidth, .precision = precision, .side = side};
}

at::Tensor images(std::int64_t rows) {
  return worker_tests::numbers("images", {rows, 3, kHeight, kWidth}, 1.5).contiguous(at::MemoryFormat::ChannelsLast);
}

//! Largest difference, by the largest value.
double difference(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return (a - b).abs().max().item<double>() / b.abs().max().item<double>();
}

//! In evaluation mode, layer by layer.
struct Vectors {
  at::Tensor hr, transformed, lr, weight_hr, weight_transformed, weight_lr;
};

Vectors layer_by_layer(Method& method, const FtwaOptions& options, const at::Tensor& input) {
  const at::NoGradGuard no_grad;
  method.module().eval();
  const auto& trunk = part_of<Backbone>(method, "trunk");
  const auto vector = [](const at::Tensor& map) { return map.mean(at::IntArrayRef{2, 3}); };
  const at::Tensor f_lr =
      trunk.forward_deep(part_of<ShallowTrunk>(method, "lr_encoder").forward_shallow(input)[1]).back();
  Vectors found;
  found.hr = vector(trunk.forward(input).back());
  found.lr = vector(f_lr);
  found.transformed = options.transformation
                          ? vector(part_of<FeatureTransformation>(method, "transformation").forward(f_lr))
                          : found.lr;
  found.weight_hr = found.weight_transformed = found.weight_lr = at::ones({input.size(0)});
  if (options.weighting) {
    const auto& w_hr = part_of<QualityEvaluator>(method, "weight_hr");
    found.weight_hr = w_hr.forward(found.hr);
    found.weight_transformed = w_hr.forward(found.transformed);
    found.weight_lr = part_of<QualityEvaluator>(method, "weight_lr").forward(found.lr);
  }
  method.module().train();
  return found;
}

const FtwaOptions kVariants[] = {FtwaOptions{}, worker_tests::without_weighting(),
                                 worker_tests::without_transformation()};

TEST(FtwaEmbedder, gives_each_side_its_vector_within_rounding) {
  at::set_num_threads(1);
  const at::Tensor input = images(5);
  for (const FtwaOptions& options : kVariants) {
    const auto method = made_up_ftwa(options);
    EXPECT_TRUE(method->has_sides());
    EXPECT_EQ(method->embedding_size(), kFeatures);
    const Vectors expected = layer_by_layer(*method, options, input);
    const std::string before = worker_tests::state_hash(method->module());
    const at::Tensor high = method->embedder(options_of(Side::kHigh))(input);
    const at::Tensor low = method->embedder(options_of(Side::kLow))(input);
    EXPECT_EQ(high.scalar_type(), at::kFloat);
    EXPECT_EQ(low.scalar_type(), at::kFloat);
    EXPECT_FALSE(low.requires_grad());
    EXPECT_LT(difference(high, expected.hr), 1e-5);
    EXPECT_LT(difference(method->embed(input), expected.hr), 1e-6);
    EXPECT_LT(difference(low, expected.transformed), 1e-5);
    EXPECT_GT(difference(high, low), 1e-2);
    EXPECT_EQ(worker_tests::state_hash(method->module()), before);
    EXPECT_TRUE(method->module().is_training());
  }
}

TEST(FtwaEmbedder, rows_hold_the_hr_branch_and_then_the_lr_branch) {
  at::set_num_threads(1);
  const at::Tensor input = images(5);
  for (const FtwaOptions& options : kVariants) {
    const auto method = made_up_ftwa(options);
    const std::vector<Branch> branches = method->branches();
    ASSERT_EQ(branches.size(), 2U);
    EXPECT_EQ(branches[0].name, "hr");
    EXPECT_FALSE(branches[0].gallery_copy);
    EXPECT_EQ(branches[1].name, "lr");
    EXPECT_TRUE(branches[1].gallery_copy);
    EXPECT_EQ(method->has_branch_weights(), options.weighting);
    const Vectors expected = layer_by_layer(*method, options, input);
    const at::Tensor high = method->branch_embedder(options_of(Side::kHigh))(input);
    const at::Tensor low = method->branch_embedder(options_of(Side::kLow))(input);
    ASSERT_EQ(high.sizes(), (at::IntArrayRef{5, kColumns}));
    ASSERT_EQ(low.sizes(), (at::IntArrayRef{5, kColumns}));
    const auto part = [](const at::Tensor& rows, std::int64_t branch) {
      return rows.narrow(1, branch * (kFeatures + 1), kFeatures);
    };
    const auto weight = [](const at::Tensor& rows, std::int64_t branch) {
      return rows.select(1, branch * (kFeatures + 1) + kFeatures);
    };
    EXPECT_LT(difference(part(high, 0), expected.hr), 1e-5);
    EXPECT_LT(difference(weight(high, 0), expected.weight_hr), 1e-5);
    EXPECT_EQ(high.narrow(1, kFeatures + 1, kFeatures + 1).count_nonzero().item<std::int64_t>(), 0);
    EXPECT_LT(difference(part(low, 0), expected.transformed), 1e-5);
    EXPECT_LT(difference(weight(low, 0), expected.weight_transformed), 1e-5);
    EXPECT_LT(difference(part(low, 1), expected.lr), 1e-5);
    EXPECT_LT(difference(weight(low, 1), expected.weight_lr), 1e-5);
    EXPECT_GT(weight(low, 0).min().item<double>(), 0);
    EXPECT_GT(weight(low, 1).min().item<double>(), 0);
    // One image, one vector, whichever embedder is asked.
    EXPECT_TRUE(part(high, 0).equal(method->embedder(options_of(Side::kHigh))(input)));
    EXPECT_TRUE(part(low, 0).equal(method->embedder(options_of(Side::kLow))(input)));
  }
}

TEST(FtwaEmbedder, an_images_row_does_not_depend_on_its_company) {
  at::set_num_threads(1);
  const std::int64_t rows = 2 * FoldedBackbone::kBlockOnCpu + 3;
  const at::Tensor input = images(rows);
  const auto method = made_up_ftwa({});
  for (const at::ScalarType precision : {at::kFloat, at::kBFloat16})
    for (const Side side : {Side::kHigh, Side::kLow})
      for (const bool branches : {false, true}) {
        const EmbedderOptions options = options_of(side, precision);
        const Embedder embed = branches ? method->branch_embedder(options) : method->embedder(options);
        const at::Tensor together = embed(input);
        for (const std::int64_t row : {std::int64_t{0}, std::int64_t{7}, rows - 1})
          EXPECT_TRUE(together[row].equal(embed(input.narrow(0, row, 1))[0])) << row;
        EXPECT_TRUE(together.equal(embed(input.flip({0})).flip({0})));
        EXPECT_EQ((at::IntArrayRef{0, branches ? kColumns : kFeatures}), embed(input.narrow(0, 0, 0)).sizes());
      }
}

TEST(FtwaEmbedder, bfloat16_is_near_float32_and_comes_back_as_float32) {
  at::set_num_threads(1);
  const at::Tensor input = images(5);
  const auto method = made_up_ftwa({});
  for (const Side side : {Side::kHigh, Side::kLow}) {
    const at::Tensor wide = method->branch_embedder(options_of(side))(input),
                     narrow = method->branch_embedder(options_of(side, at::kBFloat16))(input);
    EXPECT_EQ(narrow.scalar_type(), at::kFloat);
    EXPECT_LT(difference(narrow, wide), 3e-2);
    EXPECT_GT(difference(narrow, wide), 0);
  }
}

TEST(FtwaEmbedder, keeps_the_weights_that_it_was_made_of) {
  at::set_num_threads(1);
  const at::Tensor input = images(2);
  const auto method = made_up_ftwa({});
  const Embedder embed = method->branch_embedder(options_of(Side::kLow));
  const at::Tensor before = embed(input);
  {
    const at::NoGradGuard no_grad;
    for (at::Tensor& parameter : method->module().parameters()) parameter.mul_(2);
  }
  EXPECT_TRUE(before.equal(embed(input)));
}

}  // namespace
}  // namespace resolute::workers::ftwa_embedder_test
