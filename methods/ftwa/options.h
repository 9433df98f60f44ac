#pragma once
//! \file
//! Options of FTWA.

#include "methods/mining.h"

namespace resolute::methods {

//! The side of eq. 2 that is taken as a constant.
enum class Detached { kHr, kLr, kNone };
constexpr auto words_of(Detached) { return settings::words("hr", "lr", "none"); }

//! A weight of each image, or the mean of all over the lane.
enum class Weighting { kPerSample, kBatchMean };
constexpr auto words_of(Weighting) { return settings::words("per-sample", "batch-mean"); }

//! FTWA (Zhang et al., "Resolution-Invariant Person ReID Based on Feature Transformation and Self-Weighted Attention").
//! Without the weighting it is table 2's FTWA_R, without the transformation too FTWA_B.
struct FtwaOptions {
  static constexpr const char* kMethod = "ftwa";
  static constexpr int kRevision = 1;
  bool classification = true;
  bool triplet = true;
  double margin = 0.3;
  Mining mining = Mining::kBatchHard;
  double classification_weight = 3;
  double triplet_weight = 1;
  bool transformation = true;  //!< F'_HR = T(F_LR)
  double transformation_weight = 0.1;
  Detached transformation_detach = Detached::kHr;
  bool transformed_losses = true;  //!< v'_HR enters eqs. 5 and 7; without, T learns from eq. 2 alone
  int transformation_blocks = 4;
  bool weighting = true;  //!< weights w in eqs. 5 and 7; needs the transformation
  Weighting classification_weighting = Weighting::kPerSample;
  Weighting triplet_weighting = Weighting::kBatchMean;
  double weight_balance = 0;
  bool operator==(const FtwaOptions&) const = default;

  static void members(auto&& visit) {
    using O = FtwaOptions;
    using namespace settings;
    visit(member("classification", &O::classification, "the loss of identities"));
    visit(member("triplet", &O::triplet, "the triplet loss"));
    visit(member("margin", &O::margin, above_zero(100), "of the triplet loss"));
    visit(member("mining", &O::mining,
                 "triplets: batch-hard (mean over the hardest), random, or all: the sum of eq. 6 as printed"));
    visit(member("classification_weight", &O::classification_weight, between(0, 1e6), "lambda 1"));
    visit(member("triplet_weight", &O::triplet_weight, between(0, 1e6), "lambda 2"));
    visit(member("transformation", &O::transformation, "RAFT, which makes HR features of LR ones, and its loss"));
    visit(member("transformation_weight", &O::transformation_weight, between(0, 1e6), "lambda 3"));
    visit(member("transformation_detach", &O::transformation_detach,
                 "the side of RAFT's loss that is taken as a constant"));
    visit(member("transformed_losses", &O::transformed_losses,
                 "transformed features enter classification and triplets; without, RAFT learns from its own loss "
                 "alone"));
    visit(member("transformation_blocks", &O::transformation_blocks, between(1, 16), "RAFT blocks"));
    visit(member("weighting", &O::weighting,
                 "SWA: learned weights in classification, triplets and the distance at test"));
    visit(member("classification_weighting", &O::classification_weighting,
                 "each image's weights, or batch-mean: a weight's mean over the lane"));
    visit(member("triplet_weighting", &O::triplet_weighting,
                 "batch-mean, or per-sample: the i-th HR row of an identity with its i-th LR row"));
    visit(member("weight_balance", &O::weight_balance, between(0, 1e6),
                 "DEVIATION: draws the two weights of an image together; 0: the paper"));
  }
};

RESOLUTE_METHOD(FtwaOptions)

}  // namespace resolute::methods
