#pragma once
//! \file
//! .mat files as MATLAB 7.3 writes them, of cell arrays, images and matrices: stand-ins for data sets that come so
//! (sources/cuhk03.h). Read by mat_file.h; extents are HDF5's, the reverse of MATLAB's.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "datasets/image/image.h"

namespace resolute::datasets::hdf5 {

//! Builds a file in memory: first what cells hold, then cell arrays of it, then variables. The same calls give the same
//! bytes with the same HDF5 and zlib. Not thread-safe, but several writers may be at work.
class MatWriter {
 public:
  //! What a cell array refers to.
  using Cell = std::uint64_t;

  MatWriter();
  ~MatWriter();
  MatWriter(const MatWriter&) = delete;
  MatWriter& operator=(const MatWriter&) = delete;

  //! 3 planes x width x height of uint8; from 4096 bytes on in one compressed chunk, as MATLAB does with what is large.
  Cell add_image(const Image& image);
  //! \param values as many as the extents' product, the last extent's following one another
  Cell add_matrix(std::uint64_t rows, std::uint64_t columns, const std::vector<double>& values);
  Cell add_cells(std::uint64_t rows, std::uint64_t columns, const std::vector<Cell>& cells);
  //! MATLAB's [], one for all that refer to it.
  Cell empty_cell();
  //! A cell array of 1 x cells as HDF5 has it: a column, in MATLAB.
  void add_variable(const std::string& name, const std::vector<Cell>& cells);
  //! The whole file; nothing may be added afterwards.
  core::Bytes finish();

 private:
  struct File;
  std::unique_ptr<File> file_;
};

}  // namespace resolute::datasets::hdf5
