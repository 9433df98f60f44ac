#pragma once
//! \file
//! The places of arrays in an HDF5 file: planned before it is written, learnt once when it is opened. All arrays are
//! contiguous and allocated, so that their bytes are read and written at plain file offsets
//! (docs/inside/formats/pack.md). Thread-safe; HDF5 itself runs behind one lock.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "settings/choice.h"

namespace resolute::datasets::hdf5 {

enum class ElementType { kUint8, kUint32, kUint64, kInt32, kInt64, kFloat32 };
constexpr auto words_of(ElementType) {
  return settings::words("uint8", "uint32", "uint64", "int32", "int64", "float32");
}

std::size_t element_size(ElementType type);

struct ArrayLayout {
  std::string name;  //!< "data" or "group/data"
  ElementType type = ElementType::kUint8;
  std::vector<std::uint64_t> shape;  //!< outermost first, at least one dimension
  bool operator==(const ArrayLayout&) const = default;
  //! Bytes of the whole array. \throws RuntimeError (kInput) if that is 2^62 or more
  std::uint64_t bytes() const;
};

struct PlacedArray {
  ArrayLayout layout;
  std::uint64_t offset = 0;  //!< of the first byte, from the start of the file; 0 for an array without elements
};

//! A file before its arrays are filled in.
struct FileImage {
  struct Piece {
    std::uint64_t offset;
    core::Bytes bytes;
  };
  std::vector<Piece> metadata;      //!< what HDF5 wrote, ascending; write it first: arrays may begin inside a piece
  std::vector<PlacedArray> arrays;  //!< in the order they were asked for
  std::uint64_t size = 0;           //!< of the finished file, bytes
};

//! Lays out a file with these arrays. The same list always gives the same bytes: no times, fixed format versions,
//! arrays of 4096 bytes and more at multiples of 4096.
FileImage lay_out(std::span<const ArrayLayout> arrays);

//! The arrays of a file on disk that lay_out() planned, sorted by name. Read without HDF5, which trusts metadata whose
//! checksums are right; whatever the writer never writes is refused (chunks, compression, other element types, links
//! other than hard ones), as are arrays beyond the end of the file and more than 4096 entries or 8 levels (kCorrupt).
//! \param advice what to do about a damaged file \throws besides these system_error() with the path
std::vector<PlacedArray> read_layout(const std::filesystem::path& path, std::string_view advice = {});

//! Version of the HDF5 library in use, e.g. "1.10.8": part of what decides a shard's bytes.
std::string library_version();

}  // namespace resolute::datasets::hdf5
