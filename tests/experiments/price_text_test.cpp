//! What people read of a plan's price.

#include <gmock/gmock.h>

#include "experiments/price.h"

namespace resolute::experiments::price_text_test {
namespace {

using namespace testing;

TEST(PriceText, says_each_machine_root_and_precision_once) {
  Price price;
  MachinePrice gpu;
  gpu.machine = {"h", "an H", Device::kCuda};
  gpu.count = 8;
  gpu.hours = 280;
  gpu.days = 1.5;
  gpu.hours_in = {{"bf16", 193}, {"f32", 1282}};
  gpu.precision = settings::Precision::kTf32;
  price.machines = {gpu};
  price.disk = {.packs = 1 << 20, .weights = 2 << 20, .checkpoints = 3 << 20, .at_once = 8, .features = 4 << 20};
  for (const char* name : {"viper-a", "viper-b"})
    price.missing_data.push_back({name, "viper", "${VIPER}", "somewhere", "none"});
  price.missing_weights = {{"imagenet", "resnet50"}};
  price.provisional = 7;
  const std::vector<std::string> lines = price_lines(price);
  const auto with = [](const std::string& words) { return HasSubstr(words); };
  EXPECT_THAT(lines,
              Contains(with("an H: 1282 GPU-hours in f32, 280 in tf32 (asked for), 193 in bf16; 1.5 days on 8 GPUs")));
  EXPECT_THAT(
      lines,
      Contains("  disk: packs 1.0 MiB, weights 2.0 MiB, features 4.0 MiB; checkpoints of 8 trainings at once 3.0 MiB"));
  EXPECT_THAT(lines,
              Contains("raw images missing: root = \"${VIPER}\" (viper-a, viper-b); from somewhere; licence: none"));
  EXPECT_THAT(lines,
              Contains("ids of 7 jobs are not final: they depend on the weights, and are final once these are here"));
  price.machines.front().precision.reset();
  EXPECT_THAT(price_lines(price),
              Contains(with("an H: 280 GPU-hours (1282 in f32, 193 in bf16, were all in one precision); 1.5 days")));
  price.machines.front() = {};
  price.machines.front().machine = gpu.machine;
  price.machines.front().unpriced = 6;
  price.of_programs = 6;
  EXPECT_THAT(price_lines(price),
              AllOf(Contains("  an H: not known, for 6 jobs"), Contains(with("6 jobs of methods in"))));
}

}  // namespace
}  // namespace resolute::experiments::price_text_test
