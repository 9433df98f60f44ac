#pragma once
//! \file
//! Internal to datasets/arrays: MATLAB's `.mat`, versions 4, 5 (SciPy's) and 7.3.

#include "datasets/arrays/named_arrays.h"

namespace resolute::datasets {

//! 7 of version 7.3, which is HDF5 with a head of MATLAB's, and 5; 4 of older ones and of all other files.
int mat_version(core::ReadableFile& file);

//! \throws RuntimeError (kInput) for what is no such file
std::unique_ptr<NamedArrays> open_mat(const std::filesystem::path& path);

}  // namespace resolute::datasets
