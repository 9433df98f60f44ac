#pragma once
//! \file
//! How well a linear probe tells HR from LR features. A method that makes features resolution-invariant should bring
//! that down to chance. The probe is a ridge regression to +1 (HR) and -1 (LR). It is tested on other identities.

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

//! Chooses the images of a probe, by row.
//!   - Images: queries and gallery images. Left out are distractors, queries at rate 1, which are no LR side, and
//!     queries that came in low resolution, which have no HR side.
//!   - Subset: if there are more than `most`, a random one, keyed by the split's seed and the pack's name.
//!   - LR rate: a query has its drawn rate. A gallery image's rate is drawn uniformly from the split's query rates
//!   above
//!     1, keyed by seed, pack, identity and path.
//!   - Halves: the identities are halved at random, by the subset's key. The second half is the larger.
//! \throws RuntimeError (kInput) for fewer than two identities
std::vector<ProbeImage> choose_probe_images(const datasets::Split& split, std::size_t most = kMostProbeImages);

//! The HR views, on the high side, then the LR views, on the low side, each in the images' order.
std::vector<ImageView> views_of(std::span<const ProbeImage> images);

//! The share of a half's features whose side, HR or LR, the probe tells after it was fitted on the other half; the mean
//! of both ways round. 0.5 is chance, 1 a feature that shows its resolution. A score of exactly 0 counts half.
//!   - Features are standardised with the fitting half's mean and deviation, and cut at 5 deviations. Features that are
//!     constant there are left out.
//!   - The penalty is the number of fitting rows times the squared norm of the weights. So it weighs as much as one
//!     feature's variance, whatever the number of rows.
//! All in doubles. \param features HR rows, then LR rows, row-major \pre each half has an image
double resolution_probe(std::span<const float> features, std::span<const ProbeImage> images);

}  // namespace resolute::workers
