#pragma once
//! \file
//! What the reader of a suite's tables must know of how its trainings were set up.

#include <set>
#include <string>
#include <vector>

#include "experiments/language/settings.h"

namespace resolute::experiments {

struct PlanFacts {
  std::set<std::string> backbones;   //!< of resolute-worker's trainings
  bool small = true;                 //!< all of them are
  std::set<std::string> programs{};  //!< Recipe::program of the others
  std::set<std::string> lanes;
  std::set<std::string> pools;
  std::set<std::string> partitions;
  std::set<std::string> any_camera;  //!< data sets whose LR images are of any camera
  std::set<std::string> trials;
  std::set<std::string> with_distractors{};  //!< data sets that show them with any partition
  std::set<std::string> lr_sides;            //!< other than "camera"
  std::set<std::string> test_identities;     //!< where not half
  std::set<std::string> dropped_weights;
  std::set<std::string> weights;       //!< as a note names them
  std::set<std::string> deviations{};  //!< RowPlan::deviations
  bool from_scratch = false;           //!< some rows ask for no weights

  //! Takes up a row on a data set; its weights aside.
  void add(const Draft& draft, const std::string& dataset);
};

//! Plan::notes.
std::vector<std::string> notes_of(const PlanFacts& facts);

}  // namespace resolute::experiments
