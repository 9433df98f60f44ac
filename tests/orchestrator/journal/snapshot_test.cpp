#include "orchestrator/journal/snapshot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <thread>

#include "core/hash/crc32c.h"
#include "orchestrator/journal/owner.h"
#include "tests/orchestrator/support/journals.h"
#include "tests/orchestrator/support/simulated_run.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/folders.h"
#include "tests/support/forwarding_file_system.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::snapshot_test {
namespace {

using namespace orchestrator;
using testing::ElementsAre;
using testing::HasSubstr;

core::FileSystem& files() { return core::real_file_system(); }

// A run's journals, `each` events to an epoch. \return valid bytes of each file
std::vector<std::uint64_t> write_journals(const std::filesystem::path& folder, const std::vector<Event>& events,
                                          std::size_t each) {
  std::vector<std::uint64_t> lengths;
  for (std::size_t begin = 0; begin < events.size(); begin += each) {
    const auto epoch = static_cast<std::int64_t>(lengths.size()) + 1;
    const auto end = events.begin() + static_cast<std::ptrdiff_t>(std::min(begin + each, events.size()));
    const core::Bytes bytes = journal_of({events.begin() + static_cast<std::ptrdiff_t>(begin), end},
                                         {epoch, lengths.empty() ? 0 : lengths.back(), kRun, at(1), 1});
    core::write_atomic(files(), folder / journal_name(epoch), bytes);
    lengths.push_back(bytes.size());
  }
  return lengths;
}

State after(const std::vector<Event>& events, std::size_t count) {
  State state;
  for (std::size_t i = 0; i < count; ++i) orchestrator::apply(state, events[i]);
  return state;
}

TEST(Snapshot, of_every_state_of_a_run_reads_back_equal_with_equal_bytes) {
  const SimulatedRun run(5, 8);
  State state;
  for (const Event& event : run.events) {
    orchestrator::apply(state, event);
    const core::Bytes bytes = encode_snapshot({3, 99}, state);
    const Snapshot back = parse_snapshot(bytes, "snapshot");
    ASSERT_EQ(back.state, state) << describe(event);
    ASSERT_EQ(back.position, (SnapshotPosition{3, 99}));
    ASSERT_EQ(encode_snapshot(back.position, back.state), bytes);
  }
}

TEST(Snapshot, keeps_what_only_some_runs_know) {
  State state = state_after({toy_run(3), toy_job(0, 2), toy_job(1), toy_agent(0, "one", 2, 1), toy_agent(1, "two", 4),
                             HostDrained{"one", true, "broken fan"}, AgentLeaving{{1}, "spot"},
                             CancelRequested{{1}, "by ann"}, StopRequested{"the end", Cause::kWalltime}});
  state.jobs[1].row = {2, "class a", 0, "class b"};
  EXPECT_EQ(parse_snapshot(encode_snapshot({1, 64}, state), "snapshot").state, state);
  EXPECT_EQ(parse_snapshot(encode_snapshot({0, 0}, {}), "snapshot").state, State{});
}

TEST(Snapshot, a_number_of_attempts_that_nobody_made_is_refused) {
  State state = state_after({toy_run(1), toy_job(0)});
  for (const int attempts : {-1, 2 * kMostAttempts + 1, std::numeric_limits<int>::max()}) {
    state.jobs[0].attempts = attempts;
    EXPECT_THAT([&] { parse_snapshot(encode_snapshot({1, 64}, state), "snapshot"); }, fails(HasSubstr("out of range")));
  }
}

TEST(Snapshot, golden_file_of_version_5_reads_and_is_what_is_written) {
  const auto path = tests::source_folder() / "tests/golden/orchestrator/snapshot-of-version-5";
  const State state = state_after(past_of_snapshot_version_5());
  const core::Bytes now = encode_snapshot({3, 99}, state);
  // To make it anew for a new version: write `now` to the path.
  if (std::getenv("RESOLUTE_WRITE_GOLDEN") != nullptr) core::write_atomic(files(), path, now);
  EXPECT_EQ(parse_snapshot(files().read(path), path.string()).state, state);
  EXPECT_EQ(files().read(path), now) << "what is written today differs from version 5";
}

TEST(Snapshot, another_version_is_refused) {
  for (const auto& [version, why] :
       {std::pair(4, "made before 0.1.0"), std::pair(6, "use the resolute that wrote it")}) {
    core::Bytes other = encode_snapshot({3, 99}, state_after({toy_run(3)}));
    other[8] = static_cast<std::byte>(version);
    const std::uint32_t checksum = core::crc32c(std::span(other).first(44));
    std::memcpy(other.data() + 44, &checksum, sizeof checksum);
    EXPECT_THAT([&] { parse_snapshot(other, "snapshot"); }, fails(HasSubstr(why)));
  }
}

TEST(Snapshot, every_prefix_and_every_damaged_byte_is_refused_with_advice) {
  const core::Bytes bytes = encode_snapshot({1, 64}, SimulatedRun(5, 3).state);
  auto expect_refused = [&](std::span<const std::byte> damaged, std::size_t at) {
    ASSERT_THAT([&] { parse_snapshot(damaged, "snapshot"); }, fails(HasSubstr("; "))) << at;
  };
  for (std::size_t length = 0; length < bytes.size(); ++length) expect_refused(std::span(bytes).first(length), length);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const unsigned change : {0x01U, 0x80U, 0xffU}) {
      core::Bytes damaged = bytes;
      damaged[at] ^= static_cast<std::byte>(change);
      expect_refused(damaged, at);
    }
  }
}

TEST(Snapshot, replay_from_it_and_what_follows_equals_replay_of_everything) {
  const SimulatedRun run(9, 10);
  const std::size_t each = run.events.size() / 4 + 1;
  TemporaryFolder folder;
  const auto lengths = write_journals(folder.path(), run.events, each);
  EXPECT_EQ(read_past(files(), folder.path()).state, run.state);
  for (std::size_t epoch = 1; epoch <= lengths.size(); ++epoch) {
    const State then = after(run.events, std::min(each * epoch, run.events.size()));
    keep_snapshot(files(), folder.path(), {static_cast<std::int64_t>(epoch), lengths[epoch - 1]}, then);
    const Past past = read_past(files(), folder.path());
    ASSERT_EQ(past.state, run.state) << epoch;
    ASSERT_EQ(past.epoch, static_cast<std::int64_t>(lengths.size()));
    ASSERT_EQ(past.length, lengths.back());
  }
  EXPECT_THAT(snapshot_epochs(files(), folder.path()), testing::SizeIs(2));
}

TEST(Snapshot, removes_only_journals_that_two_of_them_cover_and_the_oldest_first) {
  const SimulatedRun run(9, 10);
  const std::size_t each = run.events.size() / 6 + 1;
  TemporaryFolder folder;
  const auto lengths = write_journals(folder.path(), run.events, each);
  ASSERT_EQ(lengths.size(), 6U);
  auto keep = [&](std::int64_t epoch, std::uint64_t bytes) {
    const State then = after(run.events, each * static_cast<std::size_t>(epoch));
    keep_snapshot(files(), folder.path(), {epoch, lengths[static_cast<std::size_t>(epoch) - 1]}, then, bytes);
  };
  keep(3, 0);
  EXPECT_THAT(journal_epochs(files(), folder.path()), ElementsAre(1, 2, 3, 4, 5, 6)) << "one snapshot is no reserve";
  keep(4, lengths[2] + lengths[1]);
  EXPECT_THAT(journal_epochs(files(), folder.path()), ElementsAre(2, 3, 4, 5, 6));
  keep(5, 0);
  EXPECT_THAT(journal_epochs(files(), folder.path()), ElementsAre(5, 6));
  EXPECT_EQ(read_past(files(), folder.path()).state, run.state);
  // The newer of the two is lost: the older one and the journals behind it are enough.
  core::write_atomic(files(), folder / snapshot_name(5), "damaged");
  EXPECT_EQ(read_past(files(), folder.path()).state, run.state);
  files().remove(folder / snapshot_name(4));
  EXPECT_THROW(read_past(files(), folder.path()), core::RuntimeError);
}

TEST(Snapshot, that_does_not_belong_to_the_journals_is_left_out) {
  const SimulatedRun run(9, 10);
  const std::size_t each = run.events.size() / 2 + 1;
  TemporaryFolder folder;
  const auto lengths = write_journals(folder.path(), run.events, each);
  keep_snapshot(files(), folder.path(), {1, lengths[0] + 1}, State{});
  EXPECT_EQ(newest_snapshot(files(), folder.path()), std::nullopt);
  EXPECT_EQ(read_past(files(), folder.path()).state, run.state);
}

// A run of a suite, started and ended `runs` times, that goes on in another epoch after each event.
State events_over_runs(core::FileSystem& disk, const experiments::StoreLayout& store,
                       const std::vector<Event>& events) {
  OwnedEpoch owned = claim_epoch(disk, store, "toy", at(1), {});
  State state = std::move(owned.state);
  for (const Event& event : events) {
    owned.journal->append(event, at(2));
    owned.journal->sync();
    orchestrator::apply(state, event);
    go_on_in_next_epoch(disk, owned, state, at(3));
  }
  return state;
}

TEST(Epochs, a_run_that_goes_on_in_further_ones_stays_the_same_run) {
  const SimulatedRun run(2, 3);
  TemporaryFolder folder;
  const experiments::StoreLayout store(folder.path());
  const auto suite = store.suite_folder("toy");
  EXPECT_EQ(events_over_runs(files(), store, run.events), run.state);
  const Past past = read_past(files(), suite);
  EXPECT_EQ(past.state, run.state);
  EXPECT_EQ(past.epoch, static_cast<std::int64_t>(run.events.size()) + 1);
  EXPECT_EQ(past.run_epoch, 1);
  EXPECT_TRUE(read_owner(files(), suite, 1)) << "its owner file is that of the epoch in which it began";
  // The next run looks at that file: this process lives, and its counter moves.
  Owner owner = this_owner();
  std::jthread renewing([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      ++owner.counter;
      write_owner(files(), suite, 1, owner);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
  EXPECT_THROW(claim_epoch(files(), store, "toy", at(4), std::chrono::seconds(10)), core::RuntimeError);
  renewing.request_stop();
  renewing.join();
  owner.ended = true;
  write_owner(files(), suite, 1, owner);
  const OwnedEpoch next = claim_epoch(files(), store, "toy", at(5), std::chrono::seconds(10));
  EXPECT_EQ(next.epoch, past.epoch + 1);
  EXPECT_EQ(next.state, run.state);
}

// Does something right before the link that claims epoch 2.
class BeforeTheLink final : public ForwardingFileSystem {
 public:
  explicit BeforeTheLink(std::function<void()> act) : act_(std::move(act)) {}
  bool link(const std::filesystem::path& from, const std::filesystem::path& to) override {
    if (to.filename() == journal_name(2)) act_();
    return ForwardingFileSystem::link(from, to);
  }

 private:
  std::function<void()> act_;
};

TEST(Epochs, what_a_run_wrote_and_acted_on_until_it_was_taken_over_is_known_to_its_successor) {
  const SimulatedRun run(2, 3);
  TemporaryFolder folder;
  const experiments::StoreLayout store(folder.path());
  const auto suite = store.suite_folder("toy");
  OwnedEpoch first = claim_epoch(files(), store, "toy", at(1), {});
  auto write = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) first.journal->append(run.events[i], at(2));
    first.journal->sync();
  };
  write(0, 5);
  // It was stopped until its journal had been read, and goes on before the next epoch is there.
  BeforeTheLink late([&] { write(5, 9); });
  OwnedEpoch second = claim_epoch(late, store, "toy", at(3), {});
  EXPECT_EQ(second.state, after(run.events, 9));
  first.journal->append(run.events[9], at(4));
  EXPECT_THROW(first.journal->sync(), core::RuntimeError);
  second.journal->append(run.events[9], at(5));
  second.journal->sync();
  EXPECT_EQ(read_past(files(), suite).state, after(run.events, 10));
  files().remove(suite / snapshot_name(1));
  EXPECT_EQ(read_past(files(), suite).state, after(run.events, 10));
}

TEST(Epochs, whatever_operation_fails_while_one_follows_another_nothing_is_lost) {
  using F = FaultyFileSystem;
  const SimulatedRun run(2, 2);
  for (auto operation : {F::kOpen, F::kWrite, F::kSync, F::kClose, F::kLink, F::kRename, F::kSyncPath}) {
    for (int nth = 0; nth < 9; ++nth) {
      TemporaryFolder folder;
      const experiments::StoreLayout store(folder.path());
      F faulty;
      OwnedEpoch owned = claim_epoch(faulty, store, "toy", at(1), {});
      State state = std::move(owned.state);
      faulty.fail(operation, nth);
      std::size_t synced = 0;
      const auto error = error_of([&] {
        for (; synced < 3; ++synced) {
          owned.journal->append(run.events[synced], at(2));
          owned.journal->sync();
          orchestrator::apply(state, run.events[synced]);
          go_on_in_next_epoch(faulty, owned, state, at(3));
        }
      });
      EXPECT_TRUE(!error || faulty.fired());
      const State kept = read_past(files(), store.suite_folder("toy")).state;
      EXPECT_TRUE(kept == after(run.events, synced) || kept == after(run.events, synced + 1))
          << "operation " << operation << " number " << nth;
    }
  }
}

}  // namespace
}  // namespace resolute::tests::snapshot_test
