//! \file
//! Levels become floats, mirrored, shifted and erased, with the processor's wide instructions exactly as without them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/random/random.h"
#include "datasets/loader/augmentation.h"
#include "datasets/loader/normalisation.h"
#include "tests/datasets/pack/raw_images.h"

namespace resolute::datasets::loader_pixels_test {
namespace {

bool same_bits(const float* a, const float* b, std::size_t count) {
  return std::memcmp(a, b, count * sizeof(float)) == 0;
}

// Every level of every channel at every place of the registers that are filled together: images of 1 to 24 pixels
// before it move it on by three.
TEST(NormalisePixels, every_level_has_the_bits_of_the_formula_wherever_it_stands) {
  for (std::size_t before = 0; before < 24; ++before) {
    std::vector<std::uint8_t> pixels(before * 3, 0);
    for (int level = 0; level < 256; ++level) pixels.insert(pixels.end(), 3, static_cast<std::uint8_t>(level));
    std::vector<float> formula;
    for (std::size_t i = 0; i < pixels.size(); ++i) formula.push_back(normalised_level(pixels[i], i % 3));
    for (const Store store : {Store::kCached, Store::kStreaming}) {
      std::vector<float> got(pixels.size());
      normalise_pixels(pixels, got.data(), store);
      finish_streaming();
      ASSERT_TRUE(same_bits(formula.data(), got.data(), got.size())) << before;
    }
    std::vector<float> plain(pixels.size());
    normalise_pixels_plain(pixels, plain.data());
    ASSERT_TRUE(same_bits(formula.data(), plain.data(), plain.size())) << before;
  }
}

TEST(NormalisePixels, no_other_float_is_touched_whatever_the_count_and_where_they_begin) {
  const Image image = tests::noise_image(1, 70, 3);
  constexpr float kUntouched = 1e30F;
  for (std::size_t count = 0; count <= 70; ++count)
    for (std::size_t begin = 0; begin < 9; ++begin)
      for (const Store store : {Store::kCached, Store::kStreaming}) {
        const auto pixels = std::span(image.pixels).first(count * 3);
        std::vector<float> got(begin + count * 3 + 32, kUntouched);
        std::vector<float> wanted = got;
        normalise_pixels(pixels, got.data() + begin, store);
        finish_streaming();
        normalise_pixels_plain(pixels, wanted.data() + begin);
        ASSERT_TRUE(same_bits(wanted.data(), got.data(), got.size())) << count << " from " << begin;
        std::ranges::fill(got, kUntouched);
        stream_floats(std::span(wanted).subspan(begin, count * 3), got.data() + begin);
        finish_streaming();
        ASSERT_TRUE(same_bits(wanted.data(), got.data(), got.size())) << count << " from " << begin;
      }
}

TEST(MirrorPixels, rows_of_every_width_are_as_pixel_by_pixel) {
  for (int width = 1; width <= 140; ++width) {
    const Image image = tests::noise_image(1, width, static_cast<std::uint64_t>(width));
    std::vector<std::uint8_t> got(image.pixels.size() + 40, 77);
    std::vector<std::uint8_t> wanted = got;
    mirror_pixels(image.pixels, got.data() + 20);
    for (int x = 0; x < width; ++x)
      for (int c = 0; c < 3; ++c)
        wanted[static_cast<std::size_t>(20 + x * 3 + c)] =
            image.pixels[static_cast<std::size_t>((width - 1 - x) * 3 + c)];
    ASSERT_EQ(wanted, got) << width;
    std::ranges::fill(got, std::uint8_t{77});
    mirror_pixels_plain(image.pixels, got.data() + 20);
    ASSERT_EQ(wanted, got) << width;
  }
}

// The slow, obvious way.
std::vector<float> augmented(const Image& image, const Augmentation& augmentation) {
  std::vector<float> out;
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      for (int c = 0; c < 3; ++c) {
        const int from_y = y - augmentation.shift_y;
        int from_x = x - augmentation.shift_x;
        const bool inside = from_y >= 0 && from_y < image.height && from_x >= 0 && from_x < image.width;
        if (augmentation.flipped) from_x = image.width - 1 - from_x;
        const auto at = static_cast<std::size_t>((from_y * image.width + from_x) * 3 + c);
        const bool erased = y >= augmentation.erase_top && y < augmentation.erase_top + augmentation.erase_height &&
                            x >= augmentation.erase_left && x < augmentation.erase_left + augmentation.erase_width;
        out.push_back(
            erased ? 0.0F : normalised_level(inside ? image.pixels[at] : std::uint8_t{0}, static_cast<std::size_t>(c)));
      }
  return out;
}

// Shifts up to twice the image; widths of a pixel, of a few registers, odd ones; memory that begins anywhere.
TEST(Augment, any_shift_flip_and_rectangle_of_any_size_has_the_bits_of_the_obvious_way) {
  AugmentRows rows;
  core::RandomStream stream("augment test", {1});
  for (int round = 0; round < 1500; ++round) {
    const int height = 1 + static_cast<int>(stream.below(20));
    const int width = 1 + static_cast<int>(stream.below(round % 2 == 0 ? 12 : 150));
    const Image image = tests::noise_image(height, width, static_cast<std::uint64_t>(round));
    Augmentation augmentation{.flipped = stream.below(2) == 1};
    if (stream.below(4) > 0) {
      augmentation.shift_y = static_cast<int>(stream.below(static_cast<std::uint64_t>(4 * height) + 1)) - 2 * height;
      augmentation.shift_x = static_cast<int>(stream.below(static_cast<std::uint64_t>(4 * width) + 1)) - 2 * width;
    }
    if (stream.below(2) == 1) {
      augmentation.erase_height = 1 + static_cast<int>(stream.below(static_cast<std::uint64_t>(height)));
      augmentation.erase_width = 1 + static_cast<int>(stream.below(static_cast<std::uint64_t>(width)));
      augmentation.erase_top =
          static_cast<int>(stream.below(static_cast<std::uint64_t>(height - augmentation.erase_height) + 1));
      augmentation.erase_left =
          static_cast<int>(stream.below(static_cast<std::uint64_t>(width - augmentation.erase_width) + 1));
    }
    const std::vector<float> wanted = augmented(image, augmentation);
    const std::size_t begin = stream.below(17);
    std::vector<float> got(begin + wanted.size() + 8, 1e30F);
    augment(image, augmentation, rows, std::span(got).subspan(begin, wanted.size()));
    ASSERT_TRUE(same_bits(wanted.data(), got.data() + begin, wanted.size()))
        << height << "x" << width << " shifted " << augmentation.shift_y << "," << augmentation.shift_x << " flipped "
        << augmentation.flipped;
    // The same image as levels, before it is flipped and erased.
    Image levels{height, width, std::vector<std::uint8_t>(wanted.size())};
    augment(image, augmentation, rows, levels.pixels);
    EXPECT_EQ(wanted, augmented(levels, {.flipped = augmentation.flipped,
                                         .erase_top = augmentation.erase_top,
                                         .erase_left = augmentation.erase_left,
                                         .erase_height = augmentation.erase_height,
                                         .erase_width = augmentation.erase_width}));
    std::fill_n(got.begin() + static_cast<std::ptrdiff_t>(begin), wanted.size(), 1e30F);
    ASSERT_EQ(std::vector<float>(got.size(), 1e30F), got);
  }
  std::vector<float> too_small(5);
  EXPECT_THROW(augment(tests::noise_image(2, 2, 0), {}, rows, too_small), core::ContractError);
}

}  // namespace
}  // namespace resolute::datasets::loader_pixels_test
