#pragma once
//! \file
//! samples.h5: features of a few test identities at several resolutions, for a look at them by identity and by
//! resolution (docs/inside/formats/samples.md). Source: RAIN, figure 3.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/files/file_system.h"
#include "datasets/split/split.h"

namespace resolute::results {

struct SampleImage {
  std::size_t row = 0;  //!< of the pack
  int rate = 1;         //!< 1: the HR image; else the LR image that a camera would have stored, enlarged
  std::int64_t identity = 0;
  std::int64_t camera = 0;
  bool operator==(const SampleImage&) const = default;
};

//! Every query and gallery image of the first `identities` identities at each rate, by row, within it by rate; none
//! that came in low resolution, which has one rate alone. The identities are those that have a query, in a random order
//! keyed by the split's seed and the pack's name; all of them where there are no more.
std::vector<SampleImage> choose_sample(const datasets::Split& split, const std::vector<int>& rates, int identities);

//! \param features images × dimension, row-major \param prefix of each image the leading dimensions that it has, the
//! others being zeros; empty where every image has all
//! \return the file's name in `folder`, and its SHA-256
std::pair<std::string, std::string> write_samples(core::FileSystem& files, const std::filesystem::path& folder,
                                                  std::span<const SampleImage> images, std::span<const float> features,
                                                  std::span<const std::int64_t> prefix = {});

}  // namespace resolute::results
