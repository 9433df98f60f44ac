#include "networks/nn/initialise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/random/random.h"
#include "networks/nn/backbone.h"
#include "networks/nn/layers.h"

namespace resolute::networks::initialise_test {
namespace {

TEST(Initialise, draws_the_deviation_of_the_rule) {
  EXPECT_DOUBLE_EQ(deviation_of(Initialisation::kHeFanOut, {64, 3, 7, 7}), std::sqrt(2.0 / (64 * 49)));
  EXPECT_DOUBLE_EQ(deviation_of(Initialisation::kHeFanIn, {64, 3, 7, 7}), std::sqrt(2.0 / (3 * 49)));
  EXPECT_DOUBLE_EQ(deviation_of(Initialisation::kTorchLinear, {10, 12}), 1.0 / 6.0);
  at::Tensor weight = at::empty({256, 64, 3, 3});
  fill_normal(weight, 0.25, 3, "w");
  EXPECT_NEAR(weight.mean().item<double>(), 0.0, 0.003);
  EXPECT_NEAR(weight.std().item<double>(), 0.25, 0.003);
  EXPECT_NEAR((weight.abs() > 0.5).to(at::kDouble).mean().item<double>(), 0.0455, 0.002);  // beyond 2 deviations
}

TEST(Initialise, depends_on_seed_and_name_not_on_memory_format) {
  auto draw = [](std::uint64_t seed, const char* name, at::MemoryFormat format) {
    at::Tensor weight = at::empty({3, 5, 3, 3}, at::TensorOptions(), format);
    fill_normal(weight, 1.0, seed, name);
    return weight;
  };
  at::Tensor base = draw(1, "a", at::MemoryFormat::Contiguous);
  EXPECT_TRUE(at::equal(base, draw(1, "a", at::MemoryFormat::ChannelsLast)));
  EXPECT_FALSE(at::equal(base, draw(2, "a", at::MemoryFormat::Contiguous)));
  EXPECT_FALSE(at::equal(base, draw(1, "b", at::MemoryFormat::Contiguous)));
}

TEST(Initialise, fills_an_odd_count_completely) {
  at::Tensor weight = at::full({7}, NAN), shorter = at::full({6}, NAN);
  fill_normal(weight, 1.0, 0, "odd");
  fill_normal(shorter, 1.0, 0, "odd");
  EXPECT_TRUE(at::isfinite(weight).all().item<bool>());
  EXPECT_TRUE(at::equal(weight.narrow(0, 0, 6), shorter));
}

// Vector functions draw the values; what libm makes of each pair of draws is what they must be, whatever the threads.
TEST(Initialise, is_libms_box_muller_to_the_bit_on_any_number_of_threads) {
  constexpr std::int64_t kCount = 3'000'001;
  const double deviation = std::sqrt(2.0 / 4608);
  at::Tensor expected = at::empty({kCount + 1});
  float* values = expected.mutable_data_ptr<float>();
  core::RandomStream stream("weights box", {11});
  for (std::int64_t i = 0; i < kCount; i += 2) {
    const double radius = deviation * std::sqrt(-2.0 * std::log(1.0 - stream.uniform()));
    const double angle = 2.0 * std::numbers::pi * stream.uniform();
    values[i] = static_cast<float>(radius * std::cos(angle));
    values[i + 1] = static_cast<float>(radius * std::sin(angle));
  }
  const int threads = at::get_num_threads();
  for (const int count : {1, 3}) {
    at::set_num_threads(count);
    at::Tensor weight = at::empty({kCount});
    fill_normal(weight, deviation, 11, "box");
    EXPECT_TRUE(at::equal(weight, expected.narrow(0, 0, kCount))) << count << " threads";
  }
  at::set_num_threads(threads);
}

TEST(Initialise, refuses_parameters_that_no_rule_covers) {
  struct Stray : torch::nn::Module {
    Stray() { register_parameter("weight", at::zeros({2})); }
  };
  torch::nn::Module root("root");
  root.register_module("stray", std::make_shared<Stray>());
  EXPECT_THROW(initialise(root, 0), core::ContractError);
}

TEST(Initialise, same_trunk_twice_and_generator_untouched) {
  auto generator = at::detail::getDefaultCPUGenerator();
  at::Tensor before = generator.get_state().clone();
  const settings::NetworkSettings settings{.backbone = settings::Trunk::kResnetSmall};
  Backbone a(settings::trunk_shape(settings)), b(settings::trunk_shape(settings));
  initialise(a, 5);
  initialise(b, 5);
  auto pa = a.parameters(), pb = b.parameters();
  for (std::size_t i = 0; i < pa.size(); ++i) EXPECT_TRUE(at::equal(pa[i], pb[i]));
  EXPECT_TRUE(at::equal(before, generator.get_state()));
}

}  // namespace
}  // namespace resolute::networks::initialise_test
