#pragma once
//! \file
//! weights.csv: the weights that a method of several branches gives to test images at several resolutions
//! (docs/formats/weights.md), for a look at how they follow the resolution. Written by workers, read by everyone else.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace resolute::results {

//! The file's name in an evaluation's folder, and its key in EvaluationRecord::outputs.
inline constexpr const char* kBranchWeightsFile = "weights.csv";

//! One image at one rate on one side of the comparison.
struct BranchWeights {
  std::string path;           //!< of the image, as its pack names it; any bytes but NUL, not empty
  std::int64_t identity = 0;  //!< -1 or more
  std::int64_t camera = 0;    //!< -1 or more
  bool low = false;           //!< as a query or the LR copy of a gallery image; false: as a gallery image
  int rate = 1;               //!< at which it was made low-resolution, at least 1; 1 on the high side
  float hr = 0;               //!< weight of its HR feature: transformed on the low side; positive and finite
  std::optional<float> lr;    //!< of its LR feature, positive and finite; the low side alone has one
  bool operator==(const BranchWeights&) const = default;
};

//! The file's text: a header line, then a line an image, rate and side in the order given, each ended by a line feed;
//! weights in the shortest decimals that read back to the same float, paths quoted as RFC 4180 asks.
std::string branch_weights_text(const std::vector<BranchWeights>& weights);

//! Strict: only a text that branch_weights_text() writes is read. \throws core::RuntimeError (kInput) opening with
//! `where` and the line, for anything else, values out of range, or a path, side and rate twice
std::vector<BranchWeights> parse_branch_weights(std::string_view text, const std::string& where);

}  // namespace resolute::results
