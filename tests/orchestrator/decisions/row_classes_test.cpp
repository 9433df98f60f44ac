// The trials of a row go to one numeric class wherever that leaves no slot idle: numbers of two classes need a
// footnote.

#include <gtest/gtest.h>

#include "core/random/random.h"
#include "orchestrator/decisions/placement.h"
#include "tests/orchestrator/support/fleet.h"

namespace resolute::orchestrator::row_classes_test {
namespace {

using namespace std::chrono_literals;
using tests::End;
using tests::Fleet;
using tests::Machines;
using tests::Place;

// Runs rows of so many trials, each of which takes a minute.
struct Rows {
  Rows(const Machines& machines, int rows, int trials, bool named) {
    Machines all = machines;
    all.trials = named ? trials : 0;
    Fleet fleet(all, rows * trials, [&](const Place& place, int job, Instant) {
      classes[job / trials].insert(
          machines.classes.at(static_cast<std::size_t>(place.agent) % machines.classes.size()));
      return End{1min};
    });
    fleet.run();
    succeeded = fleet.succeeded();
    minutes = std::chrono::duration_cast<std::chrono::minutes>(fleet.now - tests::at(0)).count();
    for (const auto& [row, all_of_row] : classes) mixed += all_of_row.size() > 1 ? 1 : 0;
  }
  // Rows whose numbers and row 0's are all of one class.
  int together() const {
    int rows = 0;
    for (const auto& [row, all_of_row] : classes)
      rows += row > 0 && all_of_row.size() == 1 && all_of_row == classes.at(0) ? 1 : 0;
    return rows;
  }
  std::map<int, std::set<std::string>> classes;  // by row
  int succeeded = 0, mixed = 0;
  std::int64_t minutes = 0;
};

TEST(RowClasses, two_rows_on_two_kinds_of_machine_are_not_mixed_and_no_slot_is_idle) {
  for (const int gpus : {0, 3}) {
    const Rows rows({2, gpus, 3, {"A100", "H100"}}, 2, 3, true);
    EXPECT_EQ(rows.mixed, 0);
    EXPECT_EQ(rows.minutes, 1);
  }
}

TEST(RowClasses, one_row_alone_uses_all_machines) {
  const Rows rows({2, 0, 3, {"A100", "H100"}}, 1, 6, true);
  EXPECT_EQ(rows.minutes, 1);
  EXPECT_EQ(rows.mixed, 1);
}

TEST(RowClasses, whatever_the_machines_they_cost_no_time_and_mix_no_more_rows) {
  core::RandomStream random("row classes", {1});
  int mixed = 0, mixed_unnamed = 0;
  for (int i = 0; i < 200; ++i) {
    const std::vector<std::string> kinds{"a", "b", "c"};
    const Machines machines{
        .agents = 2 + static_cast<int>(random.below(5)),
        .slots = 1 + static_cast<int>(random.below(4)),
        .classes = {kinds.begin(), kinds.begin() + 2 + static_cast<std::ptrdiff_t>(random.below(2))}};
    const int rows = 1 + static_cast<int>(random.below(12)), trials = 1 + static_cast<int>(random.below(6));
    const Rows named(machines, rows, trials, true), unnamed(machines, rows, trials, false);
    EXPECT_EQ(named.succeeded, rows * trials);
    EXPECT_EQ(named.minutes, unnamed.minutes) << i;
    mixed += named.mixed;
    mixed_unnamed += unnamed.mixed;
  }
  EXPECT_LE(3 * mixed, mixed_unnamed) << mixed;
}

TEST(RowClasses, a_class_that_is_gone_holds_nothing_back) {
  State state = tests::state_after({tests::toy_run(), AgentJoined{{0}, "n0", 1, 0, 0, "b"}});
  GangNeed need{false, 1, 0, {}, 0, true};
  need.row_class = "a";
  EXPECT_EQ(choose_placement(state, need), (Placement{{{0}, 1}}));
}

TEST(RowClasses, a_training_with_a_checkpoint_goes_where_that_was_written) {
  Job job;
  job.row.numeric_class = "a";
  EXPECT_EQ(need_of(job).row_class, "a");
  job.numeric_class = "b";
  job.checkpoint = 1;
  EXPECT_EQ(need_of(job).row_class, "");
  EXPECT_EQ(need_of(job).numeric_class, "b");
}

// Rows 0 and 1; the second is compared with the first. Class "b" has more slots.
class Compared : public testing::Test {
 protected:
  static AgentJoined agent(int number, int slots, const std::string& numeric_class) {
    AgentJoined joined = tests::toy_agent(number, "n" + std::to_string(number), slots);
    joined.numeric_class = numeric_class;
    return joined;
  }
  static JobAdded trial(int number, int row, std::int64_t path_ms = 0) {
    JobAdded added = tests::toy_job(number);
    added.row = row;
    added.compared_with = row == 0 ? -1 : 0;
    added.path_ms = path_ms;
    return added;
  }
  std::string class_of(int job) const {
    return numeric_class_of(state_, std::get<Running>(state_.jobs.at(static_cast<std::size_t>(job)).state).placement);
  }
  const std::string& beside(int job) const { return state_.jobs.at(static_cast<std::size_t>(job)).row.beside; }
  State state_ = tests::state_after({tests::toy_run()});
};

TEST_F(Compared, a_row_begins_where_the_row_is_that_it_is_compared_with) {
  tests::happen(state_, {agent(0, 2, "a"), agent(1, 3, "b"), trial(0, 0), trial(1, 1)});
  tests::settle(state_);
  EXPECT_EQ(class_of(0), "b");
  EXPECT_EQ(class_of(1), "b") << "both have two slots left";
}

TEST_F(Compared, the_row_that_others_are_compared_with_follows_them_where_they_begin_first) {
  tests::happen(state_, {agent(0, 2, "a"), agent(1, 3, "b"), trial(0, 1, 9), trial(1, 0), trial(2, 2)});
  tests::settle(state_);
  for (int job = 0; job < 3; ++job) EXPECT_EQ(class_of(job), "b") << job;
}

TEST_F(Compared, no_slot_is_idle_for_it) {
  tests::happen(state_, {agent(0, 1, "a"), agent(1, 1, "b"), trial(0, 0), trial(1, 1)});
  tests::settle(state_);
  EXPECT_EQ(free_slots(state_), 0);
}

// Row 0 is in class a. Its second trial comes first, and would have two classes in one number.
TEST_F(Compared, a_slot_of_another_class_goes_to_a_row_that_begins_before_it_mixes_one) {
  tests::happen(state_, {agent(0, 1, "a"), trial(0, 0, 9), trial(1, 0, 8), trial(2, 1, 1), agent(1, 1, "b"),
                         tests::toy_placed(0, 1, {{{0}, 1}})});
  tests::settle(state_);
  EXPECT_EQ(class_of(2), "b");
  EXPECT_TRUE(std::holds_alternative<Ready>(state_.jobs[1].state));
}

TEST_F(Compared, a_row_that_is_compared_with_nothing_begins_where_most_slots_are_free) {
  JobAdded alone = trial(1, 5);
  alone.compared_with = -1;
  tests::happen(state_, {agent(0, 3, "a"), agent(1, 4, "b"), trial(0, 0), alone, trial(2, 1)});
  tests::settle(state_);
  EXPECT_EQ(class_of(0), "b");
  EXPECT_EQ(beside(1), "");
  EXPECT_EQ(class_of(1), "a") << "both have three slots left: the first";
  EXPECT_EQ(class_of(2), "b");
}

// Rows 1 and 2 are compared with row 0, which fills its class.
TEST_F(Compared, rows_whose_class_is_full_begin_in_the_only_one_that_has_slots) {
  tests::happen(state_, {agent(0, 1, "a"), agent(1, 2, "b"), trial(0, 0), trial(1, 1), trial(2, 2),
                         tests::toy_placed(0, 1, {{{0}, 1}})});
  EXPECT_EQ(beside(1), "a");
  EXPECT_EQ(beside(2), "a");
  tests::settle(state_);
  EXPECT_EQ(free_slots(state_), 0);
  EXPECT_EQ(class_of(1), "b");
  EXPECT_EQ(class_of(2), "b");
}

// Row 1 begins in class b before row 0 does, which has to begin in class a.
TEST_F(Compared, the_row_that_others_are_compared_with_decides_though_it_begins_later) {
  tests::happen(state_, {agent(0, 2, "a"), agent(1, 2, "b"), trial(0, 1), trial(1, 0), trial(2, 2),
                         tests::toy_placed(0, 1, {{{1}, 1}})});
  EXPECT_EQ(beside(1), "b");
  EXPECT_EQ(beside(2), "b");
  tests::happen(state_, {tests::toy_placed(1, 1, {{{0}, 1}})});
  EXPECT_EQ(beside(2), "a");
  tests::settle(state_);
  EXPECT_EQ(class_of(2), "a");
}

// Three trials each: one slot of row 0's class is left, and would have one of row 1's.
TEST_F(Compared, a_row_is_not_mixed_to_begin_beside_another) {
  tests::happen(state_, {agent(0, 4, "a"), agent(1, 4, "b")});
  for (int job = 0; job < 6; ++job) tests::happen(state_, {trial(job, job / 3)});
  tests::settle(state_);
  for (int job = 0; job < 6; ++job) EXPECT_EQ(class_of(job), job < 3 ? "a" : "b") << job;
}

// Two of row 1 were made in class a. One of row 0, made in class c, says more.
TEST_F(Compared, a_row_begins_where_results_of_rows_beside_it_were_made) {
  const auto done = [](State& state, int number, int row, const std::string& numeric_class) {
    JobAdded added = trial(number, row);
    added.numeric_class = numeric_class;
    tests::happen(state, {added, JobSucceeded{{number}, 0}});
  };
  done(state_, 0, 1, "a");
  done(state_, 1, 1, "a");
  tests::happen(state_, {trial(2, 2), trial(3, 0)});
  State with_first = state_;
  done(with_first, 4, 0, "c");
  for (State* state : {&state_, &with_first}) tests::happen(*state, {agent(0, 1, "a"), agent(1, 3, "b")});
  EXPECT_EQ(beside(2), "a");
  EXPECT_EQ(beside(3), "a");
  EXPECT_EQ(choose_placement(state_, need_of(state_.jobs[2])), (Placement{{{0}, 1}}));
  EXPECT_EQ(with_first.jobs[2].row.beside, "c");
  EXPECT_EQ(need_of(with_first.jobs[3]).row_class, "c");
  check_invariants(state_);
}

TEST(RowClasses, rows_that_are_compared_cost_no_time_and_stand_in_one_class_more_often) {
  core::RandomStream random("compared rows", {1});
  int together = 0, together_unnamed = 0;
  for (int i = 0; i < 200; ++i) {
    const Machines machines{.agents = 2 + static_cast<int>(random.below(5)),
                            .slots = 1 + static_cast<int>(random.below(4)),
                            .classes = {"a", "b"}};
    const int rows = 2 + static_cast<int>(random.below(11)), trials = 1 + static_cast<int>(random.below(6));
    Machines compared = machines;
    compared.compared = true;
    const Rows with(compared, rows, trials, true), without(machines, rows, trials, true);
    EXPECT_EQ(with.succeeded, rows * trials);
    EXPECT_EQ(with.minutes, without.minutes) << i;
    together += with.together();
    together_unnamed += without.together();
  }
  EXPECT_GT(together, together_unnamed);
}

// Its row's first, it was placed in class b with checkpoints there; the other two were made in class a.
TEST(RowClasses, a_trial_that_is_made_anew_goes_where_most_of_its_row_were_made) {
  const auto agent = [](int number, const std::string& numeric_class) {
    AgentJoined joined = tests::toy_agent(number, "n" + std::to_string(number), 2);
    joined.numeric_class = numeric_class;
    return joined;
  };
  const auto trial = [](int number) {
    JobAdded added = tests::toy_job(number);
    added.row = 0;
    return added;
  };
  State state = tests::state_after({tests::toy_run(), trial(0), trial(1), trial(2), agent(0, "b"), agent(1, "a"),
                                    tests::toy_placed(0, 1, {{{0}, 1}}), tests::toy_placed(1, 1, {{{1}, 1}}),
                                    tests::toy_placed(2, 1, {{{1}, 1}}), Progressed{{0}, 1, 50}});
  ASSERT_EQ(state.jobs[1].row.numeric_class, "b") << "its first decided";
  for (int number = 0; number < 3; ++number)
    for (const Event& event : std::vector<Event>{tests::rank_exit(number, 1, 0, 0), JobSucceeded{{number}, 1}})
      orchestrator::apply(state, event);
  RunStarted next = tests::toy_run();
  next.epoch = 2;
  for (const Event& event : std::vector<Event>{next, trial(0), trial(1), JobSucceeded{{1}, 0}, trial(2),
                                               JobSucceeded{{2}, 0}, agent(2, "b"), agent(3, "a")})
    orchestrator::apply(state, event);
  check_invariants(state);
  EXPECT_EQ(need_of(state.jobs[0]).numeric_class, "") << "the checkpoints are gone";
  EXPECT_EQ(need_of(state.jobs[0]).row_class, "a");
  const Placement placement = choose_placement(state, need_of(state.jobs[0]));
  EXPECT_EQ(placement, (Placement{{{3}, 1}}));
}

TEST(RowClasses, a_trial_goes_where_other_suites_and_allocations_made_the_rest_of_its_row) {
  std::vector<Event> events{tests::toy_run()};
  for (int number = 0; number < 3; ++number) {
    JobAdded trial = tests::toy_job(number);
    trial.row = 0;
    if (number > 0) trial.numeric_class = "a";
    events.emplace_back(trial);
    if (number > 0) events.emplace_back(JobSucceeded{{number}, 0});
  }
  for (const char* numeric_class : {"b", "a"}) {
    AgentJoined agent = tests::toy_agent(numeric_class[0] == 'a', numeric_class, 1);
    agent.numeric_class = numeric_class;
    events.emplace_back(agent);
  }
  const State state = tests::state_after(events);
  EXPECT_EQ(choose_placement(state, need_of(state.jobs[0])), (Placement{{{1}, 1}}));
}

}  // namespace
}  // namespace resolute::orchestrator::row_classes_test
