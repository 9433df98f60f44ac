#pragma once
//! \file
//! Options of the baseline: one trunk trained with classification and triplet losses.

#include "methods/mining.h"

namespace resolute::methods {

//! HR images alone (RAIN's table 1), or each image as the pool has it.
enum class BaselineImages { kHr, kStored };
constexpr auto words_of(BaselineImages) { return settings::words("hr", "stored"); }

//! Baseline: one trunk trained with classification and triplet losses.
struct BaselineOptions {
  static constexpr const char* kMethod = "baseline";
  static constexpr int kRevision = 1;  //!< raised when the method's arithmetic changes
  BaselineImages images = BaselineImages::kHr;
  bool classification = true;
  bool triplet = true;
  double margin = 0.3;
  Mining mining = Mining::kRandom;
  double classification_weight = 1;
  bool operator==(const BaselineOptions&) const = default;

  static void members(auto&& visit) {
    using O = BaselineOptions;
    using namespace settings;
    visit(member("images", &O::images, "HR images alone, or stored: each as the training pool has it, HR or LR"));
    visit(member("classification", &O::classification, "the loss of identities"));
    visit(member("triplet", &O::triplet, "the triplet loss"));
    visit(member("margin", &O::margin, above_zero(100), "of the triplet loss"));
    visit(member("mining", &O::mining,
                 "triplets: random (literal: one sampled positive and negative), batch-hard, or all: the sum over "
                 "every triplet"));
    visit(member("classification_weight", &O::classification_weight, between(0, 1e6), "factor of the classification"));
  }
};

//! same_networks() (methods/rules.h) of this method.
bool same_tensors(const BaselineOptions& a, const BaselineOptions& b);

RESOLUTE_METHOD(BaselineOptions)

}  // namespace resolute::methods
