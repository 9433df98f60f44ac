#pragma once
//! \file
//! How well a linear probe tells HR from LR features: what a method that makes features resolution-invariant should
//! bring down to chance. Ridge regression to +1 (HR) and -1 (LR) on identities that it is then not asked about.

#include <cstddef>
#include <span>
#include <vector>

#include "datasets/split/split.h"
#include "workers/evaluation/evaluator.h"

namespace resolute::workers {

//! Images that the probe looks at, at most: the solution's cost grows with their number's cube.
inline constexpr std::size_t kMostProbeImages = 2000;

//! A test image; its HR side is its view at rate 1.
struct ProbeImage {
  std::size_t row = 0;
  int lr_rate = 1;           //!< of its LR side
  bool second_half = false;  //!< which half of the identities it belongs to
  bool operator==(const ProbeImage&) const = default;
};

//! Queries and gallery images, by row, but for distractors, queries at rate 1 (an HR image is no LR side) and queries
//! that came in low resolution (they have no HR side); of more than `most` a random subset keyed by the split's seed
//! and the pack's name. The LR rate is a query's drawn one, of a gallery image one drawn uniformly from the split's
//! query rates above 1, keyed by seed, pack, identity and path. The identities of the images are halved at random,
//! keyed alike, the second half the larger. \throws RuntimeError (kInput) for fewer than two identities
std::vector<ProbeImage> choose_probe_images(const datasets::Split& split, std::size_t most = kMostProbeImages);

//! The HR views, on the high side, then the LR views, on the low side, each in the images' order.
std::vector<ImageView> views_of(std::span<const ProbeImage> images);

//! Share of a half's HR and LR features that the probe fitted on the other half calls by their name, the mean of both
//! ways round: 0.5 is chance, 1 a feature that shows its resolution. Features are standardised with the fitting half's
//! mean and deviation, cut at 5 deviations, those constant there left out; the penalty is the number of fitting rows
//! times the squared norm of the weights, so that it weighs as much as one feature's variance whatever the number of
//! rows. All in doubles. A score of exactly 0 counts half. \param features HR rows, then LR rows, row-major \pre each
//! half has an image
double resolution_probe(std::span<const float> features, std::span<const ProbeImage> images);

}  // namespace resolute::workers
