// A run that begins says of its plan what its journal does not know of earlier runs.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/random/random.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/journal/snapshot.h"
#include "tests/orchestrator/support/events.h"
#include "tests/support/refusal.h"

namespace resolute::tests::reconcile_test {
namespace {

using namespace orchestrator;
using testing::ElementsAre;
using testing::SizeIs;
using testing::VariantWith;

experiments::PlannedJob planned_job(int number, const std::vector<int>& after = {}) {
  experiments::PlannedJob job;
  job.specification = experiments::TrainingSpecification();
  job.id = toy_job(number).id;
  job.label = toy_job(number).label;
  for (const int need : after) job.after.push_back(toy_job(need).id);
  return job;
}

// Job 2 needs the first two; the others need nothing.
experiments::Plan plan_of(int jobs) {
  experiments::Plan plan;
  for (int i = 0; i < jobs; ++i)
    plan.jobs.push_back(planned_job(i, i == 2 ? std::vector<int>{0, 1} : std::vector<int>{}));
  return plan;
}

void begin_run(State& state) {
  RunStarted run = toy_run();
  run.epoch = state.run.epoch + 1;
  orchestrator::apply(state, run);
}

// The next run's words on a plan. \param found of its first jobs; nothing of the others
std::vector<Event> next_run(
    State& state, const experiments::Plan& plan, std::vector<FoundJob> found = {},
    const std::function<void(JobAdded&)>& complete = [](JobAdded&) {}) {
  begin_run(state);
  found.resize(plan.jobs.size());
  std::vector<Event> events = reconcile(found, plan, state, complete);
  check_invariants(state);
  return events;
}

TEST(Reconcile, a_plan_that_is_known_takes_one_event) {
  State state;
  const std::vector<FoundJob> found{{true}, {}, {}, {true}, {true}};
  EXPECT_THAT(next_run(state, plan_of(6), found), SizeIs(6 + 3));
  const JobsKept kept{{{{0}, {5}}}, {{{0}, {0}}, {{3}, {4}}}};
  EXPECT_THAT(next_run(state, plan_of(6), found), ElementsAre(Event(kept)));
  EXPECT_EQ(count(state).succeeded, 3);
  EXPECT_EQ(count(state).waiting, 1);
}

TEST(Reconcile, what_differs_is_told_in_the_plans_order) {
  State state;
  next_run(state, plan_of(4));
  const auto first = [](JobAdded& added) { added.priority = added.job.value == 1 ? 2 : 0; };
  EXPECT_THAT(
      next_run(state, plan_of(5), {{}, {true}}, first),
      ElementsAre(Event(JobsKept{{{{0}, {0}}}, {}}), VariantWith<JobAdded>(testing::_), Event(JobSucceeded{{1}, 0}),
                  Event(JobsKept{{{{2}, {3}}}, {}}), VariantWith<JobAdded>(testing::_)));
  EXPECT_EQ(job_of(state, {1}).priority, 2);
}

TEST(Reconcile, how_long_a_job_takes_matters_until_it_has_a_result) {
  State state;
  next_run(state, plan_of(1));
  const auto learned = [](JobAdded& added) { added.expected_ms = added.path_ms = added.checkpoint_ms = 1'000; };
  State done = state;
  EXPECT_THAT(next_run(state, plan_of(1), {}, learned), ElementsAre(VariantWith<JobAdded>(testing::_)));
  EXPECT_THAT(next_run(done, plan_of(1), {{true}}, learned), ElementsAre(VariantWith<JobsKept>(testing::_)));
}

// A training and its evaluation each: row "other" on data set "one", row "base" on both.
experiments::Plan plan_with_table(const std::string& compare_with) {
  experiments::Plan plan;
  experiments::TablePlan table;
  table.compare_with = compare_with;
  for (const char* row : {"other", "base"}) {
    table.rows.push_back({row, row, {}});
    for (const char* dataset : {"one", "two"}) {
      if (table.rows.size() == 1 && dataset == std::string("two")) continue;
      const int training = static_cast<int>(plan.jobs.size());
      plan.jobs.push_back(planned_job(training));
      plan.jobs.push_back(planned_job(training + 1, {training}));
      table.rows.back().cells.push_back({dataset, {plan.jobs.back().id}, {}});
    }
  }
  plan.tables.push_back(std::move(table));
  return plan;
}

TEST(Reconcile, a_row_is_compared_with_another_on_the_same_data_set) {
  const auto rows_of = [](const State& state) {
    std::vector<std::pair<int, int>> rows;
    for (const Job& job : state.jobs) rows.emplace_back(job.row.number, job.row.compared_with);
    return rows;
  };
  using testing::Pair;
  State state;
  next_run(state, plan_with_table(""));
  EXPECT_THAT(rows_of(state),
              ElementsAre(Pair(1, -1), Pair(0, -1), Pair(3, -1), Pair(2, -1), Pair(5, -1), Pair(4, -1)));
  const auto is_added = VariantWith<JobAdded>(testing::_);
  EXPECT_THAT(next_run(state, plan_with_table("base")),
              ElementsAre(is_added, is_added, Event(JobsKept{{{{2}, {5}}}, {}})));
  EXPECT_THAT(rows_of(state), ElementsAre(Pair(1, 3), Pair(0, 2), Pair(3, -1), Pair(2, -1), Pair(5, -1), Pair(4, -1)));
  EXPECT_THAT(next_run(state, plan_with_table("other")),
              ElementsAre(is_added, is_added, is_added, is_added, Event(JobsKept{{{{4}, {5}}}, {}})));
  EXPECT_THAT(rows_of(state), ElementsAre(Pair(1, -1), Pair(0, -1), Pair(3, 1), Pair(2, 0), Pair(5, -1), Pair(4, -1)));
}

TEST(Reconcile, the_class_that_made_a_result_is_told_once) {
  State state;
  next_run(state, plan_of(1));
  const std::vector<FoundJob> found{{true, 0, "class a"}};
  EXPECT_THAT(next_run(state, plan_of(1), found), SizeIs(2));
  EXPECT_EQ(job_of(state, {0}).numeric_class, "class a");
  EXPECT_THAT(next_run(state, plan_of(1), found), ElementsAre(VariantWith<JobsKept>(testing::_)));
  EXPECT_THAT(next_run(state, plan_of(1), {{true}}), ElementsAre(VariantWith<JobsKept>(testing::_)));
  EXPECT_EQ(job_of(state, {0}).numeric_class, "class a");
}

TEST(Reconcile, more_ranges_than_a_record_takes_are_several_events) {
  constexpr int kJobs = 140'000;
  State state;
  begin_run(state);
  experiments::Plan backwards;
  for (int i = 0; i < kJobs; ++i) {
    orchestrator::apply(state, toy_job(i));
    backwards.jobs.push_back(planned_job(kJobs - 1 - i));
  }
  const std::vector<Event> events = next_run(state, backwards);
  EXPECT_THAT(events, SizeIs(2));
  core::Bytes bytes;
  for (const Event& event : events) EXPECT_NO_THROW(append_record(bytes, 1, Instant{}, event));
  EXPECT_EQ(count(state).ready, kJobs);
}

TEST(Reconcile, a_journal_that_keeps_what_it_does_not_have_is_refused) {
  State known;
  next_run(known, plan_of(3));
  begin_run(known);
  const auto expect_refused = [&](const std::vector<Event>& events, const std::string& why) {
    State state = known;
    EXPECT_THAT(refusal([&] { happen(state, events); }, core::ErrorKind::kCorrupt), testing::HasSubstr(why));
  };
  expect_refused({JobsKept{{{{0}, {3}}}, {}}}, "3 jobs are known");
  expect_refused({JobsKept{{{{0}, {0}}, {{0}, {0}}}, {}}}, "it was added before");
  expect_refused({toy_job(0), JobsKept{{{{0}, {0}}}, {}}}, "it was added before");
  expect_refused({JobsKept{{{{1}, {2}}}, {}}}, "it needs job 0");
  expect_refused({JobsKept{{{{0}, {0}}}, {{{1}, {1}}}}}, "it is not in the plan");
  expect_refused({JobsKept{{{{0}, {0}}}, {{{0}, {0}}, {{0}, {0}}}}}, "its result is known already");
}

// Some runs of changing plans, one after the other: what each says, beside what it would say of each job.
class Runs {
 public:
  explicit Runs(std::uint64_t seed) : random_("reconciled runs", {seed}) {
    for (int i = 0; i < 12; ++i) {
      std::vector<int> after;
      for (int need = 0; need < i; ++need)
        if (draw(5) == 0) after.push_back(need);
      all_.push_back(planned_job(i, after));
    }
  }

  void one() {
    const experiments::Plan plan = draw_plan();
    std::vector<FoundJob> found;
    for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
      FoundJob job{draw(2) == 0, 0, {}};
      if (!job.result) job.attempts = draw(4);
      if (job.result && draw(2) == 0) job.numeric_class = draw(8) == 0 ? "class b" : "class a";
      found.push_back(std::move(job));
    }
    begin_run(state_);
    State in_full = state_;
    std::vector<JobAdded> added;
    const std::vector<Event> events = reconcile(found, plan, state_, [&](JobAdded& one) {
      one.priority = draw(20) == 0 ? 1 : 0;
      one.row = draw(20) == 0 ? 1 : 0;
      one.expected_ms = one.path_ms = draw(6) == 0 ? 100 : 0;
      added.push_back(one);
    });
    for (std::size_t i = 0; i < added.size(); ++i) {
      orchestrator::apply(in_full, added[i]);
      if (found[i].result) orchestrator::apply(in_full, JobSucceeded{added[i].job, 0});
    }
    check_invariants(state_);
    ASSERT_EQ(bytes_of(state_), bytes_of(in_full));
    for (const Event& event : events) {
      anew += std::holds_alternative<JobAdded>(event) ? 1 : 0;
      if (const auto* known = std::get_if<JobsKept>(&event)) kept += count(known->jobs);
    }
    planned += static_cast<std::int64_t>(plan.jobs.size());
    do_something();
  }

  std::int64_t planned = 0, anew = 0, kept = 0;  // jobs

 private:
  int draw(std::uint64_t bound) { return static_cast<int>(random_.below(bound)); }

  // Some of the jobs, each behind what it needs, some under another label.
  experiments::Plan draw_plan() {
    experiments::Plan plan;
    std::set<experiments::JobId> wanted;
    for (experiments::PlannedJob job : all_) {
      const bool whole = std::all_of(job.after.begin(), job.after.end(),
                                     [&](const experiments::JobId& need) { return wanted.contains(need); });
      if (!whole || draw(5) == 0) continue;
      if (draw(20) == 0) job.label = "another";
      wanted.insert(job.id);
      plan.jobs.push_back(std::move(job));
    }
    return plan;
  }

  // A job that is done keeps the durations that it had.
  static core::Bytes bytes_of(State state) {
    for (Job& job : state.jobs)
      if (std::holds_alternative<Succeeded>(job.state)) job.expected_ms = job.path_ms = job.checkpoint_ms = 0;
    return encode_snapshot({1, 64}, state);
  }

  // Some jobs run, in either class, and some of these end well.
  void do_something() {
    for (const char* numeric_class : {"class a", "class b"}) {
      AgentJoined agent = toy_agent(state_.next_agent, numeric_class, 3);
      agent.numeric_class = numeric_class;
      orchestrator::apply(state_, agent);
    }
    settle(state_);
    for (const JobIndex job : std::set<JobIndex>(state_.running)) {
      const int attempt = std::get<Running>(job_of(state_, job).state).attempt;
      if (draw(2) == 0) orchestrator::apply(state_, Progressed{job, attempt, 50});
      if (draw(2) == 0) happen(state_, {rank_exit(job.value, attempt, 0, 0), JobSucceeded{job, attempt}});
    }
  }

  core::RandomStream random_;
  std::vector<experiments::PlannedJob> all_;
  State state_;
};

TEST(Reconcile, whatever_was_before_its_events_come_to_what_all_of_them_would) {
  std::int64_t planned = 0, anew = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Runs runs(seed);
    for (int i = 0; i < 8 && !testing::Test::HasFailure(); ++i) runs.one();
    EXPECT_EQ(runs.anew + runs.kept, runs.planned) << seed;
    planned += runs.planned;
    anew += runs.anew;
  }
  EXPECT_LT(anew, planned * 3 / 4) << "most of what is known is not told again";
}

}  // namespace
}  // namespace resolute::tests::reconcile_test
