//! Verification: its pairs, its MLP in both orders, and what it is where there are none.
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "tests/methods/resolution_adaptive/resolution_adaptive_examples.h"

namespace resolute::workers::resolution_adaptive_verification_test {
namespace {

using experiments::ResolutionAdaptiveOptions;
using namespace worker_tests;

struct Layers {
  networks::Linear first{6, 5}, second{5, 1};
  Layers() {
    tests::fill_with_numbers(first);
    tests::fill_with_numbers(second);
  }
  at::Tensor plain(const at::Tensor& v) const { return second.forward(first.forward(v).relu()).squeeze(1); }
};

TEST(Verification, judges_each_difference_in_both_orders) {
  const Layers layers;
  const at::Tensor i = tests::numbers("i", {7, 6}, 2.0), j = tests::numbers("j", {7, 6}, 2.0);
  const at::Tensor logits = methods::verification_logits(layers.first, layers.second, i - j);
  EXPECT_TRUE(at::allclose(logits, at::cat({layers.plain(i - j), layers.plain(j - i)}), 1e-5, 1e-6));
  // i and j in each other's place: the two halves change theirs.
  EXPECT_TRUE(
      at::allclose(methods::verification_logits(layers.first, layers.second, j - i), logits.roll(7, 0), 1e-6, 1e-6));
  EXPECT_GT((logits.narrow(0, 0, 7) - logits.narrow(0, 7, 7)).abs().max().item<double>(),
            0.1);  // the MLP tells the orders apart
}

TEST(Verification, is_the_mean_binary_cross_entropy_of_pairs_that_are_half_of_one_identity) {
  const at::Tensor logits = tests::numbers("logits", {12}, 4.0);
  const auto values = logits.to(at::kDouble);
  double sum = 0;
  for (std::int64_t n = 0; n < 12; ++n) {
    const double p = 1 / (1 + std::exp(-values[n].item<double>()));
    const bool same = n % 6 < 3;  // three positives and three negatives, then the other order
    sum -= std::log(same ? p : 1 - p);
  }
  EXPECT_NEAR(methods::verification_loss(logits).item<double>(), sum / 12, 1e-6);
  EXPECT_EQ(methods::verification_loss(logits.to(at::kBFloat16)).scalar_type(), at::kFloat);
  // What is the same in both orders: each half of the logits for the other.
  EXPECT_NEAR(methods::verification_loss(logits.roll(6, 0)).item<double>(), sum / 12, 1e-6);
  EXPECT_TRUE(std::isfinite(methods::verification_loss(1e4 * logits).item<double>()));
  EXPECT_EQ(methods::verification_loss(logits.narrow(0, 0, 0)).item<double>(), 0.0);
}

TEST(Verification, draws_for_every_image_one_of_its_identity_and_one_of_another_at_any_level) {
  ResolutionAdaptiveOptions options = narrow_adaptive();
  options.verification_weight = 2.5;
  const auto method = made_up(options);
  methods::LaneBatch batch = mixed_levels_batch();
  batch.step = 3;
  batch.lane = 1;
  const methods::Activations activations = method->forward(batch);
  const at::Tensor z = activations.tensors[0], labels = at::cat({batch.labels, batch.labels});
  core::RandomStream stream("mining", {batch.seed, 3, 1, 0});
  const networks::Triplets drawn = networks::sample_triplets(labels, stream);
  ASSERT_EQ(drawn.anchor.size(0), 24);
  const networks::Linear &first = descendant<networks::Linear>(*method, "verification_1"),
                         &second = descendant<networks::Linear>(*method, "verification_2");
  double sum = 0;
  std::set<int> kinds;
  for (std::int64_t t = 0; t < 24; ++t) {
    const auto row = [&](const at::Tensor& of) { return of[t].item<std::int64_t>(); };
    const std::int64_t i = row(drawn.anchor);
    EXPECT_EQ(i, t);
    for (const bool same : {true, false}) {
      const std::int64_t j = row(same ? drawn.positive : drawn.negative);
      kinds.insert(2 * (i < 12) + (j < 12));
      EXPECT_NE(i, j);
      EXPECT_EQ(labels[i].item<std::int64_t>() == labels[j].item<std::int64_t>(), same);
      for (const at::Tensor& difference : {z[i] - z[j], z[j] - z[i]}) {
        const double logit = second.forward(first.forward(difference).relu()).item<double>();
        sum += std::log1p(std::exp(same ? -logit : logit));
      }
    }
  }
  EXPECT_EQ(kinds.size(), 4U);  // HR and LR, LR and HR, each with its like
  const double found = terms_of(*method, 0, activations, batch).at("verification").item<double>();
  EXPECT_NEAR(found, 2.5 * sum / 96, 1e-5);
  // Other keys, other pairs.
  using Change = void (*)(methods::LaneBatch&);
  for (const Change change :
       {Change([](methods::LaneBatch& b) { b.step = 4; }), Change([](methods::LaneBatch& b) { b.lane = 0; }),
        Change([](methods::LaneBatch& b) { b.seed = 9; })}) {
    methods::LaneBatch other = batch;
    change(other);
    EXPECT_NE(terms_of(*method, 0, activations, other).at("verification").item<double>(), found);
  }
}

TEST(Verification, without_a_pair_is_exactly_zero_and_teaches_nothing) {
  for (const bool alone : {true, false}) {
    methods::LaneBatch batch = mixed_levels_batch(2);
    batch.has_label = at::zeros({8}, at::kBool);
    if (alone) {  // one identity, whose two images have no negative
      batch.labels.fill_(2);
      batch.has_label[5] = true;
    }
    batch.labels.masked_fill_(batch.has_label.logical_not(), -1);
    const auto method = made_up(narrow_adaptive(), {.backbone = settings::Trunk::kResnetSmall, .neck = true});
    const auto terms = terms_of(*method, 0, method->forward(batch), batch);
    const at::Tensor term = terms.at("verification");
    EXPECT_EQ(term.item<double>(), 0.0);
    ASSERT_TRUE(term.requires_grad());
    for (const auto& [name, gradient] : gradients_of(*method, term))
      EXPECT_EQ(gradient.count_nonzero().item<std::int64_t>(), 0) << name;
    EXPECT_EQ(terms.at("classification").item<double>() > 0, alone);
    for (const auto& [name, gradient] : gradients_of(*method, sum_of(terms)))
      EXPECT_TRUE(at::isfinite(gradient).all().item<bool>()) << name;
  }
}

TEST(Verification, can_be_all_there_is_and_can_be_left_out) {
  for (const bool classification : {true, false}) {
    ResolutionAdaptiveOptions options = narrow_adaptive();
    options.classification = classification;
    options.verification = !classification;
    const auto method = made_up(options, {.backbone = settings::Trunk::kResnetSmall, .neck = true});
    const methods::LaneBatch batch = mixed_levels_batch();
    const auto terms = terms_of(*method, 0, method->forward(batch), batch);
    ASSERT_EQ(terms.size(), 1U);
    EXPECT_EQ(terms.begin()->first, classification ? "classification" : "verification");
    EXPECT_EQ(gradients_of(*method, terms.begin()->second).size(), method->module().named_parameters().size());
  }
}

}  // namespace
}  // namespace resolute::workers::resolution_adaptive_verification_test
