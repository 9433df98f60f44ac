#pragma once
//! \file
//! Numbers that the C++ tests and tests/golden/twin.py both know without exchanging them: see numbers() there.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "networks/torch.h"
#include "tests/support/folders.h"

namespace resolute::tests {

//! float32 values offset + scale · u in a contiguous tensor, u in [-1, 1) from a 32-bit mix of (FNV-1a of name, index).
inline at::Tensor numbers(const std::string& name, at::IntArrayRef shape, double scale = 1.0, double offset = 0.0) {
  std::uint32_t salt = 2166136261U;
  for (char letter : name) salt = (salt ^ static_cast<unsigned char>(letter)) * 16777619U;
  at::Tensor tensor = at::empty(shape, at::kFloat);
  float* values = tensor.mutable_data_ptr<float>();
  const std::int64_t count = tensor.numel();
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint32_t x = static_cast<std::uint32_t>(i) * 2654435761U + salt;
    x ^= x >> 16;
    x *= 0x7FEB352DU;
    x ^= x >> 15;
    x *= 0x846CA68BU;
    x ^= x >> 16;
    values[i] = static_cast<float>(offset + scale * (static_cast<double>(x) / 2147483648.0 - 1.0));
  }
  return tensor;
}

//! N×3×H×W, channels-last.
inline at::Tensor images(std::int64_t rows, std::int64_t height = 32, std::int64_t width = 16) {
  return numbers("images", {rows, 3, height, width}, 1.5).contiguous(at::MemoryFormat::ChannelsLast);
}

//! Largest difference of tensors of one shape, by the largest value.
inline double difference(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return (a - b).abs().max().item<double>() / b.abs().max().item<double>();
}

inline std::vector<double> doubles(const at::Tensor& tensor) {
  const at::Tensor wide = tensor.to(at::kDouble).contiguous();
  return {wide.const_data_ptr<double>(), wide.const_data_ptr<double>() + wide.numel()};
}

//! Inner product with a formula tensor, by the root of the count.
inline double probe(const std::string& name, const at::Tensor& tensor) {
  at::Tensor wide = tensor.detach().to(at::kDouble);
  at::Tensor sum = (wide * numbers(name + "/probe", tensor.sizes()).to(at::kDouble)).sum();
  return sum.item<double>() / std::sqrt(static_cast<double>(std::max<std::int64_t>(1, tensor.numel())));
}

//! Every parameter and buffer of a module as twin.py's Network makes them.
inline void fill_with_numbers(torch::nn::Module& module) {
  at::NoGradGuard no_grad;
  auto ends = [](const std::string& name, const char* end) { return name.ends_with(end); };
  for (auto& item : module.named_parameters()) {
    at::Tensor tensor = item.value();
    double scale = 0.1, offset = 0.0;
    const std::int64_t fan_in = tensor.numel() / tensor.size(0);
    if (tensor.dim() == 4) scale = std::sqrt(6.0 / static_cast<double>(fan_in));
    if (tensor.dim() == 2) scale = std::sqrt(3.0 / static_cast<double>(tensor.size(1)));
    if (tensor.dim() == 1 && ends(item.key(), ".weight")) offset = 1.0;
    tensor.copy_(numbers(item.key(), tensor.sizes(), scale, offset));
  }
  for (auto& item : module.named_buffers()) {
    const bool positive = ends(item.key(), ".running_var") || item.key().starts_with("weight_scale_");
    item.value().copy_(numbers(item.key(), item.value().sizes(), positive ? 0.5 : 0.1, positive ? 1.0 : 0.0));
  }
}

//! \param name within tests/golden, e.g. "rain/losses.json"
inline core::Json golden(const std::string& name) {
  return core::parse_json(
      core::read_text(core::real_file_system(), tests::source_folder().string() + "/tests/golden/" + name), name);
}

}  // namespace resolute::tests
