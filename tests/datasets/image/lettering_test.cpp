#include "datasets/image/lettering.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/error.h"

namespace resolute::datasets::lettering_test {
namespace {

constexpr std::array<std::uint8_t, 3> kRed{200, 0, 0};

Image drawn(std::string_view text, int scale = 1) {
  Image image = make_image(kLetterHeight * scale, std::max(text_width(text, scale), 1));
  draw_text(image, 0, 0, text, kRed, scale);
  return image;
}

// '#' where the letter is.
std::string picture(const Image& image) {
  std::string text;
  for (int y = 0; y < image.height; ++y, text += '\n')
    for (int x = 0; x < image.width; ++x)
      text += image.pixels[3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
                                static_cast<std::size_t>(x))] == 0
                  ? '.'
                  : '#';
  return text;
}

TEST(Lettering, letters_stand_one_pixel_apart) {
  EXPECT_EQ(picture(drawn("L1")),
            "#.......#..\n"
            "#......##..\n"
            "#.......#..\n"
            "#.......#..\n"
            "#.......#..\n"
            "#.......#..\n"
            "#####..###.\n");
}

TEST(Lettering, a_scale_repeats_each_pixel) {
  const Image small = drawn("R2"), large = drawn("R2", 3);
  ASSERT_EQ(large.height, 3 * small.height);
  for (int y = 0; y < large.height; ++y)
    for (int x = 0; x < large.width; ++x) {
      const auto at = [](const Image& image, int row, int column) {
        return image.pixels[3 * static_cast<std::size_t>(row * image.width + column)];
      };
      // The gap behind the last letter is not part of the width.
      if (x / 3 < small.width) {
        EXPECT_EQ(at(large, y, x), at(small, y / 3, x / 3)) << y << " " << x;
      }
    }
}

TEST(Lettering, every_sign_looks_different_and_small_letters_are_capitals) {
  std::set<std::string> seen;
  for (const char sign : std::string_view(" !%()+,-./0123456789:=?ABCDEFGHIJKLMNOPQRSTUVWXYZ_"))
    EXPECT_TRUE(seen.insert(picture(drawn(std::string(1, sign)))).second) << sign;
  EXPECT_EQ(drawn("rate"), drawn("RATE"));
  EXPECT_EQ(drawn("\xff\n#"), drawn("???"));
}

TEST(Lettering, what_lies_outside_is_left_out) {
  const Image whole = drawn("AB");
  for (const auto& [top, left] : {std::pair{-3, 0}, {0, -4}, {5, 9}, {-100, -100}, {100, 100}}) {
    Image image = make_image(whole.height, whole.width);
    draw_text(image, top, left, "AB", kRed);
    for (int y = 0; y < image.height; ++y)
      for (int x = 0; x < image.width; ++x) {
        const int from_y = y - top, from_x = x - left;
        const bool inside = from_y >= 0 && from_x >= 0 && from_y < whole.height && from_x < whole.width;
        EXPECT_EQ(image.pixels[3 * static_cast<std::size_t>(y * image.width + x)],
                  inside ? whole.pixels[3 * static_cast<std::size_t>(from_y * whole.width + from_x)] : 0);
      }
  }
  EXPECT_THROW(text_width("A", 0), core::ContractError);
}

}  // namespace
}  // namespace resolute::datasets::lettering_test
