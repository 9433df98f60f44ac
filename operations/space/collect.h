#pragma once
//! \file
//! `resolute store gc`: finds what nothing in a store needs, and removes it beside runs. docs/inside/store.md has the
//! argument why a kill at any moment and a run that begins at any moment lose nothing.

#include <chrono>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"
#include "operations/space/unneeded.h"

namespace resolute::operations {

struct CollectOptions {
  bool remove = false;  //!< else nothing is changed
  //! Things touched since then stay; scratch stays for an hour in any case, as it may be being written.
  std::chrono::seconds untouched{60 * 60};
  std::set<ItemKind> only{};  //!< kinds that may go; empty: all
  //! Called while things are removed.
  std::function<void(std::size_t done, std::size_t all)> progress{};
};

struct CollectReport {
  std::vector<StoredItem> items{};  //!< removed, or that would be; by path
  std::uint64_t trash_bytes = 0;  //!< of what earlier collections had decided and not removed: removed too, or would be
  std::int64_t put_back = 0;      //!< items that came to be needed meanwhile: by a suite, or by what could not be moved
  std::int64_t young = 0;         //!< items that stay for no other reason than CollectOptions::untouched
  std::int64_t kept = 0;          //!< items that could not be moved or not be removed
  std::string kept_why{};         //!< of the first of them; empty where no call has failed
  std::vector<std::string>
      unknown{};  //!< jobs that stay and whose needs cannot be read, so that all jobs and packs stay
};

//! \throws RuntimeError as read_needs(); kTransient if another collection is at work, or this one stood still and a run
//! has put everything back; of the store. Then nothing is lost
CollectReport collect(core::FileSystem& files, const core::Clock& clock, const experiments::StoreLayout& store,
                      const CollectOptions& options);

}  // namespace resolute::operations
