#pragma once
//! \file
//! The MLR generator's second half: how one trial divides a pack into training, query and gallery images, and which
//! images exist only in low resolution. A pure function of the manifest and the options, published as a split manifest
//! (docs/formats/manifest.md) that can be checked by its hash and used without this program.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/file_system.h"
#include "core/json.h"
#include "datasets/manifest.h"
#include "datasets/pack/pack.h"

namespace resolute::datasets {

struct SplitOptions {
  std::string partition = "random-halves";  //!< or "official": the source's train subset against query and gallery
  std::uint64_t seed = 0;
  std::int64_t lr_camera = 2;  //!< its images become low-resolution, the other cameras' stay HR; 0: those of any camera
  std::vector<int> query_rates = {2, 3, 4};  //!< drawn uniformly an image
  std::string train_pool = "mlr";            //!< "mlr", "hr-both-views", "hr-view-only"
  int train_identities = 0;                  //!< so many of those that may train, drawn by seed; 0: all of them
  bool operator==(const SplitOptions&) const = default;
};

struct TrainItem {
  std::size_t row = 0;  //!< of the pack
  std::string path;
  std::int64_t identity = 0;
  int label = 0;  //!< 0 to train_identities - 1, in the order of the identities
  std::int64_t camera = 0;
  bool has_hr = true;  //!< false: only the LR view at stored_rate exists
  int stored_rate = 1;
  bool operator==(const TrainItem&) const = default;
};

struct QueryItem {
  std::size_t row = 0;
  std::string path;
  std::int64_t identity = 0;
  std::int64_t camera = 0;
  int rate = 1;
  bool operator==(const QueryItem&) const = default;
};

struct GalleryItem {
  std::size_t row = 0;
  std::string path;
  std::int64_t identity = 0;  //!< 0: a distractor, nobody's match
  std::int64_t camera = 0;
  bool operator==(const GalleryItem&) const = default;
};

//! Items stand in the order of the pack's rows.
struct Split {
  std::string pack;             //!< the pack's name: keys the rates drawn
  std::string manifest_sha256;  //!< of the pack's manifest.json
  SplitOptions options;
  std::vector<TrainItem> train;
  int train_identities = 0;
  std::vector<QueryItem> query;
  std::vector<GalleryItem> gallery;
  int left_out = 0;  //!< identities that took no part: seen by the LR camera only, or never by it (lr_camera 0: seen
                     //!< once), and those that train_identities left
  bool operator==(const Split&) const = default;
};

//! random-halves: of the identities (distractors aside) with an image in lr_camera and one elsewhere, floor(n/2) train
//! and the others test; the rest are left out. official: identities of the train subset train; those of query and
//! gallery test. Test: every lr_camera image of a test identity that has an HR image is a query at its drawn rate;
//! every image of a test identity from another camera (official: distractors too) is in the gallery, HR. Training
//! images by train_pool: mlr: lr_camera's exist only as the LR view at the drawn rate; hr-both-views: all HR;
//! hr-view-only: lr_camera's left out. At rate 1 the original exists, so has_hr is true. The draw of an image depends
//! on (seed, pack, identity, path) alone: other query_rates leave the halves as they are.
//!
//! lr_camera 0 (MLR-VRU of MSIFLA, §4.1): cameras mean nothing. Identities with two images or more take part, others
//! are left out. Training images (mlr) stay HR or exist only as the LR view at one of query_rates, all equally likely.
//! Of each test identity one image, drawn by (seed, identity), is its gallery, and all others are queries.
//!
//! train_identities = n above 0: the first n of a permutation of the training identities, keyed by the seed, train, so
//! that larger sets hold the smaller ones; test images and rates stay as they are.
//! \throws RuntimeError (kInput): a camera that the pack lacks (named) or below 0, an unknown partition or train_pool,
//!         bad query rates, hr-view-only with lr_camera 0, train_identities below 0, of 1 or above what there is (both
//!         named), fewer than 2 training identities, no query
Split make_split(std::span<const PackRow> rows, std::string_view pack, std::string_view manifest_sha256,
                 const SplitOptions& options);
//! The same, and query_rates that the pack lacks are refused (kInput).
Split make_split(const PackReader& pack, const SplitOptions& options);

//! One gallery image of every test identity that has one, uniformly (with lr_camera 0 there is but one); distractors
//! are left out. Indices into split.gallery, ascending by identity. \param draw 0, 1, … of this split
std::vector<std::size_t> draw_gallery(const Split& split, std::uint64_t seed, int draw);

//! Without the gallery draws. Schema 1 where that can say it, so that hashes of then stay; 2 for lr_camera 0 or
//! train_identities. The split's hash is the SHA-256 of the canonical text.
core::Json to_json(const Split& split);
std::string split_sha256(const Split& split);
//! The inverse, strict. \throws RuntimeError (kInput) opening with `where`
Split split_from_json(const core::Json& json, const std::string& where);

//! Writes `split-SEED.json`: {"split": …, "sha256": …, "gallery_draws": [[paths] a draw]}, so that a trial can be
//! replayed without the generator. \return the file's path
std::filesystem::path export_split(core::FileSystem& files, const std::filesystem::path& folder, const Split& split,
                                   int draws);
//! Reads such a file and checks its hash. \throws RuntimeError (kInput), naming the file
Split import_split(core::FileSystem& files, const std::filesystem::path& path);

}  // namespace resolute::datasets
