#pragma once
//! \file
//! What the commands that make splits share.

#include <cstdint>
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

//! \param file its name \throws RuntimeError (kInput) naming the file and the first difference where the pack does not
//! give this split and these gallery draws
void require_replay(const datasets::PackReader& pack, const datasets::SplitFile& published, std::string_view file);

}  // namespace resolute::cli
