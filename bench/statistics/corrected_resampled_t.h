#pragma once
//! \file
//! The corrected resampled t interval of trials that each test a random part of the same people.

#include <cmath>
#include <vector>

#include "core/error.h"

namespace resolute {

//! A mean's 95 % interval: mean ± half.
struct TInterval {
  double mean = 0;
  double half = 0;
};

//! J trials vary by the variance S². Their mean would vary by S² / J if trials had nothing in common; people of one
//! trial train others, so the factor is 1 / J + tested / trained. Student's t has J - 1 degrees of freedom. Source:
//! Nadeau & Bengio, "Inference for the Generalization Error", Machine Learning 52, 2003. \param trials
//! their means, 2 to 10 \param tested, trained people of a trial, at least one
inline TInterval corrected_resampled_t(const std::vector<double>& trials, double tested, double trained) {
  constexpr double kT[] = {12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622};  // 97.5 %
  RESOLUTE_EXPECT(trials.size() >= 2 && trials.size() <= 1 + std::size(kT) && trained > 0, "2 to 10 trials");
  const auto count = static_cast<double>(trials.size());
  double mean = 0, variance = 0;
  for (const double trial : trials) mean += trial / count;
  for (const double trial : trials) variance += (trial - mean) * (trial - mean) / (count - 1);
  return {mean, kT[trials.size() - 2] * std::sqrt((1 / count + tested / trained) * variance)};
}

}  // namespace resolute
