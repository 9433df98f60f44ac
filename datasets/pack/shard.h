#pragma once
//! \file
//! One shard, opened: HDF5 tells once where its arrays lie, then rows are read with pread and checked against their
//! CRC-32C at every read. Reads are thread-safe. Every complaint is kCorrupt and names the file, the row and the data
//! set.

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "datasets/hdf5/layout.h"
#include "datasets/hdf5/raw_file.h"
#include "datasets/image/image.h"
#include "datasets/manifest.h"
#include "datasets/pack/shard_layout.h"

namespace resolute::datasets {

class Shard {
 public:
  //! Reads header, manifest columns and checksums; images stay on disk.
  //! \throws RuntimeError: kCorrupt for another structure than the header asks for or a row that fails its checksum
  explicit Shard(const std::filesystem::path& path);

  const ShardHeader& header() const { return header_; }
  const std::vector<PackRow>& rows() const { return rows_; }

  //! Row `row` of `hr`, height×width×3. \param to exactly that many bytes
  void read_hr(std::size_t row, std::span<std::uint8_t> to) const;
  //! Row `row` of `lr_R`. \param rate_index of the stored rates \param to exactly floor(H/R)·floor(W/R)·3 bytes
  void read_lr(std::size_t row, std::size_t rate_index, std::span<std::uint8_t> to) const;
  //! The LR image as a camera would have stored it. \param to reused: no allocation once it has been large enough
  void read_view(std::size_t row, std::size_t rate_index, Image& to) const;

  //! Reads every row of every image data set against its checksum.
  void verify() const;

 private:
  struct Checked {
    std::string name;
    std::uint64_t offset = 0;     //!< in the file
    std::uint64_t row_bytes = 0;  //!< 0 for lr_view
    std::vector<std::uint32_t> crc;
  };
  struct View {
    std::uint64_t offset;  //!< in lr_view
    int height;
    int width;
  };

  void check_arrays(const std::vector<hdf5::PlacedArray>& found) const;
  void read_header(const std::vector<hdf5::PlacedArray>& arrays);
  void read_columns(const std::vector<hdf5::PlacedArray>& arrays);
  void read_views(const std::vector<hdf5::PlacedArray>& arrays);
  void read_checked(const Checked& array, std::size_t row, std::span<std::byte> to) const;
  void check_row(const std::string& name, std::size_t row, std::span<const std::byte> bytes, std::uint32_t crc) const;
  core::Bytes read_array(const std::vector<hdf5::PlacedArray>& arrays, const std::string& name) const;
  template <class T>
  std::vector<T> read_column(const std::vector<hdf5::PlacedArray>& arrays, const std::string& name) const;
  core::RuntimeError corrupt(const std::string& what) const;

  hdf5::RawFile file_;
  std::string where_;
  ShardHeader header_;
  std::vector<PackRow> rows_;
  std::vector<Checked> images_;  //!< hr, then lr_R by ascending rate
  Checked view_pixels_;
  std::vector<View> views_;  //!< rows × rates
};

}  // namespace resolute::datasets
