#pragma once
//! \file
//! The split of one trial: which images of a pack are training, query and gallery images, and which exist only in low
//! resolution. It is a pure function of the manifest and the options. It is published as a split manifest
//! (docs/inside/formats/manifest.md), which others can check by its hash and use without this program.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "datasets/manifest/manifest.h"
#include "datasets/pack/pack.h"
#include "settings/evaluation.h"
#include "settings/split.h"

namespace resolute::datasets {

using settings::Distractors;
using settings::LrSide;
using settings::Partition;
using settings::SplitSettings;
using settings::TrainPool;

//! Facts of a pack that a split needs besides its rows. It matters only where images came in low resolution.
struct PackShape {
  std::vector<int> rates;  //!< rates whose LR images the pack stores; empty: all rates
  int height = 256;        //!< network size, pixels
  int width = 128;
};

struct TrainItem {
  std::size_t row = 0;  //!< of the pack
  std::string path;
  std::int64_t identity = 0;
  int label = 0;  //!< 0 to train_identities - 1, in the order of the identities
  std::int64_t camera = 0;
  bool has_hr = true;  //!< false: only its LR view at stored_rate exists
  int stored_rate = 1;
  bool came_low = false;  //!< that LR view is the raw image itself; has_hr is false then
  bool operator==(const TrainItem&) const = default;
};

struct QueryItem {
  std::size_t row = 0;
  std::string path;
  std::int64_t identity = 0;
  std::int64_t camera = 0;
  int rate = 1;
  bool came_low = false;  //!< the query is the raw image itself
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
  std::string pack;             //!< the pack's name; part of the key by which rates are drawn
  std::string manifest_sha256;  //!< of the pack's manifest.json
  SplitSettings options;
  std::vector<TrainItem> train;
  int train_identities = 0;
  std::vector<QueryItem> query;
  std::vector<GalleryItem> gallery;
  int left_out = 0;  //!< identities that take no part: those that only the LR side saw, or never saw (with lr_camera 0:
                     //!< identities with one image), and those beyond train_identities
  //! Paths of queries that are left out because their bytes stand in the gallery too; of a split that was made here.
  std::vector<std::string> shown_queries{};
  bool operator==(const Split& other) const {
    return std::tie(pack, manifest_sha256, options, train, train_identities, query, gallery, left_out) ==
           std::tie(other.pack, other.manifest_sha256, other.options, other.train, other.train_identities, other.query,
                    other.gallery, other.left_out);
  }
};

//! Makes the split of one trial. The LR side of an identity is what lr_camera and lr_side name. In a pack with images
//! that came in low resolution these images are the LR side, and lr_camera, lr_cameras and lr_side must have their
//! defaults.
//!
//! The partition says who trains and who is tested:
//! - random-halves: identities (distractors aside) with an LR and an HR image take part. The last test_identities of a
//!   permutation by seed are tested (0: half of them, rounded up), and the others train. With `tested` those are
//!   tested, and all others train.
//! - official: identities of the train subset train; those of query and gallery are tested.
//! - published: those of test set `seed` are tested; all others train.
//!
//! Test images: every LR image of a test identity that has an HR image is a query at its drawn rate. Every HR image of
//! a test identity is in the gallery (official, and distractors "always": distractors too), unless its camera took the
//! identity in low resolution too. This exception is a limitation: queries of the identity from other cameras could
//! match such an image. But a ranking leaves out images of the query's identity by the query's camera; a draw of one
//! gallery image per identity could pick such an image, and a query of that camera would have no match.
//!
//! A query whose raw bytes stand in the gallery too is left out (shown_queries), but where a ranking leaves that image
//! out anyway (its identity by its camera).
//!
//! Training images (train_pool): mlr: images of the LR side exist only as the LR view at the drawn rate; hr-both-views:
//! all images are HR; hr-view-only: images of the LR side are left out; mlr-with-originals: the items of mlr (see
//! has_original()). At rate 1 the original exists, so has_hr is true.
//!
//! Rates: the draw of an image depends on (seed, pack, identity, path) alone, so other query_rates leave the halves as
//! they are. The rate of an image that came low is not drawn: see docs/inside/formats/manifest.md.
//!
//! lr_side "query" (Market-1501's usual test): the queries are the source's, at drawn rates, without those that no
//! gallery image from another camera shows; the gallery is the source's. In training the LR side is lr_camera's.
//!
//! lr_camera 0 (MLR-VRU of MSIFLA, §4.1): cameras mean nothing. Identities with two images or more take part. Training
//! images (mlr) stay HR or exist only as the LR view at one of query_rates, all equally likely. One image of each test
//! identity, drawn by (seed, identity), is its gallery; its other images are queries.
//!
//! train_identities = n above 0: the first n of a permutation of the training identities by seed train, so that larger
//! sets contain smaller ones. Test images and rates do not change.
//! \throws RuntimeError (kInput): what settings::check() refuses; a camera that the pack lacks (named); cameras that
//! are no pairs; a test set that the source does not have (and how many it has); an identity of `tested` that the pack
//! does not have; train_identities or test_identities above what there is (both named); lr_camera, lr_side,
//! hr-both-views or mlr-with-originals where images came in low resolution; fewer than 2 training identities; no query
Split make_split(std::span<const PackRow> rows, std::string_view pack, std::string_view manifest_sha256,
                 const SplitSettings& options, const PackShape& shape = {});
//! The same, and query_rates that the pack lacks are refused (kInput).
Split make_split(const PackReader& pack, const SplitSettings& options);

//! True where a method may aim at the HR image of a training item, seen or not.
inline bool has_original(const Split& split, const TrainItem& item) {
  return item.has_hr || split.options.train_pool == TrainPool::kMlrWithOriginals;
}

//! Draws `shots` images of each test identity of a split (with lr_camera 0 each has one image), uniformly without
//! replacement, or all images of an identity that has fewer. The first image of an identity does not depend on `shots`.
//! Distractors are left out. \param draw 0, 1, … \param shots at least 1 \return indices into split.gallery, ascending
//! by identity
std::vector<std::size_t> draw_gallery(const Split& split, std::uint64_t seed, int draw, int shots = 1);

//! The galleries that a protocol draws where labels are all that is known of the images: by the seed of a split, and
//! with its gallery in order, an evaluation's galleries of that split (draw_gallery()).
//! Identity -1 is not drawn. Identity 0 stands for a split's distractors, which are not drawn either; elsewhere people
//! may be numbered from 0, and then a query has it.
//! \param asked identities of the queries \param shown of the gallery \return for each draw indices into `shown`; no
//! draw where the protocol has the whole gallery
std::vector<std::vector<std::size_t>> draw_galleries(const settings::EvaluationProtocol& protocol, std::uint64_t seed,
                                                     std::span<const std::int64_t> asked,
                                                     std::span<const std::int64_t> shown);

//! Why there is no score where queries have a match in the whole gallery and none in a drawn one.
inline constexpr const char* kNoMatchDrawn =
    "no drawn gallery has a match of a query: an image of its identity from another camera";

//! The split without gallery draws, in the lowest schema that can express it, so that published splits keep their
//! hashes: schema 2 for lr_camera 0 or train_identities, 3 for lr_side, test_identities, published test sets and images
//! that came low, 6 for `tested`. The split's hash is the SHA-256 of the canonical text.
core::Json to_json(const Split& split);
std::string split_sha256(const Split& split);
//! The inverse, strict: rows ascend, no path leads out of the data set, and no member contradicts another
//! (check_split()). replay_difference() checks whether a pack gives this split.
//! \throws RuntimeError (kInput) opening with `where`
Split split_from_json(const core::Json& json, const std::string& where);

//! Holds a split that somebody else published against the promises of a split about its items: its hash says that it is
//! as it was written, not that it was made by this program. Looks at the split alone, not at a pack: an image is in one
//! list once; who trains is not tested; labels number the training identities in their order; who is asked for has a
//! gallery image; rates, resolutions and cameras are what the options allow. \throws RuntimeError (kInput) opening with
//! `where` and naming the item
void check_split(const Split& split, const std::string& where);

//! The paths that a split file lists for one gallery draw: draw_gallery() of the split's own seed, as paths.
std::vector<std::string> gallery_draw_paths(const Split& split, int draw);

//! {"split": …, "sha256": …, "gallery_draws": [[paths] a draw]} and a newline, so that a trial can be replayed without
//! the generator, and the name of that file: "split-SEED.json".
std::string split_file_text(const Split& split, int draws);
std::string split_file_name(const Split& split);
//! Writes that file. \return its path
fs::path export_split(core::FileSystem& files, const fs::path& folder, const Split& split, int draws);

//! Gallery draws that a split file may list.
inline constexpr int kMostGalleryDraws = settings::kMostDraws;
//! The largest split file that is read, bytes.
inline constexpr std::uint64_t kLargestSplitFile = std::uint64_t{1} << 30;

//! A split file as somebody published it.
struct SplitFile {
  Split split;
  std::vector<std::vector<std::string>> gallery_draws;
};
//! Reads such a file and checks its hash. It checks the number of draws, and that they are gallery images;
//! replay_difference() checks whether they are those of draw_gallery(). \throws RuntimeError (kInput), naming the file
SplitFile read_split_file(core::FileSystem& files, const fs::path& path);
//! Its split alone.
Split import_split(core::FileSystem& files, const fs::path& path);

//! Nothing if both splits are equal, else the first difference in words: "query[3] is row 7, 'a.jpg', at rate 2 there
//! and at rate 4 here". Pack, manifest and options, which decide the rest, are compared first.
std::string first_difference(const Split& published, const Split& made);

//! Makes a published split again from this pack and the split's options. \return nothing if the result is equal,
//! gallery draws included, else the first difference in words; it says so if the split is of another pack. \throws as
//! make_split()
std::string replay_difference(const PackReader& pack, const SplitFile& published);

}  // namespace resolute::datasets
