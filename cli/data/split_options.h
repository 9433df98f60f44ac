#pragma once
//! \file
//! Shared by the commands that make splits.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "datasets/split/split.h"

namespace resolute::cli {

//! Gallery draws that a split manifest lists unless --draws says otherwise.
inline constexpr int kSplitDraws = 100;

//! Seeds `first` to `last`, both included.
struct SeedRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};
//! --seeds A-B (at most 10,000 of them), or the split's own. \throws RuntimeError (kInput) for both, or another text
SeedRange parse_seeds(const boost::program_options::variables_map& values, const datasets::SplitSettings& split);

//! Counts of a split: images that train, queries, gallery images, images left out. \param file its manifest
core::Json describe_split(const datasets::Split& split, const std::filesystem::path& file);
//! The same of describe_split()'s in words: "6 identities train with 48 images, … left out (WHY); split SHA".
std::string split_text(const core::Json& split);

//! A split manifest may be published already, so none is replaced by another. \param folder that export_split() would
//! write to \param suggestion what to do instead \throws RuntimeError (kInput) where the file holds something else
void require_absent_or_same(core::FileSystem& files, const std::filesystem::path& folder, const datasets::Split& split,
                            int draws, const std::string& suggestion);

//! \param file its name \throws RuntimeError (kInput) naming the file and the first difference where the pack does not
//! give this split and these gallery draws
void require_replay(const datasets::PackReader& pack, const datasets::SplitFile& published, std::string_view file);

}  // namespace resolute::cli
