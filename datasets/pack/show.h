#pragma once
//! \file
//! What `resolute data show` tells of a pack: counts, sizes, and a sheet of samples to look at.

#include <cstdint>
#include <map>
#include <string>

#include "core/bytes.h"
#include "core/json.h"
#include "datasets/pack/pack.h"

namespace resolute::datasets {

struct PackStatistics {
  std::uint64_t rows = 0;
  std::uint64_t identities = 0;   //!< distractors aside
  std::uint64_t distractors = 0;  //!< images of identity 0
  std::map<std::int64_t, std::uint64_t> images_per_camera;
  std::map<std::string, std::uint64_t> images_per_subset;
  std::uint64_t fewest_images = 0;  //!< of an identity
  std::uint64_t most_images = 0;
  std::uint64_t identities_in_one_camera = 0;
  int smallest_height = 0;  //!< native sizes, pixels
  int smallest_width = 0;
  int largest_height = 0;
  int largest_width = 0;
};

PackStatistics pack_statistics(const PackReader& pack);
//! The document of `data show --json`: name, source, rates, kernel, network size, hashes, statistics.
core::Json describe_pack(const PackReader& pack);

//! A PNG of `samples` rows spread evenly over the pack: a line each with the HR image and, for every rate, the LR view
//! enlarged to network size. \param samples 1 or more; at most size() are shown
//! \throws RuntimeError (kInput) for fewer than 1 or a sheet over 16384 pixels a side
core::Bytes contact_sheet_png(const PackReader& pack, int samples);

}  // namespace resolute::datasets
