#include "operations/space/compact.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "core/hash/sha256.h"
#include "experiments/store/bundle.h"
#include "operations/look/status.h"
#include "operations/space/trash.h"
#include "orchestrator/journal/journal.h"
#include "orchestrator/journal/owner.h"
#include "orchestrator/store/claim.h"
#include "tests/orchestrator/support/toy_suite.h"
#include "tests/support/killing_file_system.h"
#include "tests/support/manual_clock.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::compact_test {
namespace {

namespace fs = std::filesystem;
using namespace operations;
using namespace orchestrator;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Tree = std::map<std::string, std::string>;  // name below the store → text

// A store with four trainings and the evaluations of three, of which all but the last of each are finished.
class Compact : public testing::Test {
 protected:
  Compact() : plan_(toy_plan(4, 1)) {
    for (int i = 0; i < 3; ++i) {
      experiments::EvaluationSpecification evaluation;
      evaluation.training = plan_.jobs[static_cast<std::size_t>(i)].id;
      plan_.jobs.push_back({experiments::job_id(evaluation), evaluation, {evaluation.training}, 1, ""});
    }
    fill();
  }

  void write(const fs::path& path, const std::string& text) { core::write_atomic(files_, path, text); }

  void fill() {
    for (const auto& job : plan_.jobs) {
      const fs::path folder = store_.job_folder(job.id);
      write(store_.specification_file(job.id), experiments::canonical_text(job.specification));
      write(folder / "attempt-001-stdout", "out of " + job.id.hex);
      write(folder / "attempt-003-stderr", "");
      write(folder / "attempt-002-metrics.jsonl", "{}\n");
      fs::create_directories(folder / "checkpoints");
      if (job.id == plan_.jobs[3].id || job.id == plan_.jobs[6].id) continue;
      const bool training = std::holds_alternative<experiments::TrainingSpecification>(job.specification);
      write(folder / (training ? "weights-0" : "features.h5"), "large");
      if (!training) write(folder / "queries.csv", "rank\n");
      write(store_.result_file(job.id), "{\"job\":\"" + job.id.hex + "\"}\n");
    }
  }

  Tree tree(core::FileSystem& files) {
    Tree found;
    for (const auto& job : plan_.jobs) add(files, store_.job_folder(job.id), found);
    return found;
  }
  void add(core::FileSystem& files, const fs::path& folder, Tree& found) {
    for (const std::string& name : files.list(folder)) {
      if (core::is_temporary_name(name)) continue;  // of a process that was killed
      try {
        found[(folder / name).lexically_relative(store_.root()).string()] = core::read_text(files, folder / name);
      } catch (const core::RuntimeError&) {
        add(files, folder / name, found);
      }
    }
  }
  // The store as a reader that knows of bundles sees it.
  Tree seen() {
    experiments::BundledFiles files(files_, store_);
    return tree(files);
  }
  // Files and folders of a job, its own among them.
  long inodes(std::size_t job) {
    return 1 + std::distance(fs::recursive_directory_iterator(store_.job_folder(plan_.jobs[job].id)), {});
  }
  CompactReport compact_here() { return compact(files_, store_, plan_, {}); }
  // Folders of those at work, or dead.
  std::vector<std::string> takers() {
    auto names = files_.list(trash_);
    std::erase_if(names, [](const auto& name) { return core::is_temporary_name(name); });
    return names;
  }
  // Makes those at work look as if they had stood still for too long.
  void take_for_dead() {
    Owner owner = this_owner();
    owner.ended = true;
    for (const std::string& name : takers())
      if (name.starts_with("taken-")) write_owner(files_, trash_ / name, 1, owner);
  }
  // Takes `work` for dead at one of its steps and lets `other` work from beginning to end there. Then `work` goes on;
  // `kill` steps later it is killed. \return false if that step did not come
  bool meet(int at, std::optional<int> kill, const std::function<void()>& other,
            const std::function<void(core::FileSystem&)>& work) {
    int step = 0;
    bool came = false;
    Mortal process(kill ? std::optional<int>(at + *kill) : std::nullopt);
    KillingFileSystem files(process);
    process.before_step = [&] {
      if (step++ != at) return;
      came = true;
      take_for_dead();
      other();
    };
    try {
      process.survives([&] { work(files); });
    } catch (const core::RuntimeError& error) {
      EXPECT_TRUE(came) << error.what();
    }
    take_for_dead();
    return came;
  }
  // Lets them meet at one step after another, `stride` apart, until `work` has no more.
  void expect_nothing_lost(int stride, const std::function<void()>& other,
                           const std::function<void(core::FileSystem&)>& work) {
    const Tree before = tree(files_);
    for (const std::optional<int> kill : {std::optional<int>(), std::optional<int>(1), std::optional<int>(3)}) {
      int at = 0;
      for (bool came = true; came; at += stride) {
        came = meet(at, kill, other, work);
        ASSERT_EQ(seen(), before) << "the other came at step " << at;
        unpack(files_, store_, "toy", {});
        ASSERT_EQ(tree(files_), before) << "the other came at step " << at;
        ASSERT_THAT(takers(), IsEmpty()) << "the other came at step " << at;
      }
      EXPECT_GT(at, 50);
    }
  }

  TemporaryFolder folder_;
  Mortal nobody_;
  KillingFileSystem files_{nobody_};  // nothing is synced in truth
  experiments::StoreLayout store_{folder_.path()};
  const fs::path trash_ = store_.trash_folder() / "compact";
  experiments::Plan plan_;
};

TEST_F(Compact, leaves_four_files_and_folders_at_most_and_readers_find_all) {
  const Tree before = seen();
  ASSERT_EQ(inodes(0), 8);
  const CompactReport report = compact_here();
  EXPECT_EQ(report.finished, 5);
  EXPECT_EQ(report.jobs, 5);
  EXPECT_EQ(report.files, 5 * 3 + 2);
  EXPECT_EQ(report.folders, 5);
  EXPECT_EQ(report.kept + report.held, 0);
  EXPECT_THAT(report.bundles, ElementsAre("toy-000001"));
  EXPECT_EQ(inodes(0), 4) << "the folder, spec.json that its evaluation reads, result.json, weights";
  EXPECT_EQ(inodes(4), 4) << "the folder, result.json, features, queries";
  EXPECT_EQ(inodes(3), 6) << "not finished";
  EXPECT_EQ(seen(), before);
  EXPECT_NE(tree(files_), before);
  EXPECT_EQ(read_status(files_, store_, plan_).jobs.succeeded, 5);
  const CompactReport again = compact_here();
  EXPECT_EQ(again.files + again.jobs, 0);
  EXPECT_THAT(again.bundles, IsEmpty());
}

TEST_F(Compact, what_is_done_later_goes_into_another_bundle) {
  compact_here();
  write(store_.result_file(plan_.jobs[3].id), "{}\n");
  const Tree before = seen();
  EXPECT_THAT(compact_here().bundles, ElementsAre("toy-000002"));
  EXPECT_EQ(seen(), before);
}

TEST_F(Compact, undo_puts_every_file_back) {
  const Tree before = tree(files_);
  CompactOptions small{.bundle_bytes = 1};
  EXPECT_EQ(compact(files_, store_, plan_, small).bundles.size(), 5U);
  const CompactReport undone = unpack(files_, store_, "toy", {});
  EXPECT_EQ(undone.files, 17);
  EXPECT_EQ(undone.bundles.size(), 5U);
  EXPECT_EQ(tree(files_), before);
  EXPECT_THAT(experiments::bundle_files(files_, store_), IsEmpty());
}

// Readers believe (docs/inside/formats/bundle.md) the later bundle, and only what was packed beside today's result.
TEST_F(Compact, undo_of_two_bundles_of_a_job_puts_back_what_readers_saw) {
  const fs::path folder = store_.job_folder(plan_.jobs[0].id);
  compact_here();
  for (const char* name : {"attempt-001-stdout", "attempt-004-stdout"}) write(folder / name, "later");
  compact_here();
  const Tree before = seen();
  unpack(files_, store_, "toy", {});
  EXPECT_EQ(tree(files_), before);
  EXPECT_EQ(core::read_text(files_, folder / "attempt-001-stdout"), "later");

  compact_here();
  write(store_.result_file(plan_.jobs[0].id), "{}\n");  // of another try
  EXPECT_EQ(unpack(files_, store_, "toy", {}).jobs, 4);
  EXPECT_FALSE(fs::exists(folder / "attempt-001-stdout"));
}

TEST_F(Compact, dry_run_changes_nothing) {
  const Tree before = tree(files_);
  CompactOptions dry{.dry_run = true};
  EXPECT_EQ(compact(files_, store_, plan_, dry).files, 17);
  EXPECT_EQ(tree(files_), before);
  EXPECT_THAT(experiments::bundle_files(files_, store_), IsEmpty());
  compact_here();
  const Tree packed = tree(files_);
  EXPECT_EQ(unpack(files_, store_, "toy", dry).files, 17);
  EXPECT_EQ(tree(files_), packed);
  EXPECT_EQ(experiments::bundle_files(files_, store_).size(), 1U);
}

TEST_F(Compact, a_job_that_a_run_holds_is_left_alone) {
  fs::create_directories(store_.suite_folder("other"));
  write(store_.suite_folder("other") / journal_name(1),
        std::string(core::as_text(encode_header({1, 0, std::string(32, '1'), Instant{}, 1}))));
  const auto write_run_owner = [&](bool ended) {
    Owner owner = this_owner();
    owner.ended = ended;
    write_owner(files_, store_.suite_folder("other"), 1, owner);
  };
  write_run_owner(false);
  const auto clock = tests::ManualClock();
  Claims claims(files_, clock, store_, JobClaim{"other", 1, std::string(32, '1')}, std::chrono::seconds(15));
  ASSERT_EQ(claims.take(plan_.jobs[0].id), std::nullopt);
  EXPECT_EQ(compact_here().held, 1);
  EXPECT_EQ(inodes(0), 9) << "with its claim";
  EXPECT_EQ(inodes(1), 4);
  write_run_owner(true);
  EXPECT_EQ(compact_here().held, 0);
  EXPECT_EQ(inodes(0), 5) << "with the claim that nobody holds";
}

TEST_F(Compact, what_is_written_while_it_packs_stays) {
  const fs::path log = store_.job_folder(plan_.jobs[0].id) / "attempt-001-stdout";
  Mortal process;
  KillingFileSystem slow(process);
  process.before_step = [&] {
    if (!experiments::bundle_files(files_, store_).empty()) write(log, "a later line");
  };
  EXPECT_EQ(compact(slow, store_, plan_, {}).kept, 1);
  process.before_step = {};
  EXPECT_EQ(core::read_text(files_, log), "a later line");
  EXPECT_EQ(seen()[log.lexically_relative(store_.root()).string()], "a later line");
}

TEST_F(Compact, large_and_foreign_files_stay) {
  const fs::path folder = store_.job_folder(plan_.jobs[0].id);
  fs::create_directories(folder / "attempt-001-folder");
  std::ofstream(folder / "attempt-001-gradients.bin").close();
  fs::resize_file(folder / "attempt-001-gradients.bin", (std::uintmax_t{16} << 20) + 1);
  const CompactReport report = compact_here();
  EXPECT_EQ(report.kept, 2);
  EXPECT_EQ(report.files, 17);
  EXPECT_TRUE(fs::exists(folder / "attempt-001-gradients.bin"));
  EXPECT_FALSE(fs::exists(folder / "attempt-002-metrics.jsonl"));
}

// Else each compaction would make a bundle of them, and could remove none.
TEST_F(Compact, files_of_folders_that_are_closed_to_this_user_are_packed_by_nobody) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  fs::permissions(folder_.path(), fs::perms::all);
  const auto open = [&](std::size_t job) { fs::permissions(store_.job_folder(plan_.jobs[job].id), fs::perms::all); };
  open(1);
  fs::permissions(store_.job_folder(plan_.jobs[2].id), fs::perms(0555));
  const Tree before = tree(files_);
  ASSERT_EQ(0, ::seteuid(65534));
  const CompactReport first = compact_here(), again = compact_here();
  ASSERT_EQ(0, ::seteuid(0));
  EXPECT_EQ(first.files, 3) << "of the one open folder";
  EXPECT_EQ(first.kept, 3 + 3 + 4 + 4) << "of two trainings and two evaluations";
  EXPECT_EQ(first.bundles.size(), 1U);
  EXPECT_EQ(again.kept, first.kept);
  EXPECT_THAT(again.bundles, IsEmpty());
  EXPECT_EQ(seen(), before);
  EXPECT_EQ(compact_here().kept, 0) << "their owner packs them";
}

// Killed at each of its steps; then the next one ends what it began.
TEST_F(Compact, killed_at_any_step_it_loses_nothing) {
  const Tree before = tree(files_);
  bool lives = false;
  int step = 0;
  for (; !lives; step += 3) {
    Mortal process(step);
    KillingFileSystem files(process);
    lives = process.survives([&] { compact(files, store_, plan_, {}); });
    take_for_dead();
    ASSERT_EQ(seen(), before) << "killed at step " << step;
    compact_here();
    ASSERT_EQ(seen(), before) << "ended after a kill at step " << step;
    ASSERT_EQ(inodes(0), 4);
    unpack(files_, store_, "toy", {});
    ASSERT_EQ(tree(files_), before);
  }
  EXPECT_GT(step, 200);
}

TEST_F(Compact, undo_killed_at_any_step_loses_nothing) {
  const Tree before = tree(files_);
  compact_here();
  bool lives = false;
  int step = 0;
  for (; !lives; step += 5) {
    Mortal process(step);
    KillingFileSystem files(process);
    lives = process.survives([&] { unpack(files, store_, "toy", {}); });
    take_for_dead();
    ASSERT_EQ(seen(), before) << "killed at step " << step;
  }
  EXPECT_GT(step, 50);
}

TEST_F(Compact, whoever_is_taken_for_dead_and_goes_on_loses_nothing) {
  const auto pack = [&](core::FileSystem& files) { compact(files, store_, plan_, {}); };
  const auto undo = [&](core::FileSystem& files) {
    if (experiments::bundle_files(files_, store_).empty()) compact_here();
    unpack(files, store_, "toy", {});
  };
  // One of fewer jobs takes the number that has become free.
  experiments::Plan fewer = plan_;
  fewer.jobs.resize(1);
  const auto undo_and_pack_fewer = [&] {
    undo(files_);
    compact(files_, store_, fewer, {});
  };
  for (const auto& work :
       {std::function<void(core::FileSystem&)>(pack), std::function<void(core::FileSystem&)>(undo)}) {
    expect_nothing_lost(
        7, [&] { compact_here(); }, work);
    expect_nothing_lost(
        5, [&] { unpack(files_, store_, "toy", {}); }, work);
    expect_nothing_lost(7, undo_and_pack_fewer, work);
  }
}

TEST_F(Compact, the_next_one_goes_on_at_once_where_the_process_was_killed) {
  const Tree before = tree(files_);
  for (int last = 40; last < 200; last += 40) {
    const pid_t child = ::fork();
    if (child == 0) {
      Mortal process;
      KillingFileSystem files(process);
      int step = 0;
      process.before_step = [&] {
        if (step++ == last) ::raise(SIGKILL);
      };
      compact(files, store_, plan_, {});
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it needs fewer steps than " << last;
    ASSERT_EQ(takers().size(), 1U);
    ASSERT_EQ(seen(), before);
    unpack(files_, store_, "toy", {});
    ASSERT_EQ(tree(files_), before);
    EXPECT_THAT(takers(), IsEmpty());
  }
}

// A second passes from one look at the time to the next.
class HastyClock final : public core::Clock {
 public:
  core::MonotonicTime now() const override { return core::MonotonicTime(std::chrono::seconds(++looks_)); }

 private:
  mutable int looks_ = 0;
};

TEST_F(Compact, runs_do_not_wait_for_it_and_another_does_for_the_lease) {
  Taking taking(files_, core::monotonic_clock(), store_, Taker::kCompaction);
  Owner owner = this_owner();
  owner.host = "elsewhere";
  const std::string folder = takers().at(0);
  write_owner(files_, trash_ / folder, 1, owner);
  settle_trash(files_, core::monotonic_clock(), store_);
  EXPECT_EQ(takers().at(0), folder);

  const std::string log = "jobs/log";
  write(store_.root() / log, "text");
  settle_trash(files_, HastyClock(), store_, Taker::kCompaction, std::chrono::seconds(3));
  EXPECT_THAT([&] { taking.remove(log); },
              fails(core::ErrorKind::kTransient, HasSubstr("taken this `resolute suite compact` for dead")));
  EXPECT_TRUE(fs::exists(store_.root() / log));
}

TEST_F(Compact, undo_passes_over_damaged_bundles_and_names_them) {
  compact_here();
  const fs::path first = experiments::bundle_files(files_, store_).at(0);
  const std::string whole = core::read_text(files_, first);
  const Tree packed = tree(files_);
  std::string flipped = whole;
  flipped.replace(flipped.find("out of "), 3, "OUT");
  for (const std::string& damaged : {std::string("no archive"), whole.substr(0, whole.size() / 2), flipped}) {
    write(first, damaged);
    const fs::path sound = first.parent_path() / "toy-000000";
    write(sound, whole);
    const CompactReport undone = unpack(files_, store_, "toy", {});
    ASSERT_EQ(undone.damaged.size(), 1U);
    EXPECT_THAT(undone.damaged.at("toy-000001"), HasSubstr("toy-000001"));
    EXPECT_THAT(undone.bundles, ElementsAre("toy-000000"));
    EXPECT_TRUE(fs::exists(first));
    EXPECT_GT(tree(files_).size(), packed.size());
    for (const auto& [name, text] : tree(files_))
      if (!packed.contains(name)) fs::remove(store_.root() / name);
  }
}

// A collection that has a job in the trash leaves this.
TEST_F(Compact, undo_keeps_what_is_of_a_job_that_is_away) {
  const Tree before = tree(files_);
  compact_here();
  const fs::path folder = store_.job_folder(plan_.jobs[0].id), away = folder_ / "away";
  fs::rename(folder, away);
  const CompactReport undone = unpack(files_, store_, "toy", {});
  EXPECT_EQ(undone.held, 1);
  EXPECT_THAT(undone.bundles, IsEmpty());
  EXPECT_THAT(experiments::bundle_files(files_, store_),
              ElementsAre(experiments::bundles_folder(store_) / "toy-000001"));
  fs::rename(away, folder);
  EXPECT_EQ(seen(), before);
  EXPECT_EQ(unpack(files_, store_, "toy", {}).jobs, 1);
  EXPECT_EQ(tree(files_), before);
}

}  // namespace
}  // namespace resolute::tests::compact_test
