#pragma once
//! \file
//! A value that changes by steps, as its means over equal spans of a time whose end is not known beforehand.

#include <algorithm>
#include <cstddef>
#include <vector>

namespace resolute::operations {

class StepCurve {
 public:
  //! From `at` (hours, never less than before) on the value is `value`.
  void set(double at, double value) {
    if (at > last_) add(last_, at, value_);
    last_ = at;
    value_ = value;
  }
  //! Σ value · time up to the last set(), in value hours.
  double integral() const { return integral_; }
  //! Length of each span in hours: doubled whenever there would be more than kMostSpans.
  double span() const { return span_; }
  //! Integral over each span.
  const std::vector<double>& spans() const { return spans_; }

 private:
  static constexpr std::size_t kMostSpans = 512;

  void add(double from, double to, double value) {
    integral_ += value * (to - from);
    while (to > span_ * static_cast<double>(kMostSpans)) {
      for (std::size_t i = 0; 2 * i < spans_.size(); ++i)
        spans_[i] = spans_[2 * i] + (2 * i + 1 < spans_.size() ? spans_[2 * i + 1] : 0);
      spans_.resize((spans_.size() + 1) / 2);
      span_ *= 2;
    }
    for (auto i = static_cast<std::size_t>(from / span_); i < kMostSpans && static_cast<double>(i) * span_ < to; ++i) {
      const double begin = static_cast<double>(i) * span_;
      if (spans_.size() <= i) spans_.resize(i + 1);
      spans_[i] += value * std::max(0.0, std::min(to, begin + span_) - std::max(from, begin));
    }
  }

  double span_ = 1.0 / 64;
  double last_ = 0, value_ = 0, integral_ = 0;
  std::vector<double> spans_;
};

}  // namespace resolute::operations
