// The run that nobody disturbs: what disturbed ones on SLURM clusters must look like afterwards (slurm_suite.h).

#include "tests/system/cluster/slurm_suite.h"

namespace resolute::system_test::slurm_calm_test {
namespace {

TEST(SlurmCalm, a_run_that_nobody_disturbs_has_all_results_and_tables) {
  const char* wanted = std::getenv("RESOLUTE_CALM_STORE");
  const ScratchFolder scratch;
  const fs::path store = wanted != nullptr ? fs::path(wanted) : scratch / "store";
  fs::remove_all(store);
  run_calmly(store);
  // A training and an evaluation each, and the shards and the seals of the data sets.
  EXPECT_GT(count_results(store), 2U * static_cast<std::size_t>(workload().trainings));
  EXPECT_TRUE(files_in(tables_folder(store)).contains("tables.json"));
}

}  // namespace
}  // namespace resolute::system_test::slurm_calm_test
