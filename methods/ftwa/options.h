#pragma once
//! \file
//! Options of FTWA.

#include <string>

namespace resolute::methods {

//! FTWA (Zhang et al., "Resolution-Invariant Person ReID Based on Feature Transformation and Self-Weighted Attention").
//! Without the weighting it is table 2's FTWA_R, without the transformation too FTWA_B.
struct FtwaOptions {
  static constexpr const char* kMethod = "ftwa";
  static constexpr int kRevision = 1;
  bool classification = true;
  bool triplet = true;
  double margin = 0.3;
  std::string mining = "batch-hard";   //!< mean over the hardest; or "random"; or "all": the sum of eq. 6 as printed
  double classification_weight = 3;    //!< lambda 1
  double triplet_weight = 1;           //!< lambda 2
  bool transformation = true;          //!< RAFT: F'_HR = T(F_LR)
  double transformation_weight = 0.1;  //!< lambda 3
  std::string transformation_detach = "hr";  //!< side of eq. 2 taken as a constant: "hr", "lr" or "none"
  bool transformed_losses = true;            //!< v'_HR enters eqs. 5 and 7; without, T learns from eq. 2 alone
  int transformation_blocks = 4;             //!< RAFT blocks
  bool weighting = true;                     //!< SWA: weights w in eqs. 5 and 7; needs the transformation
  std::string classification_weighting = "per-sample";  //!< or "batch-mean": w's mean over the lane
  std::string triplet_weighting = "batch-mean";         //!< or "per-sample": i-th HR with i-th LR row of an identity
  double weight_balance = 0;  //!< pulls the two weights of a pair of eq. 5 together; 0: the paper
  bool operator==(const FtwaOptions&) const = default;
};

struct Row;
//! The method's row (methods/row.h).
Row row_of(const FtwaOptions& options);

}  // namespace resolute::methods
