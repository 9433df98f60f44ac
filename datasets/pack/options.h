#pragma once
//! \file
//! The settings as a pack states them, and facts that follow from them.

#include <string>
#include <vector>

#include "core/files/json.h"
#include "settings/pack.h"

namespace resolute::datasets {

using settings::PackSettings;
using settings::shard_file_name;
using settings::ViewFrom;

//! The settings as they stand in pack.json and in each shard's header (docs/inside/formats/pack.md), and back: strict,
//! kInput, opening with `where`.
core::Json options_json(const PackSettings& settings);
PackSettings options_from_json(const core::Json& json, const std::string& where);

//! The schema of a file of a pack, by core::read_schema().
int read_pack_schema(core::ObjectReader& object, std::string_view kind);

//! The rates whose images are stored: all but 1.
std::vector<int> stored_rates(const PackSettings& settings);

//! Which rows of `total` shard `shard` of `shards` holds: [total·shard/shards, total·(shard+1)/shards).
struct RowRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};
RowRange shard_rows(std::size_t total, int shard, int shards);

}  // namespace resolute::datasets
