#pragma once
//! \file
//! The options that say how a trial divides a pack, of every command that makes splits.

#include <cstdint>
#include <string>
#include <string_view>

#include "cli/command.h"
#include "datasets/split.h"

namespace resolute::cli {

//! Gallery draws that a split manifest lists unless --draws says otherwise.
inline constexpr int kSplitDraws = 100;

//! Adds --partition, --lr-camera, --lr-side, --train-pool, --train-identities and --test-identities; seed and query
//! rates are the command's own. \param split their defaults, and what they are read into
void add_split_options(boost::program_options::options_description& visible, datasets::SplitOptions& split);

//! \throws RuntimeError (kInput) for what no pack can have, with the option's name where one alone is wrong
void check_split_options(const datasets::SplitOptions& split);

//! Seeds `first` to `last`, both included.
struct SeedRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
};
//! --seed S, or --seeds A-B (at most 10,000 of them). \throws RuntimeError (kInput) for both, or another text
SeedRange parse_seeds(const boost::program_options::variables_map& values);

//! \param file its name \throws RuntimeError (kInput) naming the file and the first difference where the pack does not
//! give this split and these gallery draws
void require_replay(const datasets::PackReader& pack, const datasets::SplitFile& published, std::string_view file);

}  // namespace resolute::cli
