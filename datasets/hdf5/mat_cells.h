#pragma once
//! \file
//! Cell arrays of MATLAB's .mat files, version 7.3, which are HDF5 files: read in this process, where a damaged file
//! can bring the HDF5 library down. Only the program resolute-mat calls this; all others go through mat_file.h.
//!
//! A variable is a cell array (a column or row) of cell arrays or of matrices; MATLAB stores each cell as an object of
//! its own and in the array a reference to it. MATLAB counts along columns, HDF5 along rows: extents appear in HDF5's
//! order, the reverse of MATLAB's, here as in h5py.

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "datasets/hdf5/library.h"
#include "datasets/hdf5/mat_values.h"

namespace resolute::datasets::hdf5 {

//! All members throw RuntimeError: kInput where the file is not as described, other kinds where the system fails. The
//! message says what is wrong, not of which file. Refused: soft and external links, references to regions or to
//! nothing, data in other files, filters other than deflate, shuffle and Fletcher's checksum, more than the limits of
//! mat_values.h, arrays that are larger than their stored bytes can tell. Not thread-safe.
class MatCells {
 public:
  explicit MatCells(const std::filesystem::path& path);

  //! Extents of each cell array in the variable.
  std::vector<CellTable> tables(const std::string& variable);
  //! Sizes of the images in `count` cells of a table, from cell `first` in HDF5's order; an empty cell is 0 × 0.
  std::vector<CellSize> sizes(const std::string& variable, std::uint32_t table, std::uint32_t first,
                              std::uint32_t count);
  //! One cell's image. \throws RuntimeError (kInput) for an empty cell too
  CellImage image(const std::string& variable, std::uint32_t table, std::uint32_t cell);
  //! The variable's matrices of doubles.
  std::vector<CellMatrix> matrices(const std::string& variable);

 private:
  struct Table {
    CellTable extents;
    std::vector<hobj_ref_t> cells;
  };
  const std::vector<Table>& load(const std::string& variable);
  const hobj_ref_t& cell(const std::string& variable, std::uint32_t table, std::uint32_t cell);

  Handle file_;
  std::uint64_t file_size_ = 0;
  std::map<std::string, std::vector<Table>> loaded_;
};

}  // namespace resolute::datasets::hdf5
