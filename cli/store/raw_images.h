#pragma once
//! \file
//! The raw images that a suite names, against the packs that the store has of them.

#include <filesystem>
#include <map>
#include <string>

#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"

namespace resolute::cli {

//! Lists the images of each data set whose pack is sealed and whose root is there, and holds them against the pack.
//! \param bytes compare every byte, and record what was seen (docs/formats/images.md) \throws RuntimeError (kInput) for
//! other images
void require_same_images(const experiments::StoreLayout& store, const experiments::Plan& plan, bool bytes);

//! Where the raw images of each pack are, by its name: the user's folder, or images drawn below the store. Results of
//! shards of packs that are not sealed are removed where their images are others by now, so that they are made anew.
//! \throws RuntimeError (kInput) where another run is making such a pack
std::map<std::string, experiments::RawRoot> prepare_raw_images(const experiments::StoreLayout& store,
                                                               const experiments::Plan& plan);

}  // namespace resolute::cli
