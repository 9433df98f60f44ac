#include "results/kernel/filter.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
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

// The comparison of Filter::within(): a pair is left out where constant + kept·square − per_norm·norm − 2·product > 0.
struct Terms {
  double constant, kept, per_norm;
};

// Places are rare, so pieces without one are what has to be quick.
[[gnu::always_inline]] inline std::size_t places_within(const Terms& terms, const double* squares, const double* norms,
                                                        std::span<const float> products, std::uint32_t* places) {
  // Written so that NaN stays in.
  const auto inside = [&](std::size_t j) {
    const double apart = terms.constant + terms.kept * squares[j] - terms.per_norm * norms[j];
    return static_cast<std::size_t>(!(apart > 2 * static_cast<double>(products[j])));
  };
  constexpr std::size_t kPiece = 32;
  std::size_t count = 0;
  for (std::size_t begin = 0; begin < products.size(); begin += kPiece) {
    const std::size_t end = std::min(begin + kPiece, products.size());
    std::size_t some = 0;
    if (end - begin == kPiece)
      for (std::size_t j = 0; j < kPiece; ++j) some |= inside(begin + j);
    else
      some = 1;
    if (some == 0) continue;
    for (std::size_t j = begin; j < end; ++j) {
      places[count] = static_cast<std::uint32_t>(j);
      count += inside(j);
    }
  }
  return count;
}

using PlacesWithin = std::size_t (*)(const Terms&, const double*, const double*, std::span<const float>,
                                     std::uint32_t*);

std::size_t places_within_portable(const Terms& terms, const double* squares, const double* norms,
                                   std::span<const float> products, std::uint32_t* places) {
  return places_within(terms, squares, norms, products, places);
}

#if defined(__x86_64__)

__attribute__((target("avx2"))) std::size_t places_within_avx2(const Terms& terms, const double* squares,
                                                               const double* norms, std::span<const float> products,
                                                               std::uint32_t* places) {
  return places_within(terms, squares, norms, products, places);
}

__attribute__((target("avx512f,avx512dq"))) std::size_t places_within_avx512(const Terms& terms, const double* squares,
                                                                             const double* norms,
                                                                             std::span<const float> products,
                                                                             std::uint32_t* places) {
  return places_within(terms, squares, norms, products, places);
}

#endif

PlacesWithin kernel_of_this_processor() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) return places_within_avx512;
  if (__builtin_cpu_supports("avx2")) return places_within_avx2;
#endif
  return places_within_portable;
}

}  // namespace

std::vector<float> rough_mean(const FeatureMatrix& gallery) {
  constexpr std::size_t kEnough = 512;
  std::size_t step = std::max<std::size_t>(1, gallery.rows / kEnough);
  std::vector<double> sums(gallery.dimension, 0.0);
  double rows = 0;
  for (std::size_t g = 0; g < gallery.rows; g += step, ++rows)
    for (std::size_t k = 0; k < gallery.dimension; ++k)
      sums[k] += static_cast<double>(gallery.values[g * gallery.dimension + k]);
  std::vector<float> mean;
  for (double sum : sums) mean.push_back(static_cast<float>(sum / rows));
  return mean;
}

double centre_row(const float* row, std::span<const float> centre, std::span<float> centred) {
  for (std::size_t k = 0; k < centred.size(); ++k) centred[k] = row[k] - centre[k];
  return squared_norm(centred);
}

void check_known(double approximate, double known, double bound) {
  if (std::abs(approximate - known) <= bound) return;
  throw core::RuntimeError(core::ErrorKind::kEnvironment,
                           fmt::format("a matrix product gives {} for a squared distance of {}", approximate, known),
                           fmt::format("float32 rounding explains {} at most", bound),
                           "turn off TF32 and reduced-precision matrix products");
}

// relative_ has two parts. Centring rounds each difference by at most 2⁻²⁴ of itself, which moves a squared distance by
// at most 2·2⁻²⁴·(‖q‖ + ‖g‖)² to first order, and (‖q‖ + ‖g‖)² ≤ 2·(‖q‖² + ‖g‖²). In doubles, the norms, the
// approximation and squared_distance() itself each err by at most about depth·2⁻⁵³ of ‖q‖² + ‖g‖² or of the distance,
// which is at most twice that sum.
Filter::Filter(std::size_t depth, std::size_t rows)
    : depth_(depth),
      factor_(gemm_error_factor(depth)),
      relative_(4.001 * kFloatRoundoff + 16 * static_cast<double>(depth + 16) * kDoubleRoundoff),
      tiny_(4 * static_cast<double>(depth + 1) * kFloatSmallestNormal),
      norm_(rows),
      square_(rows) {}

std::vector<Filter> Filter::of_depths(const FeatureMatrix& gallery, std::span<const std::size_t> depths,
                                      std::span<const float> centre, std::span<float> centred, int threads) {
  std::vector<Filter> filters;
  if (depths.empty()) return filters;
  for (std::size_t depth : depths) filters.push_back(Filter(depth, gallery.rows));
  constexpr std::size_t kTogether = 64;
  core::side_by_side(
      (gallery.rows + kTogether - 1) / kTogether, static_cast<std::size_t>(threads), [&](std::size_t piece) {
        const std::size_t end = std::min(gallery.rows, (piece + 1) * kTogether);
        for (std::size_t g = piece * kTogether; g < end; ++g) {
          const std::span<float> row = centred.subspan(g * depths.back(), depths.back());
          const float* values = gallery.values.data() + g * gallery.dimension;
          double square = 0;
          std::size_t begin = 0;
          for (Filter& filter : filters) {
            square += centre_row(values + begin, centre.subspan(begin), row.subspan(begin, filter.depth_ - begin));
            begin = filter.depth_;
            filter.square_[g] = square;
            filter.norm_[g] = std::sqrt(square);
          }
        }
      });
  for (Filter& filter : filters)
    filter.largest_norm_ = filter.norm_.empty() ? 0 : *std::ranges::max_element(filter.norm_);
  return filters;
}

std::size_t Filter::within(const Query& query, double farthest, std::size_t first, std::span<const float> products,
                           std::span<std::uint32_t> places) const {
  RESOLUTE_EXPECT(places.size() >= products.size(), "there is a place for each product");
  if (query.unbounded) {
    std::iota(places.begin(), places.begin() + static_cast<std::ptrdiff_t>(products.size()), 0U);
    return products.size();
  }
  static const PlacesWithin chosen = kernel_of_this_processor();
  // Sums in another order than in approximate() and bound(): what that rounds is far below relative_, where a pair is
  // near `farthest` at all.
  const Terms terms{query.square - query.constant - farthest, 1 - relative_, query.per_norm};
  return chosen(terms, square_.data() + first, norm_.data() + first, products, places.data());
}

Filter::Query Filter::query(double square) const {
  constexpr double kSafeProduct = 1e38;
  double norm = std::sqrt(square);
  // Written so that infinity times zero, NaN, is unbounded too.
  bool bounded = std::isfinite(factor_) && norm * largest_norm_ < kSafeProduct;
  return {square, 2 * factor_ * norm + tiny_, relative_ * square + tiny_ * (1 + norm), !bounded};
}

}  // namespace resolute::results::kernel
