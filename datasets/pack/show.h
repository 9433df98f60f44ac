#pragma once
//! \file
//! A pack as `resolute data show` shows it: counts, sizes, and samples to look at.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/files/file_system.h"
#include "core/files/json.h"
#include "datasets/pack/pack.h"

namespace resolute::datasets {

//! The spread of a list of numbers; the median of an even count is the lower of the two in the middle. All 0 for an
//! empty list.
struct Spread {
  std::int64_t least = 0;
  std::int64_t median = 0;
  std::int64_t most = 0;
  bool operator==(const Spread&) const = default;
};

struct PackStatistics {
  std::uint64_t rows = 0;
  std::uint64_t identities = 0;   //!< distractors aside
  std::uint64_t distractors = 0;  //!< images of identity 0
  std::map<std::int64_t, std::uint64_t> images_per_camera;
  std::map<std::string, std::uint64_t> images_per_subset;
  Spread images_per_identity;
  std::uint64_t identities_in_one_camera = 0;
  Spread native_height;  //!< pixels
  Spread native_width;
  //! Images that came in low resolution, by Sample::rate; 0: at a rate that nobody tells. Empty where none did.
  std::map<int, std::uint64_t> low_resolution_images;
  //! The number of identities that each published division tests, from division 0. Empty where the source has none.
  std::vector<std::uint64_t> published_test_identities;
};

PackStatistics pack_statistics(const PackReader& pack);

//! One line that holds the counts against those that are published of the source's own division (settings/raw_data.h):
//! they are the same, or which are others. Empty where none are published.
std::string published_counts(settings::Source source, const PackStatistics& all);
//! The same of a pack; empty of drawn images too, which are not the set.
std::string published_counts(core::FileSystem& files, const fs::path& pack_folder, const PackReader& pack);
//! The JSON that `data show --json` prints but for "bytes": name, source, rates, kernel, network size, hashes,
//! statistics. Sizes are [height, width].
core::Json describe_pack(const PackReader& pack);

//! Bytes of the shards, manifest.json and pack.json of a sealed pack. \param shards PackSettings::shards
//! \throws RuntimeError of a file that cannot be opened
std::uint64_t pack_bytes(core::FileSystem& files, const fs::path& pack_folder, int shards);

//! Rows to look at, ascending: spread evenly over the identities, an image of each before a second one of any, and over
//! an identity's images; distractors come after all others. \param samples at most size() are chosen \throws
//! RuntimeError (kInput) for fewer than 1
std::vector<std::size_t> choose_samples(const PackReader& pack, int samples);

}  // namespace resolute::datasets
