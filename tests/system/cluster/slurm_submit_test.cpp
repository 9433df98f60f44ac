// A suite handed to SLURM in every shape, and submissions that go wrong: one run of each job, nothing missing.

#include "tests/support/folders.h"
#include "tests/system/cluster/slurm_suite.h"

namespace resolute::system_test::slurm_submit_test {
namespace {

// Allocations whose journals started something.
std::set<int> allocations_at_work(const DisturbedSuite& suite) {
  std::set<int> allocations;
  for (const core::Json& event : suite.events())
    if (event.at("type") == "started") allocations.insert(event.value("allocation", 1));
  return allocations;
}

TEST(SlurmSubmit, a_suite_on_three_nodes_gives_the_tables_of_a_local_run) {
  DisturbedSuite suite;
  suite.submit({"--nodes", "3"});
  suite.expect_complete(1, "complete");
  EXPECT_EQ(suite.count_of("agent-joined"), 3);
  for (const core::Json& event : suite.events()) {
    if (event.at("type") == "agent-joined") {
      EXPECT_EQ(event.at("event").at("slots"), 1) << "as many as SLURM gave";
    }
  }
  EXPECT_EQ(suite.causes_of_attempts().size(), 0U);
  EXPECT_EQ(suite.box.state(suite.job()), "COMPLETED");
  // And it is complete: nothing is handed over again.
  suite.submit({"--nodes", "3"});
  EXPECT_EQ(suite.jobs().size(), 1U);
}

TEST(SlurmSubmit, two_allocations_share_the_jobs_of_one_suite) {
  DisturbedSuite suite;
  suite.submit({"--nodes", "1", "--allocations", "2"});
  EXPECT_EQ(suite.jobs().size(), 2U);
  ASSERT_TRUE(suite.wait_until_complete());
  suite.expect_as_calm();
  EXPECT_EQ(suite.causes_of_starts(), "complete, complete");
  EXPECT_EQ(allocations_at_work(suite), (std::set<int>{1, 2}));
}

TEST(SlurmSubmit, an_sbatch_that_fails_after_the_controller_took_the_job_submits_one_job) {
  DisturbedSuite suite;
  suite.wrap("sbatch", fmt::format(R"("$real" "$@" >>{0}/ids || exit
if mkdir {0}/failed 2>/dev/null; then
  echo 'sbatch: error: Batch job submission failed: Socket timed out on send/recv operation' >&2
  exit 1
fi
tail -n 1 {0}/ids)",
                                   suite.scratch().string()));
  suite.submit({"--nodes", "3"});
  EXPECT_TRUE(fs::exists(suite.scratch() / "failed"));
  suite.expect_complete(1, "complete");
}

// A job that the controller took and then forgot: killed before it wrote its state, while all nodes were in use.
class Lost : public testing::Test {
 protected:
  void SetUp() override {
    blocker_ = suite.box.output(
        {"sbatch", "--parsable", "-N3", "--exclusive", "-J", "blocker", "-o", "/dev/null", "--wrap", "sleep 600"});
    ASSERT_TRUE(suite.box.wait_for_state(blocker_, "RUNNING"));
    std::this_thread::sleep_for(std::chrono::seconds(7));  // the controller writes its state every five seconds
    // A change makes it write its state, and then nothing for five seconds.
    suite.wrap("sbatch", fmt::format(R"(if mkdir {0}/failed 2>/dev/null; then
  scontrol update JobId={3} Comment=changed
  sleep 1
  "$real" "$@" | tee {0}/lost
  kill -KILL $(cut -d ' ' -f 1 {1}/pid/slurmctld)
  bash {2}/tests/support/slurm-box ctld-start {1} >&2
else
  exec "$real" "$@"
fi)",
                                     suite.scratch().string(), suite.box.path().string(),
                                     tests::source_folder().string(), blocker_));
    succeeded(suite.try_submit({"--nodes", "2"}));
    lost_ = text_of(suite.scratch() / "lost");
    lost_.pop_back();
    ASSERT_EQ(suite.jobs().size(), 0U) << "the controller still knows job " << lost_;
  }
  void free_the_nodes() { suite.box.output({"scancel", blocker_}); }

  DisturbedSuite suite;
  std::string lost_;

 private:
  std::string blocker_;
};

TEST_F(Lost, a_job_that_the_controller_lost_is_submitted_again_by_the_same_command) {
  const CommandOutput status = suite.suite("status");
  EXPECT_THAT(status.out, HasSubstr("is gone"));
  suite.submit({"--nodes", "2"});
  EXPECT_EQ(suite.jobs().size(), 1U);
  EXPECT_EQ(suite.submissions().size(), 1U);
  free_the_nodes();
  ASSERT_TRUE(suite.wait_until_complete());
  suite.expect_as_calm();
  EXPECT_EQ(suite.causes_of_starts(), "complete");
}

TEST_F(Lost, an_id_that_was_given_to_another_job_is_not_taken_for_ours) {
  const std::string other =
      suite.box.output({"sbatch", "--parsable", "-J", "other", "-o", "/dev/null", "--wrap", "sleep 600"});
  ASSERT_EQ(other, lost_);
  suite.submit({"--nodes", "2"});
  EXPECT_EQ(suite.jobs().size(), 1U);
  EXPECT_NE(suite.job(), other);
  free_the_nodes();
  ASSERT_TRUE(suite.wait_until_complete());
  suite.expect_as_calm();
  EXPECT_EQ(suite.causes_of_starts(), "complete");
  const CommandOutput cancelled = suite.suite("cancel");
  EXPECT_NE(code_of(cancelled), 1) << cancelled.err;
  EXPECT_EQ(suite.box.state(other), "RUNNING");
}

}  // namespace
}  // namespace resolute::system_test::slurm_submit_test
