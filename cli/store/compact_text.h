#pragma once
//! \file
//! Shared by `suite compact` and `store compact`: options, progress and words.

#include <functional>
#include <optional>
#include <string>

#include "cli/command.h"
#include "operations/space/compact.h"

namespace resolute::cli {

//! --undo and --dry-run. \param whose "the suite", "the store"
void add_compact_options(options::options_description& visible, const std::string& whose);

//! Packs, or with --undo unpacks, and prints what was done.
void print_compaction(
    const options::variables_map& values, bool json,
    const std::function<operations::CompactReport(bool undo, const operations::CompactOptions& options)>& work);

//! operations::unpack(), once nothing that a collection has taken is undecided.
operations::CompactReport unpack_bundles(core::FileSystem& files, const experiments::StoreLayout& store,
                                         const std::optional<std::string>& suite,
                                         const operations::CompactOptions& options);

}  // namespace resolute::cli
