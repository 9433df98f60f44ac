#pragma once
//! \file
//! CAVIAR4REID (Cheng et al., "Custom Pictorial Structures for Re-identification", BMVC 2011): images of many sizes in
//! one folder, named PPPPIII.jpg, PPPP the person from 0001, III the image. A person with images 001 to 020 was seen by
//! two cameras, 001 to 010 by one of them and 011 to 020 by the other; a person with ten images by one alone.

#include <filesystem>
#include <string_view>
#include <vector>

#include "core/file_system.h"
#include "datasets/sample.h"
#include "datasets/sources/stand_in.h"

namespace resolute::datasets::sources {

inline constexpr std::string_view kCaviarFolder = "CAVIARa";

//! Unsorted, not yet checked as a whole: list_samples() does both. The set is low-resolution by itself: the half with
//! the larger median area, over all persons, is the closer camera's, camera 1; the other is camera 2's, and its images
//! came in low resolution at a rate that nobody tells (Sample::rate 0). Which half that is the naming does not say, so
//! the headers of the images are read. Persons whom one camera saw are left out. No division is published: the subset
//! is "train" throughout, and partition random-halves does not look at it.
//! \throws RuntimeError (kInput): a name that does not fit, two names of one image, a person with other images than
//!         those, an image that is none, halves whose medians differ by less than a tenth of the smaller, nobody whom
//!         both cameras saw; kEnvironment for an image that cannot be read
std::vector<Sample> list_caviar(core::FileSystem& files, const std::filesystem::path& root);

//! A stand-in (source.h: write_stand_in()): the far camera's images are rendered in full and shrunk to a third. With
//! options.irregular the far camera's are the first half, and the last person was seen by the closer camera alone.
//! \throws RuntimeError (kInput) unless there are two cameras and ten images of each: the naming has no others
void write_caviar(NewFolder& folder, const SyntheticOptions& options);

}  // namespace resolute::datasets::sources
