#pragma once
//! \file
//! A training's method among the members of its JSON: "method", "method_revision" and "options". For
//! experiments/specification/specification_json.cpp, and for tests whose cases name options.

#include "core/files/json.h"
#include "experiments/specification/specification.h"

namespace resolute::experiments {

//! The three members; every option stands there.
std::vector<core::CanonicalText::Member> method_members(const MethodOptions& method);

//! The inverse, strict; values out of range are refused later. \throws RuntimeError (kInput): an unknown method,
//! another revision, unknown or missing options, wrong types
MethodOptions read_method(core::ObjectReader& object);

}  // namespace resolute::experiments
