#pragma once
//! \file
//! Searches by successive halving: every point trains to the first rung, the best of each rung to the next, the best of
//! the last is the winner. What goes on follows from results alone, so that each plan of a suite finds the same.
//! Source: Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization", AISTATS
//! 2016.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "experiments/planning/combination.h"

namespace resolute::experiments {

struct ScoredPoint {
  std::size_t number = 0;  //!< in the order of the draw
  double score = 0;
};
//! Numbers of the best points, ascending; of equal scores the lower number is better. Their order says nothing.
std::vector<std::size_t> best_of(std::vector<ScoredPoint> points, std::size_t count);

//! The points of `alive` that the next rung has room for, one at least.
std::size_t room_of_next(std::size_t alive, int factor);

//! A point's trainings to a rung, and what is known of them.
struct PointAtRung {
  CellPlan cell;
  std::optional<double> score{};    //!< mean over trials
  std::optional<JobId> diverged{};  //!< one of them has: it has no cell, and is behind all others
};

struct SearchCourse {
  struct Point {
    Settings settings;  //!< that the search looks over
    std::string label;
    std::size_t rung = 0;  //!< the last that it has reached
    PointAtRung at_rung;
  };
  std::vector<Point> points;
  std::optional<std::size_t> winner;  //!< index of points
  SearchPlan plan;
};

//! Plans a row of the search at a rung. \param before its cell at the rung before; null: this is the first
using PlanPoint = std::function<PointAtRung(const RowText& row, std::size_t rung, const CellPlan* before)>;

//! Goes from rung to rung as far as all scores of a rung are known.
SearchCourse follow(const SearchText& search, const PlanPoint& plan_point);

//! The table of trials, best first.
TablePlan trials_table(const SearchText& search, const SearchCourse& course);

//! Plans a row and forgets its jobs: it is refused now, not when its search is over.
using CheckRow = std::function<void(const TableText& table, const RowText& row)>;

//! Gives rows that name a search its winner's settings. Rows whose search has no winner yet are taken out, with those
//! that start from them. \param courses beside suite.searches \param check called for each of them while the former
//! have the settings of some point \return what was taken out, for people \throws what `check` throws; RuntimeError
//! (kInput) with the place of a row's `search` that the suite does not have
std::vector<std::string> settle_rows(SuiteText& suite, const std::vector<SearchCourse>& courses, const CheckRow& check);

//! Settings are chosen on people who neither train nor are tested, and rungs go on from one another. \param training of
//! a point \param paced its options follow the length of a training, as the suite writes them: a specification has no
//! stages that are as long as their training says \throws RuntimeError (kInput) with the search's place
void check_search(const SearchText& search, const TrainingSpecification& training, bool paced);

//! Trainings with a winner's settings are asked for nobody who might have been asked for while those were chosen.
//! \param row whose settings they are: the asked one, or one that it starts from \param asked a row on the data set
//! that it is asked on \throws RuntimeError (kInput) with the place of the row's `search`
void check_chosen(const SuiteText& suite, const RowText& row, const Combination& asked, SplitSettings tested,
                  int trials);

}  // namespace resolute::experiments
