#include "networks/nn/batch_norm.h"

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/formula.h"

namespace resolute::networks::batch_norm_test {
namespace {

at::Tensor sample(std::int64_t rows) {
  return tests::numbers("sample", {rows, 4, 3, 2}, 2.0, 0.5).contiguous(at::MemoryFormat::ChannelsLast);
}

TEST(BatchNorm, moves_running_statistics_by_a_tenth_in_training) {
  BatchNorm norm(4);
  at::Tensor x = sample(6);
  norm.forward(x);
  EXPECT_TRUE(at::allclose(norm.running_mean, 0.1 * x.mean(at::IntArrayRef{0, 2, 3})));
  EXPECT_TRUE(at::allclose(norm.running_var, 0.9 + 0.1 * x.transpose(0, 1).flatten(1).var(1)));
}

TEST(BatchNorm, held_keeps_statistics_and_gives_the_same_bits) {
  BatchNorm norm(4);
  {
    at::NoGradGuard no_grad;
    norm.weight.copy_(tests::numbers("weight", {4}, 0.1, 1.0));
    norm.bias.copy_(tests::numbers("bias", {4}, 0.1));
  }
  auto run = [&](bool held) {
    at::Tensor x = sample(6).requires_grad_();
    std::optional<RunningStatisticsHold> hold;
    if (held) hold.emplace();
    at::Tensor y = norm.forward(x);
    auto gradients = torch::autograd::grad({(y * tests::numbers("g", y.sizes())).sum()}, {x, norm.weight, norm.bias});
    gradients.insert(gradients.begin(), y);
    return gradients;
  };
  auto held = run(true);
  EXPECT_TRUE(at::equal(norm.running_mean, at::zeros({4})));
  EXPECT_TRUE(at::equal(norm.running_var, at::ones({4})));
  auto free = run(false);
  EXPECT_FALSE(at::equal(norm.running_mean, at::zeros({4})));
  for (std::size_t i = 0; i < free.size(); ++i) EXPECT_TRUE(at::equal(held[i], free[i])) << i;
}

TEST(BatchNorm, holds_nest_and_end) {
  EXPECT_FALSE(RunningStatisticsHold::active());
  {
    RunningStatisticsHold outer;
    { RunningStatisticsHold inner; }
    EXPECT_TRUE(RunningStatisticsHold::active());
    bool elsewhere = true;
    std::thread([&] { elsewhere = RunningStatisticsHold::active(); }).join();
    EXPECT_FALSE(elsewhere);
  }
  EXPECT_FALSE(RunningStatisticsHold::active());
}

TEST(BatchNorm, evaluation_uses_running_statistics_even_when_held) {
  BatchNorm norm(4);
  norm.running_mean.fill_(0.5);
  norm.running_var.fill_(4.0);
  norm.eval();
  RunningStatisticsHold hold;
  at::Tensor x = sample(1);
  EXPECT_TRUE(at::allclose(norm.forward(x), (x - 0.5) / 2, 1e-4, 1e-5));
  EXPECT_TRUE(at::equal(norm.running_mean, at::full({4}, 0.5)));
}

TEST(BatchNorm, over_one_value_or_none_gives_the_bias_or_nothing_and_keeps_statistics) {
  for (std::int64_t rows : {0, 1}) {
    BatchNorm norm(4);
    norm.running_mean.fill_(0.5);
    norm.running_var.fill_(4.0);
    {
      at::NoGradGuard no_grad;
      norm.bias.fill_(0.25);
    }
    at::Tensor x = tests::numbers("few", {rows, 4}, 2.0).requires_grad_();
    at::Tensor y = norm.forward(x);
    EXPECT_TRUE(at::allclose(y, at::full({rows, 4}, 0.25), 0, 1e-3));  // rounding, by 1 / √ε
    EXPECT_TRUE(at::equal(norm.running_mean, at::full({4}, 0.5)));
    EXPECT_TRUE(at::equal(norm.running_var, at::full({4}, 4.0)));
    const auto gradients = torch::autograd::grad({y.sum()}, {x, norm.weight});
    for (const at::Tensor& gradient : gradients) EXPECT_EQ(gradient.count_nonzero().item<std::int64_t>(), 0);
  }
}

}  // namespace
}  // namespace resolute::networks::batch_norm_test
