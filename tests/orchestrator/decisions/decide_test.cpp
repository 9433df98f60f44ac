#include "orchestrator/decisions/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "orchestrator/messages/wire.h"
#include "tests/orchestrator/support/events.h"
#include "tests/support/refusal.h"

namespace resolute::tests::decide_test {
namespace {

using namespace orchestrator;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<Event> decide_now(const State& state, const Policy& policy = {}, const Moment& moment = {}) {
  return decide(state, policy, moment);
}

template <class E>
std::vector<E> only(const std::vector<Event>& events) {
  std::vector<E> found;
  for (const Event& event : events)
    if (const auto* one = std::get_if<E>(&event)) found.push_back(*one);
  return found;
}

// The placements if nothing else happened, one after the other.
std::vector<Placed> placed_now(State state, const Policy& policy = {}, const Moment& moment = {}) {
  return only<Placed>(settle(state, policy, moment));
}

// The one of its type.
template <class E>
E sole(const std::vector<Event>& events) {
  EXPECT_EQ(only<E>(events).size(), 1U);
  return only<E>(events).at(0);
}
Placed placed_sole(const State& state, const Policy& policy = {}, const Moment& moment = {}) {
  const std::vector<Placed> placed = placed_now(state, policy, moment);
  EXPECT_EQ(placed.size(), 1U);
  return placed.at(0);
}

TEST(Decide, places_ready_jobs_in_plan_order_and_leaves_waiting_ones) {
  State state = state_after({toy_run(), toy_job(0), toy_job(1), toy_job(2, 1, {0, 1}), toy_agent(0, "a", 4)});
  auto placed = placed_now(state);
  ASSERT_EQ(placed.size(), 2U);
  EXPECT_EQ(placed[0].job, JobIndex{0});
  EXPECT_EQ(placed[1].job, JobIndex{1});
  EXPECT_EQ(placed[0].attempt, 1);
  EXPECT_EQ(placed[0].why, "first in plan order; 1 of 4 free slots");
  EXPECT_EQ(decide_now(state), decide_now(state));
}

TEST(Decide, gang_is_placed_whole_or_not_at_all) {
  State state = state_after({toy_run(), toy_job(0, 3), toy_agent(0, "a", 2)});
  EXPECT_THAT(decide_now(state, {}, {.agents_pending = true}), IsEmpty());
  orchestrator::apply(state, toy_agent(1, "b", 2));
  auto placed = sole<Placed>(decide_now(state));
  EXPECT_EQ(placed.placement, (Placement{{{0}, 2}, {{1}, 1}}));
}

TEST(Decide, small_job_passes_a_gang_that_waits_until_its_patience_ends) {
  std::vector<Event> events{toy_run(), toy_job(0, 1), toy_job(1, 2)};
  for (int i = 2; i < 6; ++i) events.push_back(toy_job(i));
  events.push_back(toy_agent(0, "a", 2));
  events.push_back(toy_placed(0, 1, {{{0}, 1}}));
  State state = state_after(events);
  Policy policy{.patience = 2};
  for (int i = 2; i < 4; ++i) {
    auto placed = sole<Placed>(decide_now(state, policy));
    EXPECT_EQ(placed.job, JobIndex{i});
    EXPECT_EQ(placed.past, 1);
    EXPECT_THAT(placed.why, HasSubstr("passes job 1, which waits for 2 slots"));
    happen(state, {placed, rank_exit(i, 1, 0, 0), JobSucceeded{{i}, 1}});
    check_invariants(state);
  }
  EXPECT_THAT(decide_now(state, policy), IsEmpty());
  happen(state, {rank_exit(0, 1, 0, 0), JobSucceeded{{0}, 1}});
  EXPECT_EQ(only<Placed>(decide_now(state, policy)).at(0).job, JobIndex{1});
}

State running_gang() {
  return state_after({toy_run(), toy_job(0, 2), toy_agent(0, "a", 2), toy_placed(0, 1, {{{0}, 2}}), Started{{0}, 1}});
}

TEST(Decide, a_rank_that_fails_takes_its_gang_with_it) {
  State state = running_gang();
  orchestrator::apply(state, rank_exit(0, 1, 1, 1, 0, "boom"));
  auto decisions = decide_now(state);
  ASSERT_EQ(decisions.size(), 1U);
  const auto& stopped = std::get<AttemptStopped>(decisions[0]);
  EXPECT_EQ(stopped.cause, Cause::kExitCode);
  EXPECT_EQ(stopped.grace, Milliseconds{0});
  orchestrator::apply(state, stopped);
  EXPECT_THAT(decide_now(state), IsEmpty());
  orchestrator::apply(state, rank_exit(0, 1, 0, 0, 9, ""));
  decisions = decide_now(state, {}, {at(1000)});
  const auto& ended = std::get<AttemptEnded>(decisions.at(0));
  EXPECT_TRUE(ended.retry);
  EXPECT_EQ(ended.evidence, "process rank 1: exit code 1: boom");
  EXPECT_EQ(ended.why, "exit-code 1 of 3");
  EXPECT_EQ(ended.not_before, at(1250));
  orchestrator::apply(state, ended);
  check_invariants(state);
  EXPECT_THAT(decide_now(state, {}, {at(1249)}), IsEmpty());
  EXPECT_EQ(next_wake(state, {}, {at(1000)}), at(1250));
  EXPECT_EQ(only<Placed>(decide_now(state, {}, {at(1250)})).at(0).attempt, 2);
}

// Runs attempts that end with `code` until the job is given up; how many there were.
int attempts_until_failed(int code, bool progress) {
  State state = state_after({toy_run(), toy_job(0), toy_agent(0, "a", 1)});
  for (int attempt = 1; attempt < 50; ++attempt) {
    auto placed = only<Placed>(decide_now(state, {}, {at(std::int64_t{attempt} * 1'000'000)}));
    if (placed.empty()) return attempt - 1;
    orchestrator::apply(state, placed[0]);
    if (progress) orchestrator::apply(state, Progressed{{0}, attempt, attempt * 10});
    orchestrator::apply(state, rank_exit(0, attempt, 0, code));
    auto decisions = decide_now(state, {}, {at(std::int64_t{attempt} * 1'000'000 + 1)});
    orchestrator::apply(state, decisions.at(0));
    check_invariants(state);
  }
  return 50;
}

TEST(Decide, retry_budget_follows_the_cause) {
  EXPECT_EQ(attempts_until_failed(1, false), 3);
  EXPECT_EQ(attempts_until_failed(1, true), 3);
  EXPECT_EQ(attempts_until_failed(2, false), 1);
  EXPECT_EQ(attempts_until_failed(75, false), 8);
  EXPECT_EQ(attempts_until_failed(75, true), 50);
}

TEST(Decide, a_lost_agent_ends_its_gangs_and_they_go_elsewhere) {
  State state = state_after({toy_run(), toy_job(0, 2), toy_agent(0, "a", 1), toy_agent(1, "b", 1), toy_agent(2, "c", 1),
                             toy_placed(0, 1, {{{0}, 1}, {{1}, 1}}), AgentLost{{1}, "no sign of life"}});
  auto decisions = decide_now(state);
  ASSERT_EQ(decisions.size(), 1U);
  EXPECT_EQ(std::get<AttemptStopped>(decisions[0]).cause, Cause::kAgentLost);
  happen(state, {decisions[0], rank_exit(0, 1, 0, 0, 9, "")});
  decisions = decide_now(state);
  EXPECT_TRUE(std::get<AttemptEnded>(decisions.at(0)).retry);
  EXPECT_THAT(std::get<AttemptEnded>(decisions.at(0)).evidence, HasSubstr("agent 1 on b was lost"));
  orchestrator::apply(state, decisions[0]);
  EXPECT_EQ(only<Placed>(decide_now(state)).at(0).placement, (Placement{{{0}, 1}, {{2}, 1}}));
}

// A gang on hosts "a" and "b" that was to end by SIGKILL at 1 s; its rank on "b" did.
State stuck_on_a() {
  State state = state_after({toy_run(), toy_job(0, 2), toy_agent(0, "a", 1), toy_agent(1, "b", 1), toy_agent(2, "c", 1),
                             toy_placed(0, 1, {{{0}, 1}, {{1}, 1}}), Stalled{{0}, 1, "no line of progress"}});
  EXPECT_EQ(only<AttemptStopped>(settle(state, {}, {at(1'000)})).at(0).grace, Milliseconds{0});
  orchestrator::apply(state, rank_exit(0, 1, 1, 0, 9));
  return state;
}

TEST(Decide, ranks_that_do_not_end_are_given_up_with_their_host_and_the_job_goes_elsewhere) {
  State state = stuck_on_a();
  EXPECT_THAT(decide_now(state, {}, {at(30'999)}), IsEmpty());
  EXPECT_EQ(next_wake(state, {}, {at(30'999)}), at(31'000));
  const auto decisions = settle(state, {}, {at(31'000)});
  EXPECT_EQ(sole<HostExcluded>(decisions).host, "a") << "its rank on b has ended";
  EXPECT_EQ(sole<HostExcluded>(decisions).why, "job 0 (toy 0) attempt 1 cannot be ended there");
  EXPECT_EQ(sole<RanksGivenUp>(decisions).why,
            "1 of 2 process ranks on a have not ended though they were to (no-progress: no line of progress)");
  EXPECT_EQ(sole<AttemptEnded>(decisions).cause, Cause::kUnkillable);
  EXPECT_TRUE(sole<AttemptEnded>(decisions).retry);
  EXPECT_EQ(sole<Placed>(decisions).placement, (Placement{{{1}, 1}, {{2}, 1}}));
  const State before = state;
  orchestrator::apply(state, rank_exit(0, 1, 0, 0, 9));  // it ends after all
  EXPECT_EQ(state, before);
}

TEST(Decide, nothing_is_given_up_by_one_who_has_not_listened_for_as_long) {
  const State state = stuck_on_a();
  Moment moment{.now = at(49'999), .attentive_since = at(20'000)};
  EXPECT_THAT(decide_now(state, {}, moment), IsEmpty());
  EXPECT_EQ(next_wake(state, {}, moment), at(50'000));
  moment.now = at(50'000);
  EXPECT_EQ(only<RanksGivenUp>(decide_now(state, {}, moment)).size(), 1U);
}

TEST(Decide, ranks_that_may_write_a_checkpoint_have_their_grace_before_they_are_given_up) {
  State state =
      state_after({toy_run(), toy_job(0), toy_agent(0, "a", 1), toy_placed(0, 1, {{{0}, 1}}), StopRequested{"signal"}});
  settle(state, {}, {at(1'000)});
  EXPECT_EQ(next_wake(state, {}, {at(1'000)}), at(61'000));
  EXPECT_THAT(decide_now(state, {}, {at(60'999)}), IsEmpty());
  const auto decisions = settle(state, {}, {at(61'000)});
  EXPECT_EQ(only<AttemptEnded>(decisions).at(0).cause, Cause::kUnkillable);
  EXPECT_EQ(only<RunEnded>(decisions).at(0).end, RunEnd::kInterrupted);
}

TEST(Decide, a_user_who_asks_twice_for_the_end_does_not_wait_for_what_cannot_be_ended) {
  State state =
      state_after({toy_run(), toy_job(0), toy_agent(0, "a", 1), toy_placed(0, 1, {{{0}, 1}}), StopRequested{"signal"}});
  settle(state, {}, {at(1'000)});
  Moment moment{.now = at(6'999), .give_up_at = at(7'000)};
  EXPECT_EQ(next_wake(state, {}, moment), at(7'000));
  EXPECT_THAT(decide_now(state, {}, moment), IsEmpty());
  moment.now = at(7'000);
  EXPECT_EQ(only<RunEnded>(settle(state, {}, moment)).at(0).end, RunEnd::kInterrupted);
}

TEST(Decide, what_cannot_be_ended_costs_its_host_also_where_nothing_else_is_left) {
  State state = state_after({toy_run(), toy_job(0), toy_job(1), toy_agent(0, "a", 2), toy_placed(0, 1, {{{0}, 1}}),
                             CancelRequested{{0}, "cancelled by ann"}});
  settle(state, {}, {at(1'000)});
  orchestrator::apply(state, rank_exit(1, 1, 0, 75));
  const auto decisions = settle(state, {}, {at(61'000)});
  EXPECT_EQ(only<AttemptEnded>(decisions).at(0).job, JobIndex{0});
  EXPECT_EQ(only<AttemptEnded>(decisions).at(0).cause, Cause::kCancelled);
  EXPECT_TRUE(std::holds_alternative<Cancelled>(job_of(state, {0}).state));
  EXPECT_EQ(only<RunEnded>(decisions).at(0).why,
            "every agent that is left is leaving, or its host drained or excluded");
}

TEST(Decide, messages_of_an_older_attempt_change_nothing) {
  State state = running_gang();
  for (const Event& old : std::vector<Event>{rank_exit(0, 0, 0, 1), rank_exit(0, 2, 0, 1), Started{{0}, 7},
                                             Progressed{{0}, 3, 100}, AttemptStopped{{0}, 9, Cause::kExitCode, {}, ""},
                                             AttemptEnded{{0}, 2, Cause::kExitCode, "", true, {}, ""},
                                             ResultMissing{{0}, 4}, AgentLost{{5}, ""}, RanksGivenUp{{0}, 2, ""}}) {
    State before = state;
    orchestrator::apply(state, old);
    EXPECT_EQ(state, before) << describe(old);
  }
}

TEST(Decide, what_needs_a_failed_job_is_cancelled_and_the_rest_is_done) {
  State state = state_after({toy_run(), toy_job(0), toy_job(1, 1, {0}), toy_job(2, 1, {1}), toy_job(3),
                             toy_agent(0, "a", 2), toy_placed(0, 1, {{{0}, 1}}), rank_exit(0, 1, 0, 2, 0, "bad key")});
  settle(state);
  EXPECT_EQ(count(state), (Counts{0, 0, 1, 0, 1, 2}));
  happen(state, {rank_exit(3, 1, 0, 0), JobSucceeded{{3}, 1}});
  auto decisions = decide_now(state);
  EXPECT_EQ(std::get<RunEnded>(decisions.at(0)).end, RunEnd::kIncomplete);
}

TEST(Decide, a_stop_ends_running_attempts_with_grace_and_starts_nothing) {
  State state = state_after({toy_run(), toy_job(0), toy_job(1), toy_agent(0, "a", 1), toy_placed(0, 1, {{{0}, 1}}),
                             StopRequested{"signal 15", Cause::kInterrupted}});
  auto decisions = decide_now(state);
  ASSERT_EQ(decisions.size(), 1U);
  EXPECT_EQ(std::get<AttemptStopped>(decisions[0]).grace, Policy{}.stop_grace);
  happen(state, {decisions[0], rank_exit(0, 1, 0, 75)});
  decisions = decide_now(state);
  EXPECT_TRUE(std::get<AttemptEnded>(decisions.at(0)).retry);
  orchestrator::apply(state, decisions[0]);
  decisions = decide_now(state);
  EXPECT_EQ(std::get<RunEnded>(decisions.at(0)).end, RunEnd::kInterrupted);
}

TEST(Decide, a_job_larger_than_the_run_fails_and_lost_capacity_interrupts) {
  State state = state_after({toy_run(), toy_job(0, 3), toy_agent(0, "a", 2)});
  auto decisions = decide_now(state);
  ASSERT_EQ(decisions.size(), 1U);
  EXPECT_EQ(
      std::get<JobFailed>(decisions[0]).why,
      "it needs 3 slots and the run has 2; `ranks` in the suite says how many, and a run has as many as --slots says");
  state = state_after({toy_run(), toy_job(0, 3), toy_agent(0, "a", 2), toy_agent(1, "b", 2), AgentLost{{0}, ""}});
  EXPECT_EQ(std::get<RunEnded>(decide_now(state).at(0)).end, RunEnd::kInterrupted);
  state = state_after({toy_run(), toy_job(0)});
  EXPECT_EQ(std::get<RunEnded>(decide_now(state).at(0)).why, "no agent is left");
}

TEST(Decide, a_gang_larger_than_what_is_there_is_interrupted_where_agents_are_missing) {
  const std::vector<Event> both{toy_run(), toy_job(0, 8), toy_agent(0, "a", 4), toy_agent(1, "b", 4)};
  for (const std::vector<Event>& put_aside :
       {std::vector<Event>{HostDrained{"b", true, "test"}}, std::vector<Event>{HostExcluded{"b", "test"}},
        std::vector<Event>{AgentLeaving{{1}, "test"}}, std::vector<Event>{AgentLost{{1}, "test"}}}) {
    std::vector<Event> events = both;
    events.insert(events.end(), put_aside.begin(), put_aside.end());
    State state = state_after(events);
    EXPECT_EQ(std::get<RunEnded>(decide_now(state).at(0)).end, RunEnd::kInterrupted) << describe(put_aside[0]);
  }
  State before_it_joins = state_after({toy_run(), HostDrained{"b", true, "test"}, toy_job(0, 8), both[2], both[3]});
  EXPECT_EQ(std::get<RunEnded>(decide_now(before_it_joins).at(0)).end, RunEnd::kInterrupted);
  State state = state_after({toy_run(), toy_job(0, 8), toy_agent(0, "a", 4)});
  EXPECT_EQ(std::get<RunEnded>(decide_now(state, {}, {.agents_missing = true}).at(0)).end, RunEnd::kInterrupted);
  EXPECT_EQ(std::get<JobFailed>(decide_now(state).at(0)).cause, Cause::kUnplaceable);
}

TEST(Decide, a_job_that_needs_gpus_in_a_run_without_is_told_the_cure) {
  JobAdded trains = toy_job(0, 2);
  trains.gpus = true;
  State state = state_after({toy_run(), trains, toy_agent(0, "a", 4)});
  EXPECT_EQ(std::get<JobFailed>(decide_now(state).at(0)).why,
            "it needs 2 GPUs and the run has none; `resolute doctor` on its nodes says why");
}

TEST(Apply, takes_an_agent_as_large_as_its_message_may_say_and_no_larger) {
  struct Size {
    int slots, gpus;
    std::int64_t memory_mib;
  };
  auto both_take = [](const Size& size) {
    const bool decoded = !error_of([&] { decode(encode(Join{"a", size.slots, size.gpus, size.memory_mib, ""})); });
    const bool applied = !error_of([&] {
      state_after({toy_run(), AgentJoined{{0}, "a", size.slots, size.gpus, size.memory_mib, ""}});
    });
    EXPECT_EQ(decoded, applied) << size.slots << " " << size.gpus << " " << size.memory_mib;
    return decoded && applied;
  };
  EXPECT_TRUE(both_take({kMostSlots, kMostSlots, kMostMemoryMib}));
  EXPECT_FALSE(both_take({kMostSlots + 1, 0, 0}));
  EXPECT_FALSE(both_take({1, kMostSlots + 1, 0}));
  EXPECT_FALSE(both_take({1, 0, kMostMemoryMib + 1}));
  EXPECT_FALSE(both_take({0, 0, 0}));
}

TEST(Decide, max_jobs_counts_different_jobs_and_lets_them_be_tried_again) {
  State state = state_after({toy_run(1), toy_job(0), toy_job(1), toy_agent(0, "a", 4)});
  auto placed = sole<Placed>(decide_now(state));
  happen(state, {placed, rank_exit(0, 1, 0, 1)});
  settle(state);
  placed = sole<Placed>(decide_now(state, {}, {at(250)}));
  happen(state, {placed, rank_exit(0, 2, 0, 0), JobSucceeded{{0}, 2}});
  EXPECT_EQ(std::get<RunEnded>(decide_now(state).at(0)).end, RunEnd::kLimited);
}

JobAdded timed_job(int number, int slots, std::int64_t expected_ms, std::int64_t path_ms = 0) {
  JobAdded job = toy_job(number, slots);
  job.expected_ms = expected_ms;
  job.path_ms = std::max(path_ms, expected_ms);
  job.checkpoint_ms = expected_ms;
  return job;
}

TEST(Decide, priority_comes_before_path_and_path_before_plan_and_the_reason_says_which) {
  JobAdded urgent = timed_job(2, 1, 1'000);
  urgent.priority = 5;
  State state = state_after({toy_run(), timed_job(0, 1, 1'000), timed_job(1, 1, 60'000), urgent, timed_job(3, 1, 1'000),
                             toy_agent(0, "a", 8)});
  std::vector<int> order;
  std::vector<std::string> why;
  for (const Placed& placed : placed_now(state)) {
    order.push_back(placed.job.value);
    why.push_back(placed.why);
  }
  EXPECT_THAT(order, ElementsAre(2, 1, 0, 3));
  EXPECT_THAT(why, ElementsAre(HasSubstr("highest priority (5)"), HasSubstr("longest path (60 s)"),
                               HasSubstr("first in plan order"), HasSubstr("first in plan order")));
}

TEST(Decide, evaluations_come_before_trainings_and_what_is_told_first_before_both) {
  JobAdded evaluation = timed_job(1, 1, 1'000), first = timed_job(2, 1, 1'000);
  evaluation.priority = priority_of("evaluation", false);
  first.priority = priority_of("training", true);
  const State state = state_after({toy_run(), timed_job(0, 1, 60'000), evaluation, first, toy_agent(0, "a", 8)});
  std::vector<int> order;
  for (const Placed& placed : placed_now(state)) order.push_back(placed.job.value);
  EXPECT_THAT(order, ElementsAre(2, 1, 0));
}

JobAdded evaluation_of(int number, std::int64_t expected_ms) {
  JobAdded evaluation = timed_job(number, 1, expected_ms);
  evaluation.priority = priority_of("evaluation", false);
  return evaluation;
}

TEST(Decide, an_evaluation_gives_way_to_a_gang_more_than_twice_as_wide_as_all_that_wait) {
  std::vector<Event> events{toy_run(), timed_job(0, 6, 60'000), toy_agent(0, "a", 6), evaluation_of(1, 1'000),
                            evaluation_of(2, 1'000)};
  EXPECT_EQ(placed_sole(state_after(events)).job, JobIndex{0});
  EXPECT_EQ(why_waiting(state_after(events), {}, at(0), {2}),
            "it would keep job 0 (toy 0), which needs 6 slots, from starting; evaluations go first when 3 wait");
  events[1] = timed_job(0, 5, 60'000);  // beside it
  EXPECT_EQ(placed_now(state_after(events)).at(0).job, JobIndex{1});
  events[1] = timed_job(0, 6, 60'000);
  events.push_back(evaluation_of(3, 1'000));
  EXPECT_EQ(placed_now(state_after(events)).at(0).job, JobIndex{1});
}

// 15 of 16 slots are expected to be free in 100 s.
TEST(Decide, an_evaluation_that_would_end_after_a_wide_gang_can_start_waits_for_it) {
  for (const std::int64_t expected_ms : {80'000, 150'000}) {
    const State state =
        state_after({toy_run(), timed_job(0, 15, 100'000), timed_job(1, 16, 200'000), evaluation_of(2, expected_ms),
                     toy_agent(0, "a", 16), toy_placed(0, 1, {{{0}, 15}}, at(1'000))});
    EXPECT_EQ(placed_now(state, {}, {at(1'000)}).size(), expected_ms == 80'000 ? 1U : 0U);
  }
}

// Job 0 has three of four slots and is expected to end in 100 s; job 1 waits for `wanted`, job 2 for one, for a time.
State waiting_gang(int wanted, std::int64_t expected_ms) {
  return state_after({toy_run(), timed_job(0, 3, 100'000), timed_job(1, wanted, 200'000), timed_job(2, 1, expected_ms),
                      toy_agent(0, "a", 4), toy_placed(0, 1, {{{0}, 3}}, at(1'000))});
}

TEST(Decide, what_ends_before_a_waiting_gang_can_start_passes_it_freely) {
  Policy policy{.patience = 0};
  auto placed = placed_sole(waiting_gang(4, 80'000), policy, {at(1'000)});
  EXPECT_EQ(placed.job, JobIndex{2});
  EXPECT_EQ(placed.past, -1);
  EXPECT_THAT(placed.why, HasSubstr("passes job 1, which waits for 4 slots for about 100 s; it is expected to end "
                                    "before that, in 80 s"));
}

TEST(Decide, what_leaves_enough_for_a_waiting_gang_passes_it_freely_and_what_would_delay_it_waits) {
  Policy policy{.patience = 0};
  EXPECT_THAT(placed_now(waiting_gang(3, 150'000), policy, {at(1'000)}).at(0).why, HasSubstr("find enough beside it"));
  EXPECT_THAT(placed_now(waiting_gang(4, 150'000), {}, {at(1'000)}), IsEmpty());
  EXPECT_THAT(why_waiting(waiting_gang(4, 150'000), {}, at(1'000), {2}),
              "job 1 (toy 1) comes before it and waits for 4 slots, for about 100 s");
}

TEST(Decide, a_job_that_runs_longer_than_expected_is_taken_to_need_as_long_again_as_it_is_late) {
  Policy policy{.patience = 0};
  EXPECT_THAT(placed_now(waiting_gang(4, 30'000), policy, {at(121'000)}), IsEmpty());
  EXPECT_EQ(placed_now(waiting_gang(4, 30'000), policy, {at(141'000)}).size(), 1U);
}

TEST(Decide, a_small_job_behind_longer_ones_is_found_to_fill_the_gap) {
  std::vector<Event> events{toy_run(), timed_job(0, 3, 50'000), timed_job(1, 4, 990'000)};
  for (int i = 2; i < 40; ++i) events.push_back(timed_job(i, 1, i == 33 ? 20'000 : 600'000 + i));
  events.push_back(toy_agent(0, "a", 4));
  events.push_back(toy_placed(0, 1, {{{0}, 3}}, at(1'000)));
  auto placed = placed_sole(state_after(events), {}, {at(1'000)});
  EXPECT_EQ(placed.job, JobIndex{33});
}

TEST(Decide, gpus_and_slots_are_given_out_apart) {
  JobAdded trains = toy_job(0, 2);
  trains.gpus = true;
  JobAdded waits = toy_job(1, 2);
  waits.gpus = true;
  State state = state_after({toy_run(), trains, waits, toy_job(2), toy_agent(0, "a", 1, 2)});
  auto placed = placed_now(state);
  ASSERT_EQ(placed.size(), 2U);
  EXPECT_EQ(placed[0].why, "first in plan order; 2 of 2 free GPUs");
  EXPECT_EQ(placed[1].job, JobIndex{2});
  EXPECT_EQ(placed[1].past, -1);
  settle(state);
  EXPECT_EQ(why_waiting(state, {}, at(0), {1}), "it needs 2 GPUs and 0 are free");
}

TEST(Decide, memory_is_counted_where_both_sides_know_it) {
  JobAdded first = toy_job(0);
  JobAdded second = toy_job(1);
  first.memory_mib = second.memory_mib = 600;
  AgentJoined agent = toy_agent(0, "a", 4);
  EXPECT_EQ(placed_now(state_after({toy_run(), first, second, agent})).size(), 2U);
  agent.memory_mib = 1'000;
  State state = state_after({toy_run(), first, second, agent});
  EXPECT_EQ(only<Placed>(settle(state)).size(), 1U);
  EXPECT_EQ(why_waiting(state, {}, at(0), {1}),
            "it needs 1 slot and 3 are free, without enough memory or not of one numeric class");
  second.memory_mib = 2'000;
  state = state_after({toy_run(), second = toy_job(0), agent});
  JobAdded huge = toy_job(0);
  huge.memory_mib = 2'000;
  state = state_after({toy_run(), huge, agent});
  EXPECT_EQ(std::get<JobFailed>(decide_now(state).at(0)).cause, Cause::kUnplaceable);
}

TEST(Decide, a_checkpoint_binds_a_job_to_its_numeric_class_while_that_is_there) {
  auto agent = [](int number, const std::string& numeric_class) {
    AgentJoined joined = toy_agent(number, "host" + std::to_string(number), 2);
    joined.numeric_class = numeric_class;
    return joined;
  };
  JobAdded other = toy_job(1);
  State state =
      state_after({toy_run(), toy_job(0, 2), other, agent(0, "A"), agent(1, "B"), toy_placed(0, 1, {{{0}, 2}}),
                   Progressed{{0}, 1, 50}, rank_exit(0, 1, 0, 75), rank_exit(0, 1, 1, 75)});
  happen(state, {decide_now(state).at(0), toy_placed(1, 1, {{{0}, 1}})});
  EXPECT_THAT(placed_now(state), IsEmpty()) << "one of class A's slots is taken";
  State gone = state;
  orchestrator::apply(gone, AgentLost{{0}, "test"});
  settle(gone);
  const Job& job = job_of(gone, {0});
  EXPECT_TRUE(std::holds_alternative<Running>(job.state));
  EXPECT_EQ(job.checkpoint, -1);
  orchestrator::apply(state, AgentJoined{{2}, "host2", 2, 0, 0, "A"});
  auto placed = placed_sole(state);
  EXPECT_EQ(placed.placement, (Placement{{{2}, 2}}));
}

// In an allocation of other machines than the last one's.
TEST(Decide, a_gang_that_has_outgrown_the_class_of_its_checkpoint_begins_anew_on_another) {
  auto agent = [](int number, const std::string& numeric_class, int slots) {
    AgentJoined joined = toy_agent(number, "host" + std::to_string(number), slots);
    joined.numeric_class = numeric_class;
    return joined;
  };
  State state = state_after({toy_run(), toy_job(0, 2), agent(0, "A", 2), toy_placed(0, 1, {{{0}, 2}}),
                             Progressed{{0}, 1, 50}, rank_exit(0, 1, 0, 75), rank_exit(0, 1, 1, 75)});
  happen(state, {decide_now(state).at(0)});
  RunStarted next = toy_run();
  next.epoch = 2;
  for (const Event& event : std::vector<Event>{next, toy_job(0, 2), agent(1, "A", 1), agent(2, "B", 4)})
    orchestrator::apply(state, event);
  ASSERT_EQ(job_of(state, {0}).checkpoint, 50);
  EXPECT_THAT(only<Placed>(decide_now(state, {}, {.agents_pending = true})), IsEmpty())
      << "another of class A may be on its way";
  const auto placed = only<Placed>(decide_now(state));
  ASSERT_EQ(placed.size(), 1U);
  EXPECT_EQ(placed[0].placement, (Placement{{{2}, 2}}));
  EXPECT_THAT(placed[0].why, HasSubstr("starts over: too few of its checkpoint's numeric class"));
  orchestrator::apply(state, placed[0]);
  EXPECT_EQ(job_of(state, {0}).checkpoint, -1);
}

TEST(Decide, nothing_starts_that_keeps_nothing_before_the_allocation_ends) {
  RunStarted run = toy_run();
  run.ends_at = at(1'000'000);
  JobAdded long_one = timed_job(0, 1, 5'000'000);
  long_one.checkpoint_ms = 600'000;
  JobAdded short_one = timed_job(1, 1, 100'000);
  State state = state_after({run, long_one, short_one, toy_agent(0, "a", 1)});
  EXPECT_EQ(placed_now(state).at(0).job, JobIndex{0});
  auto placed = placed_now(state, {}, {at(500'000)});
  ASSERT_GE(placed.size(), 1U);
  EXPECT_EQ(placed[0].job, JobIndex{1});
  EXPECT_THAT(
      why_waiting(state, {}, at(500'000), {0}),
      HasSubstr("it would keep nothing before the allocation ends: that takes about 10 min and 7 min are left"));
  auto decisions = decide_now(state, {}, {at(900'000)});
  EXPECT_EQ(std::get<RunEnded>(decisions.at(0)).end, RunEnd::kInterrupted);
}

TEST(Decide, before_the_allocation_ends_everything_is_told_to_checkpoint) {
  RunStarted run = toy_run();
  run.ends_at = at(1'000'000);
  State state = state_after({run, toy_job(0), toy_agent(0, "a", 1), toy_placed(0, 1, {{{0}, 1}}, at(1))});
  EXPECT_EQ(next_wake(state, {}, {at(1)}), at(940'000));
  EXPECT_THAT(decide_now(state, {}, {at(939'999)}), IsEmpty());
  auto decisions = settle(state, {}, {at(940'000)});
  EXPECT_EQ(only<StopRequested>(decisions).at(0).cause, Cause::kWalltime);
  EXPECT_EQ(only<AttemptStopped>(decisions).at(0).cause, Cause::kWalltime);
  EXPECT_EQ(only<AttemptStopped>(decisions).at(0).grace, Policy{}.stop_grace);
  orchestrator::apply(state, rank_exit(0, 1, 0, 75));
  decisions = settle(state, {}, {at(950'000)});
  EXPECT_TRUE(only<AttemptEnded>(decisions).at(0).retry);
  EXPECT_EQ(only<RunEnded>(decisions).at(0).end, RunEnd::kInterrupted);
}

TEST(Decide, the_most_telling_end_of_a_gang_is_its_cause) {
  State state = state_after({toy_run(), toy_job(0, 3), toy_agent(0, "a", 3), toy_placed(0, 1, {{{0}, 3}}),
                             rank_exit(0, 1, 2, 1, 0, "process rank 1 did not arrive (silent for 2 s)")});
  settle(state);
  happen(state,
         {rank_exit(0, 1, 1, 1, 0, "CUDA error: an illegal memory access was encountered"), rank_exit(0, 1, 0, 0, 9)});
  auto decisions = settle(state);
  EXPECT_EQ(only<AttemptEnded>(decisions).at(0).cause, Cause::kDeviceError);
  EXPECT_THAT(only<AttemptEnded>(decisions).at(0).evidence, HasSubstr("process rank 1"));
}

TEST(Decide, jobs_that_fit_alone_and_not_together_run_one_after_the_other) {
  State state = state_after({toy_run(), toy_job(0), toy_job(1), toy_job(2), toy_agent(0, "a", 3)});
  for (const int job : {0, 1}) {
    RankExited killed = rank_exit(job, 1, 0, 0, 9);
    killed.out_of_memory = true;
    happen(state, {toy_placed(job, 1, {{{0}, 1}}), killed});
  }
  EXPECT_EQ(only<AttemptEnded>(settle(state)).size(), 2U);
  EXPECT_EQ(state.running, std::set<JobIndex>{{2}}) << "the others wait for five seconds";
  EXPECT_THAT(only<Placed>(settle(state, {}, {at(5'000)})), IsEmpty()) << "job 2 is there";
  EXPECT_THAT(why_waiting(state, {}, at(5'000), {0}), HasSubstr("of hosts where nothing else runs"));
  happen(state, {rank_exit(2, 1, 0, 0), JobSucceeded{{2}, 1}, toy_job(3)});
  for (const int job : {0, 1}) {
    const auto placed = only<Placed>(settle(state, {}, {at(5'000)}));
    ASSERT_EQ(placed.size(), 1U);
    EXPECT_EQ(placed[0].job, JobIndex{job});
    EXPECT_THAT(placed[0].why, HasSubstr("alone on its host: it ran out of memory"));
    happen(state, {rank_exit(job, 2, 0, 0), JobSucceeded{{job}, 2}});
    check_invariants(state);
  }
  EXPECT_EQ(only<Placed>(settle(state, {}, {at(5'000)})).at(0).job, JobIndex{3});
}

TEST(Decide, want_of_memory_is_tried_on_another_host_and_accuses_none) {
  RankExited by_kernel = rank_exit(0, 1, 0, 0, 9);
  by_kernel.out_of_memory = true;
  for (const RankExited& end : {by_kernel, rank_exit(0, 1, 0, 1, 0, "MemoryError: Unable to allocate 12.3 GiB"),
                                rank_exit(0, 1, 0, 1, 0, "OSError: [Errno 12] Cannot allocate memory"),
                                rank_exit(0, 1, 0, 1, 0, "CUBLAS_STATUS_ALLOC_FAILED")})
    for (const bool gpus : {false, true}) {
      State state = state_after({toy_run(), toy_agent(0, "small", 2, 2), toy_agent(1, "large", 2, 2)});
      for (const int job : {0, 1, 2}) {
        JobAdded added = toy_job(job);
        added.gpus = gpus;
        RankExited ended = end;
        ended.job = {job};
        happen(state, {added, toy_placed(job, 1, {{{0}, 1}}), ended});
        settle(state, {}, {at(job * 10'000)});
        const Placed placed = placed_sole(state, {}, {at(job * 10'000 + 5'000)});
        EXPECT_EQ(placed.placement, (Placement{{{1}, 1}})) << describe(end);
        EXPECT_THAT(placed.why, HasSubstr("not on small, where it failed"));
        happen(state, {placed, rank_exit(job, 2, 0, 0), JobSucceeded{{job}, 2}});
        check_invariants(state);
      }
      EXPECT_TRUE(usable(state, state.agents.at({0}))) << describe(end);
      EXPECT_TRUE(state.hosts.empty()) << describe(end);
    }
}

TEST(Decide, a_gang_whose_hosts_do_not_reach_each_other_is_tried_on_others_and_accuses_none) {
  for (const char* words :
       {"process rank 0 did not answer (silent for 60 s)", "ConnectionRefusedError: [Errno 111] Connection refused",
        "[c10d] The client socket has timed out: socket timeout", "ncclRemoteError: remote process exited"}) {
    State state = state_after({toy_run(), toy_agent(0, "cut off", 1), toy_agent(1, "b", 1), toy_agent(2, "c", 1)});
    for (const int job : {0, 1, 2}) {
      const Instant now = at(job * 10'000);
      happen(state, {toy_job(job, 2), toy_placed(job, 1, {{{1}, 1}, {{0}, 1}}), rank_exit(job, 1, 1, 1, 0, words)});
      EXPECT_EQ(only<AttemptStopped>(decide_now(state, {}, {now})).size(), 1U) << words;
      happen(state, {AttemptStopped{{job}, 1, Cause::kPeerLost, {}, "", now}, rank_exit(job, 1, 0, 0, 9)});
      settle(state, {}, {now});
      const auto& running = std::get<Running>(job_of(state, {job}).state);
      EXPECT_EQ(running.placement, (Placement{{{1}, 1}, {{2}, 1}})) << words;
      happen(state, {rank_exit(job, 2, 0, 0), rank_exit(job, 2, 1, 0), JobSucceeded{{job}, 2}});
      check_invariants(state);
    }
    EXPECT_TRUE(state.hosts.empty()) << words;
  }
}

TEST(Decide, one_rank_loses_no_peer) {
  for (const auto& [slots, cause] : {std::pair(1, Cause::kExitCode), std::pair(2, Cause::kPeerLost)}) {
    State state = state_after({toy_run(), toy_job(0, slots), toy_agent(0, "a", 2), toy_placed(0, 1, {{{0}, slots}}),
                               rank_exit(0, 1, 0, 1, 0, "the process rank is wrong: Connection refused")});
    settle(state);
    if (slots == 2) happen(state, {rank_exit(0, 1, 1, 0, 9)});
    const Job& job = job_of(state, {0});
    const auto ended = settle(state);
    EXPECT_EQ(slots == 1 ? 1 : 0, job.ends.at(static_cast<std::size_t>(Cause::kExitCode)));
    if (slots == 2) EXPECT_EQ(only<AttemptEnded>(ended).at(0).cause, cause);
  }
}

TEST(Decide, ranks_that_our_own_stop_ends_count_for_nothing) {
  State state = state_after({toy_run(), toy_job(0, 2), toy_agent(0, "a", 2), toy_placed(0, 1, {{{0}, 2}}),
                             Stalled{{0}, 1, "no sign of life for 30 min"}});
  EXPECT_EQ(only<AttemptStopped>(settle(state)).at(0).grace, Milliseconds{0});
  happen(state, {rank_exit(0, 1, 0, 0, 9), rank_exit(0, 1, 1, 1, 0, "some text")});
  EXPECT_EQ(only<AttemptEnded>(settle(state)).at(0).cause, Cause::kNoProgress);
}

TEST(Decide, a_job_that_failed_on_a_host_goes_elsewhere_where_it_can) {
  State state = state_after({toy_run(), toy_job(0), toy_agent(0, "bad", 2), toy_agent(1, "good", 4)});
  happen(state, {placed_now(state).at(0), rank_exit(0, 1, 0, 1)});
  settle(state);
  auto placed = placed_sole(state, {}, {at(1'000)});
  EXPECT_EQ(placed.placement, (Placement{{{1}, 1}}));
  EXPECT_THAT(placed.why, HasSubstr("not on bad, where it failed"));
  orchestrator::apply(state, AgentLost{{1}, "test"});
  placed = placed_sole(state, {}, {at(1'000)});
  EXPECT_THAT(placed.why, HasSubstr("again on bad, where it failed: no other could hold it"));
}

// Jobs 0 and 1 fail on host "bad" and live on host "good".
State accused_host() {
  State state =
      state_after({toy_run(), toy_job(0), toy_job(1), toy_job(2), toy_agent(0, "bad", 2), toy_agent(1, "good", 4)});
  for (int job : {0, 1}) {
    orchestrator::apply(state, toy_placed(job, 1, {{{0}, 1}}));
    orchestrator::apply(state, rank_exit(job, 1, 0, 0, 11));
    happen(state, {decide_now(state).at(0), toy_placed(job, 2, {{{1}, 1}}, at(1'000)), Progressed{{job}, 2, 1}});
    check_invariants(state);
  }
  return state;
}

TEST(Decide, a_host_that_ends_jobs_which_live_elsewhere_is_excluded_and_their_budgets_are_given_back) {
  State state = accused_host();
  EXPECT_EQ(job_of(state, {0}).ends.at(static_cast<std::size_t>(Cause::kSignal)), 1);
  auto decisions = settle(state, {}, {at(1'000)});
  EXPECT_EQ(sole<HostExcluded>(decisions).host, "bad");
  EXPECT_EQ(sole<HostExcluded>(decisions).why, "failed there and lived elsewhere: job 0 (toy 0) job 1 (toy 1)");
  EXPECT_EQ(job_of(state, {0}).ends.at(static_cast<std::size_t>(Cause::kSignal)), 0);
  EXPECT_EQ(only<Placed>(decisions).at(0).placement, (Placement{{{1}, 1}}));
  EXPECT_EQ(capacity(state), 4);
  orchestrator::apply(state, HostDrained{"bad", false, "repaired"});
  check_invariants(state);
  EXPECT_EQ(capacity(state), 6);
}

TEST(Decide, the_last_host_that_could_serve_is_not_excluded) {
  State state = accused_host();
  orchestrator::apply(state, HostDrained{"good", true, "test"});
  EXPECT_THAT(only<HostExcluded>(settle(state, {}, {at(1'000)})), IsEmpty());
}

TEST(Decide, a_host_without_which_something_that_is_left_has_no_place_is_not_excluded) {
  auto is_excluded = [](const JobAdded& left, const State& accused) {
    State state = accused;
    orchestrator::apply(state, left);
    return !only<HostExcluded>(settle(state, {}, {at(1'000)})).empty();
  };
  const State accused = accused_host();
  EXPECT_TRUE(is_excluded(toy_job(3, 4, {2}), accused));
  EXPECT_FALSE(is_excluded(toy_job(3, 5, {2}), accused)) << "only both hosts together hold it";
  EXPECT_TRUE(is_excluded(toy_job(3, 7, {2}), accused)) << "they do not hold it either";
  JobAdded on_gpu = toy_job(3, 1, {2});
  on_gpu.gpus = true;
  State with_gpu = accused;
  orchestrator::apply(with_gpu, toy_agent(2, "bad", 0, 1));
  EXPECT_FALSE(is_excluded(on_gpu, with_gpu));
}

TEST(Decide, whatever_lives_on_a_host_clears_it) {
  State state = accused_host();
  ASSERT_EQ(state.hosts.at("bad").evidence.size(), 2U);
  orchestrator::apply(state, toy_placed(2, 1, {{{0}, 1}}));
  State progressed = state;
  orchestrator::apply(progressed, Progressed{{2}, 1, 1});
  happen(state, {rank_exit(2, 1, 0, 0), JobSucceeded{{2}, 1}});
  for (State* cleared : {&state, &progressed}) {
    check_invariants(*cleared);
    EXPECT_TRUE(cleared->hosts.empty());
    EXPECT_THAT(only<HostExcluded>(settle(*cleared, {}, {at(1'000)})), IsEmpty());
  }
}

TEST(Decide, a_gang_that_lives_on_several_hosts_clears_none) {
  State state = accused_host();
  happen(state, {toy_job(3, 2), toy_placed(3, 1, {{{0}, 1}, {{1}, 1}}), Progressed{{3}, 1, 1}});
  EXPECT_EQ(only<HostExcluded>(settle(state, {}, {at(1'000)})).size(), 1U);
}

TEST(Decide, a_new_run_may_use_every_host_again) {
  for (const Event& put_aside : {Event(HostDrained{"a", true, "test"}), Event(HostExcluded{"a", "test"})}) {
    State state = state_after({toy_run(), toy_job(0), toy_agent(0, "a", 1), put_aside});
    EXPECT_EQ(std::get<RunEnded>(decide_now(state).at(0)).end, RunEnd::kInterrupted);
    for (const Event& event : {Event(toy_run()), Event(toy_job(0)), Event(toy_agent(1, "a", 1))})
      orchestrator::apply(state, event);
    check_invariants(state);
    EXPECT_EQ(placed_now(state).size(), 1U) << describe(put_aside);
  }
}

TEST(Decide, a_drained_host_gets_nothing_more_and_keeps_what_it_runs) {
  State state = state_after({toy_run(), toy_job(0), toy_job(1), toy_agent(0, "a", 2), toy_placed(0, 1, {{{0}, 1}}),
                             HostDrained{"a", true, "asked by the user"}});
  EXPECT_THAT(decide_now(state), IsEmpty());
  EXPECT_EQ(why_waiting(state, {}, at(0), {1}), "it needs 1 slot and the agents that may be used hold 0 at once");
  happen(state, {rank_exit(0, 1, 0, 0), JobSucceeded{{0}, 1}});
  State undone = state;
  EXPECT_EQ(std::get<RunEnded>(decide_now(state).at(0)).end, RunEnd::kInterrupted);
  orchestrator::apply(undone, HostDrained{"a", false, ""});
  EXPECT_EQ(placed_now(undone).size(), 1U);
}

TEST(Decide, an_agent_that_leaves_has_its_attempts_checkpoint_and_go_elsewhere) {
  State state = state_after({toy_run(), toy_job(0), toy_agent(0, "a", 1), toy_placed(0, 1, {{{0}, 1}}),
                             toy_agent(1, "b", 1), AgentLeaving{{0}, "preempted"}});
  auto decisions = settle(state);
  EXPECT_EQ(only<AttemptStopped>(decisions).at(0).cause, Cause::kPreempted);
  EXPECT_EQ(only<AttemptStopped>(decisions).at(0).grace, Policy{}.stop_grace);
  orchestrator::apply(state, rank_exit(0, 1, 0, 75));
  decisions = settle(state);
  EXPECT_EQ(only<AttemptEnded>(decisions).at(0).cause, Cause::kPreempted);
  EXPECT_EQ(only<Placed>(decisions).at(0).placement, (Placement{{{1}, 1}}));
}

TEST(Decide, a_cancelled_job_is_stopped_and_what_needs_it_goes_with_it) {
  State state = state_after({toy_run(), toy_job(0), toy_job(1, 1, {0}), toy_job(2), toy_agent(0, "a", 1),
                             toy_placed(0, 1, {{{0}, 1}}), CancelRequested{{0}, "asked by me"},
                             CancelRequested{{2}, "asked by me"}});
  auto decisions = settle(state);
  EXPECT_EQ(only<AttemptStopped>(decisions).at(0).cause, Cause::kCancelled);
  EXPECT_EQ(only<JobCancelled>(decisions).at(0).job, JobIndex{2});
  orchestrator::apply(state, rank_exit(0, 1, 0, 1));
  decisions = settle(state);
  EXPECT_EQ(only<JobCancelled>(decisions).at(0).why, "it needs job 000000000001 (toy 0), which was cancelled");
  EXPECT_EQ(count(state), (Counts{0, 0, 0, 0, 0, 3}));
  EXPECT_EQ(only<RunEnded>(decisions).at(0).end, RunEnd::kIncomplete);
}

TEST(Decide, a_job_held_by_another_run_costs_nothing_and_is_tried_again) {
  State state = state_after({toy_run(1), toy_job(0), toy_job(1), toy_agent(0, "a", 1)});
  settle(state);
  orchestrator::apply(state, HeldElsewhere{{0}, 1, at(5'000), "suite other"});
  check_invariants(state);
  EXPECT_EQ(job_of(state, {0}).attempts, 0);
  EXPECT_EQ(state.placed_jobs, 0);
  auto decisions = settle(state, {}, {at(10)});
  EXPECT_EQ(only<Placed>(decisions).at(0).job, JobIndex{1});
  EXPECT_EQ(why_waiting(state, {}, at(10), {0}), "it is tried again in 5 s");
}

TEST(Decide, an_attempt_that_the_store_failed_costs_nothing_and_others_come_first) {
  State state = state_after({toy_run(1), toy_job(0), toy_job(1), toy_agent(0, "a", 1)});
  settle(state);
  for (const int wait : {2'000, 4'000, 8'000, 16'000, 32'000, 60'000}) {
    const AttemptEnded ended = taken_back(state, {}, at(100), {0}, "mkdir failed");
    EXPECT_EQ(ended.cause, Cause::kStoreError);
    EXPECT_EQ(ended.not_before, at(100 + wait));
    orchestrator::apply(state, ended);
    check_invariants(state);
    EXPECT_EQ(job_of(state, {0}).attempts, 0);
    EXPECT_EQ(state.placed_jobs, 0);
    EXPECT_TRUE(job_of(state, {0}).failed_on.empty());
    EXPECT_EQ(only<Placed>(decide(state, {}, {at(200)})).at(0).job, JobIndex{1});
    orchestrator::apply(state, toy_placed(0, 1, {{{0}, 1}}));
  }
}

TEST(Decide, an_attempt_that_the_store_failed_while_it_ran_keeps_its_number_and_no_end_is_the_last) {
  State state = state_after({toy_run(), toy_job(0), toy_job(1, 2), toy_agent(0, "a", 3)});
  settle(state);
  RankExited exited = rank_exit(1, 1, 0, 1);
  exited.store_failed = true;
  orchestrator::apply(state, exited);
  EXPECT_THROW(orchestrator::apply(state, AttemptEnded{{1}, 1, Cause::kStoreError, "", true, {}, ""}),
               core::RuntimeError)
      << "a rank of it runs";
  orchestrator::apply(state, rank_exit(1, 1, 1, 0, SIGKILL));
  settle(state);
  Instant now = at(100);
  for (int attempt = 1; attempt <= 100; ++attempt, now += std::chrono::seconds(61)) {
    exited = rank_exit(0, attempt, 0, attempt % 2 + 1);
    exited.store_failed = true;
    orchestrator::apply(state, exited);
    const auto ended = only<AttemptEnded>(settle(state, {}, {now}));
    ASSERT_EQ(1U, ended.size());
    EXPECT_EQ(Cause::kStoreError, ended[0].cause);
    ASSERT_TRUE(ended[0].retry);
    EXPECT_EQ(attempt, job_of(state, {0}).attempts);
    settle(state, {}, {now + std::chrono::seconds(60)});
  }
}

TEST(Decide, nothing_is_started_and_nothing_given_up_while_the_store_fails) {
  Moment failing{.store_fails = true};
  State state = state_after({toy_run(), toy_job(0), toy_job(1, 9), toy_agent(0, "a", 1)});
  EXPECT_THAT(decide(state, {}, failing), IsEmpty());
  settle(state);  // the second has no place
  EXPECT_EQ(count(state).running, 1);
  orchestrator::apply(state, rank_exit(0, 1, 0, 2));
  // Attempts that end are settled; nothing is decided on the run's end yet.
  EXPECT_EQ(only<AttemptEnded>(settle(state, {}, failing)).at(0).cause, Cause::kConfiguration);
  EXPECT_EQ(state.end, std::nullopt);
  EXPECT_EQ(only<RunEnded>(settle(state)).at(0).end, RunEnd::kIncomplete);
  // A signal ends it all the same.
  State stopped = state_after({toy_run(), toy_job(0), toy_agent(0, "a", 1), StopRequested{"signal 15", {}}});
  EXPECT_EQ(only<RunEnded>(settle(stopped, {}, failing)).at(0).end, RunEnd::kInterrupted);
  // And so does the last result.
  State complete = state_after({toy_run(), toy_job(0), toy_agent(0, "a", 1), JobSucceeded{{0}, 0}});
  EXPECT_EQ(only<RunEnded>(settle(complete, {}, failing)).at(0).end, RunEnd::kComplete);
}

TEST(Decide, exit_code_2_of_a_job_that_has_written_a_checkpoint_is_no_configuration) {
  State state = state_after({toy_run(), toy_job(0), toy_agent(0, "a", 1)});
  settle(state);
  happen(state, {Progressed{{0}, 1, 100}, rank_exit(0, 1, 0, 2)});
  const AttemptEnded ended = only<AttemptEnded>(decide_now(state)).at(0);
  EXPECT_EQ(ended.cause, Cause::kExitCode);
  EXPECT_TRUE(ended.retry);
}

TEST(Decide, no_verdict_on_an_attempt_whose_result_could_not_be_looked_for) {
  State state = running_gang();
  Moment failing{.store_fails = true, .unsettled = {{0}}};
  orchestrator::apply(state, rank_exit(0, 1, 0, 1));
  EXPECT_EQ(only<AttemptStopped>(settle(state, {}, failing)).size(), 1U) << "the others have to go";
  orchestrator::apply(state, rank_exit(0, 1, 1, 0, 9));
  EXPECT_THAT(settle(state, {}, failing), IsEmpty());
  failing.unsettled.clear();
  EXPECT_EQ(only<AttemptEnded>(settle(state, {}, failing)).at(0).cause, Cause::kExitCode);
}

// A training here, the shard that it needs and its evaluation in other allocations.
std::vector<Event> part_of_a_suite() {
  JobAdded shard = toy_job(0), training = toy_job(1, 1, {0}), evaluation = toy_job(2, 1, {1});
  shard.elsewhere = evaluation.elsewhere = true;
  return {toy_run(), shard, training, evaluation, toy_agent(0, "a", 4)};
}

TEST(Decide, a_job_of_another_allocation_is_waited_for_and_never_placed) {
  State state = state_after(part_of_a_suite());
  EXPECT_THAT(decide_now(state, {}, {at(1'000'000)}), IsEmpty());
  EXPECT_EQ(why_waiting(state, {}, at(0), {0}), "other allocations run jobs of its kind");
  EXPECT_THROW(orchestrator::apply(state, toy_placed(0, 1, {{{0}, 1}})), core::RuntimeError);
  orchestrator::apply(state, JobSucceeded{{0}, 0});
  EXPECT_EQ(placed_sole(state).job, JobIndex{1});
}

TEST(Decide, a_run_whose_part_is_done_ends_though_other_allocations_have_work) {
  State state = state_after(part_of_a_suite());
  orchestrator::apply(state, JobSucceeded{{0}, 0});
  EXPECT_EQ(only<RunEnded>(decide_now(state)).size(), 0U) << "its training is to be placed";
  orchestrator::apply(state, JobSucceeded{{1}, 0});
  EXPECT_EQ(sole<RunEnded>(decide_now(state)),
            (RunEnded{RunEnd::kIdle, "its part is done; 1 jobs are other allocations'"}));
  orchestrator::apply(state, JobSucceeded{{2}, 0});
  EXPECT_EQ(sole<RunEnded>(decide_now(state)).end, RunEnd::kComplete);
}

TEST(Decide, what_waits_for_other_allocations_ends_a_run_once_it_has_been_idle_for_its_limit) {
  const State state = state_after(part_of_a_suite());
  const Policy policy{.idle_limit = Milliseconds(60'000)};
  Moment moment{.now = at(60'999), .idle_since = at(1'000)};
  EXPECT_THAT(decide_now(state, policy, moment), IsEmpty());
  EXPECT_EQ(next_wake(state, policy, moment), at(61'000));
  moment.now = at(61'000);
  EXPECT_EQ(sole<RunEnded>(decide_now(state, policy, moment)).end, RunEnd::kIdle);
  moment.store_fails = true;
  EXPECT_THAT(decide_now(state, policy, moment), IsEmpty());
}

TEST(Decide, a_run_that_waits_for_others_and_has_no_agent_left_is_interrupted) {
  State state = state_after(part_of_a_suite());
  orchestrator::apply(state, AgentLost{{0}, "no sign of life"});
  EXPECT_THAT(decide_now(state, {}, {.agents_pending = true}), IsEmpty());
  EXPECT_EQ(sole<RunEnded>(decide_now(state)).end, RunEnd::kInterrupted);
}

TEST(Decide, a_failure_here_cancels_what_needs_it_in_other_allocations_and_ends_the_part) {
  State state = state_after(part_of_a_suite());
  orchestrator::apply(state, JobSucceeded{{0}, 0});
  orchestrator::apply(state, JobFailed{{1}, Cause::kUnplaceable, "no room"});
  EXPECT_EQ(sole<JobCancelled>(decide_now(state)).job, JobIndex{2});
}

TEST(Decide, why_a_job_waits_names_what_it_waits_for) {
  Policy policy;
  State state = state_after({toy_run(), toy_job(0, 3), toy_job(1, 2), toy_job(2, 1, {0, 1}), toy_agent(0, "a", 4),
                             toy_placed(0, 1, {{{0}, 3}})});
  EXPECT_EQ(why_waiting(state, policy, at(0), {0}), "");
  EXPECT_EQ(why_waiting(state, policy, at(0), {1}), "it needs 2 slots and 1 are free");
  EXPECT_EQ(why_waiting(state, policy, at(0), {2}), "it needs job 000000000001 (toy 0), which is running, and 1 more");
}

TEST(Apply, a_new_run_forgets_agents_and_gives_new_budgets_but_counts_attempts_on) {
  State state = running_gang();
  happen(state, {toy_run(), toy_job(0, 2)});
  check_invariants(state);
  EXPECT_THAT(state.agents, IsEmpty());
  orchestrator::apply(state, toy_agent(1, "b", 2));
  EXPECT_EQ(only<Placed>(decide_now(state)).at(0).attempt, 2);
}

TEST(Apply, refuses_events_that_no_run_can_produce) {
  const State state = running_gang();
  for (const Event& event : std::vector<Event>{
           toy_placed(0, 2, {{{0}, 2}}), toy_placed(7, 1, {{{0}, 2}}), toy_job(5), toy_agent(0, "a", 2),
           toy_agent(3, "a", 0), toy_agent(3, "a", kMostSlots + 1), JobSucceeded{{0}, 1},
           JobFailed{{0}, Cause::kExitCode, ""}, AttemptStopped{{0}, 1, Cause::kInterrupted, Milliseconds{-1}, ""}}) {
    State copy = state;
    EXPECT_THROW(orchestrator::apply(copy, event), core::RuntimeError) << describe(event);
  }
}

TEST(Invariants, notice_a_slot_given_twice) {
  State state = running_gang();
  state.agents.at({0}).free = 1;
  EXPECT_THROW(check_invariants(state), core::ContractError);
}

}  // namespace
}  // namespace resolute::tests::decide_test
