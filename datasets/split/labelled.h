#pragma once
//! \file
//! Semi-supervised training: which training images carry a label (RAIN, figure 5). A pure function of the split and the
//! share, so that every rank, every method and every resumed job sees the same labels.

#include <cstdint>
#include <vector>

#include "datasets/split/split.h"

namespace resolute::datasets {

//! One element an item of split.train: 1 where it carries a label. Stratified: of an identity's n images,
//! ⌊fraction × n + u⌋ do, u uniform in [0, 1) an identity, so that `fraction` of all do in expectation whatever n is.
//! Keyed by the split's seed, the pack, the identity and the images' paths, so the other identities do not matter; what
//! a share labels a larger one labels too.
//! \param fraction 0 to 1 \throws ContractError outside of it
std::vector<std::uint8_t> draw_labelled(const Split& split, double fraction);

}  // namespace resolute::datasets
