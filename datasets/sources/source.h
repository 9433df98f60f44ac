#pragma once
//! \file
//! Raw data sets as people download them, read strictly: what does not look as its source documents it is an error that
//! names the file, never a guess. Only names are read here; the images are opened by whoever packs them (CAVIAR4REID's
//! headers excepted: which camera was the closer one is in their sizes).
//!
//! Each source (settings/source.h) has a file here that tells its layout; those of one kind share one.

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "datasets/samples/remarks.h"
#include "datasets/samples/sample.h"
#include "datasets/sources/raw_reader.h"
#include "datasets/stand_ins/stand_in.h"
#include "settings/pack.h"
#include "settings/source.h"

namespace resolute::datasets {

using settings::SingleImages;

//! The folder that sample paths are relative to: `root`, or the data set's own folder in it where `root` is its parent
//! (as Market-1501-v15.09.15). Paths, and so manifests, are then the same whichever of the two a user names. \throws
//! RuntimeError (kInput) for a missing folder
fs::path source_root(core::FileSystem& files, Source source, const fs::path& root);

//! The contents of a data set's folder.
struct Listing {
  std::vector<Sample> samples;                  //!< sorted by path (bytes)
  std::map<std::string, std::size_t> left_out;  //!< files by why they are, as "junk (identity -1)"
  std::vector<std::string> warnings;            //!< what looks wrong and may be right, one line each
};

//! Every usable image. Junk (identity -1) is left out; distractors (identity 0) are kept; files that are no images by
//! name, and hidden ones, are skipped. \throws RefusedFiles (remarks.h) naming all of them: images whose names do not
//! fit, identities both in training and in test, and, once there are none of these, identities with a single image;
//! RuntimeError (kInput): a missing or empty folder \param single_images kDistractors: gallery images of identities
//! with a single one become identity 0
//! \param follow_links images behind symbolic links are taken, not refused
Listing list_data_set(core::FileSystem& files, Source source, const fs::path& root,
                      SingleImages single_images = SingleImages::kRefused, bool follow_links = false);
//! The samples alone.
std::vector<Sample> list_samples(core::FileSystem& files, Source source, const fs::path& root,
                                 SingleImages single_images = SingleImages::kRefused, bool follow_links = false);

//! The samples that list_samples() would find in the folder of synthetic images, without that folder.
std::vector<Sample> list_synthetic(const SyntheticSettings& settings);

//! The samples that list_samples() would find of draw_raw_images(), without their folder. A stand-in is drawn in a
//! temporary folder to be listed, for names of some layouts stand in lists and headers. \param pack has `synthetic`
std::vector<Sample> list_drawn(core::FileSystem& files, const settings::PackSettings& pack);

//! True where a program has drawn what is in the folder, or some of it: write_stand_in() leaves kDrawnFile
//! there, which goes with a folder that is moved or copied. \param root as a user names it; may be empty or not there
//! \param pack_folder of a pack of these images, which may be sealed, begun or not there
bool holds_drawn_images(core::FileSystem& files, Source source, const fs::path& root, const fs::path& pack_folder);

//! Keeps kDrawnFile with the pack, where `root` has one: tables are printed where the images are not. Nothing is kept
//! of a source whose images are drawn whatever lies there.
void keep_drawn_file(core::FileSystem& files, Source source, const fs::path& root, const fs::path& pack_folder);

//! The images of what list_samples() tells. \param files must outlive the reader \throws as source_root()
std::unique_ptr<RawReader> open_raw(core::FileSystem& files, Source source, const fs::path& root);

//! settings::stand_in_of(), irregular unless the layout is Market-1501's.
StandInSettings stand_in_settings(Source layout);

//! Writes a small data set in a source's published layout under `out`, complete or not there: a temporary folder beside
//! it, then rename; an `out` that holds the same settings is left as it is. An irregular one has what downloaded sets
//! have: images of many sizes, identities that one camera alone saw, and where the layout knows them junk, distractors,
//! empty cells and files that are no images. \throws MemberError as settings::check_stand_in(); RuntimeError (kInput)
//! for an `out` that holds anything else
void write_stand_in(core::FileSystem& files, const fs::path& out, const StandInSettings& settings);

//! The same of what a pack's settings have drawn: a synthetic set, or a stand-in in its source's layout as
//! stand_in_settings() has it. Any number of processes may do it at once: the first one's folder stays.
//! \param pack has `synthetic`
void draw_raw_images(core::FileSystem& files, const fs::path& out, const settings::PackSettings& pack);

}  // namespace resolute::datasets
