#pragma once
//! \file
//! Published facts of each source's raw images, as docs/datasets.md has it: for plans that are made and priced
//! before the images are here. Sources that anybody fills (csv, folders that somebody made) have no row.

#include <array>
#include <string_view>

#include "settings/source.h"

namespace resolute::settings {

struct RawData {
  Source source = Source::kCsv;
  std::string_view from;     //!< where it is to be had
  std::string_view licence;  //!< terms, as publicly stated
  int people = 0;            //!< identities that count
  int images = 0;            //!< of theirs, in the pack
  int distractors = 0;       //!< further images in the gallery
  int cameras = 0;
  int height = 0, width = 0;               //!< of a raw image, pixels; about
  int train_people = 0, train_images = 0;  //!< of the partition `official`; 0: none is published
  int test_people = 0;                     //!< of each of SourceFacts::published_sets
  //! Images of the partition `official`, distractors too; 0: none are published.
  int query_images = 0, gallery_images = 0;
  bool part = false;  //!< the numbers are of a part that a paper took: the set has more
};

//! The two sets of boxes of CUHK03 in its own layout: drawn by hand, and detected.
constexpr RawData cuhk03(Source source, int images) {
  return {.source = source,
          .from = "its authors, on request; then script/cuhk03_images",
          .licence = "research only; it may not be passed on",
          .people = 1'467,
          .images = images,
          .cameras = 10,
          .height = 256,
          .width = 96,
          .test_people = 100};
}

//! The same under the newer protocol.
constexpr RawData cuhk03_np(Source source, int images, int train_images, int gallery_images) {
  return {.source = source,
          .from = "https://github.com/zhunzhong07/person-re-ranking (CUHK03-NP)",
          .licence = "research only; it may not be passed on",
          .people = 1'467,
          .images = images,
          .cameras = 2,
          .height = 256,
          .width = 96,
          .train_people = 767,
          .train_images = train_images,
          .query_images = 1'400,
          .gallery_images = gallery_images};
}

//! The tests of VehicleID, on so many people of its own each.
constexpr RawData vehicle_id(Source source, int tested, int gallery_images) {
  constexpr int kTrainPeople = 13'164, kTrainImages = 113'346;
  return {.source = source,
          .from = "its authors, on request (https://pkuml.org/resources/pku-vehicleid.html)",
          .licence = "research only; it may not be passed on",
          .people = kTrainPeople + tested,
          .images = kTrainImages + gallery_images,
          .cameras = 1,
          .height = 256,
          .width = 256,
          .train_people = kTrainPeople,
          .train_images = kTrainImages,
          .gallery_images = gallery_images};
}

inline constexpr std::array kRawData{
    RawData{.source = Source::kCaviar,
            .from = "https://lorisbaz.github.io/caviar4reid.html (CAVIAR4REID.zip, folder CAVIARa)",
            .licence = "none is named: cite paper and CAVIAR project, research alone",
            .people = 50,
            .images = 1'000,
            .cameras = 2,
            .height = 88,
            .width = 36},
    cuhk03(Source::kCuhk03, 14'096), cuhk03(Source::kCuhk03Detected, 14'097),
    cuhk03_np(Source::kCuhk03Np, 14'096, 7'368, 5'328), cuhk03_np(Source::kCuhk03NpDetected, 14'097, 7'365, 5'332),
    RawData{.source = Source::kDukemtmc,
            .from = "nowhere: withdrawn by its authors in 2019",
            .licence = "CC BY-NC-SA 4.0 as mirrors say; withdrawn: not for new results",
            .people = 1'404,
            .images = 36'003,
            .distractors = 408,
            .cameras = 8,
            .height = 256,
            .width = 96,
            .train_people = 702,
            .train_images = 16'522,
            .query_images = 2'228,
            .gallery_images = 17'661},
    RawData{.source = Source::kMarket1501,
            .from = "https://zheng-lab.cecs.anu.edu.au/Project/project_reid.html (Market-1501-v15.09.15.zip)",
            .licence = "none is named: cite the paper, research alone",
            .people = 1'501,
            .images = 29'419,
            .distractors = 2'798,
            .cameras = 6,
            .height = 128,
            .width = 64,
            .train_people = 751,
            .train_images = 12'936,
            .query_images = 3'368,
            .gallery_images = 15'913},
    RawData{.source = Source::kMsmt17,
            .from = "its authors, on request (http://www.pkuvmc.com/dataset.html)",
            .licence = "research only; it may not be passed on",
            .people = 4'101,
            .images = 126'441,
            .cameras = 15,
            .height = 256,
            .width = 106,
            .train_people = 1'041,
            .train_images = 32'621,
            .query_images = 11'659,
            .gallery_images = 82'161},
    RawData{.source = Source::kPkuReid,
            .from = "https://github.com/charliememory/PKU-Reid-Dataset",
            .licence = "CC BY-NC-SA 4.0",
            .people = 114,
            .images = 1'824,
            .cameras = 2,
            .height = 128,
            .width = 48},
    RawData{.source = Source::kSysu,
            .from = "its authors; there is no public address",
            .licence = "its authors'",
            .people = 502,
            .images = 3'012,  // three of each person and camera
            .cameras = 2,
            .height = 256,
            .width = 96},
    vehicle_id(Source::kVehicleId1600, 1'600, 13'377), vehicle_id(Source::kVehicleId2400, 2'400, 19'777),
    vehicle_id(Source::kVehicleId800, 800, 6'493),
    // Its queries are images of its test, which counts them twice here as in a pack.
    RawData{.source = Source::kVeri776,
            .from = "its authors, on request (https://vehiclereid.github.io/VeRi)",
            .licence = "research only; it may not be passed on",
            .people = 776,
            .images = 51'035,
            .cameras = 20,
            .height = 256,
            .width = 256,
            .train_people = 576,
            .train_images = 37'778,
            .query_images = 1'678,
            .gallery_images = 11'579},
    RawData{.source = Source::kViper,
            .from = "users.soe.ucsc.edu/~manduchi/VIPeR.v1.0.zip",
            .licence = "none is named: cite the paper, research alone",
            .people = 632,
            .images = 1'264,
            .cameras = 2,
            .height = 128,
            .width = 48},
    // MSIFLA took so many (its section 4.1); the set itself has more.
    RawData{.source = Source::kVru,
            .from = "the repository that https://doi.org/10.3390/rs14184603 names",
            .licence = "none is named: research alone",
            .people = 1'901,
            .images = 20'160,
            .cameras = 1,
            .height = 256,
            .width = 256,
            .train_people = 1'415,
            .train_images = 14'611,
            .part = true}};

//! Null where nothing is published of the source as such.
constexpr const RawData* raw_data_of(Source source) {
  for (const RawData& one : kRawData)
    if (one.source == source) return &one;
  return nullptr;
}

}  // namespace resolute::settings
