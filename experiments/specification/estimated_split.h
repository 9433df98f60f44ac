#pragma once
//! \file
//! About how many images a split has, by what is published of the source (settings/raw_data.h) or by the settings of
//! rendered images: for plans without the data, and for prices.

#include <optional>

#include "settings/pack.h"
#include "settings/split.h"

namespace resolute::experiments {

//! Means over trials, so no whole numbers.
struct EstimatedSplit {
  double images = 0;  //!< of the whole pack
  double people = 0;  //!< that train
  double train = 0;   //!< images of the split's `train`
  double low = 0;     //!< 0 to 1: of those, the share that exists in low resolution only
  double queries = 0;
  double gallery = 0;       //!< distractors too
  double tested = 0;        //!< people
  double tested_again = 0;  //!< 0 to 1: of these the share that another trial tests too
};

//! Nothing where no number is published. Counted as if all identities and cameras had equally many images.
std::optional<EstimatedSplit> estimated_split(const settings::PackSettings& pack, const settings::SplitSettings& split);

//! The most identities that a trial can train on, by the same numbers: where they are certain to be no fewer than the
//! data have. Cameras and unreadable images may leave fewer.
std::optional<int> most_training_identities(const settings::PackSettings& pack, const settings::SplitSettings& split);

}  // namespace resolute::experiments
