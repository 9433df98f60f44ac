#pragma once
//! \file
//! Shared by `suite compact` and `store compact`: options, progress and words.

#include <functional>
#include <optional>
#include <string>

#include "cli/command.h"
#include "orchestrator/space/compact.h"

namespace resolute::cli {

//! --undo and --dry-run. \param whose "the suite", "the store"
void add_compact_options(options::options_description& visible, const std::string& whose);

//! Packs, or with --undo unpacks, and prints what was done.
void print_compaction(
    const options::variables_map& values, bool json,
    const std::function<orchestrator::CompactReport(bool undo, const orchestrator::CompactOptions& options)>& work);

//! orchestrator::unpack(), once nothing that a collection has taken is undecided.
orchestrator::CompactReport unpack_bundles(core::FileSystem& files, const experiments::StoreLayout& store,
                                           const std::optional<std::string>& suite,
                                           const orchestrator::CompactOptions& options);

}  // namespace resolute::cli
