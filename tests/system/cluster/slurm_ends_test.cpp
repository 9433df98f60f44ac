// How jobs end for SLURM, and what `suite status` makes of it: a cancelled suite, a batch process that is killed, an
// output file that cannot be opened, a module that is not there, a full disk. One cluster and jobs that do next to
// nothing: seconds each.

#include <signal.h>

#include "slurm/allocation.h"
#include "slurm/submission.h"
#include "tests/support/slurm_box.h"
#include "tests/support/small_disk.h"
#include "tests/system/cluster/quick_suite.h"
#include "tests/system/held_training.h"

namespace resolute::system_test::slurm_ends_test {
namespace {

using tests::SlurmBox;

class SlurmEnds : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    // Before the nodes are there: they see what is mounted then.
    small_disk_ = std::make_unique<ScratchFolder>();
    can_fill_ = tests::mount_small_disk(small_disk_->path(), "size=4m");
    box_ = std::make_unique<SlurmBox>(tests::SlurmBoxOptions{.nodes = 2});
  }
  static void TearDownTestSuite() {
    box_.reset();
    if (can_fill_) ::umount2(small_disk_->path().c_str(), MNT_DETACH);
    small_disk_.reset();
  }
  void SetUp() override {
    fs::create_directories(store_);
    std::ofstream(store_ / "wait") << "\n";
  }
  void TearDown() override {
    box_->run({"scancel", "-f", "-n", "resolute-ends-" + token() + "-1"});
    if (HasFailure()) std::cerr << suite("status").out << suite("status").err << log_text();
  }

  CommandOutput suite(const std::string& command, const Words& more = {}) const {
    const Words words{kBin / "resolute", "suite", command, suite_, "--store", store_};
    core::SpawnRequest request = program(joined(words, more), box_->environment());
    request.environment["PATH"] = (scratch_ / "bin").string() + ":" + request.environment["PATH"];
    return core::run_command(std::move(request), tests::kPatience);
  }
  // Without a launcher: MPI may crash on a node that was in use a moment ago.
  void submit(const Words& more = {}) const {
    const Words words{"--nodes", "1", "--cpus-per-node", "1", "--time", "30", "--launcher", "none"};
    succeeded(suite("submit", joined(words, more)));
  }
  fs::path submission() const {
    const auto all = slurm::submissions(core::real_file_system(), store_ / "suites/ends");
    return all.empty() ? fs::path() : all.back().path();
  }
  std::string token() const { return submission().filename(); }
  std::vector<std::string> states() const {
    std::vector<std::string> states;
    for (const std::string& job : box_->jobs_named(fmt::format("resolute-ends-{}-1", token())))
      states.push_back(box_->state(job));
    return states;
  }
  bool come_to_be(const std::vector<std::string>& states) const {
    return SlurmBox::wait_for([&] { return this->states() == states; });
  }
  std::string job() const { return box_->jobs_named("resolute-ends-" + token()).back(); }
  bool is_at_work(int jobs) const {
    return SlurmBox::wait_for([&] {
      int found = 0;
      for (const auto& entry : fs::directory_iterator(store_))
        found += entry.path().filename().string().starts_with("at-work-") ? 1 : 0;
      return found >= jobs;
    });
  }
  void let_jobs_go() const { fs::remove(store_ / "wait"); }
  // Of the batch process, which is not its script's shell.
  pid_t batch_process() const {
    const auto found = processes_with({"allocation", "--submission", submission().string()});
    return found.size() == 1 ? found.front() : -1;
  }
  // Its script's shell.
  pid_t batch_script() const { return state_and_parent(batch_process()).second; }
  // A job waits for the end of the one that is at work.
  bool is_armed() const {
    return SlurmBox::wait_for([&] { return box_->armed_jobs_named("resolute-ends-" + token()).size() == 1; });
  }
  // One of all starts says so.
  bool has_verdict(const std::string& part) const {
    const auto starts = slurm::read_runs(core::real_file_system(), submission() / "batch-001");
    return std::any_of(starts.begin(), starts.end(),
                       [&](const auto& start) { return start.verdict.find(part) != std::string::npos; });
  }
  // The work is done by one more job, and none is left over.
  void expect_one_goes_on() const {
    EXPECT_TRUE(come_to_be({"FAILED", "RUNNING"}));
    let_jobs_go();
    EXPECT_TRUE(come_to_be({"FAILED", "COMPLETED"}));
    for (const std::string& job : box_->armed_jobs_named("resolute-ends-" + token()))
      EXPECT_EQ(box_->state(job), "CANCELLED");
  }
  std::string log_text() const {
    std::string text;
    std::error_code error;
    for (fs::recursive_directory_iterator it(submission(), error), end; !error && it != end; it.increment(error))
      if (it->path().extension() == ".log") text += text_of(it->path());
    return text;
  }

  static inline std::unique_ptr<SlurmBox> box_;
  static inline std::unique_ptr<ScratchFolder> small_disk_;  // 4 MiB
  static inline bool can_fill_ = false;                      // this user may mount
  ScratchFolder scratch_;
  fs::path store_ = scratch_ / "store";
  fs::path suite_ = write_quick_suite(scratch_.path(), "ends", 1, 2);
};

TEST_F(SlurmEnds, a_suite_that_suite_cancel_ends_is_cancelled_for_slurm_and_goes_on_when_it_is_resumed) {
  submit();
  ASSERT_TRUE(is_at_work(1));
  succeeded(suite("cancel"));
  EXPECT_TRUE(come_to_be({"CANCELLED"}));
  const std::string status = suite("status").out;
  EXPECT_THAT(status, HasSubstr("has ended (CANCELLED); last end: cancelled by `suite cancel` →"));
  let_jobs_go();
  succeeded(suite("resume"));
  EXPECT_TRUE(come_to_be({"CANCELLED", "COMPLETED"}));
}

// As the kernel does it when memory runs out. The run itself lives, and SLURM ends it for the requeue.
TEST_F(SlurmEnds, a_batch_process_that_is_killed_is_started_again_and_a_killed_script_is_named) {
  submit({"--continue", "requeue"});
  ASSERT_TRUE(is_at_work(1));
  ASSERT_GT(batch_process(), 0);
  ::kill(batch_process(), SIGKILL);
  ASSERT_TRUE(SlurmBox::wait_for([&] { return box_->scontrol_job(job())["Restarts"] == "1"; }));
  EXPECT_THAT(suite("status").out, HasSubstr("interrupted: requeued: signal 9 killed its process (out of memory?)"));
  // Its second start, where the script goes too: nobody is left to say anything.
  ASSERT_TRUE(SlurmBox::wait_for([&] { return states() == Words{"RUNNING"} && batch_process() > 0; }));
  ASSERT_TRUE(SlurmBox::wait_for(
      [&] { return slurm::read_runs(core::real_file_system(), submission() / "batch-001").size() == 2; }));
  ASSERT_GT(batch_script(), 1);
  ::kill(batch_script(), SIGKILL);
  EXPECT_TRUE(come_to_be({"FAILED"}));
  EXPECT_THAT(suite("status").out,
              HasSubstr("has ended (FAILED, exit code 0:9): its script was killed: out of memory?"));
  let_jobs_go();
  succeeded(suite("resume"));
  EXPECT_TRUE(come_to_be({"FAILED", "COMPLETED"}));
}

TEST_F(SlurmEnds, where_a_requeue_is_refused_the_job_in_waiting_goes_on) {
  fs::create_directories(scratch_ / "bin");
  std::ofstream(scratch_ / "bin/scontrol")
      << "#!/bin/bash\n[ \"$1\" = requeue ] && {\n"
         "  echo 'Requested operation is presently disabled for job' >&2; exit 1; }\n"
         "PATH=${PATH#*:} exec scontrol \"$@\"\n";
  fs::permissions(scratch_ / "bin/scontrol", fs::perms::owner_all);
  submit();
  ASSERT_TRUE(is_at_work(1) && is_armed());
  ::kill(batch_process(), SIGUSR1);
  expect_one_goes_on();
  EXPECT_TRUE(has_verdict("presently disabled"));
}

TEST_F(SlurmEnds, while_the_controller_is_away_an_allocation_ends_and_the_job_in_waiting_goes_on) {
  submit();
  ASSERT_TRUE(is_at_work(1) && is_armed());
  box_->kill_controller();
  ::kill(batch_process(), SIGUSR1);
  EXPECT_TRUE(SlurmBox::wait_for([&] { return has_verdict("generation 1 waits and goes on"); }));
  box_->start_controller();
  expect_one_goes_on();
}

TEST_F(SlurmEnds, a_job_whose_script_is_killed_without_a_word_has_its_cause_from_slurm_and_the_next_goes_on) {
  submit();
  ASSERT_TRUE(is_at_work(1) && is_armed());
  ::kill(batch_script(), SIGKILL);
  ::kill(batch_process(), SIGKILL);
  expect_one_goes_on();
  EXPECT_TRUE(has_verdict("SLURM has ended it: FAILED"));
}

TEST_F(SlurmEnds, a_suite_that_suite_cancel_ends_takes_the_job_in_waiting_along) {
  submit();
  ASSERT_TRUE(is_at_work(1) && is_armed());
  succeeded(suite("cancel"));
  EXPECT_TRUE(come_to_be({"CANCELLED"}));
  EXPECT_EQ(box_->state(box_->armed_jobs_named("resolute-ends-" + token()).front()), "CANCELLED");
}

// On a slow machine the job in waiting may begin before the last word of the first: it sees who ended the suite, and
// ends.
TEST_F(SlurmEnds, scancel_of_the_job_at_work_takes_the_job_in_waiting_along) {
  submit();
  ASSERT_TRUE(is_at_work(1) && is_armed());
  const std::string first = job();
  box_->output({"scancel", first});
  EXPECT_TRUE(box_->wait_for_state(first, "CANCELLED"));
  EXPECT_TRUE(SlurmBox::wait_for([&] {
    const std::vector<std::string> all = box_->squeue("%j %T");
    return std::none_of(all.begin(), all.end(), [&](const std::string& line) {
      return line.starts_with("resolute-ends-" + token()) && line.ends_with("ING");  // pending, running, completing
    });
  })) << "something of the suite waits or runs";
  let_jobs_go();
  EXPECT_THAT(suite("status").out, HasSubstr("last end: cancelled"));
}

TEST_F(SlurmEnds, a_store_that_its_node_does_not_see_is_named_and_resuming_is_not_advised) {
  submit({"--sbatch=--hold"});
  fs::rename(submission() / "batch-001/log", submission() / "batch-001/gone");
  box_->output({"scontrol", "release", job()});
  ASSERT_TRUE(come_to_be({"FAILED"}));
  EXPECT_THAT(suite("status").out,
              HasSubstr("has ended (FAILED, exit code 0:53): its output file could not be opened on its node"));
}

TEST_F(SlurmEnds, a_module_that_is_not_there_is_named_by_status) {
  const fs::path site = scratch_ / "site.toml";
  std::ofstream(site) << "[environment]\nmodules = [\"cuda/99\"]\n";
  submit({"--site", site});
  ASSERT_TRUE(come_to_be({"FAILED"}));
  EXPECT_THAT(suite("status").out, HasSubstr("cannot load the module 'cuda/99'"));
}

TEST_F(SlurmEnds, a_full_disk_is_named_by_status) {
  if (!can_fill_) GTEST_SKIP() << "no right to mount a file system of 4 MiB";
  store_ = *small_disk_ / "store";
  submit();  // its packs have more than 4 MiB
  const auto is_told = [&] {
    const std::string status_text = suite("status").out;
    return status_text.find("storage-full") != std::string::npos &&
           status_text.find("No space left on device") != std::string::npos;
  };
  EXPECT_TRUE(SlurmBox::wait_for(is_told));
  EXPECT_THAT(suite("status").out, HasSubstr("the store's disk is full, or nearly:"));
}

TEST_F(SlurmEnds, what_the_cluster_could_never_start_is_refused) {
  const auto refused = [&](const Words& more) {
    const auto output = suite("submit", joined({"--exclusive"}, more));
    EXPECT_EQ(code_of(output), 2) << output.err;
    return output.err;
  };
  EXPECT_THAT(refused({"--nodes", "99", "--time", "30"}), HasSubstr("has 2 nodes, and 99 are asked for"));
  EXPECT_THAT(refused({"--nodes", "1", "--time", "30", "--cpus-per-node", "64"}),
              HasSubstr("no node of partition 'main' has 64"));
  EXPECT_THAT(refused({"--nodes", "1", "--partition", "main", "--time", "10-00:00:00"}),
              HasSubstr("the time limit of"));
  EXPECT_EQ(submission(), fs::path());
}

}  // namespace
}  // namespace resolute::system_test::slurm_ends_test
