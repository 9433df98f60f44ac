// What a cluster does to a running allocation by signal: the time limit, preemption, requeue, scancel. Each costs
// attempts alone; the tables are those of a run that nobody disturbed.

#include "tests/system/cluster/slurm_suite.h"

namespace resolute::system_test::slurm_signals_test {
namespace {

TEST(SlurmSignals, told_twice_that_its_time_is_nearly_up_it_requeues_itself_and_ends_complete) {
  DisturbedSuite suite;
  suite.submit({"--nodes", "3", "--time", "4"});  // so near that a notice means the limit
  std::set<fs::path> noticed;
  for (int round = 0; round < 2; ++round) {
    ASSERT_TRUE(suite.wait_for([&] { return suite.interruptible_training(noticed).has_value(); }, workload().patience));
    noticed.insert(*suite.interruptible_training(noticed));
    suite.box.output({"scancel", "--signal=USR1", "--batch", suite.job()});
    // The next start is another by SLURM's count, of the same job.
    ASSERT_TRUE(
        suite.wait_for([&] { return suite.box.scontrol_job(suite.job())["Restarts"] == std::to_string(round + 1); }));
    // A script that has not come to its first line would die of a notice.
    ASSERT_TRUE(suite.wait_for([&] { return suite.starts().size() == static_cast<std::size_t>(round) + 2; }));
  }
  suite.expect_complete(1, "walltime, walltime, complete");
  EXPECT_GE(suite.causes_of_attempts().count("walltime"), 2U);
}

TEST(SlurmSignals, a_higher_partition_takes_its_nodes_and_it_goes_on_afterwards) {
  DisturbedSuite suite;
  suite.submit({"--nodes", "3", "--partition", "low"});
  ASSERT_TRUE(suite.wait_for_a_checkpoint());
  const std::string other = suite.box.output(
      {"sbatch", "--parsable", "-p", "high", "-N3", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 2"});
  ASSERT_TRUE(suite.box.wait_for_state(other, "RUNNING|COMPLETING|COMPLETED"));
  EXPECT_EQ(suite.box.state(suite.job()), "PENDING");
  suite.expect_complete(1, "preempted, complete");
  EXPECT_GE(suite.causes_of_attempts().count("preempted"), 1U);
}

TEST(SlurmSignals, requeued_by_somebody_it_goes_on_from_its_checkpoints) {
  DisturbedSuite suite;
  suite.submit({"--nodes", "3"});
  ASSERT_TRUE(suite.wait_for_a_checkpoint());
  suite.box.output({"scontrol", "requeue", suite.job()});
  ASSERT_TRUE(suite.box.wait_for_state(suite.job(), "PENDING"));
  suite.expect_complete(1, "requeued, complete");
  EXPECT_EQ(suite.box.scontrol_job(suite.job())["Restarts"], "1");

  // The log of both starts: when and where each began, a time before each line of ours.
  const auto names = files_in(suite.store() / "suites" / workload().name / "submissions");
  std::string log;
  for (const auto& [name, text] : names)
    if (name.ends_with("/log/" + suite.job() + ".log")) log = text;
  std::vector<std::string> starts;
  for (const std::string& line : lines_of(log)) {
    if (line.find("resolute: start ") != std::string::npos) starts.push_back(line);
    EXPECT_EQ(line.find("srun: got SIGCONT"), std::string::npos) << line;
    if (line.find("resolute: ") == std::string::npos) continue;
    EXPECT_THAT(line, testing::MatchesRegex("20[0-9][0-9]-[0-9-]+ [0-9:]+Z resolute: .*"));
  }
  ASSERT_EQ(starts.size(), 2U) << log;
  for (std::size_t i = 0; i < 2; ++i)
    EXPECT_THAT(starts[i], HasSubstr(fmt::format("resolute: start {}, SLURM job {}, nodes n[1-3], resolute ", i + 1,
                                                 suite.job())));
}

TEST(SlurmSignals, cancelled_with_scancel_it_stays_so_until_it_is_resumed) {
  DisturbedSuite suite;
  suite.submit({"--nodes", "3"});
  ASSERT_TRUE(suite.wait_for_a_checkpoint());
  const std::string first = suite.job();
  suite.box.output({"scancel", first});
  ASSERT_TRUE(suite.box.wait_for_state(first, "CANCELLED"));
  ASSERT_TRUE(suite.wait_for([&] { return suite.at_rest(); }));
  EXPECT_EQ(suite.jobs(), std::vector<std::string>{first});
  EXPECT_FALSE(suite.complete());

  succeeded(suite.suite("resume"));
  suite.expect_complete(2, "cancelled, complete");
  EXPECT_EQ(suite.submissions().size(), 1U);
}

TEST(SlurmSignals, where_no_job_may_be_requeued_a_successor_takes_over) {
  DisturbedSuite suite;
  suite.submit({"--nodes", "3", "--continue", "chain", "--time", "4"});
  ASSERT_TRUE(suite.wait_for_a_checkpoint());
  const std::string first = suite.job();
  suite.box.output({"scancel", "--signal=USR1", "--batch", first});
  ASSERT_TRUE(suite.wait_for([&] { return suite.jobs().size() == 2; }));
  suite.expect_complete(2, "walltime, complete");
  EXPECT_EQ(suite.box.scontrol_job(first)["Restarts"], "0");
  EXPECT_EQ(suite.starts().back().generation, 1);
}

}  // namespace
}  // namespace resolute::system_test::slurm_signals_test
