#pragma once
//! \file
//! Regular expressions for tests. The standard library's are compiled here once: each file that used them by itself
//! took two seconds longer.

#include <string>
#include <vector>

namespace resolute::tests {

//! Each place of `text` that `pattern` (ECMAScript's) matches, in their order: the whole place, then the groups.
std::vector<std::vector<std::string>> matches(const std::string& text, const std::string& pattern);

}  // namespace resolute::tests
