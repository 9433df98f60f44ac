#pragma once
//! \file
//! How small a difference a study of so many trials and people can tell: in 80 % of such studies a 95 % interval leaves
//! zero out.
//!
//! The model is that of the crossed design: the mean of a person's queries in a trial is a constant + something of the
//! person's, the same in each trial + something of the trial's + a rest. With T trials of n people each, of whom two
//! trials share the part s, the variance of the mean over trials of the mean over people is
//!
//!     person² (s + (1 - s) / T) / n + trial² / T + rest² / (T n)
//!
//! since a person who is tested again brings nothing new. Source: Cochran, "Sampling Techniques", 1977, section 2.5 for
//! the shape; Owen, "The pigeonhole bootstrap", 2007, for crossed people and trials.

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace resolute::results {

//! Standard deviations in points.
struct SpreadParts {
  double person = 0, trial = 0, rest = 0;
};

struct StudyShape {
  int trials = 1;
  double people = 1;  //!< of a trial
  double shared = 0;  //!< 0 to 1: of a trial's people those that another trial tests too
};

//! Variance of a study's mean. \pre at least one trial and one person
double variance_of_mean(const SpreadParts& parts, const StudyShape& shape);

//! (1.96 + 0.84) standard errors, in points: power 80 %, two-sided, 5 %.
double smallest_difference(const SpreadParts& parts, const StudyShape& shape);

//! The parts as a study has them, by the method of moments: half the mean squared difference of two persons' means in
//! one trial, of one person's in two trials, and of two persons' in two trials. A part below zero is zero.
//! \param trials the mean of each person's queries \return nothing of fewer than five trials, which say too little of
//! how trainings vary, or where no person is in two of them
std::optional<SpreadParts> spread_parts(const std::vector<std::map<std::int64_t, double>>& trials);

}  // namespace resolute::results
