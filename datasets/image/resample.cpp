#include "datasets/image/resample.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <unordered_map>
#include <vector>

#include "core/error.h"
#include "datasets/image/resample_passes.h"

namespace resolute::datasets {
namespace {

using passes::Taps;

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

std::size_t rounded_up(std::size_t value, std::size_t step) { return (value + step - 1) / step * step; }

// The order of every operation is Pillow's: another one changes the last bit of a weight, and so of pixels.
Taps make_taps(int in_size, int out_size, Kernel kernel) {
  const double scale = static_cast<double>(in_size) / out_size;
  const double filter_scale = std::max(scale, 1.0);
  const double support = kernel_support(kernel) * filter_scale;
  Taps taps;
  taps.in_size = in_size;
  taps.out_size = out_size;
  taps.stride = rounded_up(static_cast<std::size_t>(std::ceil(support)) * 2 + 1, Taps::kTaps);
  const std::size_t outputs = rounded_up(static_cast<std::size_t>(out_size), Taps::kOutputs);
  taps.first.resize(outputs);
  taps.count.resize(outputs);
  taps.weights.resize(taps.stride * outputs);
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
      weight *= 1 << passes::kPrecisionBits;
      fixed[i] = static_cast<std::int32_t>(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    taps.first[static_cast<std::size_t>(out)] = first;
    taps.count[static_cast<std::size_t>(out)] = count;
  }
  taps.derive();
  return taps;
}

}  // namespace

struct PointTap {
  std::size_t low, high;  // neighbours, clamped to the image
  std::int32_t weight;    // of `high`, in 2048ths
};

namespace {

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

// The room of all that is kept by size together; when it is full all is forgotten.
constexpr std::size_t kMostKeptBytes = std::size_t{16} << 20;

std::size_t bytes_of(const Taps& taps) {
  return taps.weights.size() * (sizeof(std::int32_t) + 2 * sizeof(std::int16_t) + 3) + taps.first.size() * 8 +
         taps.blocks.size() * sizeof(Taps::Block) + taps.block_digits.size();
}

std::size_t bytes_of(const std::vector<PointTap>& taps) { return taps.size() * sizeof(PointTap); }

}  // namespace

template <class Made>
struct KeptBySize {
  std::unordered_map<std::uint64_t, Made> by_size;
  std::size_t bytes = 0;

  template <class Make>
  const Made& get(int in_size, int out_size, Kernel kernel, Make make) {
    static_assert(kMaxImageSide <= 1 << 16);
    const std::uint64_t key = static_cast<std::uint64_t>(in_size) | static_cast<std::uint64_t>(out_size) << 20 |
                              static_cast<std::uint64_t>(kernel) << 40;
    if (auto found = by_size.find(key); found != by_size.end()) return found->second;
    Made made = make();
    bytes += bytes_of(made);
    return by_size.emplace(key, std::move(made)).first->second;
  }
  // Not in get(): two of its answers are in use at once.
  void forget_if_large() {
    if (bytes < kMostKeptBytes) return;
    by_size.clear();
    bytes = 0;
  }
};

struct ResizeScratch::State {
  KeptBySize<Taps> taps;
  KeptBySize<std::vector<PointTap>> point_taps;
  std::vector<std::uint8_t> wide;  // after the pass along rows
  std::vector<std::uint8_t> tail;  // the last rows, with room behind them
};

namespace {

// Along rows, into `state.wide` at rows of `stride` bytes.
void widen(const Image& image, const Taps& taps, std::size_t stride, ResizeScratch::State& state) {
  const auto rows = static_cast<std::size_t>(image.height);
  const std::size_t row_bytes = static_cast<std::size_t>(image.width) * 3;
  state.wide.resize(rows * stride);
  const passes::Instructions with = passes::best_instructions();
  // The last rows are filtered from a copy: what is read past their end must lie in memory of ours.
  const std::size_t last = std::min(rows, (passes::kReadSlack + row_bytes - 1) / row_bytes);
  passes::filter_rows(with, image.pixels.data(), row_bytes, rows - last, taps, state.wide.data(), stride);
  state.tail.resize(std::max(state.tail.size(), last * row_bytes + passes::kReadSlack));
  std::memcpy(state.tail.data(), image.pixels.data() + (rows - last) * row_bytes, last * row_bytes);
  passes::filter_rows(with, state.tail.data(), row_bytes, last, taps, state.wide.data() + (rows - last) * stride,
                      stride);
}

void resize_antialiased(const Image& image, int height, int width, Kernel kernel, Image& to,
                        ResizeScratch::State& state) {
  const auto taps_of = [&](int in_size, int out_size) -> const Taps& {
    return state.taps.get(in_size, out_size, kernel, [&] { return make_taps(in_size, out_size, kernel); });
  };
  const std::size_t row_bytes = static_cast<std::size_t>(width) * 3;
  const std::uint8_t* wide = image.pixels.data();
  std::size_t stride = row_bytes;
  if (width != image.width) {
    stride = rounded_up(row_bytes + passes::kWriteSlack, 64);
    widen(image, taps_of(image.width, width), stride, state);
    wide = state.wide.data();
  }
  if (height != image.height) {
    passes::filter_columns(passes::best_instructions(), wide, stride, row_bytes, taps_of(image.height, height),
                           to.pixels.data(), row_bytes);
  } else {
    for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y)
      std::memcpy(to.pixels.data() + y * row_bytes, wide + y * stride, row_bytes);
  }
  state.taps.forget_if_large();
}

void resize_point(const Image& image, int height, int width, Image& to, ResizeScratch::State& state) {
  const auto taps_of = [&](int in_size, int out_size) -> const std::vector<PointTap>& {
    return state.point_taps.get(in_size, out_size, Kernel::kBilinearPoint,
                                [&] { return make_point_taps(in_size, out_size); });
  };
  const std::vector<PointTap>& rows = taps_of(image.height, height);
  const std::vector<PointTap>& columns = taps_of(image.width, width);
  const std::size_t stride = static_cast<std::size_t>(image.width) * 3;
  std::uint8_t* at = to.pixels.data();
  for (const PointTap& row : rows) {
    const std::uint8_t* upper = image.pixels.data() + row.low * stride;
    const std::uint8_t* lower = image.pixels.data() + row.high * stride;
    for (const PointTap& column : columns)
      for (std::size_t c = 0; c < 3; ++c) {
        const std::size_t left = column.low * 3 + c;
        const std::size_t right = column.high * 3 + c;
        const std::int32_t above = upper[left] * (2048 - column.weight) + upper[right] * column.weight;
        const std::int32_t beneath = lower[left] * (2048 - column.weight) + lower[right] * column.weight;
        *at++ = static_cast<std::uint8_t>((above * (2048 - row.weight) + beneath * row.weight + (1 << 21)) >> 22);
      }
  }
  state.point_taps.forget_if_large();
}

}  // namespace

ResizeScratch::ResizeScratch() : state_(std::make_unique<State>()) {}
ResizeScratch::~ResizeScratch() = default;
ResizeScratch::ResizeScratch(ResizeScratch&&) noexcept = default;
ResizeScratch& ResizeScratch::operator=(ResizeScratch&&) noexcept = default;

void resize_into(const Image& image, int height, int width, Kernel kernel, Image& to, ResizeScratch& scratch) {
  RESOLUTE_EXPECT(image.height >= 1 && image.width >= 1, "an empty image cannot be resized");
  RESOLUTE_EXPECT(height >= 1 && width >= 1 && height <= kMaxImageSide && width <= kMaxImageSide,
                  fmt::format("a size of {} x {} pixels is outside the limits", height, width));
  RESOLUTE_EXPECT(&to != &image, "an image cannot be resized into itself");
  set_size(to, {height, width});
  if (height == image.height && width == image.width)
    std::copy(image.pixels.begin(), image.pixels.end(), to.pixels.begin());
  else if (kernel == Kernel::kBilinearPoint)
    resize_point(image, height, width, to, scratch.state());
  else
    resize_antialiased(image, height, width, kernel, to, scratch.state());
}

Image resize(const Image& image, int height, int width, Kernel kernel) {
  ResizeScratch scratch;
  Image resized;
  resize_into(image, height, width, kernel, resized, scratch);
  return resized;
}

}  // namespace resolute::datasets
