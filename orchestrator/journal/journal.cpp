#include "orchestrator/journal/journal.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/hash/crc32c.h"
#include "core/hash/sha256.h"
#include "core/numbers.h"

namespace resolute::orchestrator {
namespace {

constexpr std::string_view kJournalMagic = "RSLTJRNL";
constexpr std::string_view kJournalPrefix = "journal-";
constexpr std::string_view kAdvice =
    "restore the file from a copy, or move the suite's folder away: results stay in the store";

template <std::unsigned_integral T>
T load(std::span<const std::byte> bytes, std::size_t at) {
  T value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}
constexpr auto load_u32 = load<std::uint32_t>;
constexpr auto load_u64 = load<std::uint64_t>;

// Bytes that a whole record takes at `at`, or 0. Only its own bytes are trusted: length in range, CRC right.
std::size_t whole_record(std::span<const std::byte> bytes, std::size_t at) {
  if (bytes.size() - at < kRecordHeaderSize) return 0;
  const std::uint32_t length = load_u32(bytes, at);
  if (length > kMaxRecordPayload || length > bytes.size() - at - kRecordHeaderSize) return 0;
  std::uint32_t crc = core::crc32c(bytes.subspan(at, 4));
  crc = core::crc32c(bytes.subspan(at + 8, kRecordHeaderSize - 8 + length), crc);
  return crc == load_u32(bytes, at + 4) ? kRecordHeaderSize + length : 0;
}

// Is there a whole record of a later sequence number anywhere behind a damaged stretch? Then it is no torn tail.
bool record_behind(std::span<const std::byte> bytes, std::size_t from, std::uint64_t expected) {
  for (std::size_t at = from; at + kRecordHeaderSize <= bytes.size(); ++at) {
    const std::uint64_t sequence = load_u64(bytes, at + 12);
    // No file this long can hold more records than bytes: cheap to test before the checksum.
    if (sequence <= expected || sequence > expected + bytes.size()) continue;
    if (whole_record(bytes, at) != 0) return true;
  }
  return false;
}

// Reads the first bytes of a file. \param size of the whole file. Nothing where the header is torn and no record can
// stand behind it.
std::optional<JournalHeader> parse_header(std::span<const std::byte> bytes, std::uint64_t size,
                                          const std::string& name) {
  const std::string problem = fmt::format("'{}' is not a journal that can be read", name);
  if (size < kJournalHeaderSize) return std::nullopt;
  const bool whole =
      core::as_text(bytes.first(8)) == kJournalMagic && load_u32(bytes, 60) == core::crc32c(bytes.first(60));
  if (!whole && size == kJournalHeaderSize) return std::nullopt;
  if (core::as_text(bytes.first(8)) != kJournalMagic)
    throw core::corrupt_error(problem, "the 8 bytes at offset 0 are not RSLTJRNL", kAdvice);
  if (load_u32(bytes, 60) != core::crc32c(bytes.first(60)))
    throw core::corrupt_error(problem, "the header's checksum at offset 60 differs", kAdvice);
  const std::uint32_t version = load_u32(bytes, 8);
  if (version != kJournalVersion)
    throw core::input_error(problem, fmt::format("it has version {}, this resolute reads {}", version, kJournalVersion),
                            version > kJournalVersion
                                ? "use the resolute that wrote it"
                                : "it was made before 0.1.0: move the suite's folder away (results stay in the store)");
  JournalHeader header;
  header.run_epoch = load_u32(bytes, 12);
  header.epoch = static_cast<std::int64_t>(load_u64(bytes, 16));
  header.sealed_length = load_u64(bytes, 24);
  header.run = core::to_hex(bytes.subspan(32, 16));
  header.created = Instant(Milliseconds(static_cast<std::int64_t>(load_u64(bytes, 48))));
  return header;
}

void store(core::Bytes& to, std::size_t at, std::uint32_t value) { std::memcpy(to.data() + at, &value, sizeof value); }

}  // namespace

std::int64_t run_epoch_of(const JournalHeader& header) {
  return header.run_epoch > 0 ? header.run_epoch : header.epoch;
}

std::vector<std::int64_t> numbered_files(core::FileSystem& files, const fs::path& folder, std::string_view prefix) {
  std::vector<std::int64_t> numbers;
  for (const std::string& name : files.list(folder)) {
    if (!name.starts_with(prefix)) continue;
    const auto number = core::number_of<std::int64_t>(std::string_view(name).substr(prefix.size()));
    if (number && fmt::format("{}{:06}", prefix, *number) == name) numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

std::string journal_name(std::int64_t epoch) { return fmt::format("{}{:06}", kJournalPrefix, epoch); }

core::Bytes encode_header(const JournalHeader& header) {
  RESOLUTE_EXPECT(header.run.size() == 32, "a run's token has 32 hexadecimal digits");
  core::Bytes bytes;
  bytes.reserve(kJournalHeaderSize);
  core::append_bytes(bytes, core::as_byte_span(kJournalMagic));
  core::append_little_endian(bytes, kJournalVersion);
  core::append_little_endian(bytes, static_cast<std::uint32_t>(header.run_epoch));
  core::append_little_endian(bytes, header.epoch);
  core::append_little_endian(bytes, header.sealed_length);
  for (std::size_t i = 0; i < 32; i += 2) {
    std::uint8_t value = 0;
    std::from_chars(header.run.data() + i, header.run.data() + i + 2, value, 16);
    core::append_little_endian(bytes, value);
  }
  core::append_little_endian(bytes, std::int64_t{header.created.time_since_epoch().count()});
  core::append_little_endian(bytes, std::uint32_t{0});
  core::append_little_endian(bytes, core::crc32c(bytes));
  return bytes;
}

void append_record(core::Bytes& to, std::uint64_t sequence, Instant at, const Event& event) {
  const std::size_t start = to.size();
  core::append_little_endian(to, std::uint64_t{0});  // length and checksum: known when the payload is there
  core::append_little_endian(to, type_number(event));
  core::append_little_endian(to, sequence);
  core::append_little_endian(to, std::int64_t{at.time_since_epoch().count()});
  append_binary(to, event);
  const std::size_t length = to.size() - start - kRecordHeaderSize;
  RESOLUTE_EXPECT(length <= kMaxRecordPayload, "an event too long for a record");
  store(to, start, static_cast<std::uint32_t>(length));
  const std::span<const std::byte> record = std::span(to).subspan(start);
  store(to, start + 4, core::crc32c(record.subspan(8), core::crc32c(record.first(4))));
}

JournalExtent scan_journal(std::span<const std::byte> bytes, const std::string& name,
                           std::optional<std::uint64_t> sealed, const RecordVisitor& visit) {
  JournalExtent extent;
  const std::size_t full_size = bytes.size();
  const auto header = parse_header(bytes, full_size, name);
  const std::uint64_t least = header ? kJournalHeaderSize : 0;
  if (sealed && (*sealed < least || *sealed > (header ? full_size : 0)))
    throw core::corrupt_error(fmt::format("'{}' is damaged at offset {}", name, header ? full_size : 0),
                              fmt::format("its successor sealed {} bytes", *sealed), kAdvice);
  if (!header) {
    extent.header.epoch = 0;
    extent.dropped_bytes = full_size;
    return extent;
  }
  extent.header = *header;
  if (sealed) bytes = bytes.first(*sealed);
  std::size_t at = kJournalHeaderSize;
  for (std::uint64_t expected = 1; at < bytes.size(); ++expected) {
    const std::size_t size = whole_record(bytes, at);
    const bool in_order = size != 0 && load_u64(bytes, at + 12) == expected;
    if (!in_order) {
      if (sealed || size != 0 || record_behind(bytes, at + 1, expected))
        throw core::corrupt_error(fmt::format("'{}' is damaged at offset {}", name, at),
                                  fmt::format("record {} is not whole, or not in its place", expected), kAdvice);
      break;
    }
    const Instant time(Milliseconds(static_cast<std::int64_t>(load_u64(bytes, at + 20))));
    const auto payload = bytes.subspan(at + kRecordHeaderSize, size - kRecordHeaderSize);
    try {
      if (time < Instant{} || time.time_since_epoch() > kLongestTime)
        throw core::corrupt_error("its time is no time of a run", {}, kAdvice);
      JournalRecord record{expected, at, time, event_from_binary(load_u32(bytes, at + 8), payload, "payload")};
      visit(extent.header, record);
    } catch (const core::RuntimeError& error) {
      throw error.at(fmt::format("'{}' offset {}", name, at));
    }
    at += size;
  }
  extent.valid_length = at;
  extent.dropped_bytes = full_size - at;
  return extent;
}

std::optional<JournalHeader> read_journal_header(core::FileSystem& files, const fs::path& path) {
  const auto file = files.open_for_read(path);
  core::Bytes bytes(static_cast<std::size_t>(std::min<std::uint64_t>(file->size(), kJournalHeaderSize)));
  file->read_at(0, bytes);
  return parse_header(bytes, file->size(), path.string());
}

std::int64_t read_run_epoch(core::FileSystem& files, const fs::path& suite_folder, std::int64_t epoch) {
  const auto header = read_journal_header(files, suite_folder / journal_name(epoch));
  return header ? run_epoch_of(*header) : epoch;
}

std::vector<std::int64_t> journal_epochs(core::FileSystem& files, const fs::path& suite_folder) {
  std::vector<std::int64_t> epochs = numbered_files(files, suite_folder, kJournalPrefix);
  for (std::size_t i = 1; i < epochs.size(); ++i)
    if (epochs[i] != epochs[i - 1] + 1)
      throw core::corrupt_error(fmt::format("'{}' is missing", (suite_folder / journal_name(epochs[i] - 1)).string()),
                                fmt::format("epoch {} follows it", epochs[i]), kAdvice);
  return epochs;
}

std::vector<JournalExtent> scan_journals(core::FileSystem& files, const fs::path& suite_folder, std::int64_t first,
                                         const RecordVisitor& visit) {
  std::vector<std::int64_t> epochs = journal_epochs(files, suite_folder);
  epochs.erase(epochs.begin(), std::ranges::lower_bound(epochs, first));
  if (!epochs.empty() && epochs.front() != first)
    throw core::corrupt_error(fmt::format("'{}' is missing", (suite_folder / journal_name(first)).string()),
                              fmt::format("epoch {} follows it", epochs.front()), kAdvice);
  std::vector<JournalExtent> extents;
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    std::optional<std::uint64_t> sealed;
    if (i + 1 < epochs.size())
      if (const auto successor = read_journal_header(files, suite_folder / journal_name(epochs[i + 1])))
        sealed = successor->sealed_length;
    const fs::path path = suite_folder / journal_name(epochs[i]);
    extents.push_back(scan_journal(files.read(path), path.string(), sealed, visit));
    std::int64_t& epoch = extents.back().header.epoch;
    if (epoch == 0 && extents.back().valid_length == 0) epoch = epochs[i];  // torn
    if (epoch != epochs[i])
      throw core::corrupt_error(fmt::format("'{}' is damaged at offset 16", path.string()),
                                fmt::format("its header says epoch {}", epoch), kAdvice);
  }
  return extents;
}

JournalWriter::JournalWriter(core::FileSystem& files, const fs::path& suite_folder, const JournalHeader& header)
    : files_(files), suite_folder_(suite_folder), mount_(files, suite_folder), header_(header) {
  if (!create())
    throw core::RuntimeError(
        core::ErrorKind::kTransient, fmt::format("'{}' was created by another run", path_.string()),
        "two runs of one suite were started at once", "let that one go on, or start again when it has ended");
}

// False if another run has the epoch.
bool JournalWriter::create() {
  path_ = suite_folder_ / journal_name(header_.epoch);
  successor_ = suite_folder_ / journal_name(header_.epoch + 1);
  if (!core::publish_exclusive(files_, path_, encode_header(header_), core::Folders::kMustExist)) {
    // A try before this one to go on in the epoch may have failed when the file was there already.
    if (!next_ || !ours(path_)) return false;
    files_.sync_path(suite_folder_);
  }
  open();
  length_ = kJournalHeaderSize;
  return true;
}

void JournalWriter::open() { file_ = files_.open_for_write(path_, core::OpenMode::kExisting); }

bool JournalWriter::ours(const fs::path& journal) const {
  const auto header = read_journal_header(files_, journal);
  return header && header->run == header_.run;
}

template <class Change>
void JournalWriter::change(Change&& change) {
  try {
    change();
  } catch (const core::RuntimeError& error) {
    const bool asked = mount_.storage_fails_too(files_, error);
    (asked || error.is_storage() ? torn_ : failed_) = true;
    if (asked) throw error.of_storage();
    throw;
  } catch (...) {
    failed_ = true;
    throw;
  }
}

void JournalWriter::next_epoch(Instant now) {
  RESOLUTE_EXPECT(batch_.empty() && !failed_ && !next_, "an epoch is sealed between two batches");
  next_ = JournalHeader{header_.epoch + 1, length_, header_.run, now, run_epoch_of(header_)};
  sequence_ = 0;
  change([&] { move_on(); });
}

// From the first try on the old file has its last byte: the new one may be there.
void JournalWriter::move_on() {
  const std::string sealed = (suite_folder_ / journal_name(next_->epoch - 1)).string();
  header_ = *next_;
  if (!create())
    throw core::RuntimeError(core::ErrorKind::kInterrupted, fmt::format("'{}' was taken over by another run", sealed),
                             fmt::format("'{}' exists", path_.string()), "see that run's output");
  next_.reset();
  torn_ = false;
}

void JournalWriter::seal_predecessor_at(std::uint64_t length) {
  RESOLUTE_EXPECT(length_ == kJournalHeaderSize && batch_.empty() && !failed_, "a seal moves before the first record");
  failed_ = true;
  header_.sealed_length = length;
  core::write_atomic(files_, path_, encode_header(header_), core::Folders::kMustExist);
  open();
  failed_ = false;
}

void JournalWriter::append(const Event& event, Instant at) { append_record(batch_, ++sequence_, at, event); }

void JournalWriter::require_no_successor() const {
  // A network's file system may have kept that the successor was not there.
  files_.identity(suite_folder_);
  const bool taken_over = next_ ? files_.exists(path_) && !ours(path_) : files_.exists(successor_);
  if (taken_over)
    throw core::RuntimeError(
        core::ErrorKind::kInterrupted, fmt::format("'{}' was taken over by another run", path_.string()),
        fmt::format("'{}' exists", (next_ ? path_ : successor_).string()), "see that run's output");
}

void JournalWriter::require_ours() const {
  require_no_successor();
  // On the way to the next epoch that one's file is not there yet.
  if (!next_ && !files_.exists(path_)) {
    mount_.require_there(files_);
    throw core::RuntimeError(core::ErrorKind::kEnvironment, fmt::format("'{}' is gone", path_.string()),
                             "the store, or the suite's folder in it, was removed or moved while its run was at work",
                             "put it back and start the run again: it goes on from what is there");
  }
}

void JournalWriter::sync() {
  if (failed_)
    throw core::RuntimeError(core::ErrorKind::kEnvironment, fmt::format("'{}' takes no more records", path_.string()),
                             "an earlier write or fsync failed", "start the run again: it goes on from what was kept");
  if (synced()) return;
  change([&] {
    if (next_) move_on();
    require_ours();
    // A handle that has failed may be stale for good.
    if (torn_) open();
    if (batch_.empty()) return;
    // In the place of what a failed try has left there, byte for byte, and never shorter: a run that takes over at any
    // moment finds the same records, or a torn tail.
    file_->write_at(length_, batch_);
    file_->sync();
    // A successor that came during a long fsync may have sealed this file without these records: they must not be acted
    // on.
    require_no_successor();
  });
  torn_ = false;
  length_ += batch_.size();
  batch_.clear();
}

}  // namespace resolute::orchestrator
