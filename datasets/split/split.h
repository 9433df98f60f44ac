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

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "datasets/manifest/manifest.h"
#include "datasets/pack/pack.h"
#include "settings/split.h"

namespace resolute::datasets {

using settings::Distractors;
using settings::LrSide;
using settings::Partition;
using settings::SplitSettings;
using settings::TrainPool;

//! What a split takes from a pack beside its rows, and needs only where images came in low resolution.
struct PackShape {
  std::vector<int> rates;  //!< whose LR images are stored; empty: any rate's
  int height = 256;        //!< network size, pixels
  int width = 128;
};

struct TrainItem {
  std::size_t row = 0;  //!< of the pack
  std::string path;
  std::int64_t identity = 0;
  int label = 0;  //!< 0 to train_identities - 1, in the order of the identities
  std::int64_t camera = 0;
  bool has_hr = true;  //!< false: only the LR view at stored_rate exists
  int stored_rate = 1;
  bool came_low = false;  //!< that view is the raw image itself; has_hr is false then
  bool operator==(const TrainItem&) const = default;
};

struct QueryItem {
  std::size_t row = 0;
  std::string path;
  std::int64_t identity = 0;
  std::int64_t camera = 0;
  int rate = 1;
  bool came_low = false;  //!< the view to ask with is the raw image itself
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
  SplitSettings options;
  std::vector<TrainItem> train;
  int train_identities = 0;
  std::vector<QueryItem> query;
  std::vector<GalleryItem> gallery;
  int left_out = 0;  //!< identities that took no part: seen by the LR side only, or never by it (lr_camera 0: seen
                     //!< once), and those that train_identities left
  bool operator==(const Split&) const = default;
};

//! The LR side of an identity is what lr_camera and lr_side name; where a pack has images that came in low resolution
//! it is those instead, and lr_camera, lr_cameras and lr_side are at their defaults.
//!
//! random-halves: of the identities (distractors aside) with an LR and an HR image, the last test_identities of a
//! permutation by seed test (0: half of them, rounded up) and the others train; the rest are left out. official:
//! identities of the train subset train; those of query and gallery test. published: those of test set `seed` test, all
//! others train. Test: every LR image of a test identity that has an HR image is a query at its drawn rate; every HR
//! image of a test identity (official, and distractors "always": of distractors too) is in the gallery, but not one
//! from a camera that took the identity in low resolution too. That is a limitation: queries of the identity from other
//! cameras could be matched with it; but a ranking leaves out what the query's camera took of its identity, and a draw
//! of one gallery image an identity could pick just that image, so that a query of its camera would have no match.
//! Training images by train_pool: mlr: those of the LR side exist only as the LR view at the drawn rate; hr-both-views:
//! all HR; hr-view-only: those of the LR side left out. At rate 1 the original exists, so has_hr is true. The draw of
//! an image depends on (seed, pack, identity, path) alone: other query_rates leave the halves as they are. The rate of
//! one that came low is not drawn: see docs/formats/manifest.md.
//!
//! lr_side "query" (Market-1501's usual test): the queries are the source's, at drawn rates, less those that no gallery
//! image from another camera answers; the gallery is the source's. In training the LR side is lr_camera's.
//!
//! lr_camera 0 (MLR-VRU of MSIFLA, §4.1): cameras mean nothing. Identities with two images or more take part, others
//! are left out. Training images (mlr) stay HR or exist only as the LR view at one of query_rates, all equally likely.
//! Of each test identity one image, drawn by (seed, identity), is its gallery, and all others are queries.
//!
//! train_identities = n above 0: the first n of a permutation of the training identities, keyed by the seed, train, so
//! that larger sets hold the smaller ones; test images and rates stay as they are.
//! \throws RuntimeError (kInput): what settings::check() refuses; a camera that the pack lacks (named); cameras that
//! are no pairs; a test set that it does not have (and how many it has); train_identities or test_identities above what
//! there is (both named); lr_camera, lr_side or hr-both-views where images came in low resolution; fewer than 2
//! training identities; no query
Split make_split(std::span<const PackRow> rows, std::string_view pack, std::string_view manifest_sha256,
                 const SplitSettings& options, const PackShape& shape = {});
//! The same, and query_rates that the pack lacks are refused (kInput).
Split make_split(const PackReader& pack, const SplitSettings& options);

//! So many gallery images of every test identity, uniformly without replacement (with lr_camera 0 there is but one), or
//! all of one that has fewer; distractors are left out. The first of an identity is the same whatever `shots`. Indices
//! into split.gallery, ascending by identity. \param draw 0, 1, … of this split \param shots at least 1
std::vector<std::size_t> draw_gallery(const Split& split, std::uint64_t seed, int draw, int shots = 1);

//! Without the gallery draws. In the lowest schema that can tell it, so that hashes of then stay: 2 for lr_camera 0 or
//! train_identities, 3 for lr_side, test_identities, published test sets and images that came low. The split's hash is
//! the SHA-256 of the canonical text.
core::Json to_json(const Split& split);
std::string split_sha256(const Split& split);
//! The inverse, strict: rows ascend, no path leads out of the data set, and no member contradicts another
//! (split_checks.h). Whether a pack gives this split is replay_difference()'s matter.
//! \throws RuntimeError (kInput) opening with `where`
Split split_from_json(const core::Json& json, const std::string& where);

//! The paths that a split file lists for one gallery draw: draw_gallery() of the split's own seed, as paths.
std::vector<std::string> gallery_draw_paths(const Split& split, int draw);

//! {"split": …, "sha256": …, "gallery_draws": [[paths] a draw]} and a newline, so that a trial can be replayed without
//! the generator, and the name of that file: "split-SEED.json".
std::string split_file_text(const Split& split, int draws);
std::string split_file_name(const Split& split);
//! Writes that file. \return its path
std::filesystem::path export_split(core::FileSystem& files, const std::filesystem::path& folder, const Split& split,
                                   int draws);

//! Gallery draws that a split file may list.
inline constexpr int kMostGalleryDraws = 10000;

//! A split file as somebody published it.
struct SplitFile {
  Split split;
  std::vector<std::vector<std::string>> gallery_draws;
};
//! Reads such a file and checks its hash. Of the draws it checks the number and that they show the gallery; whether
//! they are draw_gallery()'s is replay_difference()'s matter. \throws RuntimeError (kInput), naming the file
SplitFile read_split_file(core::FileSystem& files, const std::filesystem::path& path);
//! Its split alone.
Split import_split(core::FileSystem& files, const std::filesystem::path& path);

//! Nothing where both are the same, else the first difference in words: "query[3] is row 7, 'a.jpg', at rate 2 there
//! and at rate 4 here". What decides the rest (pack, manifest, options) is compared first.
std::string first_difference(const Split& there, const Split& here);

//! Makes a published split again from this pack and its options. \return nothing where it comes out the same, gallery
//! draws included, else the first difference in words; a split of another pack is named as such. \throws as
//! make_split()
std::string replay_difference(const PackReader& pack, const SplitFile& published);

}  // namespace resolute::datasets
