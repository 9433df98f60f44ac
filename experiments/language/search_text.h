#pragma once
//! \file
//! A [[search]] of a suite as written (docs/search.md), and the points that it draws. Pure.
//! Sources: Joe and Kuo, "Constructing Sobol Sequences with Better Two-Dimensional Projections", SIAM J. Sci. Comput.
//! 30, 2008 (their numbers come with Boost.Random); the random digital shift of L'Ecuyer and Lemieux, 2002.

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/language/settings.h"
#include "settings/choice.h"

namespace resolute::experiments {

//! How a search draws its points.
enum class Draw {
  kSobol,   //!< evenly: of 2^k points each 2^k-th part of a key's range has one
  kRandom,  //!< each by itself
};
constexpr auto words_of(Draw) { return settings::words("sobol", "random"); }

enum class Scale { kLinear, kLog };
constexpr auto words_of(Scale) { return settings::words("linear", "log"); }

//! A key that a search looks over, and its values: a list of them, or a range.
struct SearchedKey {
  std::string key;
  std::string place;
  std::vector<core::Json> values{};  //!< empty: the range counts
  double from = 0;
  double to = 0;  //!< included where the range is one of integers
  Scale scale = Scale::kLinear;
  bool whole = false;  //!< integers
};

struct SearchText {
  Located<std::string> id;
  std::size_t base = 0;  //!< TableText::base
  std::string title;
  Located<std::string> dataset;
  std::string metric;
  int points = 0;
  Draw draw = Draw::kSobol;
  std::uint64_t seed = 0;
  Located<std::vector<int>> rungs;  //!< train.steps at the end of each, ascending
  int factor = 3;                   //!< one point in so many goes on to the next rung
  Located<int> trials{1, {}};       //!< of each point; its score is the mean over them
  std::string place;
  Settings settings{};  //!< of every point, as a row's
  std::vector<SearchedKey> over;
};

//! \param datasets that it may name \throws RuntimeError (kInput) with place and key
SearchText read_search(const Node& node, const std::vector<std::string>& datasets, const PythonMethods& methods);

//! Coordinates in [0, 1) of the points 0, 1, … of a search, those of a point together.
std::vector<std::vector<double>> coordinates(Draw draw, std::uint64_t seed, std::size_t dimensions, std::size_t points);

//! The value that a coordinate means. A real number has four digits, so that no machine's logarithm decides a bit.
core::Json value_at(const SearchedKey& key, double coordinate);

//! The settings of each point, those that it looks over alone: at most SearchText::points, no two alike.
std::vector<Settings> points_of(const SearchText& search);

//! "learning_rate 0.0021, margin 0.3": keys by their last word where that tells them apart.
std::string point_label(const SearchText& search, const Settings& point);

}  // namespace resolute::experiments
