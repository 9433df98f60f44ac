// Each set of instructions gives the bytes of the plain loops, and touches no others.
#include "datasets/image/resample_passes.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace resolute::datasets::passes::resample_passes_test {
namespace {

// Windows that move to the right as those of a resize do, from any scale, and weights up to what 32 bits bear.
Taps draw_taps(int in_size, int out_size) {
  Taps taps;
  taps.in_size = in_size;
  taps.out_size = out_size;
  const int most = *rc::gen::inRange(1, 20);
  taps.stride = static_cast<std::size_t>(most + 3) / Taps::kTaps * Taps::kTaps;
  const auto outputs = (static_cast<std::size_t>(out_size) + Taps::kOutputs - 1) / Taps::kOutputs * Taps::kOutputs;
  taps.first.resize(outputs);
  taps.count.resize(outputs);
  taps.weights.resize(outputs * taps.stride);
  for (int out = 0; out < out_size; ++out) {
    const auto at = static_cast<std::size_t>(out);
    taps.first[at] = out * in_size / out_size;
    taps.count[at] = std::min(*rc::gen::inRange(1, most + 1), in_size - taps.first[at]);
    constexpr std::int32_t kMost = (1 << 23) - (1 << 16);
    std::int32_t left = kMost;
    for (int i = 0; i < taps.count[at]; ++i) {
      const std::int32_t weight = *rc::gen::inRange(-left, left + 1);
      left -= std::abs(weight);
      taps.weights[at * taps.stride + static_cast<std::size_t>(i)] = weight;
    }
  }
  taps.derive();
  return taps;
}

std::vector<std::uint8_t> draw_bytes(std::size_t count) {
  std::vector<std::uint8_t> bytes(count);
  auto seed = *rc::gen::arbitrary<std::uint32_t>();
  const bool extreme = *rc::gen::arbitrary<bool>();
  for (auto& byte : bytes) {
    seed = seed * 1664525u + 1013904223u;
    byte = static_cast<std::uint8_t>(extreme ? (seed >> 31) * 255u : seed >> 24);
  }
  return bytes;
}

std::vector<Instructions> others() {
  std::vector<Instructions> all;
  if (best_instructions() >= Instructions::kAvx2) all.push_back(Instructions::kAvx2);
  if (best_instructions() >= Instructions::kAvx512) all.push_back(Instructions::kAvx512);
  return all;
}

constexpr std::uint8_t kUntouched = 0xa5;

RC_GTEST_PROP(ResamplePasses, along_rows_all_instructions_give_the_plain_bytes, ()) {
  const int in_size = *rc::gen::inRange(1, 120), out_size = *rc::gen::inRange(1, 120);
  const auto rows = *rc::gen::inRange<std::size_t>(1, 10);
  const Taps taps = draw_taps(in_size, out_size);
  const std::size_t in_stride = static_cast<std::size_t>(in_size) * 3;
  const std::size_t row_bytes = static_cast<std::size_t>(out_size) * 3, out_stride = row_bytes + kWriteSlack;
  // To the byte: a read or a write beyond what is promised is the address sanitizer's to see.
  const auto in = draw_bytes(rows * in_stride + kReadSlack);
  std::vector<std::uint8_t> plain(rows * out_stride, kUntouched);
  filter_rows(Instructions::kPlain, in.data(), in_stride, rows, taps, plain.data(), out_stride);
  for (const Instructions with : others()) {
    std::vector<std::uint8_t> out(rows * out_stride, kUntouched);
    filter_rows(with, in.data(), in_stride, rows, taps, out.data(), out_stride);
    for (std::size_t y = 0; y < rows; ++y)
      RC_ASSERT(std::equal(out.begin() + static_cast<std::ptrdiff_t>(y * out_stride),
                           out.begin() + static_cast<std::ptrdiff_t>(y * out_stride + row_bytes),
                           plain.begin() + static_cast<std::ptrdiff_t>(y * out_stride)));
  }
}

RC_GTEST_PROP(ResamplePasses, down_columns_all_instructions_give_the_plain_bytes, ()) {
  const int in_size = *rc::gen::inRange(1, 60), out_size = *rc::gen::inRange(1, 60);
  const auto row_bytes = *rc::gen::inRange<std::size_t>(1, 200);
  const Taps taps = draw_taps(in_size, out_size);
  const auto in = draw_bytes(static_cast<std::size_t>(in_size) * row_bytes);
  // Room between rows that must stay as it was.
  const std::size_t out_stride = row_bytes + *rc::gen::inRange<std::size_t>(0, 4);
  std::vector<std::uint8_t> plain(static_cast<std::size_t>(out_size) * out_stride, kUntouched);
  filter_columns(Instructions::kPlain, in.data(), row_bytes, row_bytes, taps, plain.data(), out_stride);
  for (std::size_t i = 0; i < plain.size(); ++i)
    if (i % out_stride >= row_bytes) RC_ASSERT(plain[i] == kUntouched);
  for (const Instructions with : others()) {
    std::vector<std::uint8_t> out(plain.size(), kUntouched);
    filter_columns(with, in.data(), row_bytes, row_bytes, taps, out.data(), out_stride);
    RC_ASSERT(out == plain);
  }
}

TEST(ResamplePasses, outputs_far_apart_have_no_blocks_and_near_ones_do) {
  Taps taps;
  taps.stride = 4;
  for (const int step : {1, 4, 5}) {
    taps.out_size = 8;
    taps.in_size = 8 * step + 4;
    taps.first.clear();
    for (int out = 0; out < 8; ++out) taps.first.push_back(out * step);
    taps.count.assign(8, 4);
    taps.weights.assign(8 * 4, 1 << 20);
    taps.derive();
    EXPECT_EQ(step < 5 ? 2U : 0U, taps.blocks.size()) << step;
  }
}

}  // namespace
}  // namespace resolute::datasets::passes::resample_passes_test
