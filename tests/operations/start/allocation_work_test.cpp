#include "operations/start/allocation_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/orchestrator/support/events.h"
#include "tests/orchestrator/support/journals.h"
#include "tests/orchestrator/support/toy_suite.h"
#include "tests/support/counting_file_system.h"
#include "tests/support/temporary_folder.h"

namespace resolute::operations::allocation_work_test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

TEST(WhileStorageFails, calls_again_until_it_succeeds_with_waits_that_double_to_a_minute) {
  int calls = 0;
  std::vector<std::chrono::milliseconds> waits;
  while_storage_fails(
      [&] {
        if (++calls <= 8) throw core::system_error("x", ESTALE);
      },
      [] { return false; }, [&](std::chrono::milliseconds wait) { waits.push_back(wait); });
  EXPECT_EQ(calls, 9);
  EXPECT_THAT(waits, ElementsAre(1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s));
}

TEST(WhileStorageFails, passes_on_what_another_call_would_not_mend_and_all_where_there_is_no_time) {
  int calls = 0;
  const auto never = [](std::chrono::milliseconds) { ADD_FAILURE() << "it waits"; };
  const auto fail = [&](int error_number) {
    return [&calls, error_number] {
      ++calls;
      throw core::system_error("x", error_number);
    };
  };
  EXPECT_THROW(while_storage_fails(
                   fail(EACCES), [] { return false; }, never),
               core::RuntimeError);
  EXPECT_THROW(while_storage_fails(
                   fail(EIO), [] { return true; }, never),
               core::RuntimeError);
  EXPECT_EQ(calls, 2);
}

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
