#pragma once
//! \file
//! Lengths that a row gives in epochs (settings/epochs.h), as the steps that its jobs hold.

#include <vector>

#include "experiments/planning/combination.h"

namespace resolute::experiments {

//! How training images are counted.
struct ImageCount {
  const TrainingImages& counted;
  bool estimate = false;  //!< by what is published of the source, where neither pack nor raw images are here
};

//! Tells whether a row's settings, all layers laid over one another, have a length in epochs.
bool speaks_of_epochs(const Settings& settings);

//! Puts steps in the place of what the row gives in epochs, counted by the images of the training's own split; the
//! other members have passed their checks. More steps than a training may have come out as one more than those, to be
//! refused as they are. \param joined of the training's joined sets, in their order \param epochs of the row's settings
//! \param lengths one for each length, in the order of the keys: filled by a row's first trial, widened by its others
//! \throws RuntimeError (kInput), with the key's place, where the images cannot be counted
void count_steps(const Combination& combination, const std::vector<Combination>& joined,
                 const settings::EpochSettings& epochs, const ImageCount& training_images,
                 TrainingSpecification& training, std::vector<EpochsPlan>& lengths);

}  // namespace resolute::experiments
