#pragma once
//! \file
//! Options of resolution-adaptive representations.

#include <string>
#include <vector>

namespace resolute::methods {

//! Resolution-adaptive representations (Wu et al., "Learning Resolution-Adaptive Representations for Cross-Resolution
//! Person Re-Identification", arXiv 2207.13037). Plain, with neither varying length nor masks, it is a trunk with a
//! linear layer, classification and verification.
struct ResolutionAdaptiveOptions {
  static constexpr const char* kMethod = "resolution_adaptive";
  static constexpr int kRevision = 1;
  //! The rate of each level of resolution, from the lowest, level 1, to the highest, level m: 2 to 4, descending, the
  //! last 1.
  std::vector<int> level_rates = {4, 3, 2, 1};
  std::vector<int> widths = {512, 512, 512, 512};  //!< dimensions of the sub-vectors v_1 to v_m
  bool varying_length = true;                      //!< an image of level k has v_1 to v_k; off: every image has all m
  std::string masks = "progressive";               //!< or "joint": all from the first step; or "off"
  std::string mask_blocks = "blocks";  //!< a mask behind every residual block, or behind each of the four "stages"
  double mask_mean = 0;                //!< masks start normally distributed, before the sigmoid
  double mask_deviation = 1;
  double mask_learning_rate = 3.5e-4;  //!< Adam; follows the schedule, no weight decay
  int stage_steps = 0;  //!< "progressive": T, steps of a stage; 0: train.steps / (masks + 1), rounded down
  bool classification = true;
  bool verification = true;
  double verification_weight = 1;  //!< lambda
  int verification_width = 512;    //!< hidden units of the MLP
  bool operator==(const ResolutionAdaptiveOptions&) const = default;
};

struct Row;
//! The method's row (methods/row.h).
Row row_of(const ResolutionAdaptiveOptions& options);

}  // namespace resolute::methods
