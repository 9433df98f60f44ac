#pragma once
//! \file
//! Small HDF5 files of named arrays, as `features.h5` (docs/inside/formats/features.md). The writer's bytes depend on
//! the arrays alone; the reader trusts nothing.

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "datasets/hdf5/layout.h"

namespace resolute::datasets {

//! Collects arrays, then writes them as one file, whole or not at all.
//!
//!     ArrayFileWriter writer;
//!     writer.add("query/features", {n, d}, features);
//!     std::string sha256 = writer.write(files, path);
class ArrayFileWriter {
 public:
  //! \param name "data" or "group/data", not used twice; \param shape its product is values.size(); zero is allowed
  //! \param values must stay alive until write()
  void add(const std::string& name, std::vector<std::uint64_t> shape, std::span<const float> values);
  void add(const std::string& name, std::vector<std::uint64_t> shape, std::span<const std::int64_t> values);
  //! Texts of different lengths: bytes, each row filled up with zeros, as a pack's `path`.
  void add(const std::string& name, std::vector<std::uint64_t> shape, std::span<const std::uint8_t> values);
  //! Temporary name, fsync, rename. \return SHA-256 of the file, 64 hexadecimal digits
  //! \throws RuntimeError as the file system does; nothing half written stays
  std::string write(core::FileSystem& files, const std::filesystem::path& path) const;

 private:
  void add(const std::string& name, hdf5::ElementType type, std::vector<std::uint64_t> shape,
           std::span<const std::byte> bytes);

  std::vector<hdf5::ArrayLayout> layouts_;
  std::vector<std::span<const std::byte>> bytes_;
};

//! Types that are read as floats and as integers; for messages.
inline constexpr const char* kFloatsRead = "float32, float64 or float16";
inline constexpr const char* kIntegersRead = "an integer of at most 64 bits, of 32 without a sign,";
//! Times that an array may be larger than its stored bytes: deflate, the densest compression in use, reaches 1032.
inline constexpr std::uint64_t kMaxCompression = 1100;

//! Programs write a list as one row, as one column or as neither. \param rank that is asked for
inline void flatten_list(std::vector<std::uint64_t>& shape, std::size_t rank) {
  if (rank == 1 && shape.size() == 2 && (shape[0] == 1 || shape[1] == 1)) shape = {shape[0] * shape[1]};
}

//! The integer that a stored float stands for alone: a whole number below 2^11 of a float16, 2^24 of a float32, 2^53 of
//! a float64. \param refusal makes the error of a problem and why
template <class Refusal>
std::int64_t to_integer(double value, std::size_t stored_bytes, std::uint64_t place, const Refusal& refusal) {
  const double limit = stored_bytes == 2 ? 0x1p11 : stored_bytes == 4 ? 0x1p24 : 0x1p53;
  if (!(std::abs(value) < limit) || value != std::floor(value))
    throw refusal(fmt::format("has {} at {}", value, place),
                  fmt::format("whole numbers are needed, float{} those below {}", stored_bytes * 8, limit));
  return static_cast<std::int64_t>(value);
}

//! A stored float64 rounded to the nearest float32. Refused: one that becomes 0, and so ties with others, or infinite.
//! \param shape of the array \param refusal makes the error of a problem and why
template <class Refusal>
float to_float32(double value, std::uint64_t place, const std::vector<std::uint64_t>& shape, const Refusal& refusal) {
  const auto rounded = static_cast<float>(value);
  if ((rounded == 0) != (value == 0) || std::isinf(rounded) != std::isinf(value)) {
    const std::uint64_t width = shape.size() < 2 ? 1 : shape.back();
    throw refusal(fmt::format("has {} in row {}, column {}", value, place / width, place % width),
                  fmt::format("as float32 it is {}", rounded));
  }
  return rounded;
}

template <class T>
struct NamedArray {
  std::vector<std::uint64_t> shape;
  std::vector<T> values;  //!< row-major
};

//! Reads files of any origin (h5py, MATLAB, ours): chunked and compressed arrays, of any byte order and width. All
//! errors are kInput, naming file and data set: missing, another kind of elements or rank (flatten_list()), larger than
//! its stored bytes can hold, links, external storage. Thread-safe (one lock round HDF5).
class ArrayFileReader {
 public:
  //! \throws RuntimeError (kInput) for a missing file or one that is not HDF5
  explicit ArrayFileReader(std::filesystem::path path);
  ~ArrayFileReader();
  ArrayFileReader(const ArrayFileReader&) = delete;
  ArrayFileReader& operator=(const ArrayFileReader&) = delete;
  ArrayFileReader(ArrayFileReader&&) noexcept;
  ArrayFileReader& operator=(ArrayFileReader&&) noexcept;

  //! Names of all that its root has, sorted.
  std::vector<std::string> names() const;
  //! True if a data set stands there.
  bool has(const std::string& name) const;
  //! Extents of an array of floats of two dimensions that read_float32() would read.
  std::vector<std::uint64_t> shape_of_floats(const std::string& name) const;
  //! Elements: float16, float32 or float64, the last by to_float32(). \param rank number of dimensions that it must
  //! have
  NamedArray<float> read_float32(const std::string& name, std::size_t rank) const;
  //! Rows first, first + 1, … of such an array of two dimensions. \param to whole rows \pre they are there
  void read_float32_rows(const std::string& name, std::uint64_t first, std::span<float> to) const;
  //! Exactly, of the same three.
  NamedArray<double> read_float64(const std::string& name, std::size_t rank) const;
  bool is_float64(const std::string& name) const;
  //! Elements: any integers of at most 64 bits, of 32 without a sign; floats by to_integer().
  NamedArray<std::int64_t> read_int64(const std::string& name, std::size_t rank) const;

 private:
  struct Open;
  std::filesystem::path path_;
  std::unique_ptr<Open> open_;
};

}  // namespace resolute::datasets
