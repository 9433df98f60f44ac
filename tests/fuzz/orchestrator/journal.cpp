// A journal as it stands, and with its checksums put right: refused, or events that replay to a valid state or are
// refused, and that are written and shown again.
#include "orchestrator/journal/journal.h"

#include "tests/fuzz/targets.h"
#include "tests/orchestrator/support/journals.h"
#include "tests/orchestrator/support/read_journals.h"
#include "tests/support/equal.h"

namespace resolute::tests::journal_fuzzer {
namespace {

std::vector<std::string> journal_examples() {
  std::vector<orchestrator::Event> events = past_of_snapshot_version_5();
  std::vector<std::string> examples{std::string(core::as_text(journal_of(events)))};
  events.insert(events.end(), {toy_run(), orchestrator::JobsKept{{{{0}, {8}}}, {{{0}, {0}}, {{2}, {3}}}}});
  examples.emplace_back(core::as_text(journal_of(events)));
  return examples;
}

core::Bytes with_right_checksums(core::Bytes bytes) {
  using namespace orchestrator;
  if (bytes.size() < kJournalHeaderSize) return bytes;
  repair(bytes, 60, std::span(bytes).first(60));
  for (std::size_t at = kJournalHeaderSize; bytes.size() - at >= kRecordHeaderSize;) {
    std::uint32_t length = 0;
    std::memcpy(&length, bytes.data() + at, sizeof length);
    if (length > bytes.size() - at - kRecordHeaderSize) break;
    const std::span<const std::byte> record = std::span(bytes).subspan(at, kRecordHeaderSize + length);
    repair(bytes, at + 4, record.subspan(8), core::crc32c(record.first(4)));
    at += record.size();
  }
  return bytes;
}

bool read_all(const core::Bytes& bytes) {
  using namespace orchestrator;
  return understood([&] {
    const JournalContents contents = parse_journal(bytes, "journal");
    for (const JournalRecord& record : contents.records) {
      require(!describe(record.event).empty(), "an event without a line");
      core::canonical_json(to_json(record.event));
      core::Bytes payload;
      append_binary(payload, record.event);
      require(event_from_binary(type_number(record.event), payload, "again") == record.event,
              "an event is written otherwise than it was read");
    }
    check_invariants(replay(bytes));
  });
}

}  // namespace

RESOLUTE_FUZZER(journal, .rounds = 60'000, .examples = journal_examples)(std::string_view input) {
  const core::Bytes bytes = bytes_of(input);
  read_all(with_right_checksums(bytes));
  return read_all(bytes);
}

}  // namespace resolute::tests::journal_fuzzer
