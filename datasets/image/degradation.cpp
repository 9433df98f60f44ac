#include "datasets/image/degradation.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace resolute::datasets {
namespace {

constexpr int kBoxes = 3;  // that make a Gaussian
constexpr int kChannels = 3;

// A box 2·radius + 1 pixels wide, with a part of a pixel at either end; weights are in 2^-24.
struct Box {
  int radius;
  std::uint32_t whole, part;
};

// The types and the order of every operation are Pillow's (src/libImaging/BoxBlur.c): others change the last bit of a
// weight, and so pixels. Method: Gwosdek et al., "Theoretical Foundations of Gaussian Convolution by Extended Box
// Filtering", SSVM 2011.
Box box_of(float sigma) {
  const float variance = sigma * sigma / kBoxes;
  const auto length = static_cast<float>(std::sqrt(12.0 * variance + 1.0));
  const auto whole_radius = static_cast<float>(std::floor((length - 1.0) / 2.0));
  float fraction = (2 * whole_radius + 1) * (whole_radius * (whole_radius + 1) - 3 * variance);
  fraction /= 6 * (variance - (whole_radius + 1) * (whole_radius + 1));
  const float radius = whole_radius + fraction;
  constexpr std::uint32_t kOne = 1U << 24;
  Box box{static_cast<int>(radius), 0, 0};
  box.whole = static_cast<std::uint32_t>(static_cast<float>(kOne) / (radius * 2 + 1));
  box.part = (kOne - static_cast<std::uint32_t>(box.radius * 2 + 1) * box.whole) / 2;
  return box;
}

// One box blur along `count` pixels; beyond the ends the pixels there are repeated.
void blur_line(const Box& box, const std::uint8_t* from, int count, std::uint8_t* to) {
  for (int channel = 0; channel < kChannels; ++channel) {
    const auto level = [&](int x) -> std::uint32_t { return from[std::clamp(x, 0, count - 1) * kChannels + channel]; };
    std::uint32_t sum = 0;  // of the box about the pixel before
    for (int x = -box.radius - 1; x < box.radius; ++x) sum += level(x);
    for (int x = 0; x < count; ++x) {
      const std::uint32_t left = level(x - box.radius - 1);
      sum += level(x + box.radius) - left;
      const std::uint32_t weighted = sum * box.whole + (left + level(x + box.radius + 1)) * box.part;
      to[x * kChannels + channel] = static_cast<std::uint8_t>((weighted + (1U << 23)) >> 24);
    }
  }
}

void add_noise(Image& image, double deviation, core::RandomStream& stream) {
  for (std::uint8_t& level : image.pixels)
    level = static_cast<std::uint8_t>(std::clamp(std::floor(level + deviation * stream.normal() + 0.5), 0.0, 255.0));
}

double draw(const std::vector<double>& interval, double otherwise, core::RandomStream& stream) {
  const double uniform = stream.uniform();
  return interval.empty() ? otherwise : interval.front() + (interval.back() - interval.front()) * uniform;
}

}  // namespace

Degradation draw_degradation(const settings::DegradationSettings& settings, core::RandomStream& stream) {
  Degradation drawn;
  drawn.rate = draw(settings.rate, drawn.rate, stream);
  drawn.blur = draw(settings.blur, drawn.blur, stream);
  drawn.noise = draw(settings.noise, drawn.noise, stream);
  const double uniform = stream.uniform();
  if (!settings.jpeg.empty()) {
    const int qualities = settings.jpeg.back() - settings.jpeg.front() + 1;
    drawn.jpeg = settings.jpeg.front() + static_cast<int>(uniform * qualities);
  }
  return drawn;
}

void gaussian_blur(Image& image, double sigma, DegradationScratch& scratch) {
  const Box box = box_of(static_cast<float>(sigma));
  if (box.radius == 0 && box.part == 0) return;
  const auto longest = static_cast<std::size_t>(std::max(image.height, image.width)) * kChannels;
  scratch.line.resize(longest);
  scratch.blurred.resize(longest);
  // `line` holds the pixels before, and after.
  const auto blur = [&](int count) {
    for (int i = 0; i < kBoxes; ++i) {
      blur_line(box, scratch.line.data(), count, scratch.blurred.data());
      scratch.line.swap(scratch.blurred);
    }
  };
  const std::size_t row_bytes = static_cast<std::size_t>(image.width) * kChannels;
  for (auto row = image.pixels.begin(); row != image.pixels.end(); row += static_cast<std::ptrdiff_t>(row_bytes)) {
    std::copy_n(row, row_bytes, scratch.line.begin());
    blur(image.width);
    std::copy_n(scratch.line.begin(), row_bytes, row);
  }
  for (std::size_t column = 0; column < row_bytes; column += kChannels) {
    for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y)
      std::copy_n(&image.pixels[y * row_bytes + column], kChannels, &scratch.line[y * kChannels]);
    blur(image.height);
    for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y)
      std::copy_n(&scratch.line[y * kChannels], kChannels, &image.pixels[y * row_bytes + column]);
  }
}

void degrade(Image& image, const Degradation& drawn, core::RandomStream& stream, DegradationScratch& scratch) {
  gaussian_blur(image, drawn.blur, scratch);
  if (drawn.noise > 0) add_noise(image, drawn.noise, stream);
  if (drawn.jpeg == 0) return;
  constexpr std::string_view kName = "a degraded copy";
  decode_image_into(encode_jpeg(image, drawn.jpeg, Chroma::kHalved), kName, image);
}

}  // namespace resolute::datasets
