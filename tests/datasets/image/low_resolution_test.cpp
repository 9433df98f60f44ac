#include "datasets/image/low_resolution.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "datasets/image/contact_sheet.h"
#include "datasets/loader/normalisation.h"

namespace resolute::datasets::low_resolution_test {
namespace {

Image ramp(int height, int width) {
  Image image = make_image(height, width);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) image.pixels[i] = static_cast<std::uint8_t>(i * 7);
  return image;
}

TEST(LowResolutionView, rate_1_is_an_exact_copy) {
  const Image image = ramp(13, 7);
  for (Kernel kernel : {Kernel::kTriangle, Kernel::kBilinearPoint, Kernel::kCubic, Kernel::kLanczos3})
    EXPECT_EQ(low_resolution_view(image, 1, kernel), image);
}

TEST(LowResolutionView, sides_are_divided_and_rounded_down) {
  const Image view = low_resolution_view(ramp(128, 50), 3, Kernel::kTriangle);
  EXPECT_EQ(view.height, 42);
  EXPECT_EQ(view.width, 16);
  EXPECT_EQ(view, resize(ramp(128, 50), 42, 16, Kernel::kTriangle));
}

TEST(LowResolutionView, no_side_vanishes) {
  const Image view = low_resolution_view(ramp(9, 3), 8, Kernel::kLanczos3);
  EXPECT_EQ(view.height, 1);
  EXPECT_EQ(view.width, 1);
}

TEST(LowResolutionView, refuses_rates_outside_the_limits) {
  EXPECT_THROW(low_resolution_view(ramp(9, 3), 0, Kernel::kTriangle), core::ContractError);
  EXPECT_THROW(low_resolution_view(ramp(9, 3), settings::kLargestRate + 1, Kernel::kTriangle), core::ContractError);
}

TEST(LowResolutionNetwork, has_a_rate_th_of_the_network_size) {
  const Image copy = low_resolution_view(ramp(64, 32), 3, Kernel::kCubic);
  EXPECT_EQ(copy.height, 21);
  EXPECT_EQ(copy.width, 10);
}

TEST(Enlarge, is_bilinear_whatever_shrank_the_image) {
  const Image small = low_resolution_view(ramp(64, 32), 4, Kernel::kLanczos3);
  EXPECT_EQ(enlarge(small, 64, 32), resize(small, 64, 32, Kernel::kTriangle));
}

TEST(ContactSheet, puts_images_of_any_size_into_equal_cells) {
  const std::vector<Image> images{ramp(4, 2), ramp(3, 5), ramp(1, 1)};
  const Image sheet = contact_sheet(images, 2, 1);
  EXPECT_EQ(sheet.height, 2 * (4 + 1) + 1);
  EXPECT_EQ(sheet.width, 2 * (5 + 1) + 1);
  EXPECT_EQ(sheet.pixels[0], 128);
  const auto at = [&](int y, int x) { return sheet.pixels[static_cast<std::size_t>((y * sheet.width + x) * 3)]; };
  EXPECT_EQ(at(1, 1), images[0].pixels[0]);
  EXPECT_EQ(at(3, 9), images[1].pixels[(2 * 5 + 2) * 3]);
  EXPECT_EQ(at(6, 2), 128);
  EXPECT_THROW(contact_sheet({}, 2), core::ContractError);
}

TEST(ContactSheet, has_the_grey_asked_for_between_its_images) {
  const Image sheet = contact_sheet(std::vector<Image>{ramp(4, 2), ramp(4, 2)}, 2, 3, 255);
  EXPECT_EQ(sheet.pixels[0], 255);
  EXPECT_EQ(sheet.pixels.back(), 255);
}

TEST(Framed, surrounds_the_image_with_the_colour) {
  const Image image = ramp(3, 2), whole = framed(image, 2, {10, 20, 30});
  EXPECT_EQ(whole.height, 7);
  EXPECT_EQ(whole.width, 6);
  for (int y = 0; y < whole.height; ++y)
    for (int x = 0; x < whole.width; ++x)
      for (int channel = 0; channel < 3; ++channel) {
        const bool inside = y >= 2 && y < 5 && x >= 2 && x < 4;
        const int expected =
            inside ? image.pixels[static_cast<std::size_t>(((y - 2) * 2 + x - 2) * 3 + channel)] : 10 * (channel + 1);
        EXPECT_EQ(expected, whole.pixels[static_cast<std::size_t>((y * whole.width + x) * 3 + channel)]);
      }
  EXPECT_EQ(framed(image, 0, {}), image);
}

TEST(Normalisation, is_undone_for_every_level_and_cut_beyond_them) {
  for (std::size_t channel = 0; channel < 3; ++channel) {
    for (int level = 0; level < 256; ++level)
      EXPECT_EQ(level, nearest_level(normalised_level(static_cast<std::uint8_t>(level), channel), channel));
    EXPECT_EQ(0, nearest_level(-1e30F, channel));
    EXPECT_EQ(255, nearest_level(1e30F, channel));
    EXPECT_EQ(0, nearest_level(std::nanf(""), channel));
  }
}

}  // namespace
}  // namespace resolute::datasets::low_resolution_test
