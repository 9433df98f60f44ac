#pragma once
//! \file
//! Images for benchmarks that read none from a disk.

#include "core/random/random.h"
#include "workers/torch.h"

namespace resolute::workers {

//! rows×3×height×width float32, channels-last, uniform in [-2, 2); another key, other images.
inline at::Tensor random_images(std::uint64_t key, std::int64_t rows, std::int64_t height, std::int64_t width) {
  core::RandomStream stream("bench images", {key});
  at::Tensor pixels = at::empty({rows, height, width, 3});
  float* values = pixels.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < pixels.numel(); ++i) values[i] = static_cast<float>(stream.uniform(-2, 2));
  return pixels.permute({0, 3, 1, 2});
}

}  // namespace resolute::workers
