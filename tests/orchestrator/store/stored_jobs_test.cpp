#include "orchestrator/store/stored_jobs.h"

#include <gtest/gtest.h>

#include "core/hash/sha256.h"
#include "operations/look/status.h"
#include "orchestrator/journal/journal.h"
#include "tests/orchestrator/support/toy_suite.h"
#include "tests/support/counting_file_system.h"
#include "tests/support/equal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::stored_jobs_test {
namespace {

namespace fs = std::filesystem;
using namespace orchestrator;

constexpr int kJobs = 2000;

class StoredJobs : public testing::Test {
 protected:
  void finish(std::size_t job) { core::write_atomic(files_, store_.result_file(plan().jobs[job].id), "{}"); }
  // Writes the journal of a run that has done jobs up to `done`, of which the last failed.
  void write_journal(std::size_t done) {
    core::Bytes bytes = encode_header({1, 0, std::string(32, '1'), Instant{}, 1});
    std::uint64_t sequence = 0;
    const auto add = [&](const Event& event) { append_record(bytes, ++sequence, Instant{}, event); };
    RunStarted run;
    run.epoch = 1;
    add(run);
    for (std::size_t i = 0; i < plan().jobs.size(); ++i) {
      JobAdded added;
      added.job = JobIndex{static_cast<int>(i)};
      added.id = plan().jobs[i].id;
      added.kind = "training";
      added.slots = 1;
      add(added);
      if (i < done) add(JobSucceeded{added.job, 0});
    }
    core::write_atomic(files_, store_.suite_folder("toy") / journal_name(1), bytes);
  }
  static const experiments::Plan& plan() {
    static const experiments::Plan made = [] {
      experiments::Plan all = toy_plan(kJobs, 1);
      for (auto& job : all.jobs) job.after.clear();
      return all;
    }();
    return made;
  }

  TemporaryFolder folder_;
  experiments::StoreLayout store_{folder_.path()};
  CountingFileSystem files_;
};

TEST_F(StoredJobs, an_empty_store_is_known_by_one_look) {
  const auto stored = look_at_jobs(files_, store_, plan().jobs);
  EXPECT_EQ(stored, std::vector<StoredJob>(kJobs));
  EXPECT_LE(files_.looks + files_.listings, 1);
}

TEST_F(StoredJobs, finds_what_is_there_with_a_look_for_each_folder_that_is_there) {
  for (std::size_t i = 0; i < 20; ++i) finish(i * 7);
  fs::create_directories(store_.job_folder(plan().jobs[1].id));
  const auto stored = look_at_jobs(files_, store_, plan().jobs);
  for (std::size_t i = 0; i < kJobs; ++i) {
    EXPECT_EQ(stored[i].result, i < 140 && i % 7 == 0) << i;
  }
  EXPECT_TRUE(stored[1].folder);
  EXPECT_LE(files_.looks, 1 + 21 + 5) << "a few folders hold one job of the plan: it is looked for itself";
  EXPECT_LE(files_.listings, 256);
}

TEST_F(StoredJobs, a_foreign_file_in_place_of_a_folder_is_no_result) {
  fs::create_directories(store_.root() / "jobs");
  core::write_atomic(files_, store_.job_folder(plan().jobs[0].id).parent_path(), "no folder");
  EXPECT_FALSE(look_at_jobs(files_, store_, plan().jobs)[0].result);
}

TEST_F(StoredJobs, of_jobs_without_a_result_the_attempts_are_found) {
  finish(0);
  core::write_atomic(files_, store_.attempt_file(plan().jobs[0].id, 4, "stderr"), "");
  core::write_atomic(files_, store_.attempt_file(plan().jobs[1].id, 3, "stderr"), "");
  files_.looks = files_.listings = 0;
  const auto found = find_jobs(files_, store_, plan().jobs);
  for (std::size_t i = 0; i < kJobs; ++i) {
    EXPECT_EQ(found[i].result, i == 0) << i;
    EXPECT_EQ(found[i].attempts, i == 1 ? 3 : 0) << i;
  }
  EXPECT_LE(files_.looks + files_.listings, 1 + 256 + 4) << "jobs that no folder has are not asked for";
}

// One that failed may have failed for the weights that it started from.
TEST_F(StoredJobs, a_training_whose_weights_are_damaged_is_made_anew_for_a_later_stage_that_failed) {
  std::vector<experiments::PlannedJob> jobs{plan().jobs[0], plan().jobs[1]};
  std::get<experiments::TrainingSpecification>(jobs[1].specification).start_from = experiments::Start{jobs[0].id};
  finish(0);
  const RecordCheck plain = [](const experiments::JobId&, std::string_view) { return experiments::SeenRecord(); };
  const RecordCheck damaged = [](const experiments::JobId&, std::string_view) {
    return experiments::SeenRecord{"the weights are damaged", ""};
  };
  EXPECT_TRUE(find_jobs(files_, store_, jobs, {plain, damaged})[0].result);
  core::write_atomic(files_, store_.attempt_file(jobs[1].id, 1, "stderr"), "");
  EXPECT_FALSE(find_jobs(files_, store_, jobs, {plain, damaged})[0].result);
}

TEST_F(StoredJobs, a_record_that_is_read_anyway_tells_its_class_as_agents_name_theirs) {
  finish(0);
  finish(1);
  const RecordCheck check = [](const experiments::JobId& job, std::string_view) {
    return experiments::SeenRecord{job == plan().jobs[1].id ? "it is torn" : "", "device=cpu threads=1"};
  };
  const auto found = find_jobs(files_, store_, plan().jobs, {check, {}});
  EXPECT_EQ(found[0], (FoundJob{true, 0, core::sha256_hex("device=cpu threads=1")}));
  EXPECT_EQ(found[1], FoundJob{});
}

TEST_F(StoredJobs, status_of_an_empty_store_asks_little) {
  EXPECT_EQ(operations::read_status(files_, store_, plan()).jobs.ready, kJobs);
  EXPECT_LE(files_.looks + files_.listings, 10);
}

TEST_F(StoredJobs, status_believes_the_journal_and_looks_for_the_rest) {
  for (std::size_t i = 0; i < kJobs; ++i) finish(i);
  write_journal(kJobs - 10);
  files_.looks = files_.listings = 0;
  EXPECT_EQ(operations::read_status(files_, store_, plan()).jobs.succeeded, kJobs) << "ten were done by another suite";
  EXPECT_LE(files_.looks, 10 + 15);
  EXPECT_LE(files_.listings, 256 + 10);
}

TEST_F(StoredJobs, of_a_job_whose_folder_is_gone_the_journal_is_not_believed) {
  for (std::size_t i = 0; i < kJobs; ++i) finish(i);
  write_journal(kJobs);
  fs::remove_all(store_.job_folder(plan().jobs[5].id));
  EXPECT_EQ(operations::read_status(files_, store_, plan()).jobs.succeeded, kJobs - 1);
  EXPECT_FALSE(all_results_there(files_, store_, plan()));
}

TEST_F(StoredJobs, all_results_are_there_if_each_is) {
  for (std::size_t i = 0; i < kJobs; ++i) finish(i);
  write_journal(kJobs);
  EXPECT_TRUE(all_results_there(files_, store_, plan()));
  fs::remove(store_.result_file(plan().jobs[5].id));
  EXPECT_FALSE(all_results_there(files_, store_, plan()));
}

}  // namespace
}  // namespace resolute::tests::stored_jobs_test
