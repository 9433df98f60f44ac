//! FTWA's features for evaluation: which image takes which way and how the rows of its branches lie.
#include <gtest/gtest.h>

#include "methods/ftwa/networks/networks.h"
#include "networks/nn/backbone.h"
#include "tests/methods/ftwa/ftwa_examples.h"

namespace resolute::workers::ftwa_embedder_test {
namespace {

using experiments::FtwaOptions;
using tests::difference;
using tests::images;
using worker_tests::descendant;
using worker_tests::made_up;

constexpr std::int64_t kHeight = 32, kWidth = 16, kFeatures = 128, kColumns = 2 * (kFeatures + 1);

methods::EmbedderOptions options_of(methods::Side side, at::ScalarType precision = at::kFloat) {
  return {.height = kHeight, .width = kWidth, .precision = precision, .side = side};
}

//! In evaluation mode, layer by layer.
struct Vectors {
  at::Tensor hr, transformed, lr, weight_hr, weight_transformed, weight_lr;
};

Vectors layer_by_layer(methods::Method& method, const FtwaOptions& options, const at::Tensor& input) {
  const at::NoGradGuard no_grad;
  method.module().eval();
  const auto& trunk = descendant<networks::Backbone>(method, "trunk");
  const auto vector = [](const at::Tensor& map) { return map.mean(at::IntArrayRef{2, 3}); };
  const at::Tensor f_lr =
      trunk.forward_deep(descendant<networks::ShallowTrunk>(method, "lr_encoder").forward_shallow(input)[1]).back();
  Vectors found;
  found.hr = vector(trunk.forward(input).back());
  found.lr = vector(f_lr);
  found.transformed = options.transforms()
                          ? vector(descendant<methods::FeatureTransformation>(method, "transformation").forward(f_lr))
                          : found.lr;
  found.weight_hr = found.weight_transformed = found.weight_lr = at::ones({input.size(0)});
  if (options.weighs()) {
    const auto& w_hr = descendant<methods::QualityEvaluator>(method, "weight_hr");
    found.weight_hr = w_hr.forward(found.hr);
    found.weight_transformed = w_hr.forward(found.transformed);
    found.weight_lr = descendant<methods::QualityEvaluator>(method, "weight_lr").forward(found.lr);
  }
  method.module().train();
  return found;
}

const FtwaOptions kVariants[] = {FtwaOptions{}, worker_tests::without_weighting(),
                                 worker_tests::without_transformation()};

TEST(FtwaEmbedder, gives_each_side_its_vector_within_rounding) {
  const at::Tensor input = images(5);
  for (const FtwaOptions& options : kVariants) {
    const auto method = made_up(options);
    EXPECT_TRUE(method->tells().sides);
    EXPECT_EQ(method->embedding_size(), kFeatures);
    const Vectors expected = layer_by_layer(*method, options, input);
    const std::string before = worker_tests::state_hash(method->module());
    const at::Tensor high = method->embedder(options_of(methods::Side::kHigh))(input);
    const at::Tensor low = method->embedder(options_of(methods::Side::kLow))(input);
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
  const at::Tensor input = images(5);
  for (const FtwaOptions& options : kVariants) {
    const auto method = made_up(options);
    const std::vector<methods::Branch>& branches = method->tells().branches;
    ASSERT_EQ(branches.size(), 2U);
    EXPECT_EQ(branches[0].name, "hr");
    EXPECT_FALSE(branches[0].gallery_copy);
    EXPECT_EQ(branches[1].name, "lr");
    EXPECT_TRUE(branches[1].gallery_copy);
    EXPECT_EQ(method->tells().branch_weights, options.weighs());
    const Vectors expected = layer_by_layer(*method, options, input);
    const at::Tensor high = method->branch_embedder(options_of(methods::Side::kHigh))(input);
    const at::Tensor low = method->branch_embedder(options_of(methods::Side::kLow))(input);
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
    EXPECT_TRUE(part(high, 0).equal(method->embedder(options_of(methods::Side::kHigh))(input)));
    EXPECT_TRUE(part(low, 0).equal(method->embedder(options_of(methods::Side::kLow))(input)));
  }
}

}  // namespace
}  // namespace resolute::workers::ftwa_embedder_test
