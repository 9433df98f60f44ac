#include "results/scores/image_quality.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <vector>

#include "core/error.h"

namespace resolute::results {
namespace {

constexpr double kLevels = 255;
constexpr std::size_t kWindow = 11;
constexpr double kDeviation = 1.5, kK1 = 0.01, kK2 = 0.03;

using Plane = std::vector<double>;

void expect_one_size(const PictureView& a, const PictureView& b) {
  RESOLUTE_EXPECT(a.height == b.height && a.width == b.width && a.height > 0 && a.width > 0,
                  "pictures of one size are compared");
  const std::size_t values = 3 * static_cast<std::size_t>(a.height) * static_cast<std::size_t>(a.width);
  RESOLUTE_EXPECT(a.pixels.size() == values && b.pixels.size() == values, "a pixel is three values");
}

Plane luma(const PictureView& picture) {
  Plane plane(picture.pixels.size() / 3);
  for (std::size_t i = 0; i < plane.size(); ++i) {
    const std::uint8_t* rgb = picture.pixels.data() + 3 * i;
    plane[i] = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
  }
  return plane;
}

// The window along a side: its taps add up to 1.
std::vector<double> window_of(std::size_t side) {
  std::vector<double> taps(std::min(side, kWindow));
  const double middle = static_cast<double>(taps.size() - 1) / 2;
  double sum = 0;
  for (std::size_t i = 0; i < taps.size(); ++i) {
    const double away = static_cast<double>(i) - middle;
    taps[i] = std::exp(-away * away / (2 * kDeviation * kDeviation));
    sum += taps[i];
  }
  for (double& tap : taps) tap /= sum;
  return taps;
}

// Weighted means over all windows within a plane. The Gaussian is a product of one along each side.
class Windows {
 public:
  Windows(std::size_t height, std::size_t width)
      : height_(height), width_(width), down_(window_of(height)), across_(window_of(width)) {}

  Plane means(const Plane& plane) const {
    const std::size_t columns = width_ - across_.size() + 1, rows = height_ - down_.size() + 1;
    Plane narrow(height_ * columns), means(rows * columns);
    for (std::size_t y = 0; y < height_; ++y)
      for (std::size_t k = 0; k < across_.size(); ++k)
        add(across_[k], plane.data() + y * width_ + k, columns, narrow.data() + y * columns);
    for (std::size_t y = 0; y < rows; ++y)
      for (std::size_t k = 0; k < down_.size(); ++k)
        add(down_[k], narrow.data() + (y + k) * columns, columns, means.data() + y * columns);
    return means;
  }

 private:
  static void add(double weight, const double* from, std::size_t count, double* to) {
    for (std::size_t i = 0; i < count; ++i) to[i] += weight * from[i];
  }
  std::size_t height_, width_;
  std::vector<double> down_, across_;
};

double mean_absolute_difference(const PictureView& a, const PictureView& b) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) sum += std::abs(int{a.pixels[i]} - int{b.pixels[i]});
  return static_cast<double>(sum) / static_cast<double>(a.pixels.size());
}

}  // namespace

double psnr(const PictureView& picture, const PictureView& reference) {
  expect_one_size(picture, reference);
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < picture.pixels.size(); ++i) {
    const int difference = int{picture.pixels[i]} - int{reference.pixels[i]};
    sum += difference * difference;
  }
  const auto values = static_cast<double>(picture.pixels.size());
  return 10 * std::log10(kLevels * kLevels * values / static_cast<double>(std::max<std::int64_t>(sum, 1)));
}

double ssim(const PictureView& picture, const PictureView& reference) {
  expect_one_size(picture, reference);
  constexpr double kC1 = kK1 * kLevels * kK1 * kLevels, kC2 = kK2 * kLevels * kK2 * kLevels;
  const Windows windows(static_cast<std::size_t>(picture.height), static_cast<std::size_t>(picture.width));
  const Plane x = luma(picture), y = luma(reference);
  Plane products(x.size()), squares(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    products[i] = x[i] * y[i];
    squares[i] = x[i] * x[i] + y[i] * y[i];
  }
  const Plane mean_x = windows.means(x), mean_y = windows.means(y), mean_product = windows.means(products),
              mean_square = windows.means(squares);
  double sum = 0;
  for (std::size_t i = 0; i < mean_x.size(); ++i) {
    const double both = mean_x[i] * mean_y[i], squared_means = mean_x[i] * mean_x[i] + mean_y[i] * mean_y[i];
    const double covariance = mean_product[i] - both, variances = mean_square[i] - squared_means;
    sum += (2 * both + kC1) * (2 * covariance + kC2) / ((squared_means + kC1) * (variances + kC2));
  }
  return std::clamp(sum / static_cast<double>(mean_x.size()), -1.0, 1.0);
}

PictureQuality picture_quality(const PictureView& picture, const PictureView& reference) {
  return {mean_absolute_difference(picture, reference), psnr(picture, reference), ssim(picture, reference)};
}

}  // namespace resolute::results
