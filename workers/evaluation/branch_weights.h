#pragma once
//! \file
//! The weights that a method of several branches gives to test images at several resolutions: the lines of weights.csv
//! (results/records/branch_weights.h, docs/inside/formats/weights.md), and whether they follow the rate.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "datasets/pack/pack.h"
#include "methods/networks/method.h"
#include "results/pictures/feature_samples.h"
#include "results/records/branch_weights.h"
#include "workers/evaluation/image_embedding.h"

namespace resolute::workers {

struct WeighedView {
  ImageView view;
  std::int64_t identity = 0;
  std::int64_t camera = 0;
};

//! The views of each image of a sample: its HR image on the high side, then each of its rates on the low side, rate 1
//! too. \param sample as results::choose_sample() gives it
std::vector<WeighedView> choose_weighed(std::span<const results::SampleImage> sample);

struct WeighedImages {
  std::vector<results::BranchWeights> weights;  //!< in the order of the images
  //! weight_hr_rho, weight_lr_rho: rank correlation of the weight with the rate over the low side's images, each with
  //! …_low and …_high, the 95 % interval over identities (results/scores/rank_correlation.h).
  std::map<std::string, double> metrics;
};

//! \param images as choose_weighed() gives them; the high side's pass first \pre the method tells branch_weights, and
//! its branches are "hr" and, of gallery copies, "lr"
//! \return nothing if `progress` said so \throws RuntimeError as embed_images(); kInput for a weight that is not
//! positive
std::optional<WeighedImages> weigh_images(methods::Method& method, const datasets::PackReader& pack,
                                          std::span<const WeighedView> images, const EmbeddingOptions& options,
                                          const EmbeddingProgress& progress);

}  // namespace resolute::workers
