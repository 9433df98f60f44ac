#pragma once
//! \file
//! weights.csv: the weights that a method of several branches gives to test images at several resolutions
//! (docs/inside/formats/weights.md), for a look at how they follow the resolution. Written by workers, read by everyone
//! else.

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "results/records/csv.h"

namespace resolute::results {

//! One image at one rate on one side of the comparison.
struct BranchWeights {
  std::string path;           //!< of the image, as its pack names it; any bytes but NUL, not empty
  std::int64_t identity = 0;  //!< -1 or more
  std::int64_t camera = 0;    //!< -1 or more
  bool low = false;           //!< as a query or the LR copy of a gallery image; false: as a gallery image
  int rate = 1;               //!< at which it was made low-resolution, at least 1; 1 on the high side
  float hr = 0;               //!< weight of its HR feature: transformed on the low side; positive and finite
  std::optional<float> lr;    //!< of its LR feature, positive and finite; the low side alone has one
};

//! Path, side and rate are unique.
template <class Csv>
void columns(Csv& csv, BranchWeights& row) {
  constexpr float kLeast = std::numeric_limits<float>::denorm_min();
  csv.text("path", row.path);
  csv.number("identity", row.identity, -1);
  csv.number("camera", row.camera, -1);
  csv.either("side", row.low, "low", "high");
  csv.number("rate", row.rate, 1, row.low ? std::numeric_limits<int>::max() : 1);
  csv.number("weight_hr", row.hr, kLeast);
  csv.number_where(row.low, "weight_lr", row.lr, kLeast, "the high side has none");
  csv.unique("the path stands twice on this side at this rate", row.path, row.low, row.rate);
}

}  // namespace resolute::results
