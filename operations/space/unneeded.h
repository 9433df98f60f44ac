#pragma once
//! \file
//! The decision of a collection: which of the things that take disk nothing needs. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "operations/space/needs.h"
#include "orchestrator/messages/event.h"
#include "settings/choice.h"

namespace resolute::operations {

//! kCheckpoints: of finished jobs. kScratch: what processes were writing, or working in, when they died.
enum class ItemKind { kJobs, kPacks, kRaw, kBundles, kCheckpoints, kScratch };
constexpr auto words_of(ItemKind) {
  return settings::words("jobs", "packs", "raw", "bundles", "checkpoints", "scratch");
}

//! A file or folder that stays or goes as a whole.
struct StoredItem {
  ItemKind kind{};
  std::string path;  //!< below the store
  Names names{};     //!< it stays where one of them is needed; empty: nothing can need it
  //! The names that have to stay with it: a job's own, and those that its result stands on. Nothing: they are not
  //! known, so everything that has a name has to stay.
  std::optional<Names> needs = Names();
  std::uint64_t bytes = 0;
  orchestrator::Instant touched{};  //!< the last change of anything in it
  bool held = false;  //!< it stays: by a run's claim, or because it cannot be looked at or is not asked for
};

//! The items that may go, sorted by path; of items that lie in one another the outer one. An item stays if it is held,
//! was touched after `untouched_since`, or has a name that is needed; what stays needs what it stands on. So no result
//! loses what it was made from. \param needed what suites need
std::vector<StoredItem> what_nothing_needs(Names needed, const std::vector<StoredItem>& items,
                                           orchestrator::Instant untouched_since);

}  // namespace resolute::operations
