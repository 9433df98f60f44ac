#pragma once
//! \file
//! VIPeR (Gray et al., PETS 2007): one image of each person by each of two cameras, in one of two namings.
//!
//! - As published: cam_a/PERSON_ANGLE.bmp and cam_b/PERSON_ANGLE.bmp, as cam_a/000_45.bmp and cam_b/000_90.bmp.
//! - Flat: PERSON_ANGLE_CAMERA.bmp in one folder, as 000_45_a.bmp (so in LOMO's copy); CAMERA is a and b, 1 and 2, or 0
//!   and 1, the same in all of the folder.
//!
//! The angle is the person's, in degrees, and may be another one in each image. Persons need not be numbered without
//! gaps.

#include <filesystem>
#include <string_view>
#include <vector>

#include "core/file_system.h"
#include "datasets/sample.h"
#include "datasets/sources/stand_in.h"

namespace resolute::datasets::sources {

inline constexpr std::string_view kViperFolder = "VIPeR";

//! Unsorted, not yet checked as a whole: list_samples() does both. cam_a (a, or the smaller number) is camera 1, the
//! other camera 2. Identity is the person's number, or, where there is a person 0 as in VIPeR itself, the number and
//! one: 0 marks a distractor elsewhere. VIPeR publishes no division: the subset is "train" throughout, and partition
//! random-halves does not look at it. \throws RuntimeError (kInput): neither naming, both at once, a name that does not
//! fit, a person with two images by one camera or with none by the other
std::vector<Sample> list_viper(core::FileSystem& files, const std::filesystem::path& root);

//! A stand-in (source.h: write_stand_in()) as published; persons are numbered from 0, and with options.irregular not
//! without gaps. \throws RuntimeError (kInput) unless there are two cameras and one image of each
void write_viper(NewFolder& folder, const SyntheticOptions& options);

}  // namespace resolute::datasets::sources
