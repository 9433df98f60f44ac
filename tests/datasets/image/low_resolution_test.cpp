#include "datasets/low_resolution.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "datasets/image/contact_sheet.h"

namespace resolute::datasets {
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
  EXPECT_THROW(low_resolution_view(ramp(9, 3), kMaxRate + 1, Kernel::kTriangle), core::ContractError);
}

TEST(LowResolutionNetwork, has_a_rate_th_of_the_network_size) {
  const Image copy = low_resolution_network(ramp(64, 32), 3, Kernel::kCubic);
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

}  // namespace
}  // namespace resolute::datasets
