#pragma once
//! \file
//! Semi-supervised training: which training images carry a label (RAIN, figure 5). A pure function of the split and the
//! share, so that every rank, every method and every resumed job sees the same labels.

#include <cstdint>
#include <vector>

#include "datasets/split/split.h"
#include "settings/training.h"

namespace resolute::datasets {

//! One element an item of split.train: 1 where it carries a label. By image, stratified: of an identity's n images,
//! ⌊fraction × n + u⌋ do, u uniform in [0, 1) an identity, so that `fraction` of all do in expectation whatever n is.
//! Keyed by the split's seed, the pack, the identity and the images' paths, so the other identities do not matter; what
//! a share labels a larger one labels too. By identity: all images of the first settings::labelled_identities() in an
//! order drawn for each identity by the same keys.
//! \param fraction 0 to 1 \throws ContractError outside of it; RuntimeError (kInput) where one identity alone, or none
//! of a share above 0, would keep its labels
std::vector<std::uint8_t> draw_labelled(const Split& split, double fraction,
                                        settings::LabelledBy by = settings::LabelledBy::kImage);

}  // namespace resolute::datasets
