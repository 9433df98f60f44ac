#pragma once
//! \file
//! Everything in a store that takes disk and may be needed by nothing some day.

#include <functional>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"
#include "operations/space/unneeded.h"

namespace resolute::operations {

//! Jobs, packs, raw images, bundles, checkpoints of jobs that have their result, and scratch. Not weights, which have
//! names of their own, nor what suites' folders hold. An item that cannot be looked at is held. \param planned names
//! whose needs are known to be needed (planned_of()): their items' StoredItem::needs stay empty \throws RuntimeError of
//! the store
std::vector<StoredItem> read_contents(core::FileSystem& files, const experiments::StoreLayout& store,
                                      const Names& planned);

//! Looks again at what may have changed: bytes, touched, held. \param looked called at each file and folder of the
//! item, of which there may be many
void look_again(core::FileSystem& files, const experiments::StoreLayout& store, StoredItem& item,
                const std::function<void()>& looked = {});

//! When the file or folder itself was last changed, by the clock of its file system. \throws RuntimeError as a file
//! system does
orchestrator::Instant changed_at(const std::filesystem::path& path);

}  // namespace resolute::operations
