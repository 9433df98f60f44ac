#include "results/kernel/filter.h"

#include <algorithm>
#include <cmath>

#include "core/process/side_by_side.h"
#include "results/kernel/gemm.h"

namespace resolute::results::kernel {
namespace {

constexpr double kFloatRoundoff = 0x1p-24;
constexpr double kDoubleRoundoff = 0x1p-53;
constexpr double kFloatSmallestNormal = 0x1p-126;

double squared_norm(std::span<const float> row) {
  constexpr std::size_t kLanes = 8;
  double sums[kLanes] = {};
  std::size_t k = 0;
  for (; k + kLanes <= row.size(); k += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane)
      sums[lane] += static_cast<double>(row[k + lane]) * static_cast<double>(row[k + lane]);
  double sum = 0;
  for (; k < row.size(); ++k) sum += static_cast<double>(row[k]) * static_cast<double>(row[k]);
  for (double lane : sums) sum += lane;
  return sum;
}

//! Of a few hundred rows: any centre is right, one near the mean is good.
std::vector<float> rough_mean(const FeatureMatrix& gallery, std::size_t depth) {
  constexpr std::size_t kEnough = 512;
  std::size_t step = std::max<std::size_t>(1, gallery.rows / kEnough);
  std::vector<double> sums(depth, 0.0);
  double rows = 0;
  for (std::size_t g = 0; g < gallery.rows; g += step, ++rows)
    for (std::size_t k = 0; k < depth; ++k) sums[k] += static_cast<double>(gallery.values[g * gallery.dimension + k]);
  std::vector<float> mean;
  for (double sum : sums) mean.push_back(static_cast<float>(sum / rows));
  return mean;
}

}  // namespace

// relative_ has two parts. Centring rounds each difference by at most 2⁻²⁴ of itself, which moves a squared distance by
// at most 2·2⁻²⁴·(‖q‖ + ‖g‖)² to first order, and (‖q‖ + ‖g‖)² ≤ 2·(‖q‖² + ‖g‖²). In doubles, the norms, the
// approximation and squared_distance() itself each err by at most about depth·2⁻⁵³ of ‖q‖² + ‖g‖² or of the distance,
// which is at most twice that sum.
Filter::Filter(std::size_t depth, std::span<const float> centre, std::size_t rows)
    : depth_(depth),
      factor_(gemm_error_factor(depth)),
      relative_(4.001 * kFloatRoundoff + 16 * static_cast<double>(depth + 16) * kDoubleRoundoff),
      tiny_(4 * static_cast<double>(depth + 1) * kFloatSmallestNormal),
      centre_(centre.begin(), centre.begin() + static_cast<std::ptrdiff_t>(depth)),
      norm_(rows),
      square_(rows) {}

std::vector<Filter> Filter::of_depths(const FeatureMatrix& gallery, std::span<const std::size_t> depths,
                                      std::span<float> centred, int threads) {
  std::vector<Filter> filters;
  if (depths.empty()) return filters;
  const std::vector<float> centre = rough_mean(gallery, depths.back());
  for (std::size_t depth : depths) filters.push_back(Filter(depth, centre, gallery.rows));
  constexpr std::size_t kTogether = 64;
  core::side_by_side((gallery.rows + kTogether - 1) / kTogether, static_cast<std::size_t>(threads),
                     [&](std::size_t piece) {
                       const std::size_t end = std::min(gallery.rows, (piece + 1) * kTogether);
                       for (std::size_t g = piece * kTogether; g < end; ++g) {
                         const std::span<float> row = centred.subspan(g * depths.back(), depths.back());
                         filters.back().centre(gallery.values.data() + g * gallery.dimension, row.data());
                         double square = 0;
                         std::size_t begin = 0;
                         for (Filter& filter : filters) {
                           square += squared_norm(row.subspan(begin, filter.depth_ - begin));
                           begin = filter.depth_;
                           filter.square_[g] = square;
                           filter.norm_[g] = std::sqrt(square);
                         }
                       }
                     });
  for (Filter& filter : filters)
    filter.largest_norm_ = filter.norm_.empty() ? 0 : *std::max_element(filter.norm_.begin(), filter.norm_.end());
  return filters;
}

Filter::Query Filter::query(std::span<const float> centred) const {
  constexpr double kSafeProduct = 1e38;
  double square = squared_norm(centred);
  double norm = std::sqrt(square);
  // Written so that infinity times zero, NaN, is unbounded too.
  bool bounded = std::isfinite(factor_) && norm * largest_norm_ < kSafeProduct;
  return {square, 2 * factor_ * norm + tiny_, relative_ * square + tiny_ * (1 + norm), !bounded};
}

}  // namespace resolute::results::kernel
