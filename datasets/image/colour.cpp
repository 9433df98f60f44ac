#include "datasets/image/colour.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "core/error.h"

namespace resolute::datasets {
namespace {

using LevelMap = std::array<std::uint8_t, 256>;

// Image.blend of two levels: in float32, cut off and not rounded.
std::uint8_t blended(int from, int to, float share) {
  const float level = static_cast<float>(from) + share * static_cast<float>(to - from);
  return static_cast<std::uint8_t>(std::clamp(level, 0.0F, 255.0F));
}

// Image.convert("L").
int grey_of(const std::uint8_t* pixel) {
  return (pixel[0] * 19595 + pixel[1] * 38470 + pixel[2] * 7471 + 0x8000) >> 16;
}

template <class Level>
LevelMap level_map(Level level) {
  LevelMap map;
  for (int i = 0; i < 256; ++i) map[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(level(i));
  return map;
}

// The same map of each channel.
void map_levels(Image& image, const LevelMap& map) {
  for (std::uint8_t& level : image.pixels) level = map[level];
}

using Histogram = std::array<std::int64_t, 256>;

// A map of each channel, made of how often it has each level.
template <class MapOf>
void map_channels(Image& image, MapOf map_of) {
  for (std::size_t channel = 0; channel < 3; ++channel) {
    Histogram counts{};
    for (std::size_t i = channel; i < image.pixels.size(); i += 3) ++counts[image.pixels[i]];
    const LevelMap map = map_of(counts);
    for (std::size_t i = channel; i < image.pixels.size(); i += 3) image.pixels[i] = map[image.pixels[i]];
  }
}

int lowest_of(const Histogram& counts) {
  return static_cast<int>(std::ranges::find_if(counts, [](std::int64_t n) { return n > 0; }) - counts.begin());
}

int highest_of(const Histogram& counts) {
  int highest = 255;
  while (counts[static_cast<std::size_t>(highest)] == 0) --highest;
  return highest;
}

LevelMap stretching(const Histogram& counts) {
  const int low = lowest_of(counts), high = highest_of(counts);
  if (low == high) return level_map([](int level) { return level; });
  const double scale = 255.0 / (high - low), offset = -low * scale;
  return level_map([&](int level) { return std::clamp(static_cast<int>(level * scale + offset), 0, 255); });
}

LevelMap equalising(const Histogram& counts) {
  std::int64_t pixels = 0;
  for (const std::int64_t count : counts) pixels += count;
  const std::int64_t step = (pixels - counts[static_cast<std::size_t>(highest_of(counts))]) / 255;
  if (step == 0) return level_map([](int level) { return level; });
  std::int64_t below = step / 2;
  return level_map([&](int level) {
    const std::int64_t found = std::min<std::int64_t>(below / step, 255);
    below += counts[static_cast<std::size_t>(level)];
    return found;
  });
}

int mean_grey(const Image& image) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) sum += grey_of(&image.pixels[i]);
  const auto pixels = static_cast<double>(image.pixels.size() / 3);
  return static_cast<int>(static_cast<double>(sum) / pixels + 0.5);
}

void saturate(Image& image, float factor) {
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    std::uint8_t* const pixel = &image.pixels[i];
    const int grey = grey_of(pixel);
    for (std::size_t channel = 0; channel < 3; ++channel) pixel[channel] = blended(grey, pixel[channel], factor);
  }
}

// Beside each pixel's own five parts, its eight neighbours have one each (ImageFilter.SMOOTH); the border stays.
void sharpen(Image& image, float factor, std::vector<std::uint8_t>& scratch) {
  scratch.assign(image.pixels.begin(), image.pixels.end());
  const auto row = static_cast<std::ptrdiff_t>(image.width) * 3;
  for (int y = 1; y < image.height - 1; ++y)
    for (std::ptrdiff_t x = 3; x < row - 3; ++x) {
      const std::ptrdiff_t at = y * row + x;
      const std::uint8_t* const level = scratch.data() + at;
      int sum = 4 * level[0];
      for (const std::ptrdiff_t line : {-row, std::ptrdiff_t{0}, row})
        sum += level[line - 3] + level[line] + level[line + 3];
      // Rounded. Pillow's floats come to the same: sum / 13 is never half way between two levels.
      image.pixels[static_cast<std::size_t>(at)] = blended((2 * sum + 13) / 26, level[0], factor);
    }
}

// By way of Pillow's 8-bit hue and saturation. \param turn in 256ths
void turn_hue(std::uint8_t* pixel, int turn) {
  const int red = pixel[0], green = pixel[1], blue = pixel[2];
  const int highest = std::max({red, green, blue}), lowest = std::min({red, green, blue});
  if (highest == lowest) return;
  const auto range = static_cast<float>(highest - lowest);
  const auto missing = [&](int level) { return static_cast<float>(highest - level) / range; };
  float hue = 0;
  if (red == highest)
    hue = missing(blue) - missing(green);
  else if (green == highest)
    hue = static_cast<float>(2.0 + missing(red) - missing(blue));
  else
    hue = static_cast<float>(4.0 + missing(green) - missing(red));
  hue = static_cast<float>(std::fmod(hue / 6.0 + 1.0, 1.0));
  const auto stored_hue = static_cast<std::uint8_t>(static_cast<int>(hue * 255.0) + turn);
  const int stored_saturation = static_cast<int>(range / static_cast<float>(highest) * 255.0);

  const double sixths = stored_hue * 6.0 / 255.0;
  const int sector = static_cast<int>(sixths);
  const auto rest = static_cast<float>(sixths - sector), saturation = static_cast<float>(stored_saturation / 255.0);
  const auto level = [&](double share) { return static_cast<std::uint8_t>(std::lround(highest * share)); };
  const auto v = static_cast<std::uint8_t>(highest);
  const std::uint8_t p = level(1.0 - saturation), q = level(1.0 - saturation * rest),
                     t = level(1.0 - saturation * (1.0 - rest));
  const std::array<std::array<std::uint8_t, 3>, 6> sectors{
      {{v, t, p}, {q, v, p}, {p, v, t}, {p, q, v}, {t, p, v}, {v, p, q}}};
  std::memcpy(pixel, sectors.at(static_cast<std::size_t>(sector % 6)).data(), 3);
}

}  // namespace

void change_colours(Image& image, const ColourStep& step, std::vector<std::uint8_t>& scratch) {
  const auto factor = static_cast<float>(step.amount);
  switch (step.change) {
    case ColourChange::kBrightness:
      return map_levels(image, level_map([&](int level) { return blended(0, level, factor); }));
    case ColourChange::kContrast: {
      const int mean = mean_grey(image);
      return map_levels(image, level_map([&](int level) { return blended(mean, level, factor); }));
    }
    case ColourChange::kSaturation:
      return saturate(image, factor);
    case ColourChange::kSharpness:
      return sharpen(image, factor, scratch);
    case ColourChange::kHue: {
      const int turn = static_cast<int>(step.amount * 255);
      for (std::size_t i = 0; i < image.pixels.size(); i += 3) turn_hue(&image.pixels[i], turn);
      return;
    }
    case ColourChange::kPosterize: {
      const int lost = 8 - static_cast<int>(step.amount);
      return map_levels(image, level_map([&](int level) { return level >> lost << lost; }));
    }
    case ColourChange::kSolarize:
      return map_levels(image, level_map([&](int level) { return level < step.amount ? level : 255 - level; }));
    case ColourChange::kAutoContrast:
      return map_channels(image, stretching);
    case ColourChange::kEqualize:
      return map_channels(image, equalising);
  }
  throw core::ContractError("a change of colours outside its enumeration");
}

}  // namespace resolute::datasets
