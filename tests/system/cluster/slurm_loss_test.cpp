// What an allocation loses while it runs: a node, the coordinator's node, the controller.

#include <limits>
#include <set>
#include <vector>

#include "orchestrator/store/live.h"
#include "tests/system/cluster/slurm_suite.h"
#include "tests/system/held_training.h"

namespace resolute::system_test::slurm_loss_test {
namespace {

// A node that runs an attempt and is not `but`.
std::optional<std::string> node_at_work(const DisturbedSuite& suite, const std::string& but) {
  const auto live = orchestrator::read_live(core::real_file_system(), suite.store() / "suites" / workload().name);
  if (!live) return std::nullopt;
  for (const orchestrator::LiveAttempt& attempt : live->running)
    for (const std::string& host : attempt.hosts)
      if (host != but && attempt.step > 0) return host;
  return std::nullopt;
}

// On two nodes, so that there is work left when the controller, which writes its state every five seconds, has written
// that the suite runs. \return whether a training is at work then
bool runs_and_is_known(DisturbedSuite& suite) {
  suite.submit({"--nodes", "2"});
  if (!suite.box.wait_for_state(suite.job(), "RUNNING")) return false;
  std::this_thread::sleep_for(std::chrono::seconds(6));
  return suite.wait_for_a_checkpoint();
}

TEST(SlurmLoss, a_node_that_dies_costs_its_attempts_and_the_allocation_goes_on) {
  DisturbedSuite suite;
  suite.submit({"--nodes", "3"});
  ASSERT_TRUE(suite.wait_for_a_checkpoint());
  const std::string host = suite.batch_host();
  std::optional<std::string> node;
  // Trainings stand still meanwhile: three nodes could be done with the suite before one of them is seen at work.
  std::set<std::string> held;
  std::vector<pid_t> workers;
  const bool at_work = suite.wait_for([&] {
    if (const auto training = hold_a_training(suite.store(), held)) {
      held.insert(training->job);
      workers.push_back(training->worker);
    }
    return (node = node_at_work(suite, host)).has_value();
  });
  const bool has_name = at_work && !suite.box.output({"sinfo", "-h", "-N", "-n", *node}).empty();
  if (has_name) suite.box.node_down(*node, SlurmBox::Tell::kNow);
  for (const pid_t worker : workers) ::kill(worker, SIGCONT);
  ASSERT_TRUE(at_work);
  if (!has_name) GTEST_SKIP() << "the cluster's nodes have no host names of their own here (unshare -u -m is refused)";
  suite.expect_complete(1, "complete");
  EXPECT_EQ(suite.count_of("agent-lost"), 1);
  EXPECT_GE(suite.causes_of_attempts().count("agent-lost"), 1U);
}

TEST(SlurmLoss, when_the_coordinators_node_dies_the_job_starts_again_on_other_nodes) {
  DisturbedSuite suite({.nodes = 4});
  const fs::path calls = suite.scratch() / "calls";
  suite.wrap("scontrol", "echo \"$PPID $*\" >>" + calls.string() + "\nexec \"$real\" \"$@\"");
  // SLURM keeps the job on the other nodes, without its script: an agent there has to see to it, and only one. MPI may
  // crash on a node that was in use a moment ago and leave the others waiting: the allocation then tries again.
  suite.submit({"--nodes", "3", "--coordinator-limit", "15", "--time", "5"});
  ASSERT_TRUE(suite.wait_for_a_checkpoint());
  const std::string host = suite.batch_host();
  suite.box.node_down(host, SlurmBox::Tell::kNow);
  suite.expect_complete(1, "-, complete");  // the first had no time for a word
  EXPECT_EQ(suite.box.scontrol_job(suite.job())["Restarts"], "1");
  EXPECT_NE(suite.starts().front().node_list, suite.starts().back().node_list);
  // Whoever gets no answer asks again.
  std::set<std::string> who;
  std::istringstream asked(text_of(calls));
  for (std::string process, word; asked >> process >> word;
       asked.ignore(std::numeric_limits<std::streamsize>::max(), '\n'))
    if (word == "requeue") who.insert(process);
  EXPECT_EQ(who.size(), 1U) << text_of(calls);
}

TEST(SlurmLoss, the_controller_may_be_killed_and_started_while_the_suite_runs) {
  DisturbedSuite suite;
  ASSERT_TRUE(runs_and_is_known(suite));
  const std::size_t before = suite.results();
  suite.box.kill_controller();
  ASSERT_TRUE(suite.wait_for([&] { return suite.results() > before; }, workload().patience)) << "it waits for SLURM";
  succeeded(suite.suite("status"));
  suite.box.start_controller();
  suite.expect_complete(1, "complete");
}

TEST(SlurmLoss, a_suite_that_ends_while_the_controller_is_away_has_ended) {
  DisturbedSuite suite;
  ASSERT_TRUE(runs_and_is_known(suite));
  const std::string job = suite.job();
  suite.box.kill_controller();
  ASSERT_TRUE(suite.wait_for([&] { return suite.causes_of_starts() == "complete"; }, workload().patience));
  suite.box.start_controller();
  ASSERT_TRUE(suite.box.wait_for_state(job, "COMPLETED"));
  suite.expect_complete(1, "complete");
  // It is known to be done: nothing is submitted any more.
  suite.submit({"--nodes", "2"});
  EXPECT_EQ(suite.jobs(), std::vector<std::string>{job});
}

}  // namespace
}  // namespace resolute::system_test::slurm_loss_test
