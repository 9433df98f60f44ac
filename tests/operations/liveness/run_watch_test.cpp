#include "operations/liveness/run_watch.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "orchestrator/journal/journal.h"
#include "orchestrator/journal/owner.h"
#include "tests/support/manual_clock.h"
#include "tests/support/sick_file_system.h"
#include "tests/support/temporary_folder.h"

namespace resolute::operations::run_watch_test {
namespace {

using namespace std::chrono_literals;

class RunWatchTest : public ::testing::Test {
 protected:
  // As a run does that takes the suite.
  void begin_run(std::int64_t epoch) {
    journal_ = std::make_unique<orchestrator::JournalWriter>(
        files_, folder_.path(), orchestrator::JournalHeader{epoch, 0, std::string(32, 'a'), {}});
    run_ = epoch;
    renew(0);
  }
  // On another node: only its owner file tells of it.
  void renew(std::int64_t counter, bool ended = false) {
    orchestrator::write_owner(files_, folder_.path(), run_, {"elsewhere", "boot", "", 17, 4, counter, ended});
  }

  // Time in which the watch is asked as often as a launcher asks it.
  bool over_after(RunWatch& watch, std::chrono::seconds time) {
    for (const auto end = clock_.now() + time; clock_.now() < end;) {
      clock_.advance(3s);
      if (watch.over()) return true;
    }
    return false;
  }

  tests::TemporaryFolder folder_;
  core::FileSystem& files_ = core::real_file_system();
  tests::ManualClock clock_;
  std::unique_ptr<orchestrator::JournalWriter> journal_;
  std::int64_t run_ = 0;
};

TEST_F(RunWatchTest, sees_a_run_begin_and_end) {
  RunWatch watch(files_, folder_.path(), clock_);
  watch.expect(60s);
  EXPECT_FALSE(watch.began());
  EXPECT_FALSE(watch.over());
  begin_run(1);
  EXPECT_TRUE(watch.began());
  EXPECT_FALSE(watch.over());
  renew(1, true);
  EXPECT_TRUE(watch.over());
}

TEST_F(RunWatchTest, takes_a_standstill_in_a_store_that_fails_for_no_end) {
  bool full = true, silent = false;
  tests::SickFileSystem files;
  files.sick = [&](tests::SickFileSystem::Call call, const std::filesystem::path&) {
    if (silent) return EIO;
    return full && call == tests::SickFileSystem::kWrite ? ENOSPC : 0;
  };
  RunWatch watch(files, folder_.path(), clock_);
  watch.expect(60s);
  begin_run(1);
  EXPECT_FALSE(watch.over());
  for (const bool now_silent : {false, true, false}) {
    silent = now_silent;
    EXPECT_FALSE(over_after(watch, 6min));
  }
  full = false;
  EXPECT_FALSE(watch.over()) << "the run has to have time to move";
  EXPECT_FALSE(over_after(watch, 4min));
  EXPECT_TRUE(over_after(watch, 2min));
}

// The run waits for the same store, and has not renewed its owner file when the store is back.
TEST_F(RunWatchTest, takes_a_standstill_in_a_store_that_blocks_for_no_end) {
  std::chrono::minutes blocks{0};
  tests::SickFileSystem files;
  files.sick = [&](tests::SickFileSystem::Call, const std::filesystem::path&) {
    clock_.advance(std::exchange(blocks, 0min));
    return 0;
  };
  RunWatch watch(files, folder_.path(), clock_);
  watch.expect(60s);
  blocks = 6min;
  EXPECT_FALSE(watch.over()) << "no run could begin meanwhile";
  begin_run(1);
  EXPECT_FALSE(watch.over());
  blocks = 6min;
  EXPECT_FALSE(watch.over());
  EXPECT_FALSE(over_after(watch, 1min));
  renew(1);
  EXPECT_FALSE(over_after(watch, 4min));
  EXPECT_TRUE(over_after(watch, 2min)) << "it has not moved";
}

// SLURM's commands may take half a minute each.
TEST_F(RunWatchTest, what_its_caller_does_between_two_questions_is_no_absence) {
  RunWatch watch(files_, folder_.path(), clock_);
  watch.expect(60s);
  begin_run(1);
  EXPECT_FALSE(watch.over());
  bool over = false;
  for (int turn = 0; turn < 12 && !over; ++turn) {
    clock_.advance(30s);
    watch.leave_out(30s);
    over = watch.over();
  }
  EXPECT_TRUE(over) << "it has not moved for minutes";
}

TEST_F(RunWatchTest, a_run_that_was_killed_before_it_said_whose_it_is_is_over_in_minutes) {
  RunWatch watch(files_, folder_.path(), clock_);
  watch.expect(60s);
  journal_ = std::make_unique<orchestrator::JournalWriter>(files_, folder_.path(),
                                                           orchestrator::JournalHeader{1, 0, std::string(32, 'a'), {}});
  EXPECT_FALSE(over_after(watch, 4min));
  EXPECT_TRUE(over_after(watch, 2min));
}

TEST_F(RunWatchTest, a_first_start_in_a_store_that_fails_once_is_watched) {
  int failures = 1;
  tests::SickFileSystem files;
  RunWatch watch(files, folder_.path(), clock_);
  files.sick = [&](tests::SickFileSystem::Call, const std::filesystem::path&) { return failures-- > 0 ? ESTALE : 0; };
  watch.expect(60s);
  EXPECT_FALSE(watch.over());
  begin_run(1);
  EXPECT_TRUE(watch.began());
}

TEST_F(RunWatchTest, takes_a_further_journal_of_an_earlier_run_for_no_begin) {
  begin_run(1);
  RunWatch watch(files_, folder_.path(), clock_);
  watch.expect(60s);
  journal_->next_epoch({});
  ASSERT_EQ(journal_->epoch(), 2);
  EXPECT_FALSE(watch.began());
  EXPECT_FALSE(over_after(watch, 57s));
  EXPECT_TRUE(over_after(watch, 6s)) << "the one that it watches has not begun in time";
  begin_run(3);
  EXPECT_TRUE(watch.began());
}

TEST_F(RunWatchTest, knows_another_run_by_the_signs_of_life_that_it_gives) {
  begin_run(1);
  renew(7);
  RunWatch watch(files_, folder_.path(), clock_);
  EXPECT_FALSE(watch.other_moved()) << "it may have died long ago";
  renew(8);
  EXPECT_TRUE(watch.other_moved());
  EXPECT_EQ(watch.other(), "process 17 on 'elsewhere'");
  EXPECT_FALSE(watch.other_over());
}

TEST_F(RunWatchTest, knows_no_other_run_where_none_ever_was_or_the_last_has_ended) {
  EXPECT_FALSE(RunWatch(files_, folder_.path(), clock_).other_moved());
  begin_run(1);
  renew(7, true);
  RunWatch ended(files_, folder_.path(), clock_);
  EXPECT_FALSE(ended.other_moved());
  EXPECT_TRUE(ended.other_over());
}

TEST_F(RunWatchTest, waits_while_another_run_moves_and_until_it_ends) {
  begin_run(1);
  RunWatch watch(files_, folder_.path(), clock_);
  std::int64_t counter = 0;
  const auto sleep = [&](std::chrono::milliseconds duration) {
    clock_.advance(duration);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(clock_.now().time_since_epoch()).count();
    if (seconds / 5 > counter) {
      ++counter;
      renew(counter, counter == 20);
    }
  };
  EXPECT_TRUE(wait_for_end(
      watch, [] { return false; }, sleep));
  EXPECT_EQ(counter, 20) << "a hundred seconds";
}

TEST_F(RunWatchTest, waits_no_longer_for_a_run_that_stands_still_than_another_one_would) {
  begin_run(1);
  RunWatch watch(files_, folder_.path(), clock_);
  const auto sleep = [&](std::chrono::milliseconds duration) { clock_.advance(duration); };
  EXPECT_TRUE(wait_for_end(
      watch, [] { return false; }, sleep));
  EXPECT_GE(clock_.now().time_since_epoch(), 15s);
  EXPECT_LE(clock_.now().time_since_epoch(), 30s);
}

TEST_F(RunWatchTest, stops_to_wait_at_once_where_there_is_no_time_left) {
  begin_run(1);
  RunWatch watch(files_, folder_.path(), clock_);
  const auto sleep = [&](std::chrono::milliseconds duration) { clock_.advance(duration); };
  EXPECT_FALSE(wait_for_end(
      watch, [&] { return clock_.now().time_since_epoch() >= 4s; }, sleep));
  EXPECT_LE(clock_.now().time_since_epoch(), 5s);
}

}  // namespace
}  // namespace resolute::operations::run_watch_test
