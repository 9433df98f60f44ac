#pragma once
//! \file
//! VRU (Lu et al., "Vehicle Re-identification from Unmanned Aerial Vehicles", the set behind MLR-VRU of MSIFLA):
//! Pic/IMAGE.jpg and lists below train_test_split, each line "IMAGE VEHICLE", IMAGE without its extension.

#include <filesystem>
#include <string_view>
#include <vector>

#include "core/file_system.h"
#include "datasets/sample.h"
#include "datasets/sources/stand_in.h"

namespace resolute::datasets::sources {

inline constexpr std::string_view kVruFolder = "VRU";

//! Unsorted, not yet checked as a whole: list_samples() does both. train_list.txt is the subset "train",
//! test_list_1200.txt "gallery"; images in neither (of the larger tests) are left out. Vehicles may be numbered from 0,
//! which marks a distractor elsewhere: identity is the number and one. All images are camera 1's: which drone took one
//! is not told, so splits have lr_camera 0.
//!
//! The 486 test vehicles of the paper are not among what it states; test_list_1200 is the smallest test of the set.
//! \throws RuntimeError (kInput): a missing folder or list, an empty list, a line that does not fit, an image listed
//! twice or missing from Pic
std::vector<Sample> list_vru(core::FileSystem& files, const std::filesystem::path& root);

//! A stand-in (source.h: write_stand_in()): the first half of the identities, rounded down, is in train_list.txt, the
//! others in each of the three lists of tests; the larger two have another vehicle and another two besides. Vehicles
//! are numbered from 0. With options.irregular one image is in no list, and lines end as Windows has it.
//! \throws RuntimeError (kInput) for more than one camera, or one image of each vehicle
void write_vru(NewFolder& folder, const SyntheticOptions& options);

}  // namespace resolute::datasets::sources
