#pragma once
//! \file
//! Market-1501 (Zheng et al., ICCV 2015): bounding_box_train, bounding_box_test and query, each with images named
//! IDENTITY_cCAMERAsSEQUENCE_FRAME_BOX, as 0002_c1s1_000451_03.jpg. Identity -1 is junk and left out; 0000 is a
//! distractor and belongs to the gallery. 24 names of the published set end in ".jpg.jpg": 18 in bounding_box_test (13
//! of identity 1488, 3 distractors, 2 junk) and 6 in query (of identity 1488).

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/file_system.h"
#include "datasets/samples/listing.h"
#include "datasets/samples/sample.h"
#include "datasets/sources/reader.h"

namespace resolute::datasets::sources {

//! Folders and subsets of this layout, which other sets took over.
inline constexpr std::array<Folder, 3> kMarketFolders{
    {{"bounding_box_test", "gallery"}, {"bounding_box_train", "train"}, {"query", "query"}}};
inline constexpr FolderLayout kMarketLayout{"bounding_box_train, bounding_box_test, query", kMarketFolders};

//! The identity of junk, as such names write it.
inline constexpr std::string_view kJunkIdentity = "-1";
//! A part that those names have before their extension, once more.
inline constexpr std::string_view kMarketRepeated = ".jpg";

//! Why images whose identity is -1 are left out.
inline constexpr const char* kJunk = "junk (identity -1)";

//! reader.h: SourceReader::list.
std::vector<Sample> list_market1501(core::FileSystem& files, const fs::path& root, Remarks& remarks);

//! The image's name in this layout, e.g. (2, 1, 451) → "0002_c1s1_000451_00.jpg".
std::string market1501_name(std::int64_t identity, std::int64_t camera, std::int64_t frame);

//! The folder of an image in a stand-in, numbers from 0.
std::string_view market1501_folder(const SyntheticSettings& options, int identity, int image);

//! An image's name in a stand-in, all numbers from 0: those of an irregular one's first test identity end in
//! ".jpg.jpg".
std::string market1501_name(const StandInSettings& options, int identity, int camera, int image);

//! A stand-in (source.h: write_stand_in()): the first half of the identities, rounded down, is the training subset; the
//! first image of a test identity and camera is its query.
void write_market1501(NewFolder& folder, const StandInSettings& options);

}  // namespace resolute::datasets::sources
