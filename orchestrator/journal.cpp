#include "orchestrator/journal.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/crc32c.h"
#include "core/sha256.h"

namespace resolute::orchestrator {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "RSLTJRNL";
constexpr std::string_view kPrefix = "journal-";

std::uint32_t load_u32(std::span<const std::byte> bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::uint64_t load_u64(std::span<const std::byte> bytes, std::size_t at) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

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

JournalHeader parse_header(std::span<const std::byte> bytes, const std::string& name) {
  const std::string problem = fmt::format("'{}' is not a journal that can be read", name);
  if (bytes.size() < kJournalHeaderSize)
    throw core::corrupt_error(problem, fmt::format("it has {} bytes, its header {}", bytes.size(), kJournalHeaderSize));
  if (core::as_text(bytes.first(8)) != kMagic) throw core::corrupt_error(problem, "its first 8 bytes are not RSLTJRNL");
  if (load_u32(bytes, 60) != core::crc32c(bytes.first(60)))
    throw core::corrupt_error(problem, "the header's checksum at offset 60 differs");
  const std::uint32_t version = load_u32(bytes, 8);
  if (version != kJournalVersion)
    throw core::input_error(problem, fmt::format("it has version {}, this resolute reads {}", version, kJournalVersion),
                            "use the resolute that wrote it");
  JournalHeader header;
  header.epoch = static_cast<std::int64_t>(load_u64(bytes, 16));
  header.sealed_length = load_u64(bytes, 24);
  header.run = core::to_hex(bytes.subspan(32, 16));
  header.created = Instant(Milliseconds(static_cast<std::int64_t>(load_u64(bytes, 48))));
  return header;
}

}  // namespace

std::string journal_name(std::int64_t epoch) { return fmt::format("{}{:06}", kPrefix, epoch); }

core::Bytes encode_header(const JournalHeader& header) {
  RESOLUTE_EXPECT(header.run.size() == 32, "a run's token has 32 hexadecimal digits");
  core::Bytes bytes;
  core::append_bytes(bytes, core::as_byte_span(kMagic));
  core::append_little_endian(bytes, kJournalVersion);
  core::append_little_endian(bytes, std::uint32_t{0});
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

core::Bytes encode_record(std::uint64_t sequence, Instant at, const Event& event) {
  const std::string payload = core::canonical_json(to_json(event));
  RESOLUTE_EXPECT(payload.size() <= kMaxRecordPayload, "an event too long for a record");
  core::Bytes body;
  core::append_little_endian(body, type_number(event));
  core::append_little_endian(body, sequence);
  core::append_little_endian(body, std::int64_t{at.time_since_epoch().count()});
  core::append_bytes(body, core::as_byte_span(payload));
  core::Bytes bytes;
  core::append_little_endian(bytes, static_cast<std::uint32_t>(payload.size()));
  core::append_little_endian(bytes, core::crc32c(body, core::crc32c(bytes)));
  core::append_bytes(bytes, body);
  return bytes;
}

JournalContents parse_journal(std::span<const std::byte> bytes, const std::string& name,
                              std::optional<std::uint64_t> sealed) {
  JournalContents contents;
  contents.header = parse_header(bytes, name);
  const std::size_t full_size = bytes.size();
  if (sealed) {
    if (*sealed > bytes.size() || *sealed < kJournalHeaderSize)
      throw core::corrupt_error(fmt::format("'{}' is damaged at offset {}", name, bytes.size()),
                                fmt::format("its successor sealed {} bytes", *sealed), "restore the file from a copy");
    bytes = bytes.first(*sealed);
  }
  std::size_t at = kJournalHeaderSize;
  while (at < bytes.size()) {
    const std::uint64_t expected = contents.records.size() + 1;
    const std::size_t size = whole_record(bytes, at);
    const bool in_order = size != 0 && load_u64(bytes, at + 12) == expected;
    if (!in_order) {
      if (sealed || size != 0 || record_behind(bytes, at + 1, expected))
        throw core::corrupt_error(
            fmt::format("'{}' is damaged at offset {}", name, at),
            fmt::format("record {} is not whole and others follow it", expected),
            "restore the file from a copy, or move the suite's folder away: results stay in the store");
      break;
    }
    const std::string where = fmt::format("'{}' offset {}", name, at);
    const std::string_view payload = core::as_text(bytes.subspan(at + kRecordHeaderSize, size - kRecordHeaderSize));
    core::Json json;
    try {
      json = core::parse_json(payload, where);
    } catch (const core::RuntimeError& error) {
      throw core::corrupt_error(fmt::format("{}: the record's payload is not JSON", where), error.what());
    }
    const Instant time(Milliseconds(static_cast<std::int64_t>(load_u64(bytes, at + 20))));
    contents.records.push_back({expected, at, time, event_from_json(load_u32(bytes, at + 8), json, where)});
    at += size;
  }
  contents.valid_length = at;
  contents.dropped_bytes = full_size - at;
  return contents;
}

JournalContents read_journal(core::FileSystem& files, const fs::path& path, std::optional<std::uint64_t> sealed) {
  return parse_journal(files.read(path), path.string(), sealed);
}

std::vector<JournalContents> read_journals(core::FileSystem& files, const fs::path& suite_folder) {
  std::vector<std::int64_t> epochs;
  for (const std::string& name : files.list(suite_folder)) {
    if (!name.starts_with(kPrefix)) continue;
    std::int64_t epoch = 0;
    auto [end, error] = std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), epoch);
    if (error == std::errc{} && end == name.data() + name.size() && journal_name(epoch) == name)
      epochs.push_back(epoch);
  }
  std::sort(epochs.begin(), epochs.end());
  std::vector<JournalContents> journals(epochs.size());
  std::optional<std::uint64_t> sealed;
  for (std::size_t i = epochs.size(); i-- > 0;) {
    const fs::path path = suite_folder / journal_name(epochs[i]);
    if (epochs[i] != static_cast<std::int64_t>(i) + 1)
      throw core::corrupt_error(fmt::format("'{}' is missing", (suite_folder / journal_name(epochs[i] - 1)).string()),
                                fmt::format("epoch {} follows it", epochs[i]), "restore the file from a copy");
    journals[i] = read_journal(files, path, sealed);
    if (journals[i].header.epoch != epochs[i])
      throw core::corrupt_error(fmt::format("'{}' is damaged at offset 16", path.string()),
                                fmt::format("its header says epoch {}", journals[i].header.epoch));
    sealed = journals[i].header.sealed_length;
  }
  return journals;
}

JournalWriter::JournalWriter(core::FileSystem& files, const fs::path& suite_folder, const JournalHeader& header)
    : files_(files),
      path_(suite_folder / journal_name(header.epoch)),
      successor_(suite_folder / journal_name(header.epoch + 1)) {
  if (!core::publish_exclusive(files_, path_, encode_header(header)))
    throw core::input_error(fmt::format("'{}' was created by another run", path_.string()),
                            "two runs of one suite were started at once",
                            "let that one go on, or start again when it has ended");
  file_ = files_.open_for_write(path_, core::OpenMode::kAppend);
}

void JournalWriter::append(const Event& event, Instant at) {
  core::append_bytes(batch_, encode_record(++sequence_, at, event));
}

void JournalWriter::require_no_successor() const {
  if (files_.exists(successor_))
    throw core::RuntimeError(core::ErrorKind::kInterrupted,
                             fmt::format("'{}' was taken over by another run", path_.string()),
                             fmt::format("'{}' exists", successor_.string()), "see that run's output");
}

void JournalWriter::sync() {
  if (failed_)
    throw core::RuntimeError(core::ErrorKind::kEnvironment, fmt::format("'{}' takes no more records", path_.string()),
                             "an earlier write or fsync failed", "start the run again: it goes on from what was kept");
  if (batch_.empty()) return;
  require_no_successor();
  failed_ = true;
  file_->write(batch_);
  file_->sync();
  // A successor that came during a long fsync may have sealed this file without these records: they must not be acted
  // on.
  require_no_successor();
  failed_ = false;
  batch_.clear();
}

}  // namespace resolute::orchestrator
