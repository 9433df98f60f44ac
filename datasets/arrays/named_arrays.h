#pragma once
//! \file
//! Named arrays of numbers in a file of any program: HDF5, NumPy, MATLAB (docs/inside/formats/features.md).

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "datasets/hdf5/array_file.h"

namespace resolute::datasets {

class FloatRows;

//! All errors are kInput, or kCorrupt of a damaged `.npz`, and name file and array: missing, other elements or another
//! rank than asked for, larger than the file can hold. Not thread-safe.
class NamedArrays {
 public:
  virtual ~NamedArrays() = default;
  virtual bool has(const std::string& name) const = 0;
  //! Floats of 16, 32 or 64 bits, the last by to_float32(). \param rank number of dimensions it must have
  virtual NamedArray<float> read_float32(const std::string& name, std::size_t rank) const = 0;
  //! The same of two dimensions, row by row. Lives no longer than this.
  virtual std::unique_ptr<FloatRows> float32_rows(const std::string& name) const;
  //! Exactly, of the same three.
  virtual NamedArray<double> read_float64(const std::string& name, std::size_t rank) const = 0;
  virtual bool is_float64(const std::string& name) const = 0;
  //! Integers of at most 64 bits, of 32 without a sign; floats that are whole numbers, MATLAB's usual type.
  virtual NamedArray<std::int64_t> read_int64(const std::string& name, std::size_t rank) const = 0;
};

//! A matrix of which some rows are in memory at a time, where its file allows that: HDF5. Other files have all of them
//! there.
class FloatRows {
 public:
  virtual ~FloatRows() = default;
  virtual std::uint64_t rows() const = 0;
  virtual std::uint64_t width() const = 0;
  //! Rows first to first + count - 1, row-major; valid until the next call but one.
  virtual std::span<const float> read(std::uint64_t first, std::uint64_t count) = 0;
};

//! A folder of NAME.npy, or a file of HDF5, NumPy's `.npz` or MATLAB, whatever its ending. An array of one row or one
//! column is a list where a list is asked for. \throws RuntimeError (kInput; kCorrupt of a `.npz`) for a missing file
//! or one of another kind
std::unique_ptr<NamedArrays> open_named_arrays(const std::filesystem::path& path);

}  // namespace resolute::datasets
