#pragma once
//! \file
//! Two values of a plain struct are equal if all their members are. Only tests ask that of most structs, so the parts
//! leave it to them.

#include <tuple>
#include <type_traits>

#include "core/members.h"
#include "orchestrator/decisions/state.h"

#define RESOLUTE_EQUAL_MEMBERS                                                                            \
  template <class T>                                                                                      \
  requires std::is_aggregate_v<T>                                                                         \
  bool operator==(const T& left, const T& right) {                                                        \
    return resolute::core::visit_members(left, [&](const auto&... of_left) {                              \
      return resolute::core::visit_members(                                                               \
          right, [&](const auto&... of_right) { return std::tie(of_left...) == std::tie(of_right...); }); \
    });                                                                                                   \
  }

// Where argument-dependent lookup finds the operator: in the namespaces of the structs.
namespace resolute::orchestrator {
RESOLUTE_EQUAL_MEMBERS
inline bool operator==(const State& left, const State& right) {
  return static_cast<const Facts&>(left) == static_cast<const Facts&>(right) &&
         static_cast<const Indexes&>(left) == static_cast<const Indexes&>(right) && left.shared == right.shared;
}
}  // namespace resolute::orchestrator
namespace resolute::results {
RESOLUTE_EQUAL_MEMBERS
}
namespace resolute::slurm {
RESOLUTE_EQUAL_MEMBERS
}

#undef RESOLUTE_EQUAL_MEMBERS
