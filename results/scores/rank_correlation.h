#pragma once
//! \file
//! Tells whether one number rises with another, whatever the shape of the curve: Spearman's rank correlation, and how
//! sure it is.

#include <cstddef>
#include <cstdint>
#include <span>

namespace resolute::results {

//! Resamples behind an interval.
inline constexpr std::size_t kCorrelationResamples = 2'000;
//! Numbers per side at most: so many ranks are summed without rounding.
inline constexpr std::size_t kMostRanked = 1'000'000;

//! Spearman's rho, −1 to 1: the correlation of the ranks of x and y, equal values sharing the mean of their ranks. 0
//! where a side is constant or there are fewer than two pairs. Ranks and their sums are whole numbers, so the order of
//! the pairs changes no bit. Source: Spearman, "The Proof and Measurement of Association between Two Things", 1904.
struct RankCorrelation {
  double rho = 0;
  double low = 0;
  double high = 0;
};

//! rho with its 95 % interval by the percentile bootstrap over groups: pairs of one group (images of a person, at every
//! rate) are not independent, so whole groups are drawn, as many as there are, with replacement; the interval runs from
//! the 2.5th to the 97.5th percentile of kCorrelationResamples. The draws are keyed by a fixed text: the same pairs
//! give the same bits, in whatever order they come. Source: as bootstrap.h. \param x, y one number per pair
//! \param groups one per pair, any numbers; where all are one group, the interval is rho itself
//! \throws core::RuntimeError (kInput): sizes that disagree or are above kMostRanked, NaN or infinite values
RankCorrelation rank_correlation_interval(std::span<const double> x, std::span<const double> y,
                                          std::span<const std::int64_t> groups);

}  // namespace resolute::results
