#include "networks/nn/losses.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <functional>

#include "tests/support/formula.h"

namespace resolute::networks::losses_test {
namespace {

using tests::numbers;

at::Tensor labels_of(const std::vector<std::int64_t>& labels) { return at::tensor(labels, at::kLong); }

at::Tensor wide_numbers(const std::string& name, at::IntArrayRef shape, double scale) {
  return numbers(name, shape, scale).to(at::kDouble);
}

std::vector<std::int64_t> rows(const at::Tensor& tensor) {
  const auto* values = tensor.const_data_ptr<std::int64_t>();
  return {values, values + tensor.numel()};
}

//! Central differences of a scalar function in double against its gradient.
void expect_gradient(const std::function<at::Tensor(const at::Tensor&)>& loss, const at::Tensor& at_point) {
  at::Tensor x = at_point.clone().requires_grad_();
  at::Tensor gradient = torch::autograd::grad({loss(x)}, {x})[0].contiguous().view(-1);
  constexpr double kStep = 1e-6;
  at::NoGradGuard no_grad;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    auto shifted = [&](double by) {
      at::Tensor moved = at_point.clone();
      moved.view(-1)[i] += by;
      return loss(moved).item<double>();
    };
    const double expected = (shifted(kStep) - shifted(-kStep)) / (2 * kStep);
    EXPECT_NEAR(gradient[i].item<double>(), expected, 1e-6 * std::max(1e-2, std::abs(expected)) + 1e-9) << i;
  }
}

const at::Tensor kLabels = labels_of({0, 0, 1, 1, 1, 2, 3, 3});

TEST(Losses, equal_the_python_twin) {
  const core::Json file = tests::golden("rain/losses.json");
  for (at::ScalarType type : {at::kFloat, at::kDouble}) {
    auto input = [&](const char* name) {
      const core::Json& stored = file["inputs"][name];
      return at::tensor(stored["values"].get<std::vector<double>>(), at::kDouble)
          .view(stored["shape"].get<std::vector<std::int64_t>>())
          .to(type);
    };
    auto triplets = [&](const char* name) {
      std::vector<std::vector<std::int64_t>> columns(3);
      for (const auto& triplet : file[name])
        for (std::size_t i = 0; i < 3; ++i) columns[i].push_back(triplet[i].get<std::int64_t>());
      return Triplets{labels_of(columns[0]), labels_of(columns[1]), labels_of(columns[2])};
    };
    const at::Tensor labels = labels_of(file["labels"].get<std::vector<std::int64_t>>());
    const double margin = file["margin"].get<double>();
    const at::Tensor adversarial = adversarial_value(input("d_hr"), input("d_lr"));
    const at::Tensor classification = classification_loss(input("logits"), labels);
    const at::Tensor triplet = triplet_losses(input("v"), triplets("random_triplets"), margin).mean();
    const at::Tensor reconstruction = reconstruction_loss(input("image"), input("target"));
    const double tolerance = type == at::kFloat ? 1e-5 : 1e-12;
    auto expect = [&](const char* name, const at::Tensor& value) {
      EXPECT_NEAR(value.item<double>(), file["values"][name].get<double>(), tolerance) << name;
    };
    expect("classification", classification);
    expect("triplet_random", triplet);
    expect("triplet_batch_hard", triplet_losses(input("v"), triplets("hard_triplets"), margin).mean());
    expect("adversarial", adversarial);
    expect("non_saturating", non_saturating_loss(input("d_lr")));
    expect("reconstruction", reconstruction);
    expect("total_networks", adversarial + reconstruction + classification + triplet);
    expect("total_discriminators", -adversarial);

    core::RandomStream stream("mining", {1, 2, 3, 0});
    const Triplets drawn = sample_triplets(labels, stream), hard = hardest_triplets(labels, input("v"));
    EXPECT_EQ(rows(drawn.anchor), rows(triplets("random_triplets").anchor));
    EXPECT_EQ(rows(drawn.positive), rows(triplets("random_triplets").positive));
    EXPECT_EQ(rows(drawn.negative), rows(triplets("random_triplets").negative));
    EXPECT_EQ(rows(hard.positive), rows(triplets("hard_triplets").positive));
    EXPECT_EQ(rows(hard.negative), rows(triplets("hard_triplets").negative));
  }
}

TEST(Losses, gradients_by_finite_differences) {
  expect_gradient([](const at::Tensor& x) { return classification_loss(x, kLabels); },
                  wide_numbers("logits", {8, 5}, 3.0));
  const at::Tensor v = wide_numbers("v", {8, 4}, 2.0);
  core::RandomStream stream("mining", {0});
  const Triplets drawn = sample_triplets(kLabels, stream);
  expect_gradient([&](const at::Tensor& x) { return triplet_losses(x, drawn, 0.3).mean(); }, v);
  expect_gradient([&](const at::Tensor& x) { return triplet_losses(x, hardest_triplets(kLabels, x), 0.3).mean(); }, v);
  const at::Tensor hr = wide_numbers("hr", {3, 1, 2, 2}, 4.0), lr = wide_numbers("lr", {4, 1, 2, 2}, 4.0);
  expect_gradient([&](const at::Tensor& x) { return adversarial_value(x, lr); }, hr);
  expect_gradient([&](const at::Tensor& x) { return adversarial_value(hr, x); }, lr);
  expect_gradient([&](const at::Tensor& x) { return non_saturating_loss(x); }, lr);
  const at::Tensor target = wide_numbers("target", {2, 3, 3, 2}, 1.0);
  expect_gradient([&](const at::Tensor& x) { return reconstruction_loss(x, target); },
                  wide_numbers("image", {2, 3, 3, 2}, 1.0));
}

TEST(Losses, are_zero_with_a_graph_over_nothing) {
  const at::Tensor none = labels_of({});
  auto expect_zero = [](const at::Tensor& loss, const at::Tensor& input) {
    EXPECT_EQ(loss.item<double>(), 0.0);
    at::Tensor gradient = torch::autograd::grad({loss}, {input})[0];
    EXPECT_TRUE(at::equal(gradient, at::zeros_like(gradient)));
  };
  at::Tensor empty = at::zeros({0, 5}).requires_grad_(), cells = at::zeros({0, 1, 2, 2}).requires_grad_();
  expect_zero(classification_loss(empty, none), empty);
  expect_zero(triplet_losses(empty, hardest_triplets(none, empty), 0.3).sum(), empty);
  expect_zero(adversarial_value(cells, cells), cells);
  expect_zero(non_saturating_loss(cells), cells);
  expect_zero(reconstruction_loss(cells, cells), cells);
  at::Tensor infinite = at::full({2, 5}, INFINITY).requires_grad_();
  expect_zero(zero_loss(infinite), infinite);
  core::RandomStream stream("mining", {0});
  at::Tensor alone = numbers("alone", {3, 5}).requires_grad_();
  expect_zero(triplet_losses(alone, sample_triplets(labels_of({1, 1, 1}), stream), 0.3).sum(), alone);  // no negatives
  expect_zero(triplet_losses(alone, sample_triplets(labels_of({1, 2, 3}), stream), 0.3).sum(), alone);  // no positives
}

//! Eq. 6 of FTWA as a triple loop.
double all_triplets_by_hand(const at::Tensor& features, const at::Tensor& labels, double margin) {
  const auto same = [&](std::int64_t a, std::int64_t b) { return labels[a].equal(labels[b]); };
  const auto distance = [&](std::int64_t a, std::int64_t b) {
    return (features[a] - features[b]).norm().item<double>();
  };
  double sum = 0;
  for (std::int64_t a = 0; a < labels.size(0); ++a)
    for (std::int64_t p = 0; p < labels.size(0); ++p)
      for (std::int64_t n = 0; n < labels.size(0); ++n)
        if (a != p && same(a, p) && !same(a, n)) sum += std::max(0.0, margin + distance(a, p) - distance(a, n));
  return sum;
}

TEST(Losses, all_triplets_are_all) {
  const at::Tensor v = wide_numbers("v", {8, 4}, 2.0);
  for (double margin : {0.3, 5.0}) {
    const AnchorLosses found = all_triplet_losses(v, kLabels, margin);
    EXPECT_EQ(rows(found.anchor), (std::vector<std::int64_t>{0, 1, 2, 2, 3, 3, 4, 4, 6, 7}));  // 5 is alone
    EXPECT_NEAR(found.loss.sum().item<double>(), all_triplets_by_hand(v, kLabels, margin), 1e-12);
  }
  expect_gradient([&](const at::Tensor& x) { return all_triplet_losses(x, kLabels, 5).loss.sum(); }, v);
  at::Tensor equal = at::ones({4, 3}).requires_grad_();
  const at::Tensor loss = all_triplet_losses(equal, labels_of({0, 0, 1, 1}), 0.3).loss.sum();
  EXPECT_FLOAT_EQ(loss.item<float>(), 8 * 0.3F);
  EXPECT_TRUE(at::isfinite(torch::autograd::grad({loss}, {equal})[0]).all().item<bool>());
  for (const auto& labels : {labels_of({}), labels_of({1, 1, 1}), labels_of({1, 2, 3})}) {
    at::Tensor few = numbers("few", {labels.size(0), 5}).requires_grad_();
    const at::Tensor none = all_triplet_losses(few, labels, 0.3).loss.sum();
    EXPECT_EQ(none.item<double>(), 0.0);
    EXPECT_EQ(torch::autograd::grad({none}, {few})[0].count_nonzero().item<std::int64_t>(), 0);
  }
}

TEST(Losses, of_classification_row_by_row_have_the_mean_that_is_the_loss) {
  const at::Tensor logits = wide_numbers("logits", {8, 5}, 3.0);
  for (double smoothing : {0.0, 0.1}) {
    const at::Tensor losses = classification_losses(logits, kLabels, smoothing);
    EXPECT_EQ(losses.sizes(), (at::IntArrayRef{8}));
    EXPECT_NEAR(losses.mean().item<double>(), classification_loss(logits, kLabels, smoothing).item<double>(), 1e-12);
  }
}

TEST(Losses, triplet_gradient_is_finite_where_features_coincide) {
  at::Tensor v = at::ones({4, 3}).requires_grad_();
  const at::Tensor labels = labels_of({0, 0, 1, 1});
  at::Tensor loss = triplet_losses(v, hardest_triplets(labels, v), 0.3).mean();
  EXPECT_FLOAT_EQ(loss.item<float>(), 0.3F);
  EXPECT_TRUE(at::isfinite(torch::autograd::grad({loss}, {v})[0]).all().item<bool>());
}

TEST(Losses, adversarial_value_survives_extreme_logits) {
  at::Tensor logits = at::full({2, 1, 1, 1}, 1e4).requires_grad_();
  at::Tensor value = adversarial_value(-logits, logits);
  EXPECT_FLOAT_EQ(value.item<float>(), -2e4F);
  EXPECT_TRUE(at::isfinite(torch::autograd::grad({value}, {logits})[0]).all().item<bool>());
}

TEST(Losses, compute_in_float32_from_bfloat16) {
  at::Tensor logits = numbers("logits", {8, 5}, 3.0).to(at::kBFloat16);
  EXPECT_EQ(classification_loss(logits, kLabels).scalar_type(), at::kFloat);
  EXPECT_EQ(adversarial_value(logits, logits).scalar_type(), at::kFloat);
  EXPECT_EQ(zero_loss(logits).scalar_type(), at::kFloat);
  EXPECT_EQ(triplet_losses(logits, hardest_triplets(kLabels, logits), 0.3).scalar_type(), at::kFloat);
  EXPECT_EQ(reconstruction_loss(logits, numbers("t", {8, 5})).scalar_type(), at::kFloat);
}

RC_GTEST_PROP(Triplets, have_a_positive_and_a_negative, ()) {
  const auto labels = *rc::gen::container<std::vector<std::int64_t>>(rc::gen::inRange<std::int64_t>(0, 4));
  core::RandomStream stream("mining", {*rc::gen::inRange<std::uint64_t>(0, 1000)});
  const at::Tensor tensor = labels_of(labels);
  const at::Tensor features = numbers("features", {tensor.numel(), 3});
  std::vector<std::int64_t> expected;  // rows with both
  for (std::size_t a = 0; a < labels.size(); ++a) {
    const auto same = std::count(labels.begin(), labels.end(), labels[a]);
    if (same > 1 && same < std::ssize(labels)) expected.push_back(static_cast<std::int64_t>(a));
  }
  for (const Triplets& found : {sample_triplets(tensor, stream), hardest_triplets(tensor, features)}) {
    RC_ASSERT(rows(found.anchor) == expected);
    for (std::int64_t i = 0; i < found.anchor.numel(); ++i) {
      const auto a = found.anchor[i].item<std::int64_t>();
      RC_ASSERT(tensor[a].item<std::int64_t>() == tensor[found.positive[i]].item<std::int64_t>());
      RC_ASSERT(a != found.positive[i].item<std::int64_t>());
      RC_ASSERT(tensor[a].item<std::int64_t>() != tensor[found.negative[i]].item<std::int64_t>());
    }
  }
}

}  // namespace
}  // namespace resolute::networks::losses_test
