#include "orchestrator/decide.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/orchestrator/support/events.h"

namespace resolute::tests {
namespace {

using namespace orchestrator;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<Event> decide_now(const State& state, Policy policy = {}, Instant now = at(0)) {
  return decide(state, policy, now);
}

template <class E>
std::vector<E> only(const std::vector<Event>& events) {
  std::vector<E> found;
  for (const Event& event : events)
    if (const auto* one = std::get_if<E>(&event)) found.push_back(*one);
  return found;
}

TEST(Decide, places_ready_jobs_in_plan_order_and_leaves_waiting_ones) {
  State state = state_after({toy_run(), toy_job(0), toy_job(1), toy_job(2, 1, {0, 1}), AgentJoined{{0}, "a", 4}});
  auto placed = only<Placed>(decide_now(state));
  ASSERT_EQ(placed.size(), 2U);
  EXPECT_EQ(placed[0].job, JobNumber{0});
  EXPECT_EQ(placed[1].job, JobNumber{1});
  EXPECT_EQ(placed[0].attempt, 1);
  EXPECT_EQ(placed[0].why, "first in plan order; 1 of 4 free slots");
  EXPECT_EQ(decide_now(state), decide_now(state));
}

TEST(Decide, gang_is_placed_whole_or_not_at_all) {
  State state = state_after({toy_run(), toy_job(0, 3), AgentJoined{{0}, "a", 2}});
  Policy pending;
  pending.agents_pending = true;
  EXPECT_THAT(decide_now(state, pending), IsEmpty());
  orchestrator::apply(state, AgentJoined{{1}, "b", 2});
  auto placed = only<Placed>(decide_now(state));
  ASSERT_EQ(placed.size(), 1U);
  EXPECT_EQ(placed[0].placement, (Placement{{{0}, 2}, {{1}, 1}}));
}

TEST(Decide, small_job_passes_a_gang_that_waits_until_its_patience_ends) {
  std::vector<Event> events{toy_run(), toy_job(0, 1), toy_job(1, 2)};
  for (int i = 2; i < 6; ++i) events.push_back(toy_job(i));
  events.push_back(AgentJoined{{0}, "a", 2});
  events.push_back(Placed{{0}, 1, {{{0}, 1}}, -1, ""});
  State state = state_after(events);
  Policy policy;
  policy.patience = 2;
  for (int i = 2; i < 4; ++i) {
    auto placed = only<Placed>(decide_now(state, policy));
    ASSERT_EQ(placed.size(), 1U);
    EXPECT_EQ(placed[0].job, JobNumber{i});
    EXPECT_EQ(placed[0].past, 1);
    EXPECT_THAT(placed[0].why, HasSubstr("passes job 1, which waits for 2 slots"));
    orchestrator::apply(state, placed[0]);
    orchestrator::apply(state, RankExited{{i}, 1, 0, 0, 0, ""});
    orchestrator::apply(state, JobSucceeded{{i}, 1});
    check_invariants(state);
  }
  EXPECT_THAT(decide_now(state, policy), IsEmpty());
  orchestrator::apply(state, RankExited{{0}, 1, 0, 0, 0, ""});
  orchestrator::apply(state, JobSucceeded{{0}, 1});
  EXPECT_EQ(only<Placed>(decide_now(state, policy)).at(0).job, JobNumber{1});
}

TEST(Decide, placement_takes_the_fewest_hosts_and_the_tightest_fit) {
  std::map<AgentNumber, AgentSlots> agents{
      {{0}, {"a", 8, 8}}, {{1}, {"b", 4, 4}}, {{2}, {"c", 2, 2}}, {{3}, {"c", 2, 2}}};
  EXPECT_EQ(choose_placement(agents, 3), (Placement{{{1}, 3}}));
  EXPECT_EQ(choose_placement(agents, 2), (Placement{{{1}, 2}}));
  EXPECT_EQ(choose_placement(agents, 9), (Placement{{{0}, 8}, {{1}, 1}}));
  EXPECT_EQ(choose_placement(agents, 16).size(), 4U);
  EXPECT_THAT(choose_placement(agents, 17), IsEmpty());
  std::map<AgentNumber, AgentSlots> one_host{{{0}, {"a", 2, 2}}, {{1}, {"a", 2, 1}}};
  EXPECT_EQ(choose_placement(one_host, 1), (Placement{{{1}, 1}}));
  EXPECT_EQ(choose_placement(one_host, 3), (Placement{{{0}, 2}, {{1}, 1}}));
}

State running_gang() {
  return state_after(
      {toy_run(), toy_job(0, 2), AgentJoined{{0}, "a", 2}, Placed{{0}, 1, {{{0}, 2}}, -1, ""}, Started{{0}, 1}});
}

TEST(Decide, a_rank_that_fails_takes_its_gang_with_it) {
  State state = running_gang();
  orchestrator::apply(state, RankExited{{0}, 1, 1, 0, 9, "boom"});
  auto decisions = decide_now(state);
  ASSERT_EQ(decisions.size(), 1U);
  const auto& stopped = std::get<AttemptStopped>(decisions[0]);
  EXPECT_EQ(stopped.cause, Cause::kCrash);
  EXPECT_EQ(stopped.grace, Milliseconds{0});
  orchestrator::apply(state, stopped);
  EXPECT_THAT(decide_now(state), IsEmpty());
  orchestrator::apply(state, RankExited{{0}, 1, 0, 0, 9, ""});
  decisions = decide_now(state, {}, at(1000));
  const auto& ended = std::get<AttemptEnded>(decisions.at(0));
  EXPECT_TRUE(ended.retry);
  EXPECT_EQ(ended.evidence, "process rank 1: killed by signal 9: boom");
  EXPECT_EQ(ended.why, "crash 1 of 3");
  EXPECT_EQ(ended.not_before, at(1250));
  orchestrator::apply(state, ended);
  check_invariants(state);
  EXPECT_THAT(decide_now(state, {}, at(1249)), IsEmpty());
  EXPECT_EQ(next_wake(state), at(1250));
  EXPECT_EQ(only<Placed>(decide_now(state, {}, at(1250))).at(0).attempt, 2);
}

// Runs attempts that end with `code` until the job is given up; how many there were.
int attempts_until_failed(int code, bool progress) {
  State state = state_after({toy_run(), toy_job(0), AgentJoined{{0}, "a", 1}});
  for (int attempt = 1; attempt < 50; ++attempt) {
    auto placed = only<Placed>(decide_now(state, {}, at(std::int64_t{attempt} * 1'000'000)));
    if (placed.empty()) return attempt - 1;
    orchestrator::apply(state, placed[0]);
    if (progress) orchestrator::apply(state, Progressed{{0}, attempt, attempt * 10});
    orchestrator::apply(state, RankExited{{0}, attempt, 0, code, 0, ""});
    auto decisions = decide_now(state, {}, at(std::int64_t{attempt} * 1'000'000 + 1));
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
  State state = state_after({toy_run(), toy_job(0, 2), AgentJoined{{0}, "a", 1}, AgentJoined{{1}, "b", 1},
                             AgentJoined{{2}, "c", 1}, Placed{{0}, 1, {{{0}, 1}, {{1}, 1}}, -1, ""},
                             AgentLost{{1}, "no sign of life"}});
  auto decisions = decide_now(state);
  ASSERT_EQ(decisions.size(), 1U);
  EXPECT_EQ(std::get<AttemptStopped>(decisions[0]).cause, Cause::kAgentLost);
  orchestrator::apply(state, decisions[0]);
  orchestrator::apply(state, RankExited{{0}, 1, 0, 0, 9, ""});
  decisions = decide_now(state);
  EXPECT_TRUE(std::get<AttemptEnded>(decisions.at(0)).retry);
  EXPECT_THAT(std::get<AttemptEnded>(decisions.at(0)).evidence, HasSubstr("agent 1 on b was lost"));
  orchestrator::apply(state, decisions[0]);
  EXPECT_EQ(only<Placed>(decide_now(state)).at(0).placement, (Placement{{{0}, 1}, {{2}, 1}}));
}

TEST(Decide, messages_of_an_older_attempt_change_nothing) {
  State state = running_gang();
  for (const Event& old : std::vector<Event>{
           RankExited{{0}, 0, 0, 1, 0, ""}, RankExited{{0}, 2, 0, 1, 0, ""}, Started{{0}, 7}, Progressed{{0}, 3, 100},
           AttemptStopped{{0}, 9, Cause::kCrash, {}, ""}, AttemptEnded{{0}, 2, Cause::kCrash, "", true, {}, ""},
           ResultMissing{{0}, 4}, AgentLost{{5}, ""}}) {
    State before = state;
    orchestrator::apply(state, old);
    EXPECT_EQ(state, before) << describe(old);
  }
}

TEST(Decide, what_needs_a_failed_job_is_cancelled_and_the_rest_is_done) {
  State state =
      state_after({toy_run(), toy_job(0), toy_job(1, 1, {0}), toy_job(2, 1, {1}), toy_job(3), AgentJoined{{0}, "a", 2},
                   Placed{{0}, 1, {{{0}, 1}}, -1, ""}, RankExited{{0}, 1, 0, 2, 0, "bad key"}});
  for (int i = 0; i < 5; ++i)
    for (const Event& event : decide_now(state)) orchestrator::apply(state, event);
  check_invariants(state);
  EXPECT_EQ(count(state), (Counts{0, 0, 1, 0, 1, 2}));
  orchestrator::apply(state, RankExited{{3}, 1, 0, 0, 0, ""});
  orchestrator::apply(state, JobSucceeded{{3}, 1});
  auto decisions = decide_now(state);
  EXPECT_EQ(std::get<RunEnded>(decisions.at(0)).end, RunEnd::kIncomplete);
}

TEST(Decide, a_stop_ends_running_attempts_with_grace_and_starts_nothing) {
  State state = state_after({toy_run(), toy_job(0), toy_job(1), AgentJoined{{0}, "a", 1},
                             Placed{{0}, 1, {{{0}, 1}}, -1, ""}, StopRequested{"signal 15"}});
  auto decisions = decide_now(state);
  ASSERT_EQ(decisions.size(), 1U);
  EXPECT_EQ(std::get<AttemptStopped>(decisions[0]).grace, Policy{}.stop_grace);
  orchestrator::apply(state, decisions[0]);
  orchestrator::apply(state, RankExited{{0}, 1, 0, 75, 0, ""});
  decisions = decide_now(state);
  EXPECT_TRUE(std::get<AttemptEnded>(decisions.at(0)).retry);
  orchestrator::apply(state, decisions[0]);
  decisions = decide_now(state);
  EXPECT_EQ(std::get<RunEnded>(decisions.at(0)).end, RunEnd::kInterrupted);
}

TEST(Decide, a_job_larger_than_the_run_fails_and_lost_capacity_interrupts) {
  State state = state_after({toy_run(), toy_job(0, 3), AgentJoined{{0}, "a", 2}});
  auto decisions = decide_now(state);
  ASSERT_EQ(decisions.size(), 1U);
  EXPECT_EQ(std::get<JobFailed>(decisions[0]).why, "it needs 3 slots and the run has 2");
  state =
      state_after({toy_run(), toy_job(0, 3), AgentJoined{{0}, "a", 2}, AgentJoined{{1}, "b", 2}, AgentLost{{0}, ""}});
  EXPECT_EQ(std::get<RunEnded>(decide_now(state).at(0)).end, RunEnd::kInterrupted);
  state = state_after({toy_run(), toy_job(0)});
  EXPECT_EQ(std::get<RunEnded>(decide_now(state).at(0)).why, "no agent is left");
}

TEST(Decide, max_jobs_counts_different_jobs_and_lets_them_be_tried_again) {
  State state = state_after({toy_run(1), toy_job(0), toy_job(1), AgentJoined{{0}, "a", 4}});
  auto placed = only<Placed>(decide_now(state));
  ASSERT_EQ(placed.size(), 1U);
  orchestrator::apply(state, placed[0]);
  orchestrator::apply(state, RankExited{{0}, 1, 0, 1, 0, ""});
  for (const Event& event : decide_now(state)) orchestrator::apply(state, event);
  EXPECT_THAT(decide_now(state), IsEmpty());
  placed = only<Placed>(decide_now(state, {}, at(250)));
  ASSERT_EQ(placed.size(), 1U);
  orchestrator::apply(state, placed[0]);
  orchestrator::apply(state, RankExited{{0}, 2, 0, 0, 0, ""});
  orchestrator::apply(state, JobSucceeded{{0}, 2});
  EXPECT_EQ(std::get<RunEnded>(decide_now(state).at(0)).end, RunEnd::kLimited);
}

TEST(Apply, a_new_run_forgets_agents_and_gives_new_budgets_but_counts_attempts_on) {
  State state = running_gang();
  orchestrator::apply(state, toy_run());
  orchestrator::apply(state, toy_job(0, 2));
  check_invariants(state);
  EXPECT_THAT(state.agents, IsEmpty());
  orchestrator::apply(state, AgentJoined{{1}, "b", 2});
  EXPECT_EQ(only<Placed>(decide_now(state)).at(0).attempt, 2);
}

TEST(Apply, refuses_events_that_no_run_can_produce) {
  const State state = running_gang();
  for (const Event& event :
       std::vector<Event>{Placed{{0}, 2, {{{0}, 2}}, -1, ""}, Placed{{7}, 1, {{{0}, 2}}, -1, ""},
                          JobAdded{{5}, {}, "", "", {}, 1, 0}, AgentJoined{{0}, "a", 2}, AgentJoined{{3}, "a", 0},
                          JobSucceeded{{0}, 1}, JobFailed{{0}, Cause::kCrash, ""}}) {
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
}  // namespace resolute::tests
