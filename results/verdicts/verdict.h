#pragma once
//! \file
//! Verdicts on a difference, and on an order of rows: numbers in, words out. All that prints a verdict asks
//! here.

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "experiments/specification/metrics.h"
#include "settings/choice.h"

namespace resolute::results {

//! With fewer trials nothing is called better or worse: an interval over two or three trials is far too short
//! (docs/inside/decisions.md, "Intervals are for new people and new trainings").
inline constexpr int kFewestTrials = 5;

//! A mean minus the same mean of another row (bootstrap.h), in per cent.
struct Difference {
  std::string to;  //!< id of that row
  double mean = 0;
  double low = 0;  //!< of the 95 % interval
  double high = 0;
  int trials = 0;                        //!< that both have
  double p = 1;                          //!< of this difference alone (BootstrapInterval::p)
  double p_holm = 1;                     //!< adjusted for all comparisons of its table: holm()
  std::vector<std::string> footnotes{};  //!< in what the numeric classes of the rows' jobs differ, if they do
  bool operator==(const Difference&) const = default;
};

//! The side on which the whole interval of a difference lies.
enum class Side {
  kAbove,      //!< above zero
  kBelow,      //!< below zero
  kUndecided,  //!< it reaches zero
  kNoVerdict,  //!< fewer than kFewestTrials
};
constexpr auto words_of(Side) { return settings::words("above", "below", "undecided", "no verdict"); }

inline Side side_of(const Difference& difference) {
  if (difference.trials < kFewestTrials) return Side::kNoVerdict;
  if (difference.low > 0) return Side::kAbove;
  return difference.high < 0 ? Side::kBelow : Side::kUndecided;
}

//! Tells whether the difference is there even when one counts how many were looked at.
inline bool survives_holm(const Difference& difference) {
  const Side side = side_of(difference);
  return (side == Side::kAbove || side == Side::kBelow) && difference.p_holm < 0.05;
}

//! Holm's step-down adjustment: with all below 0.05 called real, the chance that any of them is luck is 5 % at most,
//! however they depend on one another. Source: Holm, "A Simple Sequentially Rejective Multiple Test Procedure",
//! Scandinavian Journal of Statistics 6, 1979. \param p each 0 to 1 \return as many, in the same order
inline std::vector<double> holm(const std::vector<double>& p) {
  std::vector<std::size_t> ascending(p.size());
  std::iota(ascending.begin(), ascending.end(), 0);
  std::ranges::stable_sort(ascending, [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size());
  double largest = 0;
  for (std::size_t i = 0; i < p.size(); ++i) {
    largest = std::max(largest, std::min(1.0, static_cast<double>(p.size() - i) * p[ascending[i]]));
    adjusted[ascending[i]] = largest;
  }
  return adjusted;
}

//! The verdict on a step from one row to the next of an order, and on the whole order. A later value outweighs an
//! earlier one.
enum class Verdict {
  kHolds,         //!< the means stand in the order, and so does the whole interval
  kInTheMeans,    //!< the means do; the interval reaches zero, or is not known
  kUndecided,     //!< the means are level or stand otherwise; the interval reaches zero, or is not known
  kNoVerdict,     //!< a row has fewer than kFewestTrials
  kOpen,          //!< a mean is missing
  kContradicted,  //!< the means stand otherwise, and so does the whole interval
};
constexpr auto words_of(Verdict) {
  return settings::words("holds", "in the means", "undecided", "no verdict", "open", "contradicted");
}

//! The facts on two rows that follow one another in an order.
struct Step {
  std::optional<double> before, after;   //!< their means, the row that should be worse first
  std::optional<Difference> difference;  //!< after - before, where the two can be paired
  int trials = 0;                        //!< of the one that has fewer
};

//! \param better of the metric: where less is better, the row that comes after should have less
inline Verdict judge(const Step& step, experiments::Better better) {
  if (!step.before || !step.after) return Verdict::kOpen;
  if (step.trials < kFewestTrials) return Verdict::kNoVerdict;
  const bool down = better == experiments::Better::kDown;
  const bool in_order = down ? *step.after < *step.before : *step.after > *step.before;
  const Side side = step.difference ? side_of(*step.difference) : Side::kUndecided;
  if (in_order) return side == (down ? Side::kBelow : Side::kAbove) ? Verdict::kHolds : Verdict::kInTheMeans;
  return side == (down ? Side::kAbove : Side::kBelow) ? Verdict::kContradicted : Verdict::kUndecided;
}

//! An order is as sure as its weakest step; one contradicted step contradicts it. \param steps one or more
inline Verdict judge(const std::vector<Verdict>& steps) { return *std::ranges::max_element(steps); }

//! That some of several rows are better than one: it holds where one of them is, and is contradicted where all are
//! worse. \param rows each against that one, one or more, judged by holm() among them
inline Verdict judge_some(const std::vector<Verdict>& rows) {
  for (const Verdict one :
       {Verdict::kHolds, Verdict::kOpen, Verdict::kNoVerdict, Verdict::kInTheMeans, Verdict::kUndecided})
    if (std::ranges::find(rows, one) != rows.end()) return one;
  return Verdict::kContradicted;
}

//! Several rows are tried, so one of them may be ahead by luck: a row that holds but for holm()'s adjustment among them
//! is ahead in the means. \param differences of as many rows
inline void adjust_some(std::vector<Verdict>& rows, const std::vector<std::optional<Difference>>& differences) {
  std::vector<double> p;
  for (const auto& difference : differences) p.push_back(difference ? difference->p : 1);
  p = holm(p);
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i] == Verdict::kHolds && p[i] >= 0.05) rows[i] = Verdict::kInTheMeans;
}

//! "2 trials: no verdict"
inline std::string no_verdict(int trials) {
  return fmt::format("{} {}: {}", trials, trials == 1 ? "trial" : "trials", settings::word(Verdict::kNoVerdict));
}

//! \param trials of the row that has fewest
inline std::string words(Verdict verdict, int trials) {
  return verdict == Verdict::kNoVerdict ? no_verdict(trials) : std::string(settings::word(verdict));
}

}  // namespace resolute::results
