#pragma once
//! \file
//! DukeMTMC-reID (Zheng et al., ICCV 2017; Ristani et al., ECCV workshops 2016): bounding_box_train, bounding_box_test
//! and query, each with images named IDENTITY_cCAMERA_fFRAME, as 0005_c2_f0046985.jpg; cameras 1 to 8. The data set was
//! withdrawn by its authors in 2019 (docs/datasets.md).

#include <filesystem>
#include <string_view>
#include <vector>

#include "core/file_system.h"
#include "datasets/sample.h"
#include "datasets/sources/stand_in.h"

namespace resolute::datasets::sources {

inline constexpr std::string_view kDukemtmcFolder = "DukeMTMC-reID";

//! Unsorted, not yet checked as a whole: list_samples() does both. Distractors have numbers of their own in this set
//! (408 persons whom one camera alone saw): whoever is in bounding_box_test by one camera only and in no query becomes
//! identity 0. \throws RuntimeError (kInput): a missing or empty folder, a name that does not fit, two names of one
//! image
std::vector<Sample> list_dukemtmc(core::FileSystem& files, const std::filesystem::path& root);

//! A stand-in (source.h: write_stand_in()): the first half of the identities, rounded down, is the training subset; the
//! first image of a test identity and camera is its query. With options.irregular there are distractors, one with a
//! single image. \throws RuntimeError (kInput): more than 8 cameras, fewer than 2 images of each
void write_dukemtmc(NewFolder& folder, const SyntheticOptions& options);

}  // namespace resolute::datasets::sources
