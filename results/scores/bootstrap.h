#pragma once
//! \file
//! How certain a difference between two methods is, for new people of the kind that was tested and new trainings: the
//! paired bootstrap over people and trainings.
//!
//! Both methods saw the same queries, so each query gives one difference, and what makes a query hard cancels out.
//! Queries are not independent: those of a person share clothes, camera and gallery images, and those of a trial share
//! a training run. Trials are not independent either: they test the same people again, all of them (an official split)
//! or half of them (random halves).
//!
//! - People: each has a loss, by how much the mean over all trials falls without the person. In each of 10,000
//!   resamples as many people are drawn, with replacement, as there are, once for all trials. Their losses move the
//!   mean.
//! - Trainings: the variance of the mean by trainings is that between the trials' means, less what the people give it
//!   whom two trials do not share; none where that is less than zero. A resample adds a draw with that variance, of
//!   Student's t with one degree of freedom less than there are trials, for few trials tell a variance badly.
//!
//! The interval runs from the 2.5th to the 97.5th percentile. docs/inside/decisions.md has how often it holds the
//! truth. One trial says nothing of trainings: its interval is for new people and this training. One person says
//! nothing of people: a person who is alone in a trial has no loss there. With one method's own numbers in the place of
//! differences, the result is the interval of that method's mean.
//!
//! Source: Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3 (percentile interval; its rule
//! for the order statistics, k = floor((B + 1) α)) and 8.3 (resampling the unit that is independent); Owen, "The
//! pigeonhole bootstrap", 2007 (people are drawn once for all trials; why draws of both count a difference thrice that
//! no two trials share); Efron, "The Jackknife, the Bootstrap and Other Resampling Plans", 1982, chapter 6 (losses).

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
  //! The 90 % interval, for two one-sided tests at 5 %
  double inner_low = 0;
  double inner_high = 0;
};

//! One interval per metric, from the same resamples. The draws are keyed by a fixed text, so equal shapes (trials,
//! people) get equal draws in every row and table and on every machine whose libm has the same log and cos. \param
//! trials at least one, each with at least one query; a person has the same identity in all of them; the order of a
//! trial's queries changes the last bits only, and that of trials which of them meets which draw \param metrics numbers
//! per query \throws core::ContractError for a trial without a query or a query with another number of differences
std::vector<BootstrapInterval> paired_bootstrap(const std::vector<std::vector<PairedQuery>>& trials,
                                                std::size_t metrics);

//! The same of a mean over data sets, trial by trial: a training moves all of its data sets. Identities are of a data
//! set, but where two have the same identities in every trial (a set asked in both directions), these are the same
//! people. \param datasets data sets × trials × queries, each with equally many trials
std::vector<BootstrapInterval> paired_bootstrap_of_mean(
    const std::vector<std::vector<std::vector<PairedQuery>>>& datasets, std::size_t metrics);

//! The ends of a percentile interval.
struct Percentiles {
  double low = 0;
  double high = 0;
};

//! The 2.5th and the 97.5th percentile of a statistic's values in B resamples: the kth smallest and the kth largest,
//! k = floor((B + 1) · 0.025). \param resampled sorted by this; at least `one_in` - 1 \param one_in 40: one in so many
//! lies beyond each end
Percentiles percentiles_of(std::vector<double>& resampled, std::size_t one_in = 40);

}  // namespace resolute::results
