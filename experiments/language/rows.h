#pragma once
//! \file
//! Rows of a table as written: grids multiplied out, overrides and references read, nothing resolved yet.

#include <string>
#include <vector>

#include "experiments/language/reference.h"
#include "experiments/language/settings.h"

namespace resolute::experiments {

struct RowText {
  Located<std::string> id;
  std::string label;
  std::string latex;  //!< the label in LaTeX; empty: made of `label`
  std::string place;
  Settings settings;
  std::vector<ReferenceRequest> references;
  Located<std::string> start_from{};                //!< id of the row whose trainings its own start from, or empty
  Located<std::vector<std::string>> joined_with{};  //!< further data sets that its trainings learn from
  Located<std::string> search{};                    //!< id of the search whose winner's settings it has, or empty
};

//! One of our data sets and the paper's that it stands for.
struct DatasetPair {
  std::string ours;
  std::string papers;
};

//! The `datasets` of a table's `reference`; none where it has no such key. \throws RuntimeError (kInput) with place
std::vector<DatasetPair> read_dataset_pairs(const Node& shared_reference);

//! One [[table.row]] as the rows that it stands for: one, or one a point of its grid (the last name varies fastest).
//! \param shared_reference the table's own `reference`, whose keys fill those that a row's leaves out; may be null
//! \param methods the suite's in Python
//! \throws RuntimeError (kInput) with place and key
std::vector<RowText> read_row(const Node& row, const Node* shared_reference, const PythonMethods& methods);

//! The ids alone of the rows that it stands for. \throws RuntimeError (kInput) with place and key
std::vector<std::string> row_ids(const Node& row);

}  // namespace resolute::experiments
