#pragma once
//! \file
//! A file read by pread at plain offsets: safe for many threads and processes at once, and unlike a mapping it turns a
//! truncated or stale NFS file into an error and not into SIGBUS.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace resolute::datasets::hdf5 {

class RawFile {
 public:
  //! \throws system_error() with the path
  explicit RawFile(std::filesystem::path path);
  ~RawFile();
  RawFile(const RawFile&) = delete;
  RawFile& operator=(const RawFile&) = delete;
  RawFile(RawFile&& other) noexcept;
  RawFile& operator=(RawFile&& other) noexcept;
  //! Fills `to` from `offset`. Thread-safe. \throws RuntimeError: kCorrupt where the file ends first
  void read_at(std::uint64_t offset, std::span<std::byte> to) const;
  //! Bytes, as of now.
  std::uint64_t size() const;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

//! SHA-256 of a file's bytes as 64 hexadecimal digits, read in pieces.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace resolute::datasets::hdf5
