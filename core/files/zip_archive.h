#pragma once
//! \file
//! ZIP archives, written and read by libzip. The bytes depend on the entries alone (and on the zlib that deflates
//! them): times are 1980-01-01, modes 0644. Archives and entries over 4 GiB are ZIP64.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/files/file_system.h"

namespace resolute::core {

//! An entry that is to be written.
struct ZipEntry {
  std::string name;  //!< "FOLDER/NAME", UTF-8 without control characters; each name once
  std::uint64_t size = 0;
  bool deflated = false;                                //!< or stored as it is
  std::function<std::shared_ptr<ReadableFile>()> open;  //!< called when its bytes are due
};

//! An entry that is stored. \param bytes must outlive the writing
ZipEntry stored_entry(std::string name, std::span<const std::byte> bytes);

//! Writes `path`, which is not there. \throws RuntimeError: of whoever reads an entry; system_error() or kEnvironment
//! where the archive cannot be written, whose file may then stand there in part
void write_zip(const std::filesystem::path& path, const std::vector<ZipEntry>& entries);

//! The bytes of an archive; at least one entry. \param alignment the bytes of each entry begin at a multiple of it, so
//! that a reader may map them, in an archive under 4 GiB; 1 to 65,535
Bytes encode_zip(const std::vector<ZipEntry>& entries, std::size_t alignment = 1);

//! Reads archives. Nothing in the file is believed: offsets and sizes are checked against the file, and an entry's
//! bytes against its CRC-32. Any thread.
class ZipReader {
 public:
  struct Entry {
    std::string name;  //!< any bytes; no two entries have one name
    std::uint64_t size = 0;
    std::uint64_t packed = 0;    //!< bytes that it takes in the file
    std::uint32_t checksum = 0;  //!< CRC-32
    bool stored = false;         //!< neither compressed nor encrypted
  };

  //! Reads the directory. \param name names the file in messages \param advice what to do about a damaged file
  //! \throws RuntimeError (kCorrupt) unless the directory is whole; of the file
  ZipReader(std::unique_ptr<ReadableFile> file, std::string name, std::string advice);
  ~ZipReader();

  //! In the directory's order.
  const std::vector<Entry>& entries() const { return entries_; }
  //! An entry, compressed or not, of which parts are read in turn from the first byte on; the last one compares the
  //! checksum. Lives no longer than this. \param index of entries()
  //! \throws RuntimeError: kCorrupt for an entry that is damaged; of the file; so do its reads
  std::unique_ptr<ReadableFile> open(std::size_t index) const;
  //! The bytes of an entry. \param index of entries() \param zero_is_none take a checksum of 0 for none, as torch.save
  //! can write it
  //! \throws RuntimeError: kInput for an entry that is not stored; kCorrupt for one that is damaged; of the file
  Bytes read(std::size_t index, bool zero_is_none = false) const;

 private:
  struct Archive;
  class OpenEntry;
  RuntimeError damaged(const Entry& entry, std::string_view why) const;
  void check_claim(const Entry& entry) const;

  std::string name_, advice_;
  std::unique_ptr<Archive> archive_;
  std::vector<Entry> entries_;
};

}  // namespace resolute::core
