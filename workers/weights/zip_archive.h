#pragma once
//! \file
//! The ZIP archives that torch.save writes (APPNOTE.TXT 6.3, with its 64-bit records): entries that are stored, not
//! compressed. Reading trusts nothing: every offset and size is checked against the file, and an entry's CRC-32 against
//! its bytes. What is written depends on the entries alone.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"

namespace resolute::workers {

//! CRC-32 as ZIP has it (polynomial 0xEDB88320, reflected).
std::uint32_t zip_crc32(std::span<const std::byte> bytes);

//! A view of an archive in memory, which must outlive it.
class ZipArchive {
 public:
  //! Whether the bytes begin as an archive does.
  static bool begins(std::span<const std::byte> bytes);

  //! Reads the central directory. \param name names the file in messages
  //! \throws RuntimeError (kCorrupt) if it is not whole: cut off, offsets outside the file, two entries of one name
  ZipArchive(std::span<const std::byte> bytes, std::string_view name);

  //! Sorted by bytes.
  std::vector<std::string> names() const;
  bool contains(const std::string& entry) const { return entries_.contains(entry); }
  //! The bytes of an entry, its checksum compared (a checksum of 0 is none: torch.save can leave it out).
  //! \throws RuntimeError: kInput for a compressed entry; kCorrupt if there is none of that name, it lies outside of
  //!         the file, or its checksum differs
  std::span<const std::byte> read(const std::string& entry) const;

 private:
  struct Entry {
    std::uint64_t header_offset, stored_bytes, full_bytes;
    std::uint32_t crc;
    std::uint16_t compression;
  };
  void read_directory(std::uint64_t offset, std::uint64_t bytes, std::uint64_t count);

  std::span<const std::byte> bytes_;
  std::string name_;
  std::map<std::string, Entry> entries_;
};

//! Collects entries, each aligned to 64 bytes as torch.save aligns them, so that a reader may map them. At most 65,535
//! entries, 4 GiB in all (ContractError).
class ZipWriter {
 public:
  void add(const std::string& entry, std::span<const std::byte> bytes);
  core::Bytes finish();

 private:
  core::Bytes bytes_;
  core::Bytes directory_;
  std::uint16_t count_ = 0;
};

}  // namespace resolute::workers
