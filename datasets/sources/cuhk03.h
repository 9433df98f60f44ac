#pragma once
//! \file
//! CUHK03 (Li et al., "DeepReID", CVPR 2014): one file, cuhk-03.mat, as MATLAB 7.3 writes it, of five pairs of cameras.
//!
//! - /labeled and /detected, boxes drawn by hand and found by a detector: five cells, one a camera pair, each of M x 10
//!   cells (as MATLAB counts), a row for each identity of the pair; columns 1 to 5 are the first camera's images, 6 to
//!   10 the second's. A cell is a uint8 image or empty. HDF5, and so h5py, has all extents in reverse: 1 x 5 references
//!   to 10 x M references to images of 3 x WIDTH x HEIGHT.
//! - /testsets: 20 cells, one a published division, each of 100 x 2 doubles: pair and number of an identity in it, both
//!   from 1. HDF5: 1 x 20 references to 2 x 100.
//!
//! A file that was written again with the tables' extents the other way round is read too, where that is plain (M is
//! not 10, or a test set does not have two rows); images must be as MATLAB writes them.
//!
//! The file is read in processes of its own (datasets/hdf5/mat_file.h).

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_system.h"
#include "datasets/hdf5/mat_file.h"
#include "datasets/sample.h"
#include "datasets/sources/reader.h"

namespace resolute::datasets::sources {

inline constexpr std::string_view kCuhk03File = "cuhk-03.mat";

inline constexpr int kCuhk03Pairs = 5;
inline constexpr int kCuhk03Slots = 10;        //!< cells of an identity, half of them each camera's
inline constexpr int kCuhk03MaxTestSets = 64;  //!< bits of Sample::test_sets

//! Unsorted, not yet checked as a whole: list_samples() does both. \param boxes "labeled", drawn by hand, or "detected"
//!
//! - path: "labeled/P_III_V_SS.ppm" or "detected/…", as images extracted from the file are commonly named: pair, number
//!   of the identity in its pair, camera of the pair (1, 2), column (01 to 10). There is no such file: see
//!   open_cuhk03().
//! - identity: 1 and up over the pairs in order, so the same person's in both kinds of boxes and whatever is left out.
//! - camera: 2 (P - 1) + V, 1 to 10.
//! - test_sets: bit k where published division k + 1 tests the identity; subset: "gallery" where the first one does,
//!   else "train".
//!
//! Identities with one image or none are left out: nothing can be matched with them. \throws RuntimeError (kInput): no
//! such file, one that is not laid out as above, that cannot be read, over kMaxCells cells (mat_values.h), a test set
//! that is empty or names an identity that is not there, more than kCuhk03MaxTestSets of them, no usable identity in
//! training or in test
std::vector<Sample> list_cuhk03(const hdf5::MatFile& file, std::string_view boxes);

//! The images as binary PPM: "P6\nWIDTH HEIGHT\n255\n", then HEIGHT × WIDTH × 3 bytes red, green, blue: what
//! anyone makes of the cell's array in three lines (docs/datasets.md), and so the row's source_sha256. Reads as many at
//! once as there are threads that ask.
std::unique_ptr<RawReader> open_cuhk03(hdf5::MatFile file);

//! What the file holds, for making one.
struct Cuhk03Contents {
  using Identity = std::vector<std::optional<Image>>;             //!< kCuhk03Slots
  using Boxes = std::array<std::vector<Identity>, kCuhk03Pairs>;  //!< each pair's identities
  struct Tested {
    int pair;      //!< from 1
    int identity;  //!< from 1
  };
  Boxes labeled;
  Boxes detected;
  std::vector<std::vector<Tested>> test_sets;
};

//! A .mat file as MATLAB would write these: its text in front, an empty cell once for all, images of 4096 bytes and
//! more in compressed chunks. The same contents give the same bytes with the same HDF5 and zlib.
core::Bytes encode_cuhk03(const Cuhk03Contents& contents);

//! A stand-in (source.h: write_stand_in()): options.identities people over the five pairs as unevenly as the real ones,
//! 20 test sets of half of them each, at most 100. Detected boxes are a little smaller than those drawn by hand. With
//! options.irregular also some boxes missing, one identity seen by one camera alone and one with a single image, which
//! is left out of listings. \throws RuntimeError (kInput): other than 2 cameras, over 5 images of one, fewer than 5
//! identities
void write_cuhk03(NewFolder& folder, const StandInSettings& options);

}  // namespace resolute::datasets::sources
