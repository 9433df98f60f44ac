#pragma once
//! \file
//! Where tests find the sources and what was built.

#include <filesystem>

namespace resolute::tests {

//! The checkout: golden files and pages are read from it.
std::filesystem::path source_folder();
//! The build folder: programs lie in its bin/.
std::filesystem::path binary_folder();

}  // namespace resolute::tests
