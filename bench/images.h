#pragma once
//! \file
//! Images for benchmarks that read none from a disk.

#include "core/random/random.h"
#include "methods/networks/method.h"

namespace resolute::workers {

//! rows×3×height×width float32, channels-last, uniform in [-2, 2); another key, other images.
inline at::Tensor random_images(std::uint64_t key, std::int64_t rows, std::int64_t height, std::int64_t width) {
  core::RandomStream stream("bench images", {key});
  at::Tensor pixels = at::empty({rows, height, width, 3});
  float* values = pixels.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < pixels.numel(); ++i) values[i] = static_cast<float>(stream.uniform(-2, 2));
  return pixels.permute({0, 3, 1, 2});
}

//! The rows of a batch: `images` of each of `identities`, of which `lr_images` have no HR image.
struct Drawn {
  int identities = 1, images = 1, lr_images = 0;
};

//! A batch of them, all on the CPU. \param copies how many, as many as methods::copy_rates()
inline methods::LaneBatch random_batch(std::uint64_t key, const Drawn& rows, std::size_t copies, std::int64_t height,
                                       std::int64_t width) {
  const std::int64_t count = std::int64_t{rows.identities} * rows.images;
  methods::LaneBatch batch;
  batch.hr = random_images(key, count, height, width);
  batch.lr = random_images(key + 1, count, height, width);
  batch.lr_rates = at::arange(count, at::kLong).remainder(3).add(2);
  batch.labels = at::arange(count, at::kLong).div(rows.images, "floor");
  batch.has_hr = at::arange(count, at::kLong).remainder(rows.images).lt(rows.images - rows.lr_images);
  for (std::size_t i = 0; i < copies; ++i) batch.copies.push_back(random_images(key + 2 + i, count, height, width));
  batch.hr.mul_(batch.has_hr.view({-1, 1, 1, 1}));
  for (at::Tensor& images : batch.copies) images.mul_(batch.has_hr.view({-1, 1, 1, 1}));
  return batch;
}

}  // namespace resolute::workers
