#pragma once
//! \file
//! Notes below a table: how its trainings were set up.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "experiments/language/settings.h"

namespace resolute::experiments {

struct TableFacts {
  //! Labels, each once.
  struct Rows {
    std::vector<std::string> labels;  //!< in the table's order
    std::set<std::string> known;      //!< the same: a table may have 100,000 rows
  };
  std::map<std::string, Rows> backbones;   //!< of resolute-worker's trainings, and of which rows
  bool small = true;                       //!< all of them are
  std::map<std::string, Rows> python{};    //!< methods in Python that train
  std::map<std::string, Rows> programs{};  //!< Recipe::program of the others
  std::map<std::string, Rows> pools;
  std::map<std::string, Rows> partitions;
  std::set<std::string> any_camera;  //!< data sets whose LR images are of any camera
  std::map<std::string, Rows> trials;
  std::set<std::string> with_distractors{};     //!< data sets that show them with any partition
  std::map<std::string, Rows> lr_sides;         //!< other than "camera"
  std::map<std::string, Rows> test_identities;  //!< where not half
  std::map<std::string, Rows> validated{};      //!< SplitSettings::validation_identities, where there are any
  std::set<std::string> dropped_weights;
  std::set<std::string> weights;            //!< as a note names them
  std::set<std::string> deviations{};       //!< RowPlan::deviations
  std::set<std::string> starts{};           //!< RowPlan::starts, each behind its row's label
  std::set<std::string> joined{};           //!< RowPlan::joined, each behind its row's label
  std::map<std::string, Rows> opponents{};  //!< what plays against a row's networks, and not by the row's optimiser
  bool from_scratch = false;                //!< some rows ask for no weights

  //! Takes up a row on a data set; its weights aside. \param row its label
  void add(const Draft& draft, const std::string& row, const std::string& dataset);
  void add_opponents(const Recipe& recipe, const MethodOptions& method, const std::string& row);
  //! The part of it that the test people depend on.
  void add_test(const Draft& draft, const std::string& row, const std::string& dataset);
};

//! TablePlan::notes. A note names rows that differ, as long as that is short.
std::vector<std::string> notes_of(const TableFacts& facts);

}  // namespace resolute::experiments
