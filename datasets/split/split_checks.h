#pragma once
//! \file
//! The promises of a split about its items (split.h), held against a split that somebody else published: its hash says
//! that it is as it was written, not that it was made by this program.

#include <string>

#include "datasets/split/split.h"

namespace resolute::datasets {

//! Looks at the split alone, not at a pack: an image is in one list once; who trains is not tested; labels number the
//! training identities in their order; who is asked for has a gallery image; rates, resolutions and cameras are what
//! the options allow. \throws RuntimeError (kInput) opening with `where` and naming the item
void check_split(const Split& split, const std::string& where);

}  // namespace resolute::datasets
