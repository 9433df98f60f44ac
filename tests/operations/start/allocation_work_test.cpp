#include "operations/start/allocation_work.h"

#include <gtest/gtest.h>

#include "tests/orchestrator/support/events.h"
#include "tests/orchestrator/support/journals.h"
#include "tests/orchestrator/support/toy_suite.h"
#include "tests/support/counting_file_system.h"
#include "tests/support/temporary_folder.h"

namespace resolute::operations::allocation_work_test {
namespace {

// At five milliseconds a call, in a minute and a half that also has other things to do.
TEST(Outcome, of_ten_thousand_jobs_is_known_by_few_calls) {
  constexpr int kJobs = 10'000, kDone = 6'000;
  const tests::TemporaryFolder folder;
  const experiments::StoreLayout store(folder.path());
  const AllocationWork work{store, tests::toy_plan(kJobs, 1), store.suite_folder("toy"), {}};
  tests::CountingFileSystem files;
  std::vector<orchestrator::Event> events{tests::toy_run()};
  for (int i = 0; i < kJobs; ++i) {
    orchestrator::JobAdded added = tests::toy_job(i);
    added.id = work.suite.jobs[static_cast<std::size_t>(i)].id;
    events.emplace_back(added);
    if (i >= kDone) continue;
    events.emplace_back(orchestrator::JobSucceeded{{i}, 1});
    core::replace_unsynced(files, work.store.result_file(added.id), "{}");
  }
  core::replace_unsynced(files, work.run_folder / orchestrator::journal_name(1),
                         core::as_text(tests::journal_of(events)));
  files.reads = files.looks = files.listings = 0;
  const Outcome outcome = read_outcome(files, work);
  EXPECT_EQ(outcome.achieved.results, kDone);
  EXPECT_FALSE(outcome.complete);
  EXPECT_LE(files.reads + files.looks + files.listings, 300);
}

}  // namespace
}  // namespace resolute::operations::allocation_work_test
