#pragma once
//! \file
//! A [[table]] of a suite as written: its columns, its rows, what it is compared with. Part of suite.h.

#include <string>
#include <vector>

#include "experiments/language/table_reader.h"
#include "experiments/planning/planner.h"

namespace resolute::experiments {

//! Reads all of a [[table]] but its id and its title, which `table` has by now. \param datasets ids that it may name
//! \param methods the suite's in Python \throws RuntimeError (kInput) with the place of the key that is wrong
void read_columns_and_rows(TableReader& reader, const std::vector<std::string>& datasets, const PythonMethods& methods,
                           TableText& table);

}  // namespace resolute::experiments
