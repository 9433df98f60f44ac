#pragma once
//! \file
//! Internal to datasets/hdf5: a file driver that keeps what HDF5 writes in memory, page by page, however large the file
//! says it is. HDF5 lays a file out here and writes only its own metadata; rows then go to disk through
//! core::FileSystem, so every byte that reaches the disk passes one injectable interface, and a full disk never meets a
//! half-closed HDF5 file.

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

#include "datasets/hdf5/library.h"

namespace resolute::datasets::hdf5 {

//! Sparse contents of one file: pages that were written, the others read as zeros.
struct MemoryFile {
  static constexpr std::uint64_t kPage = 4096;
  std::map<std::uint64_t, std::array<std::byte, kPage>> pages;  //!< by page number
  std::uint64_t size = 0;                                       //!< end of the allocated address space
};

//! Makes `access` open `file` instead of one on disk. `file` must outlive what is opened through the list.
void use_memory_file(const Handle& access, MemoryFile& file, const Context& context);

}  // namespace resolute::datasets::hdf5
