#pragma once
//! \file
//! What decides the bytes of a pack, given the raw images. Plain: cli and workers fill it from a specification.

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "datasets/image/resample.h"

namespace resolute::datasets {

//! What the LR image of a camera (`lr_view`) is shrunk from: the raw image, or the one already at network size.
//! Public code does both (protocols, "How an LR image is made").
enum class ViewFrom { kNative, kNetwork };
//! "native", "network" and back. \throws RuntimeError (kInput) for another name
std::string_view view_from_name(ViewFrom from);
ViewFrom view_from_from_name(std::string_view name);

struct PackOptions {
  std::string name;                    //!< the data set's name: 1 to 64 of a-z, 0-9 and '-', not starting with '-'
  std::string source;                  //!< which ingester listed the images
  std::vector<int> rates = {2, 3, 4};  //!< ascending, each 1 to kMaxRate; rate 1 needs nothing stored: it is `hr`
  Kernel kernel = Kernel::kTriangle;   //!< down-sampling of LR images; HR images are resized with the triangle
  int height = 256;                    //!< network size, pixels
  int width = 128;
  int shards = 1;
  core::Json settings = core::Json::object();  //!< verbatim into pack.json and every shard
  ViewFrom view_from = ViewFrom::kNative;
};

//! \throws RuntimeError (kInput): a name that is no plain one (callers make folders of it), rates not ascending or
//! outside 1..kMaxRate, a side outside 1..4096, shards outside 1..99999, settings that are not an object
void validate(const PackOptions& options);

//! The options as they stand in pack.json and in each shard's header, and back (strict, kInput, opening with `where`).
core::Json to_json(const PackOptions& options);
PackOptions pack_options_from_json(const core::Json& json, const std::string& where);

//! The rates whose images are stored: all but 1.
std::vector<int> stored_rates(const PackOptions& options);

//! "shard-00007.h5"
std::string shard_file_name(int shard);

//! Which rows of `total` shard `shard` of `shards` holds: [total·shard/shards, total·(shard+1)/shards).
struct RowRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};
RowRange shard_rows(std::size_t total, int shard, int shards);

}  // namespace resolute::datasets
