//! \file
//! MSIFLA's image-recovery cascade alone, before any re-ID network begins: it learns 32 images by heart, and images of
//! people that it never saw come out of it closer to their HR images than bilinear enlargement brings them.
#include <gtest/gtest.h>

#include <iostream>

#include "results/scores/image_quality.h"
#include "tests/methods/rendered_people.h"
#include "tests/methods/small_training.h"
#include "tests/methods/whole_training.h"
#include "workers/training/make_method.h"

namespace resolute::workers::msifla_long_test {
namespace {

//! N×3×H×W normalised → each image's 8-bit levels, row-major H×W×3.
std::vector<std::vector<std::uint8_t>> levels_of(const at::Tensor& images) {
  std::vector<std::vector<std::uint8_t>> found;
  for (std::int64_t image = 0; image < images.size(0); ++image) {
    const at::Tensor values = images[image].permute({1, 2, 0}).contiguous();
    std::vector<std::uint8_t>& levels = found.emplace_back();
    for (std::int64_t i = 0; i < values.numel(); ++i)
      levels.push_back(datasets::nearest_level(values.const_data_ptr<float>()[i], static_cast<std::size_t>(i % 3)));
  }
  return found;
}

//! Mean over images, in decibels.
double psnr(const at::Tensor& images, const at::Tensor& originals) {
  const auto found = levels_of(images), wanted = levels_of(originals);
  const auto height = static_cast<int>(images.size(2)), width = static_cast<int>(images.size(3));
  double sum = 0;
  for (std::size_t i = 0; i < found.size(); ++i)
    sum += results::psnr({height, width, found[i]}, {height, width, wanted[i]});
  return sum / static_cast<double>(found.size());
}

//! People's images at each rate (1: HR images), recovered at scale 1, against their HR images.
std::vector<double> recovered_psnr(methods::Method& method, const worker_tests::RenderedPeople& people) {
  std::vector<double> found{psnr(method.recover(people.hr).back(), people.hr)};
  for (const at::Tensor& copies : people.lr) found.push_back(psnr(method.recover(copies).back(), people.hr));
  return found;
}

//! Trains the cascade alone by the trainer; the re-ID networks would begin with the step after the last.
std::unique_ptr<methods::Method> trained(experiments::MsiflaOptions options, const worker_tests::RenderedPeople& people,
                                         int steps) {
  options.ir_warmup_steps = steps;
  experiments::TrainingSpecification specification = worker_tests::small_specification(options);
  specification.recipe.steps = steps;
  specification.recipe.milestones = {2 * steps / 3};
  specification.recipe.weight_decay = 0;
  auto method = make_method(specification, people.identities);
  const auto make = [&](std::uint64_t step, int) { return worker_tests::drawn_batch(people, 4, 2, 0, step); };
  worker_tests::train_whole(*method, {{8}, make}, {.recipe = specification.recipe});
  return method;
}

TEST(MsiflaLong, the_cascade_alone_learns_32_images_by_heart) {
  const worker_tests::RenderedPeople people =
      worker_tests::rendered_people({.identities = 8, .images = 4, .height = 32, .width = 16});
  const auto method = trained({.scales = {1}, .ir_width = 32}, people, 2400);
  for (const double found : recovered_psnr(*method, people)) {
    std::cout << fmt::format("by heart: {:.2f} dB\n", found);
    EXPECT_GT(found, 30);
  }
}

TEST(MsiflaLong, people_never_seen_are_recovered_better_than_by_bilinear_enlargement) {
  const worker_tests::RenderedPeople people =
      worker_tests::rendered_people({.identities = 192, .images = 4, .height = 48, .width = 24});
  const worker_tests::RenderedPeople others =
      worker_tests::rendered_people({.first = 1000, .identities = 24, .images = 4, .height = 48, .width = 24});
  const auto method = trained({.scales = {1}, .ir_width = 32}, people, 1500);
  const std::vector<double> found = recovered_psnr(*method, others);
  for (std::size_t rate = 0; rate < others.lr.size(); ++rate) {
    const double enlarged = psnr(others.lr[rate], others.hr);
    std::cout << fmt::format("rate {}: {:.2f} dB, bilinear {:.2f} dB\n", rate + 2, found[rate + 1], enlarged);
    EXPECT_GT(found[rate + 1], enlarged + 0.2);
  }
}

}  // namespace
}  // namespace resolute::workers::msifla_long_test
