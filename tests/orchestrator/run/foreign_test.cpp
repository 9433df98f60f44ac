// Foreign files in a store cost one job or nothing, never a suite; whole runs, with the machine's file system.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <limits>
#include <set>

#include "core/log.h"
#include "orchestrator/decisions/apply.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/journal/journal.h"
#include "orchestrator/journal/owner.h"
#include "orchestrator/store/stored_jobs.h"
#include "tests/orchestrator/support/run_fixture.h"

namespace resolute::tests::foreign_test {
namespace {

using namespace orchestrator;
using testing::HasSubstr;
namespace fs = std::filesystem;

class Foreign : public Run {
 protected:
  fs::path suite() const { return store() / "suites/toy"; }
  experiments::StoreLayout layout() const { return experiments::StoreLayout(store()); }

  // A run in a process of its own, which `before` may change; its words go to `log`.
  template <class Before>
  pid_t run_apart(const experiments::Plan& plan, Before before) const {
    const pid_t process = ::fork();
    if (process != 0) return process;
    const int log = ::open((store() / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    ::dup2(log, 2);
    try {
      before();
      RunOptions options = toy_options(store(), 2);
      options.owner_watch = std::chrono::milliseconds(900);
      ::_exit(run_local(plan, options).exit_code());
    } catch (const core::RuntimeError& error) {
      core::log_error("{}", error.what());
      ::_exit(core::exit_code(error.kind()));
    }
  }
  // Its exit code; one that waits for ever is killed.
  static int end_of(pid_t process) {
    if (!eventually([&] { return gone(process); })) ::kill(process, SIGKILL);
    return wait_for(process);
  }
  std::set<std::string> jobs_with_results(const experiments::Plan& plan) const {
    std::set<std::string> labels;
    for (const auto& job : plan.jobs)
      if (fs::exists(layout().result_file(job.id))) labels.insert(job.label);
    return labels;
  }
};

TEST_F(Foreign, pipes_and_folders_among_requests_and_durations_end_no_run) {
  const auto plan = toy_plan(4, 2);
  fs::create_directories(suite() / "requests");
  fs::create_directories(store() / "durations/folder.jsonl");
  ASSERT_EQ(::mkfifo((store() / "durations/pipe.jsonl").c_str(), 0666), 0);
  ASSERT_EQ(::mkfifo((suite() / "requests/000000000000001-aa.json").c_str(), 0666), 0);
  EXPECT_EQ(end_of(run_apart(plan, [] {})), 0) << text("log");
  EXPECT_EQ(all_results(store(), plan), calm_results(plan));
  EXPECT_THAT(text("log"), HasSubstr("requests: '" + (suite() / "requests/000000000000001-aa.json").string() +
                                     "' is not a regular file"));
  EXPECT_TRUE(fs::exists(suite() / "requests/000000000000001-aa.json.bad"));
}

TEST_F(Foreign, what_is_in_the_way_of_a_job_costs_that_job) {
  const auto plan = toy_plan(9, 1);  // 2, 5 and 8 need those before them
  const auto folder = [&](int job) { return layout().job_folder(plan.jobs[static_cast<std::size_t>(job)].id); };
  for (int job : {0, 3, 6, 7}) fs::create_directories(folder(job));
  for (const auto& entry : fs::recursive_directory_iterator(store())) fs::permissions(entry, fs::perms::all);
  fs::permissions(store(), fs::perms::all);
  fs::permissions(folder(0), fs::perms::none);  // another user's, with 0700
  core::write_atomic(core::real_file_system(), folder(3) / "attempts", "a file");
  fs::remove(folder(6));
  core::write_atomic(core::real_file_system(), folder(6), "a file");
  ASSERT_EQ(::mkfifo((folder(7) / "spec.json").c_str(), 0666), 0);
  const pid_t process = run_apart(plan, [&] {
    ::umask(0);
    if (::getuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(99);
    if (all_results_there(core::real_file_system(), layout(), plan)) ::_exit(98);
  });
  EXPECT_EQ(end_of(process), 3) << text("log");
  EXPECT_EQ(jobs_with_results(plan), (std::set<std::string>{"toy 1", "toy 2", "toy 3", "toy 4", "toy 5"}))
      << text("log");
  const auto status = operations::read_status(core::real_file_system(), layout(), plan);
  EXPECT_EQ(status.jobs.failed, 3);
  EXPECT_EQ(status.jobs.cancelled, 1);
  std::string evidence;
  for (const auto& failure : status.failures) evidence += failure.evidence + "\n";
  for (const char* why : {"Permission denied", "Not a directory", "spec.json' is not a regular file", "umask 002"})
    EXPECT_THAT(evidence, HasSubstr(why));
  // Said before the first job begins; and no try of that job was begun.
  EXPECT_THAT(text("log"), HasSubstr("1 of the folders that jobs need cannot be written to; the first: '" +
                                     folder(0).string() + "' (it is "));
  EXPECT_THAT(text("log"), HasSubstr("toy 0: cannot be run ("));
  fs::permissions(folder(0), fs::perms::all);
}

TEST_F(Foreign, an_owner_that_says_nothing_is_watched_and_taken_over) {
  EXPECT_EQ(run_here(toy_plan(2, 1)).succeeded, 2);
  for (const char* text : {"", "garbage"}) {
    const auto epochs = journal_epochs(core::real_file_system(), suite());
    core::write_atomic(core::real_file_system(), owner_file(suite(), epochs.back()), text);
    fs::remove_all(store() / "jobs");
    EXPECT_EQ(end_of(run_apart(toy_plan(2, 1), [] {})), 0) << this->text("log");
    EXPECT_TRUE(fs::exists(suite() / journal_name(epochs.back() + 1)));
  }
}

TEST_F(Foreign, a_number_of_attempts_that_nobody_made_is_not_believed) {
  const auto plan = toy_plan(2, 1);
  const auto folder = layout().job_folder(plan.jobs[0].id);
  const auto leave = [](const fs::path& job_folder, const std::string& attempt) {
    core::write_atomic(core::real_file_system(), job_folder / ("attempt-" + attempt + "-stderr"), "");
  };
  for (const char* name : {"2147483647", "1000001", "99999999999999999999", "-1", "x"}) leave(folder, name);
  core::write_atomic(core::real_file_system(), folder / "attempt-007", "");
  EXPECT_EQ(attempts_in_store(core::real_file_system(), layout(), plan.jobs[0].id), 0);
  EXPECT_EQ(run_here(plan).succeeded, 2);
  for (const Ran& one : ran()) EXPECT_EQ(one.attempt, 1);
  // The highest that is believed.
  fs::remove(layout().result_file(plan.jobs[0].id));
  leave(folder, std::to_string(kMostAttempts));
  EXPECT_EQ(run_here(plan).succeeded, 1);
  EXPECT_EQ(ran().back().attempt, kMostAttempts + 1);
}

TEST_F(Foreign, a_store_that_is_moved_away_beneath_a_run_ends_it_and_is_not_born_again) {
  behave("sleep 30 & wait $!");
  const fs::path moved = store().string() + "-moved";
  const pid_t process = run_apart(toy_plan(4, 1), [] {});
  ASSERT_TRUE(eventually([&] { return ran().size() == 2 && fs::exists(suite() / "live.json"); }));
  const auto ranks = ran();
  fs::rename(store(), moved);
  EXPECT_EQ(end_of(process), 1);
  EXPECT_FALSE(fs::exists(store()));
  for (const Ran& one : ranks) EXPECT_TRUE(eventually([&] { return gone(one.process); }));
  fs::rename(moved, store());
  EXPECT_THAT(text("log"), HasSubstr("journal-000001' is gone"));
}

}  // namespace
}  // namespace resolute::tests::foreign_test
