#pragma once
//! \file
//! Named arrays of numbers in a file of any program: HDF5, NumPy, MATLAB (docs/formats/features.md).

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "datasets/hdf5/array_file.h"

namespace resolute::datasets {

//! All errors are kInput and name file and array: missing, other elements or another rank than asked for, larger than
//! the file can hold. Not thread-safe.
class NamedArrays {
 public:
  virtual ~NamedArrays() = default;
  virtual bool has(const std::string& name) const = 0;
  //! Of floats of 16, 32 or 64 bits, the last rounded to the nearest. \param rank number of dimensions it must have
  virtual NamedArray<float> read_float32(const std::string& name, std::size_t rank) const = 0;
  //! Exactly, of the same three.
  virtual NamedArray<double> read_float64(const std::string& name, std::size_t rank) const = 0;
  virtual bool is_float64(const std::string& name) const = 0;
  //! Of integers of at most 64 bits, of 32 without a sign; outside HDF5 also of floats that are whole numbers, MATLAB's
  //! usual type.
  virtual NamedArray<std::int64_t> read_int64(const std::string& name, std::size_t rank) const = 0;
};

//! A folder of NAME.npy, or by its ending a `.npz` or `.mat`; anything else is taken for HDF5. Outside HDF5 an array of
//! one row or one column is a list where a list is asked for: programs differ in which they write.
//! \throws RuntimeError (kInput) for a missing file or one of another kind
std::unique_ptr<NamedArrays> open_named_arrays(const std::filesystem::path& path);

}  // namespace resolute::datasets
