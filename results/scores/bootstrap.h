#pragma once
//! \file
//! How certain a difference between two methods is: the paired percentile bootstrap over trials and identities.
//!
//! Both methods saw the same queries, so each query gives one difference, and what makes a query hard cancels out.
//! Queries are not independent: those of a person share clothes, camera and gallery images, and those of a trial share
//! a training run. So whole people (clusters) are drawn, within trials that are drawn themselves: an interval over
//! single queries would be too short. Both draws are with replacement. The value of a resample is the mean over its
//! trials of the mean over the queries of its people. The interval runs from the 2.5th to the 97.5th percentile of
//! 10,000 resamples. Two or three trials say little of how trainings vary. Where trainings vary more than people do,
//! the interval is too short (docs/decisions.md has how often it covers). With one method's own numbers in the place of
//! differences, the result is the interval of that method's mean.
//!
//! Source: Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3 (percentile interval; its rule
//! for the order statistics, k = floor((B + 1) α)) and 8.3 (resampling the unit that is independent).

#include <cstddef>
#include <cstdint>
#include <vector>

namespace resolute::results {

inline constexpr std::size_t kBootstrapResamples = 10'000;

//! One query's differences, one number per metric, in any unit.
struct PairedQuery {
  std::int64_t identity = 0;
  std::vector<double> difference;
};

//! The mean over trials of the mean over queries, with its 95 % interval; in the unit of the differences.
struct BootstrapInterval {
  double mean = 0;
  double low = 0;
  double high = 0;
  //! Two-sided: how sure it is that the mean is not 0. Twice the smaller share of resamples at or beyond 0, 2/(B + 1)
  //! to 1 (Davison & Hinkley, "Bootstrap Methods and their Application", 1997, section 4.4)
  double p = 1;
};

//! One interval per metric, from the same resamples. The draws are keyed by a fixed text, so equal shapes (trials,
//! identities) get equal draws in every row and table and on every machine. \param trials at least one, each with at
//! least one query; the order of a trial's queries changes the last bits only \param metrics numbers per query
//! \throws core::ContractError for a trial without a query or a query with another number of differences
std::vector<BootstrapInterval> paired_bootstrap(const std::vector<std::vector<PairedQuery>>& trials,
                                                std::size_t metrics);

//! The same of a mean over data sets, trial by trial: a trial is drawn with all of its data sets, and people within
//! each of them; where two have the same identities (a set asked in both directions), the people drawn are the same.
//! \param datasets data sets × trials × queries, each with equally many trials
std::vector<BootstrapInterval> paired_bootstrap_of_mean(
    const std::vector<std::vector<std::vector<PairedQuery>>>& datasets, std::size_t metrics);

//! The ends of a percentile interval.
struct Percentiles {
  double low = 0;
  double high = 0;
};

//! The 2.5th and the 97.5th percentile of a statistic's values in B resamples: the kth smallest and the kth largest,
//! k = floor((B + 1) · 0.025). \param resampled sorted by this; at least 39
Percentiles percentiles_of(std::vector<double>& resampled);

}  // namespace resolute::results
