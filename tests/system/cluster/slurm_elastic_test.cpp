// Allocations that come and go with the work, and machines of their own for kinds of jobs, on a SLURM cluster.

#include "tests/system/cluster/slurm_suite.h"

namespace resolute::system_test::slurm_elastic_test {
namespace {

// Why each generation of a batch on demand was asked for.
std::vector<std::string> reasons(const DisturbedSuite& suite) {
  std::vector<std::string> reasons;
  for (const slurm::SubmissionFolder& folder : suite.submissions())
    for (const slurm::Batch& batch : folder.request().batches)
      for (int generation = 0; generation <= folder.last_generation(batch); ++generation)
        if (batch.on_demand) reasons.push_back(folder.why_wanted(batch, generation));
  return reasons;
}
std::multiset<std::string> causes(const DisturbedSuite& suite) {
  std::multiset<std::string> causes;
  for (const slurm::ScriptStart& run : suite.starts())
    causes.insert(run.cause ? std::string(slurm::name_of(*run.cause)) : "-");
  return causes;
}

TEST(SlurmElastic, a_suite_has_more_allocations_while_there_is_work_and_fewer_when_there_is_none) {
  DisturbedSuite suite({.nodes = 4});
  suite.submit({"--nodes", "1", "--allocations", "1..4", "--idle-limit", "3"});
  ASSERT_TRUE(suite.wait_until_complete());
  suite.expect_as_calm();
  const auto ends = causes(suite);
  EXPECT_GE(ends.size(), 3U) << "it has grown";
  EXPECT_GE(ends.count("complete"), 1U);
  EXPECT_GE(ends.count("idle"), 1U) << "and shrunk";
  EXPECT_EQ(ends.count("complete") + ends.count("idle"), ends.size());
  ASSERT_GE(reasons(suite).size(), 2U);
  for (const std::string& why : reasons(suite)) EXPECT_THAT(why, testing::HasSubstr(" ready")) << why;
}

TEST(SlurmElastic, packs_and_evaluations_run_on_other_machines_than_trainings_and_a_lost_node_changes_nothing) {
  DisturbedSuite suite({.nodes = 4});
  const fs::path site = suite.scratch() / "site.toml";
  std::ofstream(site) << R"([slurm]
partition = "low"
idle_limit = 5
[resources.training]
partition = "main"
allocations = "1"
)";
  suite.submit({"--nodes", "1", "--site", site.string()});
  ASSERT_TRUE(suite.wait_for_a_checkpoint());
  std::string training_node;
  for (const std::string& line : suite.box.squeue("%T %P %N"))
    if (line.starts_with("RUNNING main ")) training_node = line.substr(13);
  ASSERT_NE(training_node, "");
  suite.box.node_down(training_node, SlurmBox::Tell::kNow);
  ASSERT_TRUE(suite.wait_until_complete());
  suite.expect_as_calm();
  // Each kind was started by the allocations that it should be.
  std::map<int, std::set<std::string>> kinds;
  std::map<std::pair<int, int>, std::string> kind_of;
  for (const core::Json& event : suite.events()) {
    const int allocation = event.value("allocation", 1);
    const core::Json& what = event.at("event");
    if (event.at("type") == "job-added") kind_of[{allocation, what.at("job").get<int>()}] = what.at("kind");
    if (event.at("type") == "started") kinds[allocation].insert(kind_of.at({allocation, what.at("job").get<int>()}));
  }
  const slurm::SubmissionRequest request = suite.submissions().at(0).request();
  for (const slurm::Batch& batch : request.batches)
    for (const std::string& kind : kinds[batch.first_allocation])
      EXPECT_EQ(kind == "training", batch.kinds == std::vector{settings::JobKind::kTraining})
          << kind << " by allocation " << batch.first_allocation;
  EXPECT_GE(kinds.size(), 2U);
}

}  // namespace
}  // namespace resolute::system_test::slurm_elastic_test
