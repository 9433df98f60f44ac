#pragma once
//! \file
//! The journal of a suite run: one file an epoch, appended and fsynced before anything that was decided takes effect.
//! Layout, byte for byte: docs/formats/journal.md.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/file_system.h"
#include "orchestrator/event.h"

namespace resolute::orchestrator {

inline constexpr std::uint32_t kJournalVersion = 1;
inline constexpr std::size_t kJournalHeaderSize = 64;
inline constexpr std::size_t kRecordHeaderSize = 28;
inline constexpr std::uint32_t kMaxRecordPayload = 1U << 20;

struct JournalHeader {
  std::int64_t epoch = 1;           //!< 1, 2, …
  std::uint64_t sealed_length = 0;  //!< valid bytes of the predecessor; what it holds beyond is ignored. 0 for epoch 1
  std::string run;                  //!< token of the run that owns the epoch, 16 bytes as 32 hexadecimal digits
  Instant created{};
};

struct JournalRecord {
  std::uint64_t sequence = 0;  //!< 1, 2, … within the file
  std::uint64_t offset = 0;
  Instant at{};
  Event event;
};

struct JournalContents {
  JournalHeader header;
  std::vector<JournalRecord> records;
  std::uint64_t valid_length = 0;   //!< bytes up to the end of the last whole record
  std::uint64_t dropped_bytes = 0;  //!< a torn tail, or what a stalled writer added after it was sealed
};

//! `journal-000001`.
std::string journal_name(std::int64_t epoch);

//! Reads one file. A torn tail (a damaged stretch with no whole record behind it) is normal and reported in
//! dropped_bytes. \param sealed valid bytes as its successor's header says: no torn tail is accepted before that, and
//! no byte read after \throws RuntimeError (kCorrupt) naming the file and the offset of damage in the middle, kInput
//! for a newer version
JournalContents read_journal(core::FileSystem& files, const std::filesystem::path& path,
                             std::optional<std::uint64_t> sealed = std::nullopt);
//! The same from bytes; `name` stands in messages.
JournalContents parse_journal(std::span<const std::byte> bytes, const std::string& name,
                              std::optional<std::uint64_t> sealed = std::nullopt);

//! Every epoch of a suite folder, in order, each cut to the length that its successor sealed.
//! \throws RuntimeError (kCorrupt) if an epoch is missing or damaged
std::vector<JournalContents> read_journals(core::FileSystem& files, const std::filesystem::path& suite_folder);

core::Bytes encode_header(const JournalHeader& header);
core::Bytes encode_record(std::uint64_t sequence, Instant at, const Event& event);

//! Appends to an epoch that it has created. Not thread-safe. After any failed write or sync the file's state is
//! unknown, and every later call throws.
class JournalWriter {
 public:
  //! Claims the epoch by link(). \throws RuntimeError (kInput) if another run has it
  JournalWriter(core::FileSystem& files, const std::filesystem::path& suite_folder, const JournalHeader& header);
  //! Adds a record to the batch; nothing is written before sync().
  void append(const Event& event, Instant at);
  //! Writes and fsyncs the batch: what it holds may now take effect. Does nothing for an empty batch.
  //! \throws RuntimeError (kInterrupted) if a later epoch was created: this run has been taken over and must not act
  void sync();

  std::uint64_t records() const { return sequence_; }

 private:
  void require_no_successor() const;

  core::FileSystem& files_;
  std::filesystem::path path_;
  std::filesystem::path successor_;
  std::unique_ptr<core::WritableFile> file_;
  core::Bytes batch_;
  std::uint64_t sequence_ = 0;
  bool failed_ = false;
};

}  // namespace resolute::orchestrator
