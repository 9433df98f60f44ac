#pragma once
//! \file
//! Internal to datasets/hdf5: what a file from outside says about itself, read defensively.

#include <filesystem>
#include <string>
#include <vector>

#include "datasets/hdf5/layout.h"
#include "datasets/hdf5/library.h"

namespace resolute::datasets::hdf5 {

//! Opens read-only. A missing file, a folder, or one that is not HDF5 says so plainly (kInput; kind of `context`
//! otherwise).
Handle open_for_reading(const std::filesystem::path& path, const Context& context);

//! Opens a group or data set through a hard link: soft and external links may lead into files that nobody named.
//! \param full the name from the root, for the message
Handle open_child(hid_t group, const std::string& name, const std::string& full, const Context& context);

//! Kinds of elements, whatever their width and byte order.
enum class NumberKind { kNone, kFloat, kSigned, kUnsigned };

struct ArrayFacts {
  NumberKind number = NumberKind::kNone;  //!< kNone also for widths and layouts that no program writes
  std::size_t element_bytes = 0;
  std::string type_words;            //!< for messages: "float64", "a string", …
  std::vector<std::uint64_t> shape;  //!< empty for a scalar
  H5D_layout_t layout = H5D_CONTIGUOUS;
  bool external = false;         //!< its bytes lie in other files
  std::uint64_t stored = 0;      //!< bytes allocated in the file
  bool lacks_chunks = false;     //!< some were never written
  std::string missing_filter{};  //!< that its chunks may be packed by; empty: all are there
};

ArrayFacts inspect_array(hid_t data, const Context& context);

}  // namespace resolute::datasets::hdf5
