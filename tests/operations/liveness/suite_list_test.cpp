#include "operations/liveness/suite_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "experiments/store/typed_plans.h"
#include "operations/space/needs.h"
#include "orchestrator/journal/journal.h"
#include "orchestrator/journal/owner.h"
#include "tests/support/record_text.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::operations::suite_list_test {
namespace {

using namespace std::chrono_literals;
using namespace testing;
using orchestrator::Instant;

TEST(SuiteState, is_complete_where_every_job_is_done_whatever_else_is_said) {
  EXPECT_EQ(state_of({.all = 3, .done = 3, .live = true, .cancelled = true}), SuiteState::kComplete);
  EXPECT_EQ(state_of({}), SuiteState::kNotBegun);
}

TEST(SuiteState, of_several_allocations_is_that_of_the_one_that_does_most) {
  using enum AllocationView::State;
  EXPECT_EQ(state_of({.all = 3, .allocations = {kWaits, kRuns}}), SuiteState::kRunning);
  EXPECT_EQ(state_of({.all = 3, .allocations = {kWaits, kHeld}}), SuiteState::kHeld) << "it needs a person";
  EXPECT_EQ(state_of({.allocations = {kWaits}}), SuiteState::kWaits);
  EXPECT_EQ(state_of({.all = 3, .allocations = {kUnknown}}), SuiteState::kUnknown);
}

TEST(SuiteState, of_what_stopped_says_why) {
  EXPECT_EQ(state_of({.all = 3, .ended_badly = 1}), SuiteState::kIncomplete);
  EXPECT_EQ(state_of({.all = 3, .ended_badly = 1, .cancelled = true}), SuiteState::kCancelled);
  EXPECT_EQ(state_of({.all = 3, .cancelled = true, .given_up = true}), SuiteState::kGivenUp);
  EXPECT_EQ(state_of({.all = 3, .done = 2}), SuiteState::kInterrupted);
}

class SuiteList : public ::testing::Test {
 protected:
  // A run of one allocation with two jobs of which the first is done, or as `end` has it.
  void run(const std::string& folder, const std::string& digit,
           const std::vector<orchestrator::Event>& end = {orchestrator::JobSucceeded{.job = {0}}}) {
    auto& files = core::real_file_system();
    const auto suite = store_.suite_folder(folder);
    files.create_directories(suite);
    orchestrator::JournalWriter journal(files, suite, orchestrator::JournalHeader{1, 0, std::string(32, 'a'), {}});
    const auto at = [&](int second) { return kBegin + std::chrono::seconds(second); };
    journal.append(orchestrator::RunStarted{1, std::string(32, 'a'), "n1", 17, -1, {}}, at(0));
    for (int i = 0; i < 2; ++i) {
      orchestrator::JobAdded added;
      added.job = {i};
      added.id = {std::string(63, 'a') + (i == 0 ? digit : "f")};
      added.kind = "training";
      added.label = "x";
      journal.append(added, at(0));
    }
    for (const orchestrator::Event& event : end) journal.append(event, at(90));
    journal.append(orchestrator::RunEnded{orchestrator::RunEnd::kInterrupted, "signal 2"}, at(100));
    journal.sync();
    orchestrator::write_owner(files, suite, 1, {"n1", "boot", "", 17, 4, 1, true});
  }
  std::vector<ListedSuite> list() {
    return list_suites(
        core::real_file_system(), store_, [](const auto&) { return SlurmAnswer{}; }, kBegin + 1h);
  }

  const Instant kBegin{Instant(1'800'000'000s)};
  tests::TemporaryFolder folder_;
  experiments::StoreLayout store_{folder_.path()};
};

TEST_F(SuiteList, names_each_suite_once_with_its_jobs_of_all_allocations) {
  EXPECT_THAT(list(), IsEmpty());
  run("b", "1");
  run("a@x", "1");
  run("b@2", "2");
  std::filesystem::create_directories(store_.suite_folder("empty"));
  const auto suites = list();
  ASSERT_EQ(suites.size(), 2U);
  EXPECT_EQ(suites[0].name, "a@x");
  EXPECT_EQ(suites[1].name, "b");
  EXPECT_EQ(suites[0].all, 2);
  EXPECT_EQ(suites[0].done, 1);
  EXPECT_EQ(suites[0].state, SuiteState::kInterrupted);
  EXPECT_EQ(suites[1].all, 3) << "one of them is in both";
  EXPECT_EQ(suites[1].done, 2);
  EXPECT_DOUBLE_EQ(suites[1].usage.node_seconds, 200);
  EXPECT_EQ(suites[1].last_end, kBegin + 100s);
  EXPECT_THAT(suites[1].jobs, SizeIs(3));
}

TEST_F(SuiteList, a_folder_that_cannot_be_looked_at_is_told) {
  std::filesystem::create_directories(store_.suite_folder("a").parent_path());
  std::filesystem::create_symlink("a", store_.suite_folder("a"));
  EXPECT_THAT(tests::refusal([&] { list(); }), HasSubstr("cannot stat"));
}

TEST_F(SuiteList, each_plan_has_its_own_count_and_the_last_run_is_last) {
  run("a", "1", {orchestrator::JobSucceeded{.job = {0}}, orchestrator::JobFailed{.job = {1}, .why = "no room"}});
  auto& files = core::real_file_system();
  const auto announce = [&](const std::vector<std::string>& digits) {
    std::string jobs;
    for (const std::string& digit : digits)
      jobs += fmt::format("{}\"{}{}\"", jobs.empty() ? "" : ",", std::string(63, 'a'), digit);
    const std::string text = fmt::format(
        "{{\"jobs\":{{\"evaluation\":[],\"seal\":[],\"shard\":[],\"training\":[{}]}},\"packs\":[],\"suite\":\"a\","
        "\"version\":1}}\n",
        jobs);
    const std::string name = operations::plan_file_name(text);
    core::write_atomic(files, store_.suite_folder("a") / name, text);
    return name;
  };
  const std::string whole = announce({"1", "f"}), part = announce({"1"}), old = announce({"e"});
  const auto note = [&](const std::string& plan, std::vector<std::string> arguments) {
    experiments::note_typed_plan(files, store_, "a", {plan, std::move(arguments)});
  };
  note(part, {"--set", "trials=1"});
  note(whole, {});
  const ListedPlan of_part{part, std::vector<std::string>{"--set", "trials=1"}, 1, 1, 0};
  const ListedPlan of_whole{whole, std::vector<std::string>(), 2, 1, 1};
  const ListedPlan of_old{old, std::nullopt, 1, 0, 0};
  EXPECT_THAT(list().front().plans, ElementsAre(of_old, of_part, of_whole));
  note(part, {"--set", "trials=1"});
  EXPECT_THAT(list().front().plans, ElementsAre(of_old, of_whole, of_part));
  const auto earlier = [&] {
    std::vector<bool> found;
    const ListedSuite listed = list().front();
    for (const ListedPlan& plan : listed.plans) found.push_back(plan.of_earlier_text);
    return found;
  };
  EXPECT_THAT(earlier(), ElementsAre(false, false, false)) << "options that are not known are no one's";
  note(old, {});
  EXPECT_THAT(earlier(), ElementsAre(true, false, false)) << "whole, part, old";
  note(whole, {});
  EXPECT_THAT(earlier(), ElementsAre(false, true, false)) << "part, old, whole: a text that came back is the last";
  note(announce({"1", "e"}), {});
  EXPECT_THAT(earlier(), ElementsAre(false, true, true, false));
  fs::remove(experiments::typed_plans_file(store_, "a"));
  fs::remove(store_.suite_folder("a") / announce({"1", "e"}));
  note(whole, {});
  note(part, {"--set", "trials=1"});
  core::write_atomic(files, store_.suite_folder("a") / old, "damaged");
  EXPECT_THAT(list().front().plans, ElementsAre(of_whole, of_part)) << "a damaged plan costs its own line alone";
}

TEST_F(SuiteList, what_failed_is_counted_apart_from_what_was_cancelled_for_it) {
  run("a", "1",
      {orchestrator::JobFailed{.job = {0}, .why = "it does not converge"},
       orchestrator::JobCancelled{.job = {1}, .why = "'x' failed"}});
  const auto suites = list();
  ASSERT_EQ(suites.size(), 1U);
  EXPECT_EQ(suites[0].failed, 1);
  EXPECT_EQ(suites[0].cancelled, 1);
  EXPECT_EQ(suites[0].state, SuiteState::kIncomplete);
}

TEST_F(SuiteList, a_job_whose_record_is_damaged_is_not_done) {
  run("a", "1", {orchestrator::JobSucceeded{.job = {0}}, orchestrator::JobSucceeded{.job = {1}}});
  auto& files = core::real_file_system();
  const std::string id = std::string(63, 'a') + "1";
  const std::string text = tests::record_text_of(id, "training");
  const auto listed = [&](const std::string& record) {
    core::write_atomic(files, store_.result_file({id}), record);
    return list().front();
  };
  EXPECT_EQ(listed(text).state, SuiteState::kComplete);
  for (const std::string& damaged : {std::string(), text.substr(0, 50), tests::record_text_of(id, "seal")}) {
    EXPECT_EQ(listed(damaged).done, 1) << damaged;
    EXPECT_EQ(listed(damaged).state, SuiteState::kInterrupted) << damaged;
  }
}

TEST_F(SuiteList, a_damaged_journal_costs_its_own_suite_alone) {
  run("a", "1");
  run("b", "1");
  for (const auto& entry : std::filesystem::directory_iterator(store_.suite_folder("a"))) {
    if (!entry.path().filename().string().starts_with("journal-")) continue;
    std::string text = core::read_text(core::real_file_system(), entry.path());
    text[text.size() / 2] ^= 0x55;
    core::write_atomic(core::real_file_system(), entry.path(), text);
  }
  const auto suites = list();
  ASSERT_EQ(suites.size(), 2U);
  EXPECT_TRUE(suites[0].damage.has_value());
  EXPECT_EQ(suites[1].all, 2);
}

}  // namespace
}  // namespace resolute::operations::suite_list_test
