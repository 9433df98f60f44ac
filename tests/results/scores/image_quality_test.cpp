//! \file
//! PSNR and SSIM against an independent program, and what holds of them by definition.

#include "results/scores/image_quality.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "tests/support/folders.h"

namespace resolute::results::image_quality_test {
namespace {

using Pixels = std::vector<std::uint8_t>;

Pixels from_hex(const std::string& text) {
  Pixels pixels;
  for (std::size_t i = 0; i < text.size(); i += 2)
    pixels.push_back(static_cast<std::uint8_t>(std::stoi(text.substr(i, 2), nullptr, 16)));
  return pixels;
}

TEST(ImageQuality, agrees_with_an_independent_program) {
  const core::Json golden = core::parse_json(
      core::read_text(core::real_file_system(), tests::source_folder() / "tests/golden/image_quality/goldens.json"),
      "golden");
  ASSERT_EQ(golden.at("cases").size(), 7U);
  for (const core::Json& example : golden.at("cases")) {
    const int height = example.at("height").get<int>(), width = example.at("width").get<int>();
    const Pixels a = from_hex(example.at("a").get<std::string>()), b = from_hex(example.at("b").get<std::string>());
    const PictureView picture{height, width, a}, reference{height, width, b};
    EXPECT_NEAR(psnr(picture, reference), example.at("psnr").get<double>(), 1e-10) << height << "×" << width;
    EXPECT_NEAR(ssim(picture, reference), example.at("ssim").get<double>(), 1e-10) << height << "×" << width;
    EXPECT_EQ(psnr(picture, reference), psnr(reference, picture));
    EXPECT_EQ(ssim(picture, reference), ssim(reference, picture));
    const PictureQuality quality = picture_quality(picture, reference);
    EXPECT_EQ(quality.psnr, psnr(picture, reference));
    EXPECT_EQ(quality.ssim, ssim(picture, reference));
  }
}

TEST(ImageQuality, equal_pictures_are_alike_and_better_than_any_other_pair) {
  for (const auto& [height, width] : {std::pair{1, 1}, {8, 30}, {17, 13}}) {
    Pixels a(static_cast<std::size_t>(3 * height * width));
    std::iota(a.begin(), a.end(), std::uint8_t{0});
    const PictureView picture{height, width, a};
    EXPECT_EQ(ssim(picture, picture), 1);
    const double best = psnr(picture, picture);
    EXPECT_TRUE(std::isfinite(best));
    Pixels b = a;
    b.back() = static_cast<std::uint8_t>(b.back() + 1);
    EXPECT_EQ(psnr({height, width, b}, picture), best);  // one value off by one level
    b.back() = static_cast<std::uint8_t>(b.back() + 1);
    EXPECT_LT(psnr({height, width, b}, picture), best);
    EXPECT_LT(ssim({height, width, b}, picture), 1);
    EXPECT_DOUBLE_EQ(picture_quality({height, width, b}, picture).error, 2.0 / static_cast<double>(a.size()));
  }
}

TEST(ImageQuality, black_against_white_is_the_worst) {
  const Pixels black(3 * 12 * 12, 0), white(3 * 12 * 12, 255);
  const PictureQuality quality = picture_quality({12, 12, black}, {12, 12, white});
  EXPECT_EQ(quality.error, 255);
  EXPECT_EQ(quality.psnr, 0);
  EXPECT_NEAR(quality.ssim, 1e-4, 1e-6);  // C1 / (L² + C1)
}

TEST(ImageQuality, pictures_of_other_sizes_are_no_pair) {
  const Pixels a(3 * 4, 0);
  EXPECT_ANY_THROW(psnr({2, 2, a}, {4, 1, a}));
  EXPECT_ANY_THROW(ssim({2, 2, a}, {1, 2, a}));
  EXPECT_ANY_THROW(ssim({4, 4, a}, {4, 4, a}));
}

}  // namespace
}  // namespace resolute::results::image_quality_test
