#pragma once
//! \file
//! One shard, opened: its metadata tells once where the arrays lie, then rows are read with pread and checked against
//! their CRC-32C at every read. Opening reads the header alone; columns and checksums are read when first asked for.
//! Reads are thread-safe. Every complaint is kCorrupt and names the file, the row and the data set.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "datasets/hdf5/layout.h"
#include "datasets/image/image.h"
#include "datasets/manifest/manifest.h"
#include "datasets/pack/lazy.h"
#include "datasets/pack/shard_layout.h"

namespace resolute::datasets {

class Shard {
 public:
  //! Reads the header and compares the data sets' names, types and shapes with what it asks for.
  //! \throws RuntimeError: kCorrupt for another structure than the header asks for
  explicit Shard(const fs::path& path);

  const ShardHeader& header() const { return header_; }
  std::size_t size() const { return static_cast<std::size_t>(header_.rows); }

  //! Reads the columns of the manifest and appends its rows. \throws RuntimeError: kCorrupt for a row that fails its
  //! checksum or holds what no pack has
  void append_rows(std::vector<PackRow>& to) const;
  //! Sample::rate of a row.
  int source_rate(std::size_t row) const;

  //! Row `row` of `hr`, height×width×3. \param to exactly that many bytes
  void read_hr(std::size_t row, std::span<std::uint8_t> to) const;
  //! Row `row` of `lr_R`. \param rate_index of the stored rates \param to exactly floor(H/R)·floor(W/R)·3 bytes
  void read_lr(std::size_t row, std::size_t rate_index, std::span<std::uint8_t> to) const;
  //! The LR image as a camera would have stored it. \param to reused: no allocation once it has been large enough
  void read_view(std::size_t row, std::size_t rate_index, Image& to) const;

  //! The place in the file of the first byte of row `row` of `hr`.
  std::uint64_t hr_offset(std::size_t row) const { return images_.front().offset + row * images_.front().row_bytes; }

  //! Reads the file once, from its first byte to its last, and compares every row of every data set with its checksum.
  void verify() const;
  //! The same; returns the SHA-256 of the file as well, 64 hexadecimal digits.
  std::string verify_and_hash() const;

 private:
  struct View {
    std::uint64_t offset;  //!< in lr_view
    ImageSize size;
    std::uint64_t bytes() const { return pixel_bytes(size); }
  };
  using Checksums = std::vector<std::uint32_t>;
  //! An image data set: `hr` or `lr_R`.
  struct Pixels {
    std::string name;
    std::uint64_t offset = 0;     //!< in the file
    std::uint64_t row_bytes = 0;  //!< 0 for lr_view
  };
  class Pass;

  const hdf5::PlacedArray* find(const std::string& name) const;
  void check_arrays() const;
  void read_header();
  std::vector<std::int32_t> read_source_rates() const;
  const std::vector<View>& views() const;
  const std::vector<Checksums>& checksums() const;
  void read_checked(std::size_t array, std::size_t row, std::span<std::uint8_t> to) const;
  void read_whole(const std::function<void(std::span<const std::byte>)>& each) const;
  void check_row(const std::string& name, std::size_t row, std::uint32_t found, std::uint32_t expected) const;
  core::Bytes read_array(const std::string& name) const;
  Checksums read_checksums(const std::string& name) const;
  template <class T>
  std::vector<T> read_column(const std::string& name) const;
  core::RuntimeError corrupt(const std::string& problem) const;

  std::unique_ptr<core::ReadableFile> file_;
  std::string where_;
  ShardHeader header_;
  std::vector<hdf5::PlacedArray> arrays_;   //!< by name
  std::vector<Pixels> images_;              //!< as image_array_names()
  Lazy<std::vector<Checksums>> checksums_;  //!< as images_
  Lazy<std::vector<View>> views_;           //!< rows × rates
  Lazy<std::vector<std::int32_t>> source_rates_;
};

}  // namespace resolute::datasets
