#pragma once
//! \file
//! A value that changes by steps, as its means over equal spans of a time whose end is not known beforehand.

#include <vector>

namespace resolute::operations {

class StepCurve {
 public:
  //! From `at` (hours, never less than before) on the value is `value`.
  void set(double at, double value);
  //! Σ value · time up to the last set(), in value hours.
  double integral() const { return integral_; }
  //! Length of each span in hours: doubled whenever there would be more than 512.
  double span() const { return span_; }
  //! Integral over each span.
  const std::vector<double>& spans() const { return spans_; }

 private:
  void add(double from, double to, double value);

  double span_ = 1.0 / 64;
  double last_ = 0, value_ = 0, integral_ = 0;
  std::vector<double> spans_;
};

}  // namespace resolute::operations
