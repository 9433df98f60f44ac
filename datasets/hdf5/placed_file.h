#pragma once
//! \file
//! A laid-out HDF5 file on its way to the disk: written under a temporary name in any order, then published whole.

#include <filesystem>
#include <memory>
#include <span>

#include "core/files/file_system.h"
#include "datasets/hdf5/layout.h"

namespace resolute::datasets::hdf5 {

class PlacedFile {
 public:
  //! Opens a temporary file beside `path` (folders are created) and writes what HDF5 laid out.
  //! \param image must outlive this object
  PlacedFile(core::FileSystem& files, std::filesystem::path path, const FileImage& image);
  //! Removes the temporary file unless published.
  ~PlacedFile();
  PlacedFile(const PlacedFile&) = delete;
  PlacedFile& operator=(const PlacedFile&) = delete;
  //! Writes `bytes` into array number `array` of the image, from its byte `at`.
  //! \throws ContractError beyond the array's end
  void write(std::size_t array, std::uint64_t at, std::span<const std::byte> bytes);
  //! fsync, rename to the final name, fsync of the folder.
  void publish();

 private:
  void remove_temporary();

  core::FileSystem& files_;
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  const FileImage& image_;
  std::unique_ptr<core::WritableFile> file_;
  bool present_ = false;
};

}  // namespace resolute::datasets::hdf5
