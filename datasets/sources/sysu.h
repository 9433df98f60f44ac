#pragma once
//! \file
//! The two-camera SYSU set behind MLR-SYSU (SING, MSIFLA: 502 identities, 24,446 images). It has no public layout, so
//! it is read by a list of its images, ROOT/images.csv (docs/formats/image_list.md), which names cameras 1 and 2 and
//! nothing else.

#include <filesystem>
#include <vector>

#include "core/file_system.h"
#include "datasets/sample.h"
#include "datasets/sources/stand_in.h"

namespace resolute::datasets::sources {

//! Images of each identity and camera that are kept (MSIFLA, §4.1).
inline constexpr std::size_t kSysuImagesKept = 3;

//! Unsorted, not yet checked as a whole: list_samples() does both.
//!
//! UNSTATED: which images are kept. Here the three whose paths have the smallest name_key(), so that the choice depends
//! on nothing but the list's own paths. An identity with fewer in a camera keeps what it has, one of a single camera
//! stays in (splits leave it out), and distractors stay all.
//! \throws RuntimeError (kInput): what read_image_list() throws, another camera (with its line), a camera without an
//! image
std::vector<Sample> list_sysu(core::FileSystem& files, const std::filesystem::path& root);

//! A stand-in (source.h: write_stand_in()) of two cameras. Irregular: an identity of one camera, one with two images in
//! the other. \throws RuntimeError (kInput) unless options.cameras is 2
void write_sysu(NewFolder& folder, const SyntheticOptions& options);

}  // namespace resolute::datasets::sources
