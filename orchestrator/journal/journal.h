#pragma once
//! \file
//! The journal of a suite run: one file per epoch, appended and fsynced before anything that was decided takes effect.
//! Layout, byte for byte: docs/formats/journal.md.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

inline constexpr std::uint32_t kJournalVersion = 4;  //!< written
inline constexpr std::uint32_t kOldestJournalVersion = 2;
inline constexpr std::size_t kJournalHeaderSize = 64;
inline constexpr std::size_t kRecordHeaderSize = 28;
inline constexpr std::uint32_t kMaxRecordPayload = 1U << 20;
//! A run goes on in the next epoch when its file has this many bytes: a snapshot then spares replay all before it.
inline constexpr std::uint64_t kEpochLength = std::uint64_t{64} << 20;

struct JournalHeader {
  std::int64_t epoch = 1;           //!< 1, 2, …
  std::uint64_t sealed_length = 0;  //!< valid bytes of the predecessor; what it holds beyond is ignored. 0 for epoch 1
  std::string run;                  //!< token of the run that owns the epoch, 16 bytes as 32 hexadecimal digits
  Instant created{};
  std::int64_t run_epoch = 0;  //!< in which the run began: its owner file's number (owner.h); 0: in this one
  std::uint32_t version = kJournalVersion;  //!< as read
};

//! The epoch in which the header's run began.
std::int64_t run_epoch_of(const JournalHeader& header);

struct JournalRecord {
  std::uint64_t sequence = 0;  //!< 1, 2, … within the file
  std::uint64_t offset = 0;
  Instant at{};
  Event event;
};

//! What a file holds besides its records.
struct JournalExtent {
  JournalHeader header;
  std::uint64_t valid_length = 0;   //!< bytes up to the end of the last whole record
  std::uint64_t dropped_bytes = 0;  //!< a torn tail, or what a stalled writer added after it was sealed
};

//! Gets each record in order, to keep or move from.
using RecordVisitor = std::function<void(const JournalHeader&, JournalRecord&)>;

//! N of the files `PREFIXNNNNNN` of a folder, ascending.
std::vector<std::int64_t> numbered_files(core::FileSystem& files, const std::filesystem::path& folder,
                                         std::string_view prefix);
//! `journal-000001`.
std::string journal_name(std::int64_t epoch);
//! The epochs whose journals are in a suite's folder, ascending. \throws RuntimeError (kCorrupt) if one between
//! them is missing
std::vector<std::int64_t> journal_epochs(core::FileSystem& files, const std::filesystem::path& suite_folder);

//! Goes through one file's bytes; `name` stands in messages. A torn tail (a damaged stretch with no whole record behind
//! it) is normal and reported in dropped_bytes; so is a torn header, behind which no record can stand: the file counts
//! as empty (valid_length 0, header.epoch 0). \param sealed valid bytes as its successor's header says: no torn tail
//! is accepted before that, and no byte read after \throws RuntimeError (kCorrupt) naming the file and the offset of
//! damage in the middle, kInput for a version that is not read
JournalExtent scan_journal(std::span<const std::byte> bytes, const std::string& name,
                           std::optional<std::uint64_t> sealed, const RecordVisitor& visit);
//! Only the header; nothing where it is torn. \throws RuntimeError as scan_journal()
std::optional<JournalHeader> read_journal_header(core::FileSystem& files, const std::filesystem::path& path);

//! In which epoch the run began that has this one: its owner file's number. Of a torn header, which says nothing, the
//! epoch itself.
std::int64_t read_run_epoch(core::FileSystem& files, const std::filesystem::path& suite_folder, std::int64_t epoch);

//! Goes through the epochs of a suite folder from `first` on, in order, each cut to the length that its successor
//! sealed; where the successor's header is torn, as the last one is read. A torn header's epoch is its file's. \throws
//! RuntimeError (kCorrupt) if one of them is missing or damaged
std::vector<JournalExtent> scan_journals(core::FileSystem& files, const std::filesystem::path& suite_folder,
                                         std::int64_t first, const RecordVisitor& visit);

core::Bytes encode_header(const JournalHeader& header);
//! Appends a record's bytes. \throws ContractError for an event over kMaxRecordPayload bytes
void append_record(core::Bytes& to, std::uint64_t sequence, Instant at, const Event& event);

//! Appends to an epoch that it has created. Not thread-safe. A call that fails by the storage's doing
//! (RuntimeError::is_storage()) may be made again: the batch is written anew from the last good length on. After any
//! other failed write or sync the file's state is unknown, and every later call throws.
class JournalWriter {
 public:
  //! Claims the epoch by link(). The folder has to be there. \throws RuntimeError (kTransient) if another run has it
  JournalWriter(core::FileSystem& files, const std::filesystem::path& suite_folder, const JournalHeader& header);
  //! Adds a record to the batch; nothing is written before sync().
  void append(const Event& event, Instant at);
  //! Writes and fsyncs the batch: what it holds may now take effect. Does nothing for an empty batch, and keeps the
  //! batch where it throws.
  //! \throws RuntimeError as require_ours()
  void sync();
  //! Seals this file and goes on in the next epoch's. Needs an empty batch. One that failed by the storage's doing is
  //! carried through by the next sync(). \throws RuntimeError (kInterrupted) if another run has that epoch
  void next_epoch(Instant now);
  //! Before the first sync(): seals the predecessor at `length`, to which it had grown when its successor came.
  //! Replaces the header-only file by rename().
  void seal_predecessor_at(std::uint64_t length);
  //! \throws RuntimeError (kInterrupted) if a later epoch was created: this run has been taken over and must not act;
  //! (kEnvironment) if the file is gone: what it says reaches nobody, and another run may begin beside this one
  void require_ours() const;
  void require_no_successor() const;  //!< the first of the two alone

  std::int64_t epoch() const { return header_.epoch; }
  const std::filesystem::path& path() const { return path_; }
  //! Bytes of the file that sync() has seen to.
  std::uint64_t length() const { return length_; }
  //! Nothing waits for sync().
  bool synced() const { return batch_.empty() && !next_; }

 private:
  bool create();
  void open();
  void move_on();
  bool ours(const std::filesystem::path& journal) const;
  //! Runs a change of the file and notes what an error leaves behind.
  template <class Change>
  void change(Change&& change);

  core::FileSystem& files_;
  std::filesystem::path suite_folder_;
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
