#pragma once
//! \file
//! The arrays of one shard (docs/inside/formats/pack.md), declared once for the writer and the reader.

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/hdf5/layout.h"
#include "datasets/pack/options.h"

namespace resolute::datasets {

//! The schema of a shard: 1 where that can tell it, so that packs made then keep their bytes; 2 adds the data sets
//! `source_rate` and `test_sets`, or is that of an option (settings/pack.h) which schema 1 lacks.
int shard_schema(const PackSettings& options, bool tell_origin);

//! A shard's account of itself, as JSON in its data set `header`.
struct ShardHeader {
  PackSettings options;
  int shard = 0;
  std::uint64_t first_row = 0;
  std::uint64_t rows = 0;
  std::uint64_t total_rows = 0;
  std::string listing_sha256;
  std::string decoder;       //!< decoder_versions() of the writer
  std::string hdf5;          //!< library_version() of the writer
  bool tell_origin = false;  //!< some image of the listing, whatever the shard, has a rate other than 1 or test sets
};

//! True if its shards have the data set `truncated`.
bool tells_truncated(const PackSettings& options);

std::string header_text(const ShardHeader& header);
//! \throws RuntimeError (kCorrupt) opening with `where`
ShardHeader header_from_text(std::string_view text, const std::string& where);

//! The data sets of a shard in file order. Those of one row per image have the CRC-32C values of their rows at
//! crc_name(); `lr_view` has rows of its own lengths and one CRC per image, N × rates of them. \param path_bytes length
//! of the longest path \param view_bytes of all LR views together \param header_bytes of the text
std::vector<hdf5::ArrayLayout> shard_layout(const ShardHeader& header, std::uint64_t path_bytes,
                                            std::uint64_t view_bytes, std::uint64_t header_bytes);

//! The data sets of images: hr, lr_R by ascending rate, and lr_view where there are rates.
std::vector<std::string> image_array_names(const PackSettings& options);
//! "lr_3"
std::string lr_name(int rate);
//! "crc32c/" + name
std::string crc_name(const std::string& name);

}  // namespace resolute::datasets
