#include "datasets/image/resample.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>

#include "core/error.h"

namespace resolute::datasets {
namespace {

constexpr std::array<std::pair<std::string_view, Kernel>, 4> kNames{{{"triangle", Kernel::kTriangle},
                                                                     {"bilinear-point", Kernel::kBilinearPoint},
                                                                     {"cubic", Kernel::kCubic},
                                                                     {"lanczos3", Kernel::kLanczos3}}};

// 8 bits of pixel, 2 of headroom for negative lobes; the rest of an int is the coefficient's fraction.
constexpr int kPrecisionBits = 32 - 8 - 2;

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double kernel_value(Kernel kernel, double x) {
  const double a = std::abs(x);
  switch (kernel) {
    case Kernel::kTriangle:
      return a < 1.0 ? 1.0 - a : 0.0;
    case Kernel::kCubic:
      if (a < 1.0) return (1.5 * a - 2.5) * a * a + 1.0;
      return a < 2.0 ? (((a - 5.0) * a + 8.0) * a - 4.0) * -0.5 : 0.0;
    case Kernel::kLanczos3:
      return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
    case Kernel::kBilinearPoint:
      break;
  }
  throw core::ContractError("the point kernel has no footprint");
}

double kernel_support(Kernel kernel) {
  return kernel == Kernel::kTriangle ? 1.0 : kernel == Kernel::kCubic ? 2.0 : 3.0;
}

// For each output position, which inputs it sums and with what weights.
struct Taps {
  std::vector<int> first;
  std::vector<int> count;
  std::vector<std::int32_t> weights;  // output × stride
  std::size_t stride = 0;
};

// The order of every operation is Pillow's: another one changes the last bit of a weight, and so of pixels.
Taps make_taps(int in_size, int out_size, Kernel kernel) {
  const double scale = static_cast<double>(in_size) / out_size;
  const double filter_scale = std::max(scale, 1.0);
  const double support = kernel_support(kernel) * filter_scale;
  Taps taps;
  taps.stride = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  taps.weights.resize(taps.stride * static_cast<std::size_t>(out_size));
  std::vector<double> exact(taps.stride);
  for (int out = 0; out < out_size; ++out) {
    const double center = (out + 0.5) * scale;
    const double step = 1.0 / filter_scale;
    const int first = std::max(static_cast<int>(center - support + 0.5), 0);
    const int count = std::min(static_cast<int>(center + support + 0.5), in_size) - first;
    double sum = 0.0;
    for (int i = 0; i < count; ++i) {
      double weight = kernel_value(kernel, (i + first - center + 0.5) * step);
      exact[static_cast<std::size_t>(i)] = weight;
      sum += weight;
    }
    std::int32_t* fixed = &taps.weights[taps.stride * static_cast<std::size_t>(out)];
    for (int i = 0; i < count; ++i) {
      double weight = exact[static_cast<std::size_t>(i)];
      if (sum != 0.0) weight /= sum;
      weight *= 1 << kPrecisionBits;
      fixed[i] = static_cast<std::int32_t>(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    taps.first.push_back(first);
    taps.count.push_back(count);
  }
  return taps;
}

// Both passes run down the columns of an array whose rows are padded to whole blocks: the inner loops then have a
// constant length and no remainder. The horizontal pass works on the transposed image.
constexpr std::size_t kBlock = 64;

struct Plane {
  std::size_t rows = 0;
  std::size_t stride = 0;  // bytes, a multiple of kBlock
  std::vector<std::uint8_t> bytes;
  Plane(std::size_t row_count, std::size_t row_bytes)
      : rows(row_count), stride((row_bytes + kBlock - 1) / kBlock * kBlock), bytes(row_count * stride) {}
};

__attribute__((always_inline)) inline void filter_block(const std::uint8_t* in, std::size_t stride,
                                                        const std::int32_t* weights, int count, std::uint8_t* out) {
  std::int32_t sums[kBlock];
  for (std::size_t j = 0; j < kBlock; ++j) sums[j] = 1 << (kPrecisionBits - 1);
  for (int i = 0; i < count; ++i, in += stride) {
    const std::int32_t weight = weights[i];
    for (std::size_t j = 0; j < kBlock; ++j) sums[j] += weight * in[j];
  }
  for (std::size_t j = 0; j < kBlock; ++j)
    out[j] = static_cast<std::uint8_t>(std::clamp(sums[j] >> kPrecisionBits, 0, 255));
}

__attribute__((always_inline)) inline void filter_rows_as(const Plane& in, const Taps& taps, Plane& out) {
  for (std::size_t y = 0; y < out.rows; ++y) {
    const std::uint8_t* from = in.bytes.data() + static_cast<std::size_t>(taps.first[y]) * in.stride;
    for (std::size_t x = 0; x < in.stride; x += kBlock)
      filter_block(from + x, in.stride, &taps.weights[y * taps.stride], taps.count[y],
                   out.bytes.data() + y * out.stride + x);
  }
}

#if defined(__x86_64__)
// Integer sums: the instruction set changes the speed and never a byte.
__attribute__((target("avx2"))) void filter_rows_avx2(const Plane& in, const Taps& taps, Plane& out) {
  filter_rows_as(in, taps, out);
}
#endif

void filter_rows(const Plane& in, const Taps& taps, Plane& out) {
#if defined(__x86_64__)
  static const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;
  if (has_avx2) return filter_rows_avx2(in, taps, out);
#endif
  filter_rows_as(in, taps, out);
}

// Pixel (y, x) of `from` (rows of `from_stride` bytes) becomes pixel (x, y) of `to`.
void transpose(const std::uint8_t* from, std::size_t from_stride, std::size_t height, std::size_t width,
               std::uint8_t* to, std::size_t to_stride) {
  constexpr std::size_t kTile = 16;
  for (std::size_t y0 = 0; y0 < height; y0 += kTile)
    for (std::size_t x0 = 0; x0 < width; x0 += kTile)
      for (std::size_t x = x0; x < std::min(x0 + kTile, width); ++x)
        for (std::size_t y = y0; y < std::min(y0 + kTile, height); ++y)
          std::memcpy(to + x * to_stride + y * 3, from + y * from_stride + x * 3, 3);
}

Image resize_antialiased(const Image& image, int height, int width, Kernel kernel) {
  const auto in_height = static_cast<std::size_t>(image.height);
  const auto in_width = static_cast<std::size_t>(image.width);
  const auto out_width = static_cast<std::size_t>(width);
  Plane wide(in_height, out_width * 3);
  if (width == image.width) {
    for (std::size_t y = 0; y < in_height; ++y)
      std::memcpy(wide.bytes.data() + y * wide.stride, image.pixels.data() + y * in_width * 3, in_width * 3);
  } else {
    Plane columns(in_width, in_height * 3);
    transpose(image.pixels.data(), in_width * 3, in_height, in_width, columns.bytes.data(), columns.stride);
    Plane filtered(out_width, in_height * 3);
    filter_rows(columns, make_taps(image.width, width, kernel), filtered);
    transpose(filtered.bytes.data(), filtered.stride, out_width, in_height, wide.bytes.data(), wide.stride);
  }
  Plane tall(height == image.height ? 0 : static_cast<std::size_t>(height), out_width * 3);
  if (tall.rows > 0) filter_rows(wide, make_taps(image.height, height, kernel), tall);
  const Plane& result = tall.rows > 0 ? tall : wide;
  Image resized = make_image(height, width);
  for (std::size_t y = 0; y < result.rows; ++y)
    std::memcpy(resized.pixels.data() + y * out_width * 3, result.bytes.data() + y * result.stride, out_width * 3);
  return resized;
}

struct PointTap {
  std::size_t low, high;  // neighbours, clamped to the image
  std::int32_t weight;    // of `high`, in 2048ths
};

std::vector<PointTap> make_point_taps(int in_size, int out_size) {
  std::vector<PointTap> taps;
  const double scale = static_cast<double>(in_size) / out_size;
  for (int out = 0; out < out_size; ++out) {
    const double at = (out + 0.5) * scale - 0.5;  // pixel centres lie at half-integers
    const double below = std::floor(at);
    const int low = static_cast<int>(below);
    taps.push_back({static_cast<std::size_t>(std::clamp(low, 0, in_size - 1)),
                    static_cast<std::size_t>(std::clamp(low + 1, 0, in_size - 1)),
                    static_cast<std::int32_t>((at - below) * 2048.0 + 0.5)});
  }
  return taps;
}

Image resize_point(const Image& image, int height, int width) {
  const std::vector<PointTap> rows = make_point_taps(image.height, height);
  const std::vector<PointTap> columns = make_point_taps(image.width, width);
  const std::size_t stride = static_cast<std::size_t>(image.width) * 3;
  Image resized = make_image(height, width);
  std::uint8_t* to = resized.pixels.data();
  for (const PointTap& row : rows) {
    const std::uint8_t* upper = image.pixels.data() + row.low * stride;
    const std::uint8_t* lower = image.pixels.data() + row.high * stride;
    for (const PointTap& column : columns)
      for (std::size_t c = 0; c < 3; ++c) {
        const std::size_t left = column.low * 3 + c;
        const std::size_t right = column.high * 3 + c;
        const std::int32_t above = upper[left] * (2048 - column.weight) + upper[right] * column.weight;
        const std::int32_t beneath = lower[left] * (2048 - column.weight) + lower[right] * column.weight;
        *to++ = static_cast<std::uint8_t>((above * (2048 - row.weight) + beneath * row.weight + (1 << 21)) >> 22);
      }
  }
  return resized;
}

}  // namespace

Kernel kernel_from_name(std::string_view name) {
  for (const auto& [known, kernel] : kNames)
    if (known == name) return kernel;
  throw core::input_error(fmt::format("kernel '{}' is unknown", name), {},
                          "choose 'triangle', 'bilinear-point', 'cubic' or 'lanczos3'");
}

std::string_view kernel_name(Kernel kernel) {
  for (const auto& [name, known] : kNames)
    if (known == kernel) return name;
  throw core::ContractError("a kernel without a name");
}

Image resize(const Image& image, int height, int width, Kernel kernel) {
  RESOLUTE_EXPECT(image.height >= 1 && image.width >= 1, "an empty image cannot be resized");
  RESOLUTE_EXPECT(height >= 1 && width >= 1 && height <= kMaxImageSide && width <= kMaxImageSide,
                  fmt::format("a size of {} x {} pixels is outside the limits", height, width));
  if (height == image.height && width == image.width) return image;
  return kernel == Kernel::kBilinearPoint ? resize_point(image, height, width)
                                          : resize_antialiased(image, height, width, kernel);
}

}  // namespace resolute::datasets
