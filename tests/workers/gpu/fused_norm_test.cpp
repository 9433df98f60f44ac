// A batch norm with what is added to it and the rectifier behind them, by the device's own kernels, beside the same in
// double precision; and trainings with it.

#include "networks/kernels/fused_norm.h"

#include <gmock/gmock.h>

#include "networks/nn/batch_norm.h"
#include "networks/nn/residual_blocks.h"
#include "tests/support/accelerator/norm_kernels.h"
#include "tests/support/formula.h"
#include "tests/support/refusal.h"
#include "tests/workers/gpu/device_training.h"

namespace resolute::workers::gpu_test::fused_norm_test {
namespace {

using networks::Rectifier;

struct Case {
  std::vector<std::int64_t> shape;
  at::ScalarType type = at::kFloat;
  Rectifier rectifier = Rectifier::kRelu;
  bool with_summand = false;
  double mean = 0.5;
};

std::string name(const Case& c) {
  return fmt::format("{}x{}x{}x{} {} rectifier {} summand {} mean {}", c.shape[0], c.shape[1], c.shape[2], c.shape[3],
                     c.type == at::kFloat ? "f32" : "bf16", static_cast<int>(c.rectifier), c.with_summand, c.mean);
}

// Values of the case's type, as doubles on the CPU.
at::Tensor drawn(const Case& c, const std::string& what, double scale, double offset) {
  return tests::numbers(what, c.shape, scale, offset).to(c.type).to(at::kDouble);
}

at::Tensor placed(const at::Tensor& values, at::ScalarType type, bool learns = true) {
  const at::Tensor on_cpu =
      values.dim() == 4 ? values.to(type).contiguous(at::MemoryFormat::ChannelsLast) : values.to(type);
  return on_cpu.detach().to(device().place()).requires_grad_(learns);
}

at::Tensor fetched(const at::Tensor& tensor) { return tensor.detach().cpu().to(at::kDouble); }

// Output, running statistics, and the gradients of input, weight, bias and summand.
using Results = std::vector<at::Tensor>;

struct Drawn {
  explicit Drawn(const Case& c)
      : input(drawn(c, "input", 2, c.mean)),
        summand(drawn(c, "summand", 1, 0.1)),
        gradient(drawn(c, "gradient", 1, 0.05)),
        weight(tests::numbers("weight", {c.shape[1]}, 0.5, 1)),
        bias(tests::numbers("bias", {c.shape[1]}, 0.5)) {}
  at::Tensor input, summand, gradient, weight, bias;
};

Results by_kernels(const Case& c) {
  const Drawn d(c);
  const networks::FusedNorms fused(&device().norm_kernels());
  const at::Tensor input = placed(d.input, c.type), weight = placed(d.weight, at::kFloat),
                   bias = placed(d.bias, at::kFloat),
                   summand = c.with_summand ? placed(d.summand, c.type) : at::Tensor();
  const at::Tensor mean = placed(at::zeros({c.shape[1]}), at::kFloat, false),
                   variance = placed(at::ones({c.shape[1]}), at::kFloat, false);
  EXPECT_TRUE(networks::fuses(input)) << name(c);
  const at::Tensor output =
      networks::fused_norm(input, weight, bias, summand, {mean, variance, 0.1, 1e-5, c.rectifier});
  EXPECT_EQ(c.type, output.scalar_type());
  EXPECT_TRUE(output.is_contiguous(at::MemoryFormat::ChannelsLast));
  std::vector<at::Tensor> asked = {input, weight, bias};
  if (c.with_summand) asked.push_back(summand);
  Results results = {fetched(output), fetched(mean), fetched(variance)};
  for (const at::Tensor& gradient : torch::autograd::grad({output}, asked, {placed(d.gradient, c.type, false)}))
    results.push_back(fetched(gradient));
  return results;
}

Results in_double(const Case& c) {
  const Drawn d(c);
  const at::Tensor input = d.input.detach().requires_grad_(), weight = d.weight.to(at::kDouble).requires_grad_(),
                   bias = d.bias.to(at::kDouble).requires_grad_(), summand = d.summand.detach().requires_grad_();
  const at::Tensor mean = at::zeros({c.shape[1]}, at::kDouble), variance = at::ones({c.shape[1]}, at::kDouble);
  at::Tensor sum = at::batch_norm(input, weight, bias, mean, variance, true, 0.1, 1e-5, false);
  if (c.with_summand) sum = sum + summand;
  const at::Tensor output = networks::rectified(sum.clone(), c.rectifier);
  std::vector<at::Tensor> asked = {input, weight, bias};
  if (c.with_summand) asked.push_back(summand);
  Results results = {output.detach(), mean, variance};
  for (const at::Tensor& gradient : torch::autograd::grad({output}, asked, {d.gradient})) results.push_back(gradient);
  return results;
}

// A share of the largest value: an error of rounding to the type, and some of the sums in float32.
double bound(const Case& c) { return c.type == at::kFloat ? 4e-6 : 1.0 / 128; }

void expect_close(const Case& c) {
  const Results found = by_kernels(c), right = in_double(c);
  const std::vector<std::string> names = {
      "output",           "running mean",       "running variance", "gradient of input", "gradient of weight",
      "gradient of bias", "gradient of summand"};
  ASSERT_EQ(right.size(), found.size());
  for (std::size_t i = 0; i < right.size(); ++i)
    EXPECT_LT(tests::difference(found[i], right[i]), bound(c)) << names[i] << " of " << name(c);
}
TEST(FusedNorm, is_that_of_double_precision_within_the_roundings) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16})
    for (const Rectifier rectifier : {Rectifier::kNone, Rectifier::kRelu, Rectifier::kRelu6})
      for (const bool with_summand : {false, true}) expect_close({{3, 16, 7, 5}, type, rectifier, with_summand});
}

// Few rows, fewer threads than a row has, columns of blocks that are not full, many slices.
TEST(FusedNorm, takes_maps_of_any_shape) {
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16})
    for (const std::vector<std::int64_t>& shape : std::vector<std::vector<std::int64_t>>{
             {4, 8, 1, 1}, {1, 24, 5, 1}, {2, 520, 2, 2}, {5, 40, 31, 9}, {16, 8, 24, 12}})
      expect_close({shape, type, Rectifier::kRelu, true});
}

TEST(FusedNorm, keeps_its_digits_beside_a_large_mean) {
  Case far{{4, 16, 8, 8}, at::kFloat, Rectifier::kNone, false, 3000};
  EXPECT_LT(tests::difference(by_kernels(far)[2], in_double(far)[2]), 1e-6) << "running variance";
}

TEST(FusedNorm, gives_the_same_bits_whatever_block_comes_first) {
  const Case c{{5, 40, 31, 9}, at::kBFloat16, Rectifier::kRelu, true};
  const Results first = by_kernels(c);
  accelerator::set_blocks_reversed(true);
  const Results reversed = by_kernels(c);
  accelerator::set_blocks_reversed(false);
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_TRUE(at::equal(first[i], reversed[i])) << i;
}

TEST(FusedNorm, hands_on_what_is_no_number) {
  const networks::FusedNorms fused(&device().norm_kernels());
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    at::Tensor values = tests::numbers("input", {2, 8, 3, 3});
    values[1][5][2][0] = std::numeric_limits<float>::quiet_NaN();
    const at::Tensor output =
        networks::fused_norm(placed(values, type), placed(at::ones({8}), at::kFloat),
                             placed(at::zeros({8}), at::kFloat), {}, {{}, {}, 0.1, 1e-5, Rectifier::kRelu6});
    const at::Tensor is_nan = fetched(output).isnan();
    EXPECT_TRUE(is_nan.select(1, 5).all().item<bool>());
    EXPECT_EQ(2 * 9, is_nan.sum().item<std::int64_t>());
  }
}

TEST(FusedNorm, leaves_other_maps_to_libtorch) {
  const auto map = [](at::IntArrayRef shape) { return tests::numbers("map", shape); };
  const at::Tensor good = placed(map({2, 8, 2, 2}), at::kFloat);
  EXPECT_FALSE(networks::fuses(good)) << "no kernels are in use";
  const networks::FusedNorms fused(&device().norm_kernels());
  EXPECT_TRUE(networks::fuses(good));
  EXPECT_FALSE(networks::fuses(map({2, 8, 2, 2}).contiguous(at::MemoryFormat::ChannelsLast))) << "on the CPU";
  EXPECT_FALSE(networks::fuses(placed(map({2, 12, 2, 2}), at::kFloat))) << "12 channels";
  EXPECT_FALSE(networks::fuses(placed(map({1, 8, 1, 1}), at::kFloat))) << "one row";
  EXPECT_FALSE(networks::fuses(placed(map({4, 8}), at::kFloat))) << "rows of a neck";
  EXPECT_FALSE(networks::fuses(placed(map({2, 8, 2, 2}), at::kDouble)));
  EXPECT_FALSE(networks::fuses(map({2, 8, 2, 3}).to(device().place()))) << "not channels-last";
  networks::BatchNorm norm(8);
  norm.to(device().place());
  EXPECT_TRUE(norm.is_fused(good));
  norm.eval();
  EXPECT_FALSE(norm.is_fused(good)) << "by running statistics";
  norm.train();
  norm.freeze();
  EXPECT_FALSE(norm.is_fused(good)) << "by frozen ones";
}

TEST(FusedNorm, of_a_norm_moves_running_statistics_unless_they_are_held) {
  const networks::FusedNorms fused(&device().norm_kernels());
  networks::BatchNorm norm(8);
  norm.to(device().place());
  const at::Tensor map = placed(tests::numbers("map", {2, 8, 3, 2}), at::kFloat);
  {
    const networks::RunningStatisticsHold hold;
    norm.forward_fused(map, {}, Rectifier::kNone);
  }
  EXPECT_TRUE(at::equal(fetched(norm.running_mean), at::zeros({8}, at::kDouble)));
  norm.forward_fused(map, {}, Rectifier::kNone);
  EXPECT_FALSE(at::equal(fetched(norm.running_mean), at::zeros({8}, at::kDouble)));
}

// Every method whose trunk has one, on the simulated device or a GPU: recorded, without recordings, and far from the
// unfused training by roundings alone.
TEST(FusedNorm, of_a_training_gives_the_same_bits_recorded_or_not) {
  for (const std::string precision : {"f32", "bf16"}) {
    Plan plan;
    plan.method = "baseline";
    plan.precision = precision;
    plan.steps = 3;
    const Trained apart = train(&device(), nullptr, plan);
    const networks::FusedNorms fused(&device().norm_kernels());
    const Trained recorded = train(&device(), nullptr, plan);
    plan.recorded = false;
    const Trained run = train(&device(), nullptr, plan);
    EXPECT_EQ(run.hash(), recorded.hash()) << precision;
    EXPECT_NE(apart.hash(), recorded.hash()) << precision;
    EXPECT_NEAR(apart.losses.front(), recorded.losses.front(), precision == "f32" ? 1e-5 : 0.05);
  }
}

TEST(FusedNorm, kernels_are_part_of_the_numeric_class_once_they_are_asked_for) {
  device().norm_kernels();
  EXPECT_THAT(numeric_class(device()), testing::HasSubstr(" norm=fused"));
  EXPECT_THAT([] { open_device("cpu", 0)->norm_kernels(); },
              tests::fails(core::ErrorKind::kInput, testing::HasSubstr("--fused-norm asks for kernels of a GPU")));
}

}  // namespace
}  // namespace resolute::workers::gpu_test::fused_norm_test
