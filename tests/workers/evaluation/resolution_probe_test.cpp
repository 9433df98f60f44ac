//! \file
//! The resolution probe on features whose answer is known.

#include "workers/evaluation/resolution_probe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "core/random/random.h"

namespace resolute::workers::resolution_probe_test {
namespace {

// Images × 2 rows of noise, HR rows first.
struct MadeUpProbe {
  std::vector<float> features;
  std::vector<ProbeImage> images;
};

MadeUpProbe made_up_probe(std::size_t images, std::size_t dimension) {
  MadeUpProbe probe;
  core::RandomStream stream("probe", {images, dimension});
  for (std::size_t i = 0; i < 2 * images * dimension; ++i)
    probe.features.push_back(static_cast<float>(stream.normal()));
  for (std::size_t i = 0; i < images; ++i) probe.images.push_back({i, 2, i % 2 == 1});
  return probe;
}

// The smaller of the two systems is the features' in the first, the rows' in the second.
constexpr std::pair<std::size_t, std::size_t> kShapes[] = {{600, 16}, {500, 900}};

TEST(ResolutionProbe, finds_a_direction_that_tells_resolution) {
  for (const auto& [images, dimension] : kShapes) {
    MadeUpProbe probe = made_up_probe(images, dimension);
    // A direction that no single feature shows, beside a common offset.
    for (std::size_t i = 0; i < 2 * images; ++i)
      for (std::size_t k = 0; k < dimension; ++k) {
        float& value = probe.features[i * dimension + k];
        value = 0.2F * value + 5.0F + (i < images ? 0.5F : -0.5F) * (k % 2 == 0 ? 1.0F : -1.0F);
      }
    EXPECT_EQ(1.0, resolution_probe(probe.features, probe.images));
  }
}

TEST(ResolutionProbe, stays_at_chance_on_features_independent_of_resolution) {
  for (const auto& [images, dimension] : kShapes) {
    const MadeUpProbe probe = made_up_probe(images, dimension);
    EXPECT_NEAR(0.5, resolution_probe(probe.features, probe.images), 0.05);
  }
}

TEST(ResolutionProbe, is_chance_exactly_where_both_sides_are_the_same) {
  for (const auto& [images, dimension] : kShapes) {
    MadeUpProbe probe = made_up_probe(images, dimension);
    const auto half = static_cast<std::ptrdiff_t>(images * dimension);
    std::copy(probe.features.begin(), probe.features.begin() + half, probe.features.begin() + half);
    EXPECT_EQ(0.5, resolution_probe(probe.features, probe.images));
    std::fill(probe.features.begin(), probe.features.end(), 3.25F);
    EXPECT_EQ(0.5, resolution_probe(probe.features, probe.images));
  }
}

TEST(ResolutionProbe, weighs_its_penalty_like_one_features_variance) {
  // A side s of 0.3 behind noise n of deviation 1 that a second feature shows too: their difference is s alone. With a
  // penalty of a variance the weights are as 2 to -1, which leaves 0.6 s against n: right in Phi(0.6) = 0.726 of all
  // cases. Without one it would be right always, with a very large one in Phi(0.3) = 0.618.
  MadeUpProbe probe = made_up_probe(2000, 2);
  for (std::size_t row = 0; row < 4000; ++row)
    probe.features[2 * row] = probe.features[2 * row + 1] + (row < 2000 ? 0.3F : -0.3F);
  EXPECT_NEAR(0.726, resolution_probe(probe.features, probe.images), 0.025);
}

TEST(ResolutionProbe, features_that_are_rarely_active_do_not_outweigh_the_others) {
  // As a rectifier leaves them: 40 features that one image of either half shows faintly, and a tenth of all images
  // clearly, in both of its sides. The first 16 tell the sides apart.
  constexpr std::size_t kImages = 600, kTelling = 16, kAll = 56;
  MadeUpProbe probe = made_up_probe(kImages, kAll);
  for (std::size_t row = 0; row < 2 * kImages; ++row)
    for (std::size_t k = 0; k < kAll; ++k) {
      float& value = probe.features[row * kAll + k];
      const std::size_t image = row % kImages;
      if (k < kTelling)
        value += row < kImages ? 0.5F : -0.5F;
      else
        value = image / 2 == k ? 1e-4F : image % 2 == 1 && image % 20 == k % 20 ? 0.05F : 0;
    }
  EXPECT_GT(resolution_probe(probe.features, probe.images), 0.95);
}

TEST(ResolutionProbe, scale_and_offset_of_a_feature_do_not_matter) {
  MadeUpProbe probe = made_up_probe(200, 8);
  for (std::size_t i = 0; i < 200 * 8; ++i) probe.features[i] += 0.3F;
  const double before = resolution_probe(probe.features, probe.images);
  EXPECT_GT(before, 0.55);
  for (std::size_t i = 0; i < probe.features.size(); ++i)
    if (i % 8 == 3) probe.features[i] = 1024 * probe.features[i];
  EXPECT_EQ(before, resolution_probe(probe.features, probe.images));
}

}  // namespace
}  // namespace resolute::workers::resolution_probe_test
