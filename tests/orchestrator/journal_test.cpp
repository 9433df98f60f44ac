#include "orchestrator/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "core/sha256.h"
#include "orchestrator/epoch.h"
#include "orchestrator/owner.h"
#include "tests/orchestrator/support/simulated_run.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests {
namespace {

using namespace orchestrator;
using testing::HasSubstr;
namespace fs = std::filesystem;

const std::string kRun = "000102030405060708090a0b0c0d0e0f";

// One of each type, with every member set. What the golden journal holds: never change, only append.
std::vector<Event> one_of_each() {
  return {RunStarted{1, kRun, "node-1", 4711, -1},
          JobAdded{{0}, {std::string(64, 'a')}, "shard", "shard 0 of easy", {}, 1, 0},
          JobAdded{{1}, {std::string(64, 'b')}, "training", "training rain trial 0", {{0}}, 2, 3},
          AgentJoined{{0}, "node-1", 2},
          AgentJoined{{1}, "node-2", 2},
          JobSucceeded{{0}, 0},
          Placed{{1}, 4, {{{0}, 1}, {{1}, 1}}, -1, "first in plan order; 2 of 4 free slots"},
          Started{{1}, 4},
          Progressed{{1}, 4, 100},
          RankExited{{1}, 4, 1, 0, 9, "resolute-worker: \"lost\" \xc3\xa9"},
          AttemptStopped{{1}, 4, Cause::kCrash, Milliseconds{0}, "a rank failed"},
          AgentLost{{1}, "no sign of life for 10 s"},
          AttemptEnded{{1}, 4, Cause::kCrash, "killed by signal 9", true, at(1'700'000'000'250), "crash 1 of 3"},
          ResultMissing{{1}, 9},
          StopRequested{"signal 15"},
          JobFailed{{1}, Cause::kUnplaceable, "it needs 2 slots and the run has 1"},
          JobCancelled{{1}, "it needs job 0"},
          RunEnded{RunEnd::kInterrupted, "signal 15"}};
}

core::Bytes journal_of(const std::vector<Event>& events,
                       const JournalHeader& header = {1, 0, kRun, at(1'700'000'000'000)}) {
  core::Bytes bytes = encode_header(header);
  for (std::size_t i = 0; i < events.size(); ++i)
    core::append_bytes(bytes, encode_record(i + 1, at(1'700'000'000'000 + static_cast<std::int64_t>(i)), events[i]));
  return bytes;
}

std::vector<Event> events_of(const JournalContents& contents) {
  std::vector<Event> events;
  for (const auto& record : contents.records) events.push_back(record.event);
  return events;
}

TEST(Journal, golden_file_of_version_1_still_reads) {
  const fs::path path = fs::path(RESOLUTE_SOURCE_DIR) / "tests/golden/orchestrator/journal-000001";
  const core::Bytes now = journal_of(one_of_each());
  // To make it anew for a new version: write `now` to the path.
  if (std::getenv("RESOLUTE_WRITE_GOLDEN") != nullptr) core::write_atomic(core::real_file_system(), path, now);
  const auto contents = read_journal(core::real_file_system(), path);
  EXPECT_EQ(events_of(contents), one_of_each());
  EXPECT_EQ(contents.header.run, kRun);
  EXPECT_EQ(contents.records[1].at, at(1'700'000'000'001));
  EXPECT_EQ(contents.dropped_bytes, 0U);
  EXPECT_EQ(core::real_file_system().read(path), now) << "what is written today differs from version 1";
}

TEST(Journal, worked_example_of_its_format_page_reads) {
  std::ifstream page(fs::path(RESOLUTE_SOURCE_DIR) / "docs/formats/journal.md");
  core::Bytes bytes;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("```")) inside = line == "```hex";
    if (!inside || line.starts_with("```")) continue;
    std::istringstream digits(line.substr(0, line.find('|')));
    std::string offset;
    digits >> offset;
    EXPECT_EQ(std::stoul(offset, nullptr, 16), bytes.size());
    for (std::string byte; digits >> byte;) bytes.push_back(static_cast<std::byte>(std::stoi(byte, nullptr, 16)));
  }
  const auto contents = parse_journal(bytes, "page");
  EXPECT_EQ(events_of(contents), (std::vector<Event>{AgentJoined{{0}, "n1", 2}, StopRequested{"signal 15"}}));
  EXPECT_EQ(contents.header.epoch, 2);
  EXPECT_EQ(contents.header.sealed_length, 1234U);
  EXPECT_EQ(contents.valid_length, bytes.size());
}

TEST(Journal, every_prefix_gives_a_prefix_of_the_events) {
  SimulatedRun run(3, 6);
  const core::Bytes bytes = journal_of(run.events);
  const auto whole = parse_journal(bytes, "journal");
  ASSERT_EQ(events_of(whole), run.events);
  std::size_t complete = 0;
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    const auto prefix = std::span(bytes).first(length);
    if (length < kJournalHeaderSize) {
      EXPECT_THROW(parse_journal(prefix, "journal"), core::RuntimeError);
      continue;
    }
    while (complete < whole.records.size() &&
           (complete + 1 < whole.records.size() ? whole.records[complete + 1].offset : whole.valid_length) <= length)
      ++complete;
    const auto contents = parse_journal(prefix, "journal");
    ASSERT_EQ(contents.records.size(), complete) << length;
    ASSERT_EQ(contents.valid_length + contents.dropped_bytes, length);
    if (length % 97 == 0) check_invariants(replay({contents}));
  }
}

TEST(Journal, every_flipped_byte_is_refused_with_its_offset_or_cuts_the_last_record) {
  const std::vector<Event> events = one_of_each();
  const core::Bytes bytes = journal_of(events);
  const auto whole = parse_journal(bytes, "journal");
  const std::size_t last = whole.records.back().offset;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    core::Bytes damaged = bytes;
    damaged[at] ^= std::byte{0x41};
    try {
      const auto contents = parse_journal(damaged, "journal");
      ASSERT_GE(at, last) << at;
      ASSERT_EQ(contents.valid_length, last) << at;
    } catch (const core::RuntimeError& error) {
      ASSERT_LT(at, last) << at;
      ASSERT_EQ(error.kind(), core::ErrorKind::kCorrupt);
      if (at >= kJournalHeaderSize) {
        std::size_t record = 0;
        while (record + 1 < whole.records.size() && whole.records[record + 1].offset <= at) ++record;
        ASSERT_THAT(error.what(), HasSubstr(fmt::format("offset {}", whole.records[record].offset)));
      }
    }
    // Sealed by a successor, the same damage is never taken for a torn tail.
    EXPECT_THROW(parse_journal(damaged, "journal", bytes.size()), core::RuntimeError) << at;
  }
}

TEST(Journal, bytes_behind_the_sealed_length_are_ignored) {
  TemporaryFolder folder;
  auto& files = core::real_file_system();
  const core::Bytes first = journal_of({one_of_each()[0], one_of_each()[1]});
  core::Bytes stalled = first;
  core::append_bytes(stalled,
                     encode_record(3, at(5), StopRequested{"written by a coordinator that was stopped for an hour"}));
  core::write_atomic(files, folder / journal_name(1), stalled);
  core::write_atomic(files, folder / journal_name(2), journal_of({StopRequested{"x"}}, {2, first.size(), kRun, at(1)}));
  const auto journals = read_journals(files, folder.path());
  ASSERT_EQ(journals.size(), 2U);
  EXPECT_EQ(journals[0].records.size(), 2U);
  EXPECT_EQ(journals[0].dropped_bytes, stalled.size() - first.size());
  files.remove(folder / journal_name(1));
  EXPECT_THROW(read_journals(files, folder.path()), core::RuntimeError);
}

TEST(Journal, one_run_gets_an_epoch_and_one_taken_over_writes_no_more) {
  TemporaryFolder folder;
  auto& files = core::real_file_system();
  JournalWriter writer(files, folder.path(), {1, 0, kRun, at(1)});
  EXPECT_THROW(JournalWriter(files, folder.path(), {1, 0, kRun, at(1)}), core::RuntimeError);
  writer.append(StopRequested{"a"}, at(2));
  writer.sync();
  const auto sealed = read_journal(files, folder / journal_name(1)).valid_length;
  JournalWriter successor(files, folder.path(), {2, sealed, kRun, at(3)});
  writer.append(StopRequested{"b"}, at(4));
  try {
    writer.sync();
    FAIL() << "a run that was taken over wrote on";
  } catch (const core::RuntimeError& error) {
    EXPECT_EQ(error.kind(), core::ErrorKind::kInterrupted);
  }
  EXPECT_EQ(read_journal(files, folder / journal_name(1)).records.size(), 1U);
}

TEST(Journal, after_any_failed_write_or_sync_nothing_more_is_taken_and_what_was_synced_reads) {
  for (auto operation : {FaultyFileSystem::kWrite, FaultyFileSystem::kSync}) {
    for (int nth = 0; nth < 4; ++nth) {
      TemporaryFolder folder;
      FaultyFileSystem files;
      JournalWriter writer(files, folder.path(), {1, 0, kRun, at(1)});
      files.fail(operation, nth);
      std::size_t synced = 0;
      bool failed = false;
      for (int i = 0; i < 6; ++i) {
        writer.append(StopRequested{std::to_string(i)}, at(i));
        try {
          writer.sync();
          ASSERT_FALSE(failed) << "it took a record after a failure";
          ++synced;
        } catch (const core::RuntimeError&) {
          failed = true;
        }
      }
      EXPECT_TRUE(files.fired());
      EXPECT_EQ(synced, static_cast<std::size_t>(nth));
      const auto contents = read_journal(core::real_file_system(), folder / journal_name(1));
      EXPECT_GE(contents.records.size(), synced);
      EXPECT_LE(contents.records.size(), synced + 1);
    }
  }
}

TEST(Journal, claiming_an_epoch_fails_whole_whatever_operation_fails) {
  using F = FaultyFileSystem;
  for (auto operation : {F::kOpen, F::kWrite, F::kSync, F::kLink, F::kCreateDirectories}) {
    for (int nth = 0; nth < 3; ++nth) {
      TemporaryFolder folder;
      F files;
      files.fail(operation, nth);
      const experiments::StoreLayout store(folder.path());
      try {
        claim_epoch(files, store, "toy", at(1), {});
        if (files.fired()) ADD_FAILURE() << "operation " << operation << " number " << nth << " failed unseen";
        continue;  // there are fewer operations of this kind
      } catch (const core::RuntimeError&) {
      }
      // Started again on a sound disk, it goes on.
      auto owned = claim_epoch(core::real_file_system(), store, "toy", at(2), {});
      EXPECT_LE(owned.epoch, 2);
    }
  }
}

TEST(Owner, a_live_process_keeps_its_suite_and_a_dead_one_does_not) {
  TemporaryFolder folder;
  auto& files = core::real_file_system();
  Owner owner = this_owner();
  write_owner(files, folder.path(), 1, owner);
  EXPECT_EQ(read_owner(files, folder.path(), 1), owner);
  EXPECT_THROW(require_no_owner(files, folder.path(), 1, {}), core::RuntimeError);
  owner.start += 1;  // another process with the same number
  write_owner(files, folder.path(), 1, owner);
  require_no_owner(files, folder.path(), 1, {});
  owner = this_owner();
  owner.ended = true;
  write_owner(files, folder.path(), 1, owner);
  require_no_owner(files, folder.path(), 1, {});
  owner = this_owner();
  owner.host = "elsewhere";
  write_owner(files, folder.path(), 1, owner);
  require_no_owner(files, folder.path(), 1, std::chrono::milliseconds(10));
}

}  // namespace
}  // namespace resolute::tests
