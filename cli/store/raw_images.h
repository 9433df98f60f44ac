#pragma once
//! \file
//! Compares the raw images that a suite names with the packs that the store has of them.

#include <map>
#include <string>

#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"

namespace resolute::cli {

//! Lists the images of each data set whose pack is sealed and whose root is there, and holds them against the pack.
//! \param bytes compare every byte, and record what was seen (docs/inside/formats/images.md) \throws RuntimeError
//! (kInput) for other images
void require_same_images(const experiments::StoreLayout& store, const experiments::Plan& plan, bool bytes);

//! The folder of each pack's raw images, by its name: the user's, or one of images drawn below the store. If images of
//! a pack that is not sealed have changed, the results of its shards are removed, so that they are made anew. \throws
//! RuntimeError (kInput) if another run is making such a pack
std::map<std::string, experiments::RawRoot> prepare_raw_images(const experiments::StoreLayout& store,
                                                               const experiments::Plan& plan);

}  // namespace resolute::cli
