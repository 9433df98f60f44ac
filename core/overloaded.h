#pragma once
//! \file
//! One function object out of several lambdas, to visit a std::variant case by case: a new alternative that no lambda
//! takes fails to compile.

namespace resolute::core {

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
// clang 14 does not deduce aggregates by itself.
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

}  // namespace resolute::core
