//! The baseline on images as the pool has them, against its parts put together by hand.
#include <gtest/gtest.h>

#include "core/error.h"
#include "methods/networks/identity_terms.h"
#include "networks/nn/backbone.h"
#include "networks/nn/losses.h"
#include "tests/methods/ftwa/ftwa_examples.h"
#include "workers/training/make_method.h"

namespace resolute::workers::baseline_test {
namespace {

using experiments::BaselineOptions;
using worker_tests::mixed_batch;
using worker_tests::Step;
using worker_tests::step_of;

std::unique_ptr<methods::Method> made_up_baseline(const BaselineOptions& options) {
  auto method = make_method(worker_tests::small_specification(options), 4);
  tests::fill_with_numbers(method->module());
  return method;
}

// The images that each row is stored as, in one stream.
Step by_hand(methods::Method& method, const methods::LaneBatch& batch, const std::vector<std::int64_t>& rows) {
  std::vector<at::Tensor> images, labels;
  for (std::int64_t row : rows) {
    images.push_back((batch.has_hr[row].item<bool>() ? batch.hr : batch.lr)[row]);
    labels.push_back(batch.labels[row]);
  }
  const at::Tensor label = at::stack(labels);
  const at::Tensor v = methods::pooled(worker_tests::descendant<networks::Backbone>(method, "trunk")
                                           .forward(at::stack(images).contiguous(at::MemoryFormat::ChannelsLast))
                                           .back());
  const at::Tensor logits = worker_tests::descendant<methods::IdentityClassifier>(method, "classifier").forward(v);
  const at::Tensor classification = 3 * networks::classification_loss(logits, label);
  const at::Tensor triplet = networks::triplet_losses(v, networks::hardest_triplets(label, v), 0.3).mean();
  Step step;
  step.terms = {{"classification", classification.detach()}, {"triplet", triplet.detach()}};
  method.module().zero_grad();
  (classification + triplet).backward();
  for (const auto& item : method.module().named_parameters()) step.gradients[item.key()] = item.value().grad().clone();
  return step;
}

void expect_equal(const Step& found, const Step& expected) {
  ASSERT_EQ(found.terms.size(), expected.terms.size());
  for (const auto& [name, value] : expected.terms) EXPECT_TRUE(value.equal(found.terms.at(name))) << name;
  ASSERT_EQ(found.gradients.size(), expected.gradients.size());
  for (const auto& [name, gradient] : expected.gradients) EXPECT_TRUE(gradient.equal(found.gradients.at(name))) << name;
}

TEST(Baseline, of_stored_images_is_one_stream_over_them_to_the_bit) {
  const BaselineOptions options{
      .images = methods::BaselineImages::kStored, .mining = methods::Mining::kBatchHard, .classification_weight = 3};
  const std::vector<std::int64_t> all = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  for (int lr_images : {0, 1, 2, 4}) {
    const methods::LaneBatch batch = mixed_batch(4, 4, lr_images);
    expect_equal(step_of(*made_up_baseline(options), batch), by_hand(*made_up_baseline(options), batch, all));
  }
  methods::LaneBatch batch = mixed_batch(4, 4, 2);
  worker_tests::hide_labels(batch, {0, 3, 9, 10});
  expect_equal(step_of(*made_up_baseline(options), batch),
               by_hand(*made_up_baseline(options), batch, {1, 2, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15}));
}

TEST(Baseline, looks_at_lr_images_only_where_it_learns_from_stored_ones) {
  EXPECT_FALSE(made_up_baseline({})->row().needs.lr);
  EXPECT_TRUE(made_up_baseline({.images = methods::BaselineImages::kStored})->row().needs.lr);
}

TEST(Baseline, of_hr_images_does_not_look_at_the_others) {
  const BaselineOptions options{.mining = methods::Mining::kBatchHard, .classification_weight = 3};
  const methods::LaneBatch batch = mixed_batch(4, 4, 2);
  expect_equal(step_of(*made_up_baseline(options), batch),
               by_hand(*made_up_baseline(options), batch, {0, 1, 4, 5, 8, 9, 12, 13}));
}

TEST(Baseline, and_rain_can_sum_all_triplets) {
  const methods::LaneBatch batch = mixed_batch(4, 4, 0);
  const auto triplet = [&](const experiments::MethodOptions& options) {
    const auto method = make_method(worker_tests::small_specification(options), 4);
    const std::vector<methods::LossTerm> terms =
        method->losses(method->phases().size() - 1, method->forward(batch), batch);
    for (const methods::LossTerm& term : terms)
      if (term.name == "triplet") return term.value.item<double>();
    return -1.0;
  };
  // 16 anchors, 3 positives and 12 negatives each: far above any mean.
  EXPECT_GT(triplet(BaselineOptions{.mining = methods::Mining::kAll}),
            16 * triplet(BaselineOptions{.mining = methods::Mining::kBatchHard}));
  EXPECT_GT(triplet(experiments::RainOptions{.mining = methods::Mining::kAll}),
            16 * triplet(experiments::RainOptions{.mining = methods::Mining::kBatchHard}));
}

}  // namespace
}  // namespace resolute::workers::baseline_test
