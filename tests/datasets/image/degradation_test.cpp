#include "datasets/image/degradation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "core/hash/sha256.h"
#include "datasets/image/low_resolution.h"

namespace resolute::datasets::degradation_test {
namespace {

using settings::DegradationSettings;

Image flat(int height, int width, std::uint8_t level) {
  Image image = make_image(height, width);
  std::ranges::fill(image.pixels, level);
  return image;
}

core::RandomStream stream_of(std::uint64_t key) { return {"degradation test", {key}}; }

Image degraded(Image image, const Degradation& drawn, std::uint64_t key = 1) {
  core::RandomStream stream = stream_of(key);
  DegradationScratch scratch;
  degrade(image, drawn, stream, scratch);
  return image;
}

// SHA-256 of what Pillow 9.4.0 with libjpeg-turbo 2.1.5 makes of the picture (GaussianBlur, then a JPEG by default
// settings). Where Pillow is here, pillow_test compares many more.
TEST(Degradation, blurs_and_presses_as_pillow_does) {
  Image picture = make_image(40, 20);
  for (int y = 0; y < 40; ++y)
    for (int x = 0; x < 20; ++x) {
      std::uint8_t* pixel = &picture.pixels[static_cast<std::size_t>((y * 20 + x) * 3)];
      pixel[0] = static_cast<std::uint8_t>(x * 11);
      pixel[1] = static_cast<std::uint8_t>(y * 6);
      pixel[2] = static_cast<std::uint8_t>(x * y);
    }
  struct Golden {
    Degradation drawn;
    const char* sha256;
  };
  for (const Golden& golden :
       {Golden{{.blur = 0.5}, "7b7d3fdab241c33f206690773ff70e7d0b2a14955b01e65e479756293496fe4f"},
        Golden{{.blur = 1.5}, "198d6a4f1dac9b894866c28b4458a140d24da6eec4866ce956eec066203ec173"},
        Golden{{.blur = 9.25}, "b483d6b04f8854e9acbd1520a66507e37849a5dd684246c17ea0c5bd664ca57e"},
        Golden{{.jpeg = 30}, "5944d1fc768428a3309f00f37909f85ce0586a99c239e2c44e1b1dec461f6c64"},
        Golden{{.jpeg = 90}, "28cce54089ef6406599931e64020d8dc32e5fdb0c14bb292dd2543f839176aca"},
        Golden{{.blur = 1.5, .jpeg = 50}, "f9b86611bf54b07aee4c6c7805b0a56d9acbe55f9f48008dac999850d8608ffe"}}) {
    const Image image = degraded(picture, golden.drawn);
    EXPECT_EQ(golden.sha256, core::sha256_hex(std::as_bytes(std::span(image.pixels))))
        << "blur " << golden.drawn.blur << ", JPEG " << golden.drawn.jpeg;
  }
}

TEST(Degradation, without_a_step_an_image_stays_as_it_is) {
  const Image image = degraded(flat(9, 7, 100), {.noise = 20});
  EXPECT_EQ(image, degraded(image, {}));
  EXPECT_EQ(image, degraded(image, {.rate = 3})) << "the caller shrinks";
}

TEST(Degradation, steps_come_one_after_the_other) {
  const Image image = degraded(flat(24, 16, 120), {.noise = 60}, 9);
  const Image step_by_step = degraded(degraded(degraded(image, {.blur = 1}), {.noise = 10}), {.jpeg = 60});
  EXPECT_EQ(step_by_step, degraded(image, {.blur = 1, .noise = 10, .jpeg = 60}));
}

// A box wider than the image reaches over both ends.
TEST(Degradation, blur_keeps_what_is_flat_in_images_of_any_size) {
  for (const auto& [height, width] : {ImageSize{1, 1}, ImageSize{1, 9}, ImageSize{30, 2}, ImageSize{5, 40}})
    for (const double blur : {0.001, 1.0, DegradationSettings::kMostBlur})
      for (const std::uint8_t level : std::initializer_list<std::uint8_t>{0, 1, 254, 255})
        EXPECT_EQ(flat(height, width, level), degraded(flat(height, width, level), {.blur = blur}))
            << height << "x" << width << " by " << blur;
}

TEST(Degradation, noise_has_its_deviation_and_is_held_in_the_levels) {
  const Image image = degraded(flat(100, 100, 128), {.noise = 12});
  double sum = 0, squares = 0;
  for (const std::uint8_t level : image.pixels) {
    sum += level - 128;
    squares += (level - 128) * (level - 128);
  }
  const auto count = static_cast<double>(image.pixels.size());
  EXPECT_NEAR(0, sum / count, 0.3);
  EXPECT_NEAR(12, std::sqrt(squares / count), 0.3);
  const Image black = degraded(flat(20, 20, 0), {.noise = DegradationSettings::kMostNoise});
  const Image white = degraded(flat(20, 20, 255), {.noise = DegradationSettings::kMostNoise});
  EXPECT_GT(std::ranges::count(black.pixels, 0), 400);
  EXPECT_GT(std::ranges::count(white.pixels, 255), 400);
}

TEST(Degradation, noise_is_a_function_of_the_key) {
  const Image image = flat(8, 8, 90);
  EXPECT_EQ(degraded(image, {.noise = 5}, 3), degraded(image, {.noise = 5}, 3));
  EXPECT_NE(degraded(image, {.noise = 5}, 3), degraded(image, {.noise = 5}, 4));
}

TEST(DrawDegradation, stays_in_the_intervals_and_meets_their_ends) {
  const DegradationSettings settings{{2.5, 4}, {0, 1.5}, {3, 8}, {30, 32}};
  std::set<int> qualities;
  double lowest = 99, highest = 0;
  for (std::uint64_t key = 0; key < 500; ++key) {
    core::RandomStream stream = stream_of(key);
    const Degradation drawn = draw_degradation(settings, stream);
    EXPECT_TRUE(drawn.rate >= 2.5 && drawn.rate <= 4 && drawn.blur >= 0 && drawn.blur <= 1.5 && drawn.noise >= 3 &&
                drawn.noise <= 8)
        << key;
    lowest = std::min(lowest, drawn.rate);
    highest = std::max(highest, drawn.rate);
    qualities.insert(drawn.jpeg);
  }
  EXPECT_EQ((std::set{30, 31, 32}), qualities);
  EXPECT_LT(lowest, 2.52);
  EXPECT_GT(highest, 3.98);
}

TEST(DrawDegradation, a_step_does_not_depend_on_the_others) {
  const DegradationSettings all{{2, 4}, {0, 1.5}, {3, 8}, {30, 90}};
  const auto draw = [](const DegradationSettings& settings) {
    core::RandomStream stream = stream_of(7);
    return draw_degradation(settings, stream);
  };
  EXPECT_EQ(Degradation{}, draw({}));
  EXPECT_EQ(draw(all).rate, draw({.rate = {2, 4}}).rate);
  EXPECT_EQ(draw(all).blur, draw({.blur = {0, 1.5}}).blur);
  EXPECT_EQ(draw(all).noise, draw({.noise = {3, 8}}).noise);
  EXPECT_EQ(draw(all).jpeg, draw({.jpeg = {30, 90}}).jpeg);
  EXPECT_EQ(3.0, draw({.rate = {3, 3}}).rate);
}

TEST(ShrunkSize, of_a_whole_rate_is_that_of_the_integer) {
  for (int side = 1; side <= 300; ++side)
    for (int rate = 1; rate <= settings::kLargestRate; ++rate)
      ASSERT_EQ(shrunk_size({side, 7}, rate), shrunk_size({side, 7}, static_cast<double>(rate))) << side << "/" << rate;
  EXPECT_EQ((ImageSize{102, 51}), shrunk_size({256, 128}, 2.5));
  EXPECT_EQ((ImageSize{1, 1}), shrunk_size({9, 3}, 15.5));
}

}  // namespace
}  // namespace resolute::datasets::degradation_test
