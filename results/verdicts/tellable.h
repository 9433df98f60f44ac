#pragma once
//! \file
//! How small a difference the tables of a plan can tell, before anything has run
//! (results/verdicts/smallest_difference.h).

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"
#include "results/verdicts/smallest_difference.h"

namespace resolute::results {

//! Assumptions where the store has no five finished trials, in points: standard deviations over people of a paired
//! difference and of a row's own number, over trials, and of one query about its person.
struct SpreadModel {
  double person_difference = 20, person_own = 25, trial = 1.5, in_trial = 10, query = 40;
};

//! A step between two rows that a paper states, smaller than what can be told.
struct SmallStep {
  std::string lower, upper;  //!< labels
  double points = 0;
  std::string paper_dataset{};  //!< on which the paper has it
  std::string other{};          //!< experiments::other_dataset()
};

//! One table on one data set, by its first metric that is per query.
struct Tellable {
  std::string table, dataset, metric;
  StudyShape shape;
  std::optional<double> rows;      //!< two rows apart; nothing of a table of one row
  std::optional<double> paper;     //!< a row from the paper's number; nothing where there is none
  bool rows_measured = false;      //!< by the store's own trials, not by the model
  bool paper_measured = false;     //!< the same
  std::optional<SmallStep> small;  //!< the paper's smallest step, if it is below `rows`
};

//! Data sets of which nobody knows how many people are tested are left out. Records that cannot be read count as
//! not there. \param done jobs with a result: no other is looked for
std::vector<Tellable> tellable(const experiments::Plan& plan, const std::set<experiments::JobId>& done,
                               core::FileSystem& files, const experiments::StoreLayout& store);

//! "table-1 on mlr-cuhk03: 10 trials × 100 people tell …", one line.
std::string to_text(const Tellable& one);
//! What a table tells on its data sets, behind the table's own line: "; tells rows 3.2 to 8.9 points of rank-1 apart,
//! but not every difference that the paper states"; empty where nothing is known.
std::string summary(const std::vector<Tellable>& all, const std::string& table);
//! The text on which lines with "model" rest.
std::string model_text();
core::Json to_json(const Tellable& one);

}  // namespace resolute::results
