#pragma once
//! \file
//! How a trained network is evaluated.

#include <string>
#include <vector>

namespace resolute::settings {

struct EvaluationProtocol {
  std::string name = "single-shot";
  int draws = 100;                //!< gallery draws a split
  std::vector<int> query_rates;   //!< query rates; empty: those of the split (an unseen rate goes here)
  int panels = 0;                 //!< queries shown in each panel (ranked galleries, reconstructions); 0: no panels
  std::vector<int> sample_rates;  //!< rates at which test images are embedded for a look at the features; empty: none
  int sample_identities = 35;     //!< test identities in that sample
  bool resolution_probe = false;  //!< measure how well a linear probe tells HR from LR features
  int gallery_rate = 1;           //!< gallery images are shrunk by it first: a control; 1: as they are
  //! How a method of several branches compares: "default", or one of distances_of().
  std::string distance = "default";
  int gallery_copy_rate = 3;  //!< rate of the gallery's LR copies where branches compare those; 0: the query's rate
  //! The level of resolution that a query is taken for, where the method tells levels apart: "known" from its rate,
  //! "native-size" (estimated from the size it was stored at), "highest" or "lowest" whatever it is.
  std::string query_level = "known";
  bool operator==(const EvaluationProtocol&) const = default;
};

}  // namespace resolute::settings
