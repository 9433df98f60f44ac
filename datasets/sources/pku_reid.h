#pragma once
//! \file
//! PKU-Reid (Ma et al., "Orientation Driven Bag of Appearances for Person Re-identification", arXiv:1605.02464) as
//! openly mirrored: train/PPP/CC_O.png and val/PPP/CC_O.png, PPP the person, CC the camera (01, 02), O the orientation
//! (1 to 8).

#include <filesystem>
#include <string_view>
#include <vector>

#include "core/file_system.h"
#include "datasets/sample.h"
#include "datasets/sources/stand_in.h"

namespace resolute::datasets::sources {

inline constexpr std::string_view kPkuReidFolder = "pku_reid";

//! Unsorted, not yet checked as a whole: list_samples() does both. In `val`, camera 2 is the query side and camera 1
//! the gallery: camera 2 is the one made low-resolution, and LR images are the queries.
std::vector<Sample> list_pku_reid(core::FileSystem& files, const std::filesystem::path& root);

//! A stand-in (source.h: write_stand_in()): the first half of the identities, rounded down, is in `train`. With
//! options.irregular persons are not numbered without gaps, one lacks an orientation, and the last one was seen by the
//! first camera alone. \throws RuntimeError (kInput) for other than two cameras and 2 to 8 images of each
void write_pku_reid(NewFolder& folder, const SyntheticOptions& options);

}  // namespace resolute::datasets::sources
