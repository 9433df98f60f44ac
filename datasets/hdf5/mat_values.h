#pragma once
//! \file
//! What is read from cell arrays of a .mat file, its limits, and how requests and answers travel between a process and
//! its resolute-mat (mat_file.h). Little-endian, both ends the same build; the answers' reader trusts nothing, since
//! the one who answers has read a file from outside.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "datasets/image/image.h"

namespace resolute::datasets::hdf5 {

inline constexpr std::uint32_t kMaxCellTables = 1024;      //!< cell arrays or matrices of a variable
inline constexpr std::uint32_t kMaxCells = 100'000;        //!< of all of a variable's cell arrays
inline constexpr std::uint32_t kMaxCellDoubles = 1 << 20;  //!< of all of a variable's matrices
inline constexpr std::uint32_t kMaxCellsAtOnce = 4096;     //!< that sizes() is asked for

//! Extents of a cell array as HDF5 has them: `columns` cells follow one another.
struct CellTable {
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::uint32_t cells() const { return rows * columns; }
  bool operator==(const CellTable&) const = default;
};

//! Of an image, pixels; both 0 for an empty cell.
struct CellSize {
  std::uint32_t height = 0;
  std::uint32_t width = 0;
  bool operator==(const CellSize&) const = default;
};

//! An image as MATLAB stores it: 3 planes (red, green, blue) × width × height.
struct CellImage {
  CellSize size;
  core::Bytes planes;
  bool operator==(const CellImage&) const = default;
};

//! rows × columns as HDF5 has them, `columns` values following one another.
struct CellMatrix {
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::vector<double> values;
  bool operator==(const CellMatrix&) const = default;
};

//! 1 to kMaxImageSide a side and at most kMaxImagePixels.
bool possible_image(std::uint64_t height, std::uint64_t width);

//! What resolute-mat is asked for: a member function of MatCells (mat_cells.h) and its arguments.
struct MatRequest {
  enum class What : std::uint8_t { kTables, kSizes, kImage, kMatrices };
  What what = What::kTables;
  std::string file;  //!< absolute; another one than before is opened in its place
  std::string variable;
  std::uint32_t table = 0;
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  bool operator==(const MatRequest&) const = default;
};

core::Bytes encode(const MatRequest& request);
core::Bytes encode(const std::vector<CellTable>& tables);
core::Bytes encode(const std::vector<CellSize>& sizes);
core::Bytes encode(const CellImage& image);
core::Bytes encode(const std::vector<CellMatrix>& matrices);

//! Each throws RuntimeError (kCorrupt) for bytes that encode() does not make or values beyond the limits above.
MatRequest decode_request(std::span<const std::byte> bytes);
std::vector<CellTable> decode_tables(std::span<const std::byte> bytes);
//! \param count how many there must be
std::vector<CellSize> decode_sizes(std::span<const std::byte> bytes, std::uint32_t count);
CellImage decode_cell_image(std::span<const std::byte> bytes);
std::vector<CellMatrix> decode_matrices(std::span<const std::byte> bytes);

//! Before an answer's bytes: its kind and their number.
struct AnswerHeader {
  static constexpr std::uint8_t kDone = 0xd0;     //!< the bytes are what was asked for
  static constexpr std::uint8_t kRefused = 0xe0;  //!< plus the error's kind; the bytes are its message
  std::uint8_t status = kDone;
  std::uint64_t bytes = 0;
};
inline constexpr std::size_t kAnswerHeaderBytes = 9;
inline constexpr std::uint64_t kMaxRefusalBytes = 4096;
//! Over this no answer of its kind can be.
std::uint64_t max_answer_bytes(const MatRequest& request);

}  // namespace resolute::datasets::hdf5
