// The run of the tiny suite that nobody disturbs: what those of other tests must look like afterwards (tiny_suite.h).

#include "tests/system/tiny_suite.h"

namespace resolute::system_test::undisturbed_test {
namespace {

TEST(Undisturbed, a_run_that_nobody_disturbs_has_tables) {
  const ScratchFolder scratch;
  const fs::path store = shared_undisturbed_store().value_or(scratch / "store");
  fs::remove_all(store);
  run_undisturbed(store);
  EXPECT_NE(tables_of(store), "");
}

}  // namespace
}  // namespace resolute::system_test::undisturbed_test
