// Several runs on one store: one acts, and no result differs from a calm run's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "tests/orchestrator/support/drive.h"
#include "tests/orchestrator/support/run_fixture.h"
#include "tests/support/wait.h"

namespace resolute::tests::owners_test {
namespace {

using testing::HasSubstr;

// No rank of an attempt was started by two runs: their attempts have different numbers.
bool every_rank_once(const std::vector<Ran>& ran) {
  std::set<std::tuple<std::string, int, int>> seen;
  return std::all_of(ran.begin(), ran.end(),
                     [&](const Ran& one) { return seen.emplace(one.job, one.attempt, one.rank).second; });
}

class Owners : public Run {
 protected:
  Owners() { ::setenv("RESOLUTE_TEST_OWNER_WATCH", "900", 1); }
  ~Owners() override {
    ::unsetenv("RESOLUTE_TEST_OWNER_WATCH");
    ::unsetenv("RESOLUTE_TEST_SUITE");
  }
};

// A store of its own for each of several pairs at a time.
class OnePair : public Owners {
 public:
  void TestBody() override {}
  void begin() { processes_ = {start(4, 2, 2), start(4, 2, 2)}; }
  void check() {
    const auto plan = toy_plan(4, 2);
    std::vector<int> codes;
    for (pid_t process : processes_) codes.push_back(wait_for(process));
    EXPECT_EQ(std::count(codes.begin(), codes.end(), 0) + std::count(codes.begin(), codes.end(), 1), 2) << text("log");
    EXPECT_GE(std::count(codes.begin(), codes.end(), 0), 1) << text("log");
    EXPECT_EQ(all_results(store(), plan), calm_results(plan)) << text("log");
    // One of them did all the work, whether the other was refused or found everything done.
    EXPECT_EQ(ran().size(), 5U) << text("ran") << text("log");
    for (const Ran& one : ran()) EXPECT_EQ(one.attempt, 1);
  }

 private:
  std::vector<pid_t> processes_;
};

TEST(TwoRuns, of_one_suite_started_at_once_a_hundred_times_do_its_jobs_once) {
  for (int round = 0; round < 25 && !testing::Test::HasFailure(); ++round) {
    std::vector<std::unique_ptr<OnePair>> pairs;
    for (int i = 0; i < 4; ++i) pairs.push_back(std::make_unique<OnePair>());
    for (auto& pair : pairs) pair->begin();
    for (auto& pair : pairs) pair->check();
  }
}

TEST_F(Owners, a_run_stopped_for_longer_than_its_lease_is_taken_over_and_acts_no_more) {
  behave("sleep 0.15");
  const auto plan = toy_plan(24, 2);
  const pid_t stopped = start(24, 2, 2);
  ASSERT_TRUE(eventually([&] { return ran().size() >= 4; }));
  ::kill(stopped, SIGSTOP);
  const pid_t second = start(24, 2, 2);
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(store() / "suites/toy/journal-000002"); }))
      << text("log");
  // It goes on while the other is at work.
  ASSERT_TRUE(eventually([&] { return ran().size() >= 10; })) << text("log");
  ::kill(stopped, SIGCONT);
  EXPECT_EQ(wait_for(stopped), 1);
  EXPECT_THAT(text("log"), HasSubstr("was taken over by another run"));
  EXPECT_EQ(wait_for(second), 0) << text("log");
  EXPECT_EQ(all_results(store(), plan), calm_results(plan));
  EXPECT_TRUE(every_rank_once(ran())) << text("ran");
}

TEST_F(Owners, a_run_with_nothing_to_journal_finds_out_that_it_was_taken_over) {
  behave("sleep 30");
  const pid_t stopped = start(1, 1, 1);
  ASSERT_TRUE(eventually([&] { return ran().size() == 1; }));
  ::kill(stopped, SIGSTOP);
  const pid_t second = start(1, 1, 1);
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(store() / "suites/toy/journal-000002"); }))
      << text("log");
  ::kill(stopped, SIGCONT);
  // A renewal is due every 0.3 s; its job, which has nothing to say, would take 30.
  EXPECT_TRUE(eventually([&] { return gone(stopped); })) << text("log");
  EXPECT_EQ(wait_for(stopped), 1);
  EXPECT_THAT(text("log"), HasSubstr("was taken over by another run"));
  ::kill(second, SIGTERM);
  EXPECT_EQ(wait_for(second), 75) << text("log");
}

// Runs `script` with the program and its arguments as $@, in name spaces of its own: /proc is its own too.
std::vector<std::string> unshared(const std::string& script) {
  return {"unshare", "-p", "-f", "-m", "--mount-proc", "sh", "-c", script, "sh"};
}

bool permitted(const std::string& script) {
  core::SpawnRequest request{.arguments = unshared(script), .environment = core::current_environment()};
  const core::CommandOutput output = core::run_command(request, tests::kPatience);
  const auto* exited = std::get_if<core::Exited>(&output.status);
  return exited != nullptr && exited->code == 0;
}

constexpr const char* kUntilTold = R"(until [ -e "$store/go" ]; do sleep 0.05; done)";
constexpr const char* kHideOthers = "mount -t proc -o hidepid=2 proc /proc";

TEST_F(Owners, a_live_run_in_another_name_space_of_processes_is_not_taken_over) {
  if (!permitted("true")) GTEST_SKIP() << "unshare is not permitted here";
  const auto plan = toy_plan(2, 1);
  for (const bool first_is_outside : {true, false}) {
    std::filesystem::remove_all(store() / "jobs");
    std::filesystem::remove(store() / "ran");
    std::filesystem::remove(store() / "go");
    behave(kUntilTold);
    const pid_t first = start(2, 1, 2, first_is_outside ? std::vector<std::string>{} : unshared("\"$@\""));
    ASSERT_TRUE(eventually([&] { return ran().size() == 2; })) << text("log");
    const pid_t second = start(2, 1, 2, first_is_outside ? unshared("\"$@\"") : std::vector<std::string>{});
    EXPECT_TRUE(eventually([&] { return gone(second); })) << text("log");
    core::write_atomic(core::real_file_system(), store() / "go", "");
    EXPECT_EQ(wait_for(second), 1);
    EXPECT_THAT(text("log"), HasSubstr("is being run already"));
    EXPECT_EQ(wait_for(first), 0) << text("log");
    EXPECT_EQ(ran().size(), 2U) << text("log");
    EXPECT_EQ(all_results(store(), plan), calm_results(plan));
  }
}

TEST_F(Owners, a_live_run_whose_process_is_hidden_is_not_taken_over) {
  if (!permitted(kHideOthers)) GTEST_SKIP() << "unshare is not permitted here";
  std::filesystem::permissions(store(), std::filesystem::perms::all);
  behave(kUntilTold);
  // /proc hides the first, which is root's, from the second.
  const pid_t both = start(2, 1, 2, unshared(std::string(kHideOthers) + R"( || exit 98
umask 0
"$@" & first=$!
until [ -s "$3/ran" ]; do sleep 0.05; done
RESOLUTE_TEST_USER=65534 timeout 30 "$@"; echo $? > "$3/second"
: > "$3/go"
wait $first; echo $? > "$3/first")"));
  EXPECT_EQ(wait_for(both), 0) << text("log");
  EXPECT_EQ(text("second"), "1\n");
  EXPECT_EQ(text("first"), "0\n");
  EXPECT_THAT(text("log"), HasSubstr("is being run already"));
  EXPECT_EQ(ran().size(), 2U) << text("log");
}

TEST_F(Owners, a_job_of_a_live_run_in_another_name_space_of_processes_is_left_to_it) {
  if (!permitted("true")) GTEST_SKIP() << "unshare is not permitted here";
  behave("sleep 0.5");
  const auto plan = toy_plan(6, 1);
  const pid_t first = start(6, 1, 2, unshared("\"$@\""));
  ASSERT_TRUE(eventually([&] { return !ran().empty(); })) << text("log");
  ::setenv("RESOLUTE_TEST_SUITE", "other", 1);
  const pid_t second = start(6, 1, 2);
  EXPECT_EQ(wait_for(first), 0) << text("log");
  EXPECT_EQ(wait_for(second), 0) << text("log");
  EXPECT_EQ(ran().size(), 6U) << text("ran");
  EXPECT_EQ(all_results(store(), plan), calm_results(plan));
}

TEST_F(Owners, an_attempt_number_that_another_run_has_used_costs_no_attempt) {
  behave("sleep 0.4");
  const auto plan = toy_plan(2, 1);
  const experiments::StoreLayout layout(store());
  const pid_t process = start(2, 1, 1);
  ASSERT_TRUE(eventually([&] { return ran().size() == 1; }));
  const auto& other = plan.jobs[ran()[0].job == plan.jobs[0].id.hex ? 1 : 0];
  // Twelve attempts came and went elsewhere while this run has not begun the job: more than any budget.
  for (int attempt = 1; attempt <= 12; ++attempt)
    core::write_atomic(core::real_file_system(), layout.attempt_file(other.id, attempt, "stderr"), "why\n");
  EXPECT_EQ(wait_for(process), 0) << text("log");
  ASSERT_EQ(ran().size(), 2U);
  EXPECT_EQ(ran()[1].job, other.id.hex);
  EXPECT_EQ(ran()[1].attempt, 13);
}

TEST_F(Owners, a_result_made_elsewhere_counts_before_a_job_is_given_up) {
  behave("sleep 0.4");
  const auto plan = toy_plan(4, 2);  // the last is a gang of two, and there is one slot
  const pid_t process = start(4, 2, 1);
  ASSERT_TRUE(eventually([&] { return ran().size() == 1; }));
  core::write_atomic(core::real_file_system(), experiments::StoreLayout(store()).result_file(plan.jobs[3].id),
                     "{\"job\":\"" + plan.jobs[3].id.hex + "\"}\n");
  EXPECT_EQ(wait_for(process), 0) << text("log");
  EXPECT_EQ(all_results(store(), plan), calm_results(plan));
  EXPECT_EQ(ran().size(), 3U);
}

TEST_F(Owners, two_suites_that_share_jobs_run_each_once) {
  behave("sleep 0.05");
  const auto plan = toy_plan(20, 2);
  const pid_t first = start(20, 2, 2);
  ::setenv("RESOLUTE_TEST_SUITE", "other", 1);
  const pid_t second = start(20, 2, 2);
  EXPECT_EQ(wait_for(first), 0) << text("log");
  EXPECT_EQ(wait_for(second), 0) << text("log");
  EXPECT_EQ(all_results(store(), plan), calm_results(plan));
  std::map<std::string, std::size_t> ranks;
  for (const Ran& one : ran()) ++ranks[one.job];
  for (const auto& job : plan.jobs) EXPECT_EQ(ranks[job.id.hex], static_cast<std::size_t>(job.slots));
  for (const auto& job : plan.jobs)
    EXPECT_FALSE(std::filesystem::exists(experiments::StoreLayout(store()).job_folder(job.id) / "claim"));
}

}  // namespace
}  // namespace resolute::tests::owners_test
