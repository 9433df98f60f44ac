#pragma once
//! \file
//! Multi-low-resolution sets that somebody prepared: the LR images are files already, and stay as they are. Two namings
//! are in use; a folder must fit one of them.
//!
//! 1. As VPFA's scripts write them (ashmentlzw/VPFA, dataset_preprocessing): Market-1501's folders bounding_box_train,
//!    bounding_box_test and query, images named IDENTITY_cCAMERA[sSEQUENCE]_NUMBER[_NUMBER][_RATEx], as
//!    0002_c1s1_000451_03_3x.jpg. An image with RATE came in low resolution at it, one without in high. Identity -1 is
//!    junk and left out. Identity 0 in bounding_box_test alone is a distractor; where it is in training or query too,
//!    identities count from 0 (its CAVIAR) and all go up by one.
//! 2. As DIL reads them (Yukun-Huang/Degradation-Invariant-ReID-pytorch): train, val, gallery and query with a folder
//!    for each identity, images named IDENTITY_cCAMERA_NUMBER, as query/0020/00020_c0_00000.jpg. Its loader takes the
//!    images of camera 0 for LR and all others for HR (core/data/reid/folder.py); nobody tells their rate. "val" holds
//!    images of training identities and counts as training. Cameras go up by one, and identities too if any is 0.

#include <filesystem>
#include <vector>

#include "core/file_system.h"
#include "datasets/sample.h"
#include "datasets/sources/stand_in.h"

namespace resolute::datasets::sources {

//! Unsorted, not yet checked as a whole: list_samples() does both. Whatever the naming, cameras go up by one if any is
//! 0. \throws RuntimeError (kInput): a folder that fits both namings or neither, a missing or empty folder, a name that
//! does not fit; of the first naming: no image with a rate; of the second: a folder and an image in it that name two
//! identities, an image of query that is not camera 0's or one of gallery that is
std::vector<Sample> list_mlr_folders(core::FileSystem& files, const std::filesystem::path& root);

//! A stand-in (source.h: write_stand_in()) in the first naming: of each identity one camera, drawn by seed, is the LR
//! one; its images of test identities are the queries. Irregular: queries in high resolution too (VPFA's Market-1501
//! has them), an identity of one camera, junk, distractors, files that are no images. \throws RuntimeError (kInput)
//! for options.cameras below 2
void write_mlr_folders(NewFolder& folder, const SyntheticOptions& options);
//! The same in the second naming, identities from 0; camera 0 is the LR one.
void write_mlr_folders_by_identity(NewFolder& folder, const SyntheticOptions& options);

}  // namespace resolute::datasets::sources
