#pragma once
//! \file
//! The coordinator's calls of the store that are made one at a time.

#include <set>

namespace resolute::orchestrator {

//! Named like the members of RunStore.
enum class StoreCall { kSync, kProbe, kRenewOwner, kWriteLive, kRequireNoSuccessor, kReadRequests };

//! Those that are under way.
class StoreCalls {
 public:
  //! \return false if the call is under way already: it must not be made again then
  bool begin(StoreCall call) { return under_way_.insert(call).second; }
  void end(StoreCall call) { under_way_.erase(call); }
  bool has(StoreCall call) const { return under_way_.contains(call); }

 private:
  std::set<StoreCall> under_way_;
};

}  // namespace resolute::orchestrator
