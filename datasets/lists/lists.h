#pragma once
//! \file
//! A trial for other programs: its images as PNG files and the lists that torchreid, fast-reid or a CSV reader take
//! (docs/inside/formats/lists.md). HR images are written at the pack's network size, LR ones as they are stored, so
//! that the other program enlarges them.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "datasets/pack/pack.h"
#include "datasets/split/split.h"
#include "settings/choice.h"

namespace resolute::datasets {

enum class ListFormat { kTorchreid, kFastReid, kCsv };
constexpr auto words_of(ListFormat) { return settings::words("torchreid", "fastreid", "csv"); }

//! An image of a trial, as lists name it.
struct TrialImage {
  std::size_t row = 0;  //!< of the pack
  //! PART/IIII_cC_RRRRRR.png (PART train, query or gallery; identity, camera, row), `_xRATE` before the dot of LR ones:
  //! ASCII without spaces, commas or quotes.
  std::string path;
  std::int64_t identity = 0;
  //! The pack's; with lr_camera 0, where cameras mean nothing, 1 for LR images and queries and 2 for others, so that
  //! no evaluator takes a query and its match for two images of one camera.
  std::int64_t camera = 0;
  int label = -1;  //!< of training images, 0 and up
  int rate = 1;    //!< of the split; 1: an HR image, unless it came low
  bool came_low = false;
  int own_rate = 1;  //!< of the manifest: what is known of the raw image, 0 where it came at a rate that nobody tells
};

struct TrialLists {
  std::vector<TrialImage> train;
  std::vector<TrialImage> query;
  std::vector<TrialImage> gallery;
};

//! In the order of the split. \throws RuntimeError (kInput): a split of another pack, or one that contradicts the
//! pack's rows; a rate that the pack lacks
TrialLists list_trial(const PackReader& pack, const Split& split);

//! torchreid's splits.json: one split, of lists [path, pid, camid]; pid is the label in training and the identity in
//! test, camid counts from 0.
std::string torchreid_text(const TrialLists& lists);
//! fast-reid has no file of its own: lines "path pid camid", camid from 0.
std::string fast_reid_text(const std::vector<TrialImage>& images);
//! The table that the source `csv` reads. The rate of an image that came low is the manifest's, not what the split
//! judged it to be. \throws RuntimeError (kInput) for what cannot be ingested again: a query at rate 1 (the source
//! tells queries from gallery images by their rate), an identity with one image
std::string csv_text(const TrialLists& lists);

//! Writes `out` whole or not at all (a temporary folder beside it, fsync, rename): the images; the lists: splits.json,
//! or train.txt, query.txt and gallery.txt, or images.csv; and split-SEED.json.
//! \param draws gallery draws of split-SEED.json; \param progress called with the number of images written so far
//! \throws RuntimeError (kInput): what list_trial() and csv_text() refuse; an `out` that holds anything or is no folder
//! (a link to one included: the rename replaces links, not what they lead to)
void export_trial(core::FileSystem& files, const PackReader& pack, const Split& split, int draws, ListFormat format,
                  const fs::path& out, const std::function<void(std::size_t)>& progress = {});

}  // namespace resolute::datasets
