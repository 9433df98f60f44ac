#pragma once
//! \file
//! The journal of a suite run: one file per epoch, appended and fsynced before anything that was decided takes effect.
//! Layout, byte for byte: docs/inside/formats/journal.md.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/mount.h"
#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

inline constexpr std::uint32_t kJournalVersion = 6;
inline constexpr std::size_t kJournalHeaderSize = 64;
inline constexpr std::size_t kRecordHeaderSize = 28;
inline constexpr std::uint32_t kMaxRecordPayload = 1U << 20;
//! A run begins the next epoch when its file has this many bytes. A snapshot then spares a replay everything before it.
inline constexpr std::uint64_t kEpochLength = std::uint64_t{64} << 20;

struct JournalHeader {
  std::int64_t epoch = 1;           //!< 1, 2, …
  std::uint64_t sealed_length = 0;  //!< valid bytes of the predecessor; bytes behind them are ignored. 0 for epoch 1
  std::string run;                  //!< token of the run that owns the epoch, 16 bytes as 32 hexadecimal digits
  Instant created{};
  std::int64_t run_epoch = 0;  //!< epoch in which the run began, the number of its owner file (owner.h); 0: this one
};

//! The epoch in which the header's run began.
std::int64_t run_epoch_of(const JournalHeader& header);

struct JournalRecord {
  std::uint64_t sequence = 0;  //!< 1, 2, … within the file
  std::uint64_t offset = 0;
  Instant at{};
  Event event;
};

//! The header of a file, and how far its records go.
struct JournalExtent {
  JournalHeader header;
  std::uint64_t valid_length = 0;   //!< bytes up to the end of the last whole record
  std::uint64_t dropped_bytes = 0;  //!< bytes of a torn tail, or that a stalled writer added after the epoch was sealed
};

//! Called with each record in order; it may move from the record.
using RecordVisitor = std::function<void(const JournalHeader&, JournalRecord&)>;

//! The numbers N of the files `PREFIXNNNNNN` of a folder, ascending.
std::vector<std::int64_t> numbered_files(core::FileSystem& files, const std::filesystem::path& folder,
                                         std::string_view prefix);
//! `journal-000001`.
std::string journal_name(std::int64_t epoch);
//! The epochs whose journals are in a suite's folder, ascending. \throws RuntimeError (kCorrupt) if one between
//! them is missing
std::vector<std::int64_t> journal_epochs(core::FileSystem& files, const std::filesystem::path& suite_folder);

//! Reads one file's bytes, record by record. A torn tail (a damaged end without a whole record) is normal, and reported
//! in dropped_bytes. A torn header is normal too: no record can follow it, and the file counts as empty (valid_length
//! 0, header.epoch 0). \param name of the file, for messages \param sealed valid bytes as the successor's header says;
//! a torn tail before them is refused, and no byte behind them is read \throws RuntimeError (kCorrupt) naming the file
//! and the offset of damage in the middle, kInput for a version that is not read
JournalExtent scan_journal(std::span<const std::byte> bytes, const std::string& name,
                           std::optional<std::uint64_t> sealed, const RecordVisitor& visit);
//! Reads the header alone. \return nothing if it is torn \throws RuntimeError as scan_journal()
std::optional<JournalHeader> read_journal_header(core::FileSystem& files, const std::filesystem::path& path);

//! The epoch in which the run of this epoch began: the number of its owner file. If the header is torn, the epoch
//! itself.
std::int64_t read_run_epoch(core::FileSystem& files, const std::filesystem::path& suite_folder, std::int64_t epoch);

//! Reads the epochs of a suite folder from `first` on, in order. Each is cut to the length that its successor sealed;
//! if the successor's header is torn, the epoch is read as the last one is. The epoch of a torn header is that of its
//! file's name. \throws RuntimeError (kCorrupt) if one of them is missing or damaged
std::vector<JournalExtent> scan_journals(core::FileSystem& files, const std::filesystem::path& suite_folder,
                                         std::int64_t first, const RecordVisitor& visit);

core::Bytes encode_header(const JournalHeader& header);
//! Appends a record's bytes. \throws ContractError for an event over kMaxRecordPayload bytes
void append_record(core::Bytes& to, std::uint64_t sequence, Instant at, const Event& event);

//! Appends to an epoch that it has created. Not thread-safe. A call that failed because of the storage
//! (RuntimeError::is_storage()) may be repeated: the batch of records is written again from the last good length on.
//! After any other failed write or sync the file's state is unknown, and every later call throws.
class JournalWriter {
 public:
  //! Claims the epoch by link(). The folder must exist. \throws RuntimeError (kTransient) if another run has it
  JournalWriter(core::FileSystem& files, const std::filesystem::path& suite_folder, const JournalHeader& header);
  //! Adds a record to the batch of records; nothing is written before sync().
  void append(const Event& event, Instant at);
  //! Writes and fsyncs the batch. Its records may then take effect. Does nothing for an empty batch. If it throws, the
  //! batch is kept.
  //! \throws RuntimeError as require_ours()
  void sync();
  //! Seals this file and begins the next epoch's. Needs an empty batch. If the storage made it fail, the next sync()
  //! completes it. \throws RuntimeError (kInterrupted) if another run has that epoch
  void next_epoch(Instant now);
  //! Seals the predecessor at `length`, the length that it had when this epoch was claimed. Only before the first
  //! sync(). Replaces the file, which has only its header, by rename().
  void seal_predecessor_at(std::uint64_t length);
  //! \throws RuntimeError (kInterrupted) if a later epoch was created: another run has taken over, and this run must
  //! not act; (kEnvironment) if the file is gone: nobody can read it, and another run may begin beside this one;
  //! is_storage() if its mount is gone
  void require_ours() const;
  void require_no_successor() const;  //!< the first of the two checks alone

  std::int64_t epoch() const { return header_.epoch; }
  const std::filesystem::path& path() const { return path_; }
  //! Bytes of the file that sync() has written.
  std::uint64_t length() const { return length_; }
  //! True if nothing waits for sync().
  bool synced() const { return batch_.empty() && !next_; }

 private:
  bool create();
  void open();
  void move_on();
  bool ours(const std::filesystem::path& journal) const;
  //! Runs a change of the file, and notes what state an error leaves.
  template <class Change>
  void change(Change&& change);

  core::FileSystem& files_;
  std::filesystem::path suite_folder_;
  core::Mount mount_;
  JournalHeader header_;
  std::filesystem::path path_;
  std::filesystem::path successor_;
  std::unique_ptr<core::WritableFile> file_;
  core::Bytes batch_;
  std::uint64_t sequence_ = 0;
  std::uint64_t length_ = 0;
  std::optional<JournalHeader> next_;  //!< of the epoch to go on in, where the storage failed on the way there
  bool torn_ = false;                  //!< by the storage: something may stand behind length_
  bool failed_ = false;                //!< by anything else
};

}  // namespace resolute::orchestrator
