#pragma once
//! \file
//! The one rule for what may stand as an image's path in a manifest or a split: those are files that others publish, so
//! whatever a path says, it leads to nothing outside of the data set's folder.

#include <string_view>

namespace resolute::datasets {

//! Why `path` cannot be a sample's, in words to show behind its name; empty where it can: relative, '/' between parts
//! of which none is empty, "." or "..", no backslash, no control character, at most 4096 bytes.
std::string_view path_problem(std::string_view path);

}  // namespace resolute::datasets
