// Processes of an allocation that outlive the slurmd of their node: SLURM knows no more of them, the store does.

#include "tests/system/cluster/slurm_suite.h"

namespace resolute::system_test::slurm_orphans_test {
namespace {

// SLURM gives the node up and starts the job elsewhere, while the first start goes on there.
TEST(SlurmOrphans, processes_that_outlive_their_nodes_slurmd_do_nothing_twice) {
  DisturbedSuite suite;
  suite.submit({"--nodes", "1"});
  ASSERT_TRUE(suite.wait_for_a_checkpoint());
  const std::string host = suite.batch_host();
  suite.box.kill_slurmd(host, SlurmBox::Tell::kNow);
  ASSERT_TRUE(suite.box.wait_for_state(suite.job(), "PENDING"));
  ASSERT_TRUE(suite.wait_until_complete());
  suite.expect_as_calm();
  EXPECT_EQ(suite.jobs().size(), 1U);
  EXPECT_EQ(suite.starts().back().cause, slurm::EndCause::kComplete) << suite.causes_of_starts();
  EXPECT_NE(suite.starts().front().node_list, suite.starts().back().node_list);
  EXPECT_EQ(suite.causes_of_attempts().size(), 0U) << "nothing was taken from the first start";
}

TEST(SlurmOrphans, where_slurmd_alone_dies_on_the_first_of_several_nodes_the_run_goes_on) {
  DisturbedSuite suite;
  suite.submit({"--nodes", "2"});
  ASSERT_TRUE(suite.wait_for_a_checkpoint());
  suite.box.kill_slurmd(suite.batch_host(), SlurmBox::Tell::kNow);
  suite.expect_complete(1, "complete");
  EXPECT_EQ(suite.causes_of_attempts().size(), 0U);
}

}  // namespace
}  // namespace resolute::system_test::slurm_orphans_test
