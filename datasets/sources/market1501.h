#pragma once
//! \file
//! Market-1501 (Zheng et al., ICCV 2015): bounding_box_train, bounding_box_test and query, each with images named
//! IDENTITY_cCAMERAsSEQUENCE_FRAME_BOX, as 0002_c1s1_000451_03.jpg. Identity -1 is junk and left out; 0000 is a
//! distractor and belongs to the gallery. 24 names of the published set end in ".jpg.jpg": 18 in bounding_box_test (13
//! of identity 1488, 3 distractors, 2 junk) and 6 in query (of identity 1488).

#include <array>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/files/file_system.h"
#include "datasets/samples/listing.h"
#include "datasets/samples/sample.h"
#include "datasets/sources/reader.h"

namespace resolute::datasets::sources {

//! The folders of this layout, which other sets took over, with their subsets.
inline constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kMarketFolders{
    {{"bounding_box_test", "gallery"}, {"bounding_box_train", "train"}, {"query", "query"}}};
inline constexpr std::string_view kMarketLayout = "bounding_box_train, bounding_box_test, query";

//! The numbers of an image's name, which no other of its folder has.
using NameNumbers = std::vector<std::int64_t>;
//! The images of those folders. `read` gets a name, which the reader reads, and the sample with path and subset, to
//! which it adds the rest; it returns nothing where it has told `remarks` that the image is none. Refused: two names of
//! one image. \throws RuntimeError (kInput) naming the first folder that is missing; what image_names() throws
std::vector<Sample> list_market_folders(
    core::FileSystem& files, const fs::path& root, Remarks& remarks,
    const std::function<NameNumbers(std::string_view name, NameReader& reader, Sample& sample)>& read);

//! Reads how names of this kind begin, "IDENTITY_cCAMERA", into `sample`; of junk, "-1_cCAMERA", the identity stays as
//! it is. \param name the image's, which `reader` reads \return whether it is junk
bool read_person_and_camera(std::string_view name, NameReader& reader, Sample& sample);

//! What those names have before their extension, once more.
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
