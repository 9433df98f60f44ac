#include "orchestrator/journal/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <sstream>

#include "core/hash/crc32c.h"
#include "core/members.h"
#include "orchestrator/journal/snapshot.h"
#include "tests/orchestrator/support/journals.h"
#include "tests/orchestrator/support/read_journals.h"
#include "tests/orchestrator/support/simulated_run.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/folders.h"
#include "tests/support/matches.h"
#include "tests/support/pages.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::journal_test {
namespace {

using namespace orchestrator;
using testing::HasSubstr;
namespace fs = std::filesystem;

const fs::path kGolden = tests::source_folder() / "tests/golden/orchestrator";

StopRequested stop(const std::string& why) { return {why, Cause::kInterrupted}; }

TEST(Journal, golden_file_of_version_6_reads_and_is_what_is_written) {
  const fs::path path = kGolden / "journal-of-version-6";
  std::set<std::size_t> types;
  for (const Event& event : events_of_version_6()) types.insert(event.index());
  EXPECT_EQ(types.size(), std::variant_size_v<Event>) << "one of each type";
  const core::Bytes now = journal_of(events_of_version_6());
  // To make it anew for a new version: write `now` to the path.
  if (std::getenv("RESOLUTE_WRITE_GOLDEN") != nullptr) core::write_atomic(core::real_file_system(), path, now);
  const auto contents = read_journal(core::real_file_system(), path);
  EXPECT_EQ(events_of(contents), events_of_version_6());
  EXPECT_EQ(contents.header.run, kRun);
  EXPECT_EQ(contents.records[1].at, at(1'700'000'000'001));
  EXPECT_EQ(contents.dropped_bytes, 0U);
  EXPECT_EQ(core::real_file_system().read(path), now) << "what is written today differs from version 6";
}

TEST(Journal, every_event_is_shown_as_its_golden_file_has_it) {
  std::string shown;
  for (const Event& event : events_of_version_6())
    shown += fmt::format("{} {}\n{}\n", type_name(event), core::canonical_json(to_json(event)), describe(event));
  if (std::getenv("RESOLUTE_WRITE_GOLDEN") != nullptr)
    core::write_atomic(core::real_file_system(), kGolden / "events-of-version-6.txt", core::as_byte_span(shown));
  const core::Bytes golden = core::real_file_system().read(kGolden / "events-of-version-6.txt");
  EXPECT_EQ(shown, core::as_text(golden));
}

//! The name of a member's type on the page of the format; nothing where the member's name says it.
template <class T>
std::string type_of(const T&) {
  if constexpr (std::same_as<T, bool>) return "flag";
  if constexpr (std::same_as<T, int>) return "i32";
  if constexpr (std::same_as<T, std::int64_t> || std::same_as<T, Milliseconds>) return "i64";
  if constexpr (std::same_as<T, std::string> || std::same_as<T, experiments::JobId>) return "text";
  if constexpr (std::same_as<T, Instant>) return "time";
  if constexpr (std::same_as<T, std::vector<JobIndex>>) return "list of jobs";
  if constexpr (std::same_as<T, Placement> || std::same_as<T, std::vector<JobRange>>) return "list of";
  return "";
}

TEST(Journal, the_page_of_its_format_has_each_event_as_it_is_declared) {
  const std::string page =
      core::read_text(core::real_file_system(), tests::source_folder() / "docs/inside/formats/journal.md");
  std::set<std::uint32_t> seen;
  for (const Event& event : events_of_version_6()) {
    if (!seen.insert(type_number(event)).second) continue;
    const std::string begin = fmt::format("\n| {} | {} | ", type_number(event), type_name(event));
    ASSERT_THAT(page, HasSubstr(begin));
    const std::size_t at = page.find(begin) + begin.size();
    std::string row = page.substr(at, page.find(" |", at) - at);
    for (const auto& remark : tests::matches(row, R"( \([^)]*\))")) row.erase(row.find(remark[0]), remark[0].size());
    std::vector<std::string> types;
    std::visit(
        [&](const auto& one) { core::visit_members(one, [&](auto&... m) { (types.push_back(type_of(m)), ...); }); },
        event);
    std::vector<std::string> page_types;
    std::set<std::string> names, keys;
    std::istringstream members(row);
    for (std::string member; std::getline(members >> std::ws, member, ',');) {
      const std::size_t space = std::min(member.find(' '), member.size());
      page_types.push_back(member.substr(std::min(space + 1, member.size())));
      names.insert(member.substr(0, space) + (page_types.back() == "time" ? "_ms" : ""));
    }
    const core::Json json = to_json(event);
    for (const auto& [key, value] : json.items()) keys.insert(key);
    EXPECT_EQ(page_types, types) << row;
    EXPECT_EQ(names, keys) << row;
  }
}

TEST(Journal, text_that_is_not_utf8_is_kept_and_shown_as_json) {
  const RankExited exited{{0}, 1, 0, 1, 0, "bad \xff byte", false};
  EXPECT_EQ(events_of(parse_journal(journal_of({exited}), "journal")), std::vector<Event>{exited});
  EXPECT_THAT(core::canonical_json(to_json(exited)), HasSubstr("bad \xef\xbf\xbd byte"));
}

TEST(Journal, worked_example_of_its_format_page_reads) {
  std::string text;
  for (const std::string& block : tests::fenced_blocks(tests::page_text("inside/formats/journal.md"), "hex"))
    text += block;
  std::istringstream page(text);
  core::Bytes bytes;
  for (std::string line; std::getline(page, line);) {
    std::istringstream digits(line.substr(0, line.find('|')));
    std::string offset;
    digits >> offset;
    EXPECT_EQ(std::stoul(offset, nullptr, 16), bytes.size());
    for (std::string byte; digits >> byte;) bytes.push_back(static_cast<std::byte>(std::stoi(byte, nullptr, 16)));
  }
  const auto contents = parse_journal(bytes, "page");
  EXPECT_EQ(events_of(contents), (std::vector<Event>{AgentJoined{{0}, "n1", 2, 1, 4096, ""},
                                                     StopRequested{"signal 15", Cause::kInterrupted}}));
  EXPECT_EQ(contents.header.epoch, 2);
  EXPECT_EQ(contents.header.sealed_length, 1234U);
  EXPECT_EQ(contents.valid_length, bytes.size());
}

TEST(Journal, every_prefix_replays_to_the_state_after_a_prefix_of_the_events) {
  SimulatedRun run(3, 6);
  const core::Bytes bytes = journal_of(run.events);
  const auto whole = parse_journal(bytes, "journal");
  ASSERT_EQ(events_of(whole), run.events);
  std::size_t complete = 0;
  State state;
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    const auto prefix = std::span(bytes).first(length);
    while (complete < whole.records.size() &&
           (complete + 1 < whole.records.size() ? whole.records[complete + 1].offset : whole.valid_length) <= length)
      orchestrator::apply(state, run.events[complete++]);
    const auto contents = parse_journal(prefix, "journal");
    ASSERT_EQ(contents.records.size(), complete) << length;
    ASSERT_EQ(contents.valid_length + contents.dropped_bytes, length);
    ASSERT_EQ(replay(prefix), state) << length;
  }
  check_invariants(state);
}

// The effects of damage to one byte of a journal: all that its readers may see.
void expect_refused_or_cut(const core::Bytes& damaged, std::size_t at, const JournalContents& whole) {
  const std::size_t last = whole.records.back().offset;
  try {
    const auto contents = parse_journal(damaged, "journal");
    ASSERT_GE(at, last) << at;
    ASSERT_EQ(contents.valid_length, last) << at;
    ASSERT_EQ(contents.records.size() + 1, whole.records.size());
  } catch (const core::RuntimeError& error) {
    ASSERT_LT(at, last) << at;
    ASSERT_THAT(error.what(), HasSubstr("; ")) << "no advice";
    ASSERT_THAT(error.what(), HasSubstr("offset "));
    if (at < kJournalHeaderSize) return;
    ASSERT_EQ(error.kind(), core::ErrorKind::kCorrupt);
    std::size_t record = 0;
    while (record + 1 < whole.records.size() && whole.records[record + 1].offset <= at) ++record;
    ASSERT_THAT(error.what(), HasSubstr(fmt::format("offset {}", whole.records[record].offset)));
  }
}

void expect_every_damaged_byte_is_found(const core::Bytes& bytes) {
  const auto whole = parse_journal(bytes, "journal");
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const unsigned value : {0x00U, 0x01U, 0x7fU, 0x80U, 0xffU, static_cast<unsigned>(bytes[at]) ^ 0x41U}) {
      if (value == static_cast<unsigned>(bytes[at])) continue;
      core::Bytes damaged = bytes;
      damaged[at] = static_cast<std::byte>(value);
      expect_refused_or_cut(damaged, at, whole);
      // Sealed by a successor, the same damage is never taken for a torn tail.
      EXPECT_THROW(parse_journal(damaged, "journal", bytes.size()), core::RuntimeError) << at;
    }
  }
}

TEST(Journal, every_damaged_byte_is_refused_with_its_offset_or_cuts_the_last_record) {
  expect_every_damaged_byte_is_found(journal_of(events_of_version_6()));
  // The rest after a cut is a valid state: every_prefix_replays above.
}

TEST(Journal, an_end_that_no_process_has_is_refused_when_it_is_replayed) {
  const State before = state_after({toy_run(1), toy_job(0), toy_agent(0, "one", 1), toy_placed(0, 1, {{{0}, 1}})});
  const auto replayed = [&](const RankExited& exited) {
    State state = before;
    apply(state, exited);
    return state;
  };
  EXPECT_NE(replayed(rank_exit(0, 1, 0, 255, 0)), before);
  EXPECT_NE(replayed(rank_exit(0, 1, 0, 0, 64)), before);
  for (const RankExited& exited :
       {rank_exit(0, 1, 0, 256, 0), rank_exit(0, 1, 0, -1, 0), rank_exit(0, 1, 0, 0, 128), rank_exit(0, 1, 0, 0, -9)})
    EXPECT_THAT(
        [&] { replayed(exited); },
        tests::fails(core::ErrorKind::kCorrupt, HasSubstr("an event of the journal is impossible: rank-exited")))
        << describe(exited);
}

TEST(Journal, another_version_is_refused_with_advice) {
  const std::string problem = "'journal' is not a journal that can be read (it has version ";
  for (const auto& [version, rest] :
       {std::pair(5,
                  "5, this resolute reads 6); it was made before 0.1.0: move the suite's folder away (results stay in "
                  "the store)"),
        std::pair(7, "7, this resolute reads 6); use the resolute that wrote it")}) {
    core::Bytes bytes = journal_of({});
    bytes[8] = static_cast<std::byte>(version);
    const std::uint32_t checksum = core::crc32c(std::span(bytes).first(60));
    std::memcpy(bytes.data() + 60, &checksum, sizeof checksum);
    EXPECT_THAT([&] { parse_journal(bytes, "journal"); }, tests::fails(core::ErrorKind::kInput, problem + rest));
  }
}

// A header with `length` bytes, the last of them wrong; 64: the whole length.
core::Bytes torn_header(std::size_t length) {
  core::Bytes bytes = journal_of({});
  bytes.resize(length);
  if (length > 0) bytes.back() ^= std::byte{1};
  return bytes;
}

TEST(Journal, a_torn_header_is_an_empty_journal_and_the_next_run_goes_on_behind_it) {
  auto& files = core::real_file_system();
  for (const std::size_t length : {std::size_t{0}, std::size_t{10}, kJournalHeaderSize}) {
    TemporaryFolder folder;
    const experiments::StoreLayout store(folder.path());
    const auto suite = store.suite_folder("toy");
    const std::vector<Event> events{toy_run(1), toy_job(0), stop("a")};
    const core::Bytes first = journal_of(events);
    core::write_atomic(files, suite / journal_name(1), first);
    core::write_atomic(files, suite / journal_name(2), torn_header(length));
    State expected = replay(first);
    expected.stop.reset();  // of the run before
    EXPECT_EQ(read_past(files, suite).state, expected) << length;
    auto owned = claim_epoch(files, store, "toy", at(9), {});
    EXPECT_EQ(owned.epoch, 3);
    owned.journal->append(toy_job(1), at(10));
    owned.journal->sync();
    const Past past = read_past(files, suite);
    EXPECT_EQ(past.epoch, 3);
    EXPECT_EQ(past.run_epoch, 3);
    EXPECT_EQ(past.state.jobs.size(), 2U) << length;
    // The same from the journals alone, and in the log.
    for (const std::int64_t epoch : snapshot_epochs(files, suite)) files.remove(suite / snapshot_name(epoch));
    EXPECT_EQ(read_past(files, suite).state, past.state);
    const auto journals = read_journals(files, suite);
    ASSERT_EQ(journals.size(), 3U);
    EXPECT_EQ(journals[1].header.epoch, 2);
    EXPECT_EQ(journals[1].dropped_bytes, length);
  }
}

TEST(Journal, of_a_run_that_died_before_its_first_record_the_one_befores_end_is_not_its) {
  auto& files = core::real_file_system();
  TemporaryFolder folder;
  const experiments::StoreLayout store(folder.path());
  const auto suite = store.suite_folder("toy");
  core::write_atomic(files, suite / journal_name(1),
                     journal_of({toy_run(1), toy_job(0), stop("cancelled by a"), RunEnded{RunEnd::kComplete, "all"}}));
  EXPECT_EQ(read_past(files, suite).state.end, RunEnd::kComplete);
  claim_epoch(files, store, "toy", at(9), {});
  const Past past = read_past(files, suite);
  EXPECT_EQ(past.run_epoch, 2);
  EXPECT_EQ(past.state.end, std::nullopt);
  EXPECT_EQ(past.state.stop, std::nullopt);
}

TEST(Journal, a_torn_header_with_records_that_were_sealed_is_damage) {
  for (const std::size_t length : {std::size_t{0}, std::size_t{10}, kJournalHeaderSize}) {
    const core::Bytes torn = torn_header(length);
    EXPECT_EQ(parse_journal(torn, "journal", 0).valid_length, 0U);
    for (const std::uint64_t sealed : {std::uint64_t{1}, std::uint64_t{64}, std::uint64_t{1000}})
      EXPECT_THROW(parse_journal(torn, "journal", sealed), core::RuntimeError) << length << " " << sealed;
  }
  EXPECT_THROW(parse_journal(journal_of({stop("a")}), "journal", 0), core::RuntimeError);
}

TEST(Journal, a_run_whose_journal_is_gone_ends_and_leaves_nothing) {
  TemporaryFolder folder;
  auto& files = core::real_file_system();
  std::filesystem::create_directory(folder / "suite");
  JournalWriter writer(files, folder / "suite", {1, 0, kRun, at(1)});
  writer.append(stop("a"), at(2));
  std::filesystem::remove_all(folder / "suite");
  EXPECT_THAT([&] { writer.sync(); }, tests::fails(core::ErrorKind::kEnvironment, HasSubstr("journal-000001' is gone")))
      << "it wrote where nobody reads";
  EXPECT_TRUE(files.list(folder.path()).empty());
}

TEST(Journal, bytes_behind_the_sealed_length_are_ignored) {
  TemporaryFolder folder;
  auto& files = core::real_file_system();
  const core::Bytes first = journal_of({events_of_version_6()[0], events_of_version_6()[1]});
  core::Bytes stalled = first;
  append_record(stalled, 3, at(5), stop("written by a coordinator that was stopped for an hour"));
  core::write_atomic(files, folder / journal_name(1), stalled);
  core::write_atomic(files, folder / journal_name(2), journal_of({stop("x")}, {2, first.size(), kRun, at(1)}));
  const auto journals = read_journals(files, folder.path());
  ASSERT_EQ(journals.size(), 2U);
  EXPECT_EQ(journals[0].records.size(), 2U);
  EXPECT_EQ(journals[0].dropped_bytes, stalled.size() - first.size());
  files.remove(folder / journal_name(1));
  EXPECT_THROW(read_past(files, folder.path()), core::RuntimeError);
}

TEST(Journal, one_run_gets_an_epoch_and_one_taken_over_writes_no_more) {
  TemporaryFolder folder;
  auto& files = core::real_file_system();
  JournalWriter writer(files, folder.path(), {1, 0, kRun, at(1)});
  EXPECT_THAT(
      [&] {
        JournalWriter(files, folder.path(), {1, 0, kRun, at(1)});
      },
      tests::fails(core::ErrorKind::kTransient))
      << "two runs have an epoch";
  writer.append(stop("a"), at(2));
  writer.sync();
  const auto sealed = read_journal(files, folder / journal_name(1)).valid_length;
  JournalWriter successor(files, folder.path(), {2, sealed, kRun, at(3)});
  writer.append(stop("b"), at(4));
  EXPECT_THAT([&] { writer.sync(); }, tests::fails(core::ErrorKind::kInterrupted))
      << "a run that was taken over wrote on";
  EXPECT_EQ(read_journal(files, folder / journal_name(1)).records.size(), 1U);
}

// Six batches, in one of which an operation fails. \return batches that sync() took
std::size_t write_six(core::FileSystem& files, JournalWriter& writer) {
  std::size_t synced = 0;
  for (int i = 0; i < 6; ++i) {
    writer.append(stop(std::to_string(i)), at(i));
    if (!error_of([&] { writer.sync(); })) ++synced;
    EXPECT_GE(read_journal(files, writer.path()).records.size(), synced) << "what was synced reads";
  }
  return synced;
}

TEST(Journal, after_a_failure_of_the_storage_the_same_records_are_written_in_their_place) {
  for (auto operation : {FaultyFileSystem::kWrite, FaultyFileSystem::kSync}) {
    for (const int error_number : {ENOSPC, EDQUOT, EIO, ESTALE}) {
      for (int nth = 0; nth < 6; ++nth) {
        TemporaryFolder folder;
        FaultyFileSystem files;
        JournalWriter writer(files, folder.path(), {1, 0, kRun, at(1)});
        files.fail(operation, nth, error_number);
        EXPECT_EQ(write_six(core::real_file_system(), writer), 5U);
        EXPECT_TRUE(files.fired());
        writer.sync();
        EXPECT_TRUE(writer.synced());
        const auto contents = read_journal(core::real_file_system(), writer.path());
        EXPECT_EQ(contents.dropped_bytes, 0U);
        EXPECT_EQ(contents.valid_length, writer.length());
        std::vector<Event> expected;
        for (int i = 0; i < 6; ++i) expected.emplace_back(stop(std::to_string(i)));
        EXPECT_EQ(events_of(contents), expected);
      }
    }
  }
}

TEST(Journal, a_run_that_takes_over_between_a_failure_and_the_next_try_finds_every_record_that_it_sealed) {
  TemporaryFolder folder;
  FaultyFileSystem files;
  JournalWriter writer(files, folder.path(), {1, 0, kRun, at(1)});
  writer.append(stop("a"), at(2));
  writer.sync();
  files.fail(FaultyFileSystem::kSync, 0, EIO);
  writer.append(stop("b"), at(3));
  EXPECT_THROW(writer.sync(), core::RuntimeError);
  // The record is there, though its writer does not know.
  const auto seen = read_journal(core::real_file_system(), writer.path()).valid_length;
  EXPECT_GT(seen, writer.length());
  JournalWriter successor(core::real_file_system(), folder.path(), {2, seen, kRun, at(3)});
  EXPECT_THROW(writer.sync(), core::RuntimeError);
  EXPECT_EQ(read_journals(core::real_file_system(), folder.path())[0].records.size(), 2U);
}

TEST(Journal, after_any_other_failure_nothing_more_is_taken_and_what_was_synced_reads) {
  for (auto operation : {FaultyFileSystem::kWrite, FaultyFileSystem::kSync}) {
    for (int nth = 0; nth < 4; ++nth) {
      TemporaryFolder folder;
      FaultyFileSystem files;
      JournalWriter writer(files, folder.path(), {1, 0, kRun, at(1)});
      files.fail(operation, nth, EFBIG);
      EXPECT_EQ(write_six(core::real_file_system(), writer), static_cast<std::size_t>(nth));
      EXPECT_TRUE(files.fired());
      const auto contents = read_journal(core::real_file_system(), folder / journal_name(1));
      EXPECT_LE(contents.records.size(), static_cast<std::size_t>(nth) + 1);
    }
  }
}

TEST(Journal, a_storage_that_fails_on_the_way_to_the_next_epoch_delays_it) {
  using F = FaultyFileSystem;
  for (auto operation : {F::kOpen, F::kWrite, F::kSync, F::kClose, F::kMkdir, F::kLink, F::kSyncPath}) {
    for (int nth = 0; nth < 2; ++nth) {
      TemporaryFolder folder;
      F files;
      JournalWriter writer(files, folder.path(), {1, 0, kRun, at(1)});
      writer.append(stop("a"), at(2));
      writer.sync();
      files.fail(operation, nth, EIO);
      if (const auto error = error_of([&] { writer.next_epoch(at(3)); })) {
        EXPECT_TRUE(error->is_storage()) << error->what();
        EXPECT_FALSE(writer.synced());
        writer.require_no_successor();
      }
      // Events that come meanwhile are the next file's.
      writer.append(stop("b"), at(4));
      writer.append(stop("c"), at(5));
      if (error_of([&] { writer.sync(); })) {
        EXPECT_TRUE(operation == F::kWrite || operation == F::kSync) << operation;
        writer.sync();
      }
      const auto journals = read_journals(core::real_file_system(), folder.path());
      ASSERT_EQ(journals.size(), 2U) << operation << nth;
      EXPECT_EQ(events_of(journals[0]), std::vector<Event>{stop("a")});
      EXPECT_EQ(events_of(journals[1]), (std::vector<Event>{stop("b"), stop("c")}));
      EXPECT_EQ(journals[1].header.run_epoch, 1);
    }
  }
}

TEST(Journal, claiming_an_epoch_fails_whole_whatever_operation_fails) {
  using F = FaultyFileSystem;
  for (auto operation : {F::kOpen, F::kWrite, F::kSync, F::kLink, F::kMkdir}) {
    for (int nth = 0; nth < 3; ++nth) {
      TemporaryFolder folder;
      F files;
      files.fail(operation, nth);
      const experiments::StoreLayout store(folder.path());
      if (!error_of([&] { claim_epoch(files, store, "toy", at(1), {}); })) {
        EXPECT_FALSE(files.fired()) << "operation " << operation << " number " << nth << " failed unseen";
        continue;  // there are fewer operations of this kind
      }
      // Started again on a sound disk, it goes on.
      auto owned = claim_epoch(core::real_file_system(), store, "toy", at(2), {});
      EXPECT_LE(owned.epoch, 2);
    }
  }
}

}  // namespace
}  // namespace resolute::tests::journal_test
