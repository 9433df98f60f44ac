#pragma once
//! \file
//! Looks for parts of a text, by regular expressions or as they are. The standard library's expressions are compiled
//! here once: each file that used them by itself took two seconds longer.

#include <cstddef>
#include <string>
#include <vector>

namespace resolute::tests {

//! Each place of `text` that `pattern` (ECMAScript's) matches, in their order: the whole place, then the groups.
std::vector<std::vector<std::string>> matches(const std::string& text, const std::string& pattern);

//! The number of places where `part`, which is not empty, stands in `text`.
std::size_t count_of(const std::string& text, const std::string& part);

}  // namespace resolute::tests
