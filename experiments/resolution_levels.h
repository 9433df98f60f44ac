#pragma once
//! \file
//! Levels of resolution and the stages in which masks for them are learned, as pure functions of numbers: what the
//! method, the evaluator and the checks of a suite must agree on. Source: Wu et al., "Learning Resolution-Adaptive
//! Representations for Cross-Resolution Person Re-Identification", arXiv 2207.13037
//! (methods/resolution_adaptive/README.md).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "experiments/specification.h"

namespace resolute::experiments {

//! m: how many levels ResolutionAdaptiveOptions::level_rates may have.
inline constexpr std::size_t kFewestLevels = 2, kMostLevels = 4;

//! The level, from 1, of an image whose area is `area` where an image of the highest level has `full_area`, people
//! being about equally tall: that whose rate r is nearest to √(full_area / area) by the ratio of the two; of two
//! equally near the lower: what it holds is surely in the image. \param level_rates
//! ResolutionAdaptiveOptions::level_rates \param full_area, area pixels, at least 1 and below 2^31: no side of a pack
//! or of an image in it is above datasets::kMaxImageSide
inline int level_of_area(const std::vector<int>& level_rates, std::int64_t full_area, std::int64_t area) {
  std::size_t level = level_rates.size();
  // Between the rates a > b of two levels the border is √(ab): no rounding.
  while (level > 1 && full_area >= std::int64_t{level_rates[level - 2]} * level_rates[level - 1] * area) --level;
  return static_cast<int>(level);
}

//! The same for an image shrunk by a rate from one of the highest level. \param rate 1 to 16
inline int level_of_rate(const std::vector<int>& level_rates, int rate) {
  return level_of_area(level_rates, std::int64_t{rate} * rate, 1);
}

//! Whether an image's level makes a difference to what is made of it: not in the plain form.
inline bool uses_levels(const ResolutionAdaptiveOptions& options) {
  return options.varying_length || options.masks != "off";
}

//! T: steps of a stage of progressive masks. 0 where the training is too short for one step each.
//! \param masks L, of the network \param steps of the training
inline int stage_steps(const ResolutionAdaptiveOptions& options, int masks, int steps) {
  return options.stage_steps != 0 ? options.stage_steps : steps / (masks + 1);
}

//! Where a training of progressive masks stands in a step.
struct MaskStage {
  int stage = 0;                //!< l: 0 before the first mask, then 1 (the mask nearest the output) to L
  std::uint64_t iteration = 0;  //!< steps of this stage before this step
  bool operator==(const MaskStage&) const = default;
};

//! Stage l holds steps l·T to (l + 1)·T − 1, the last one all that follow. \param step 0, 1, … \param length T, at
//! least 1
inline MaskStage mask_stage(std::uint64_t step, int masks, int length) {
  const auto t = static_cast<std::uint64_t>(length);
  const std::uint64_t stage = std::min<std::uint64_t>(step / t, static_cast<std::uint64_t>(masks));
  return {static_cast<int>(stage), step - stage * t};
}

}  // namespace resolute::experiments
