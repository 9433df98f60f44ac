#include "operations/simulation/step_curve.h"

#include <algorithm>

namespace resolute::operations {
namespace {

constexpr std::size_t kMostSpans = 512;

}  // namespace

void StepCurve::set(double at, double value) {
  if (at > last_) add(last_, at, value_);
  last_ = at;
  value_ = value;
}

void StepCurve::add(double from, double to, double value) {
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

}  // namespace resolute::operations
