#include "results/verdicts/smallest_difference.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace resolute::results {
namespace {

//! All pairs of some values: how many, and the sum of their squared differences.
class Pairs {
 public:
  void add(double value) {
    ++count_;
    sum_ += value;
    squares_ += value * value;
  }
  double pairs() const { return count_ * (count_ - 1) / 2; }
  double squared_differences() const { return count_ * squares_ - sum_ * sum_; }

 private:
  double count_ = 0, sum_ = 0, squares_ = 0;
};

}  // namespace

double variance_of_mean(const SpreadParts& parts, const StudyShape& shape) {
  RESOLUTE_EXPECT(shape.trials >= 1 && shape.people >= 1, "a study has trials and people");
  const double trials = shape.trials;
  return parts.person * parts.person * (shape.shared + (1 - shape.shared) / trials) / shape.people +
         parts.trial * parts.trial / trials + parts.rest * parts.rest / (trials * shape.people);
}

double smallest_difference(const SpreadParts& parts, const StudyShape& shape) {
  constexpr double kTwoSided = 1.960, kPower = 0.842;  // 97.5th and 80th percentile of the normal distribution
  return (kTwoSided + kPower) * std::sqrt(variance_of_mean(parts, shape));
}

std::optional<SpreadParts> spread_parts(const std::vector<std::map<std::int64_t, double>>& trials) {
  constexpr std::size_t kFewest = 5;
  if (trials.size() < kFewest) return std::nullopt;
  Pairs all;
  std::map<std::int64_t, Pairs> of_person;
  double trial_pairs = 0, trial_squares = 0, person_pairs = 0, person_squares = 0;
  for (const auto& trial : trials) {
    Pairs of_trial;
    for (const auto& [person, mean] : trial) {
      all.add(mean);
      of_trial.add(mean);
      of_person[person].add(mean);
    }
    trial_pairs += of_trial.pairs();
    trial_squares += of_trial.squared_differences();
  }
  for (const auto& [person, means] : of_person) {
    person_pairs += means.pairs();
    person_squares += means.squared_differences();
  }
  const double other_pairs = all.pairs() - trial_pairs - person_pairs;
  if (trial_pairs == 0 || person_pairs == 0 || other_pairs == 0) return std::nullopt;
  const double in_trial = trial_squares / trial_pairs / 2;  // person² + rest²
  const double of_one = person_squares / person_pairs / 2;  // trial² + rest²
  const double others = (all.squared_differences() - trial_squares - person_squares) / other_pairs / 2;  // all three
  const auto deviation = [](double variance) { return std::sqrt(std::max(variance, 0.0)); };
  return SpreadParts{deviation(others - of_one), deviation(others - in_trial), deviation(in_trial + of_one - others)};
}

}  // namespace resolute::results
