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

//! The number that a weight is divided by before it counts.
enum class WeightNormalisation { kOff, kRunningMean };
constexpr auto words_of(WeightNormalisation) { return settings::words("off", "running-mean"); }

//! How much of FTWA there is; each adds to the one before.
enum class FtwaForm {
  kStreams,      //!< an HR and an LR stream: table 2's FTWA_B
  kAside,        //!< F'_HR = T(F_LR); T learns from eq. 2 alone
  kTransformed,  //!< v'_HR enters eqs. 5 and 7: FTWA_R
  kWeighted,     //!< weights w in eqs. 5 and 7: FTWA
};

//! The members that FTWA's options and their section spell alike.
struct FtwaShared {
  bool classification = true;
  bool triplet = true;
  double margin = 0.3;
  Mining mining = Mining::kBatchHard;
  double classification_weight = 3;
  double triplet_weight = 1;
  double transformation_weight = 0.1;
  Detached transformation_detach = Detached::kHr;
  int transformation_blocks = 4;
  Weighting classification_weighting = Weighting::kPerSample;
  Weighting triplet_weighting = Weighting::kBatchMean;
  double weight_balance = 0;
  WeightNormalisation weight_normalisation = WeightNormalisation::kOff;
  bool operator==(const FtwaShared&) const = default;
};

//! FTWA's options as a suite's section and a specification's JSON have them: flat, a switch for each part.
struct FtwaSection : FtwaShared {
  bool transformation = true;
  bool transformed_losses = true;
  bool weighting = true;

  static void members(auto&& visit) {
    using O = FtwaSection;
    using namespace settings;
    visit(member("classification", &O::classification, "the loss of identities"));
    visit(member("triplet", &O::triplet, "the triplet loss"));
    visit(member("margin", &O::margin, above_zero(100), "of the triplet loss"));
    visit(member("mining", &O::mining,
                 "triplets: batch-hard (mean over the hardest), random, or all: the sum of eq. 6 as printed")
              .deviation([](const FtwaShared& o) { return o.triplet && o.mining != Mining::kAll; }, "all triplets"));
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
                 "batch-mean, or per-sample: the i-th HR row of an identity with its i-th LR row")
              .deviation([](const FtwaShared& o) { return o.triplet_weighting == Weighting::kPerSample; },
                         "no pairs of an HR and an LR row"));
    visit(member("weight_balance", &O::weight_balance, between(0, 1e6),
                 "DEVIATION: draws the two weights of an image together; 0: the paper")
              .deviation([](const FtwaShared& o) { return o.weight_balance > 0; }, "no such loss"));
    visit(
        member("weight_normalisation", &O::weight_normalisation,
               "DEVIATION: running-mean: weights of each of the four kinds of features by their mean, of the lane in "
               "training, a running one in a test; off: the paper")
            .silent_at_default()
            .deviation([](const FtwaShared& o) { return o.weight_normalisation != WeightNormalisation::kOff; }, "off"));
  }
};

//! FTWA (Zhang et al., "Resolution-Invariant Person ReID Based on Feature Transformation and Self-Weighted Attention").
struct FtwaOptions : FtwaShared {
  static constexpr const char* kMethod = "ftwa";
  static constexpr int kRevision = 1;
  FtwaForm form = FtwaForm::kWeighted;
  bool operator==(const FtwaOptions&) const = default;

  bool transforms() const { return form >= FtwaForm::kAside; }  //!< whether there is T
  //! v'_HR enters eqs. 5 and 7.
  bool transformed_losses() const { return form >= FtwaForm::kTransformed; }
  bool weighs() const { return form == FtwaForm::kWeighted; }  //!< whether there is W

  using Section = FtwaSection;
  //! Without the transformation its losses have their default there.
  FtwaSection section() const;
  //! The inverse; what nothing reads is dropped. \throws MemberError for weights without transformed losses
  static FtwaOptions of(const FtwaSection& section);
};

//! same_networks() (methods/rules.h) of this method.
bool same_tensors(const FtwaOptions& a, const FtwaOptions& b);

RESOLUTE_METHOD(FtwaOptions)

}  // namespace resolute::methods
