#include "orchestrator/coordinator/handover.h"

#include <gmock/gmock.h>

#include "orchestrator/coordinator/place_checks.h"
#include "orchestrator/decisions/aside.h"
#include "tests/orchestrator/support/fleet.h"

namespace resolute::orchestrator::handover_test {
namespace {

using namespace tests;

// Two jobs; one host of two is drained, the other excluded, and the user wants neither job.
std::vector<Event> first_plan() {
  return {toy_run(),
          toy_job(0),
          toy_job(1),
          toy_agent(0, "a", 1),
          toy_agent(1, "b", 1),
          HostDrained{"a", true, "kim@login1 looks at it"},
          HostExcluded{"b", "jobs fail there"},
          CancelRequested{{0}, "cancelled by kim@login1"},
          CancelRequested{{1}, "cancelled by kim@login1"},
          JobCancelled{{0}, "cancelled by kim@login1"},
          JobCancelled{{1}, "cancelled by kim@login1"},
          RunEnded{RunEnd::kIncomplete, ""}};
}

State next_plan(const State& before, const std::vector<Event>& events) {
  State now = before;
  apply(now, toy_run());
  happen(now, events);
  return now;
}

TEST(Handover, tells_of_hosts_and_unwanted_jobs_and_another_time_of_the_same) {
  const State before = state_after(first_plan());
  State now = next_plan(before, {toy_job(0), toy_job(1), toy_job(2)});
  ASSERT_TRUE(now.hosts.empty()) << "a new run forgets";
  for (const Event& event : handed_over(before, now)) {
    apply(now, event);
    check_invariants(now);
  }
  happen(now, {toy_agent(2, "a", 1), toy_agent(3, "b", 1)});
  check_invariants(now);
  EXPECT_EQ(now.hosts.at("a").drained, "kim@login1 looks at it");
  EXPECT_EQ(now.hosts.at("b").excluded, "jobs fail there");
  EXPECT_TRUE(now.machine_of.empty()) << "nothing is placed on them";
  EXPECT_EQ(now.jobs[0].unwanted, "cancelled by kim@login1");
  EXPECT_EQ(now.jobs[1].unwanted, "cancelled by kim@login1");
  EXPECT_FALSE(now.jobs[2].unwanted);
  EXPECT_EQ(handed_over(now, now).size(), 4U);
}

TEST(Handover, tells_nothing_of_jobs_that_have_left_the_plan_or_have_a_result) {
  const State before = state_after(first_plan());
  const State now = next_plan(before, {toy_job(1), JobSucceeded{{1}, 0}, toy_job(2)});
  for (const Event& event : handed_over(before, now)) EXPECT_FALSE(std::holds_alternative<CancelRequested>(event));
}

TEST(Handover, of_a_run_that_was_told_nothing_is_empty) {
  const State before = state_after({toy_run(), toy_job(0), toy_agent(0, "a", 1)});
  EXPECT_TRUE(handed_over(before, before).empty());
}

// Jobs of an hour on two hosts; on node-0 each fails at once.
Fleet on_a_bad_host(std::vector<Instant>& begins) {
  return {{2, 0, 2}, 12, [&begins](const Place& place, int, Instant when) {
            if (place.agent != 0) return End{Milliseconds{3'600'000}};
            begins.push_back(when);
            return End{Milliseconds{50}, 1, "it broke"};
          }};
}

TEST(Handover, a_host_that_was_set_aside_waits_on_in_the_next_run_and_longer_after_its_trial) {
  std::vector<Instant> begins, next_begins;
  Fleet first = on_a_bad_host(begins);
  first.run();
  const std::vector<PlaceAside> places = places_aside(first.state);
  ASSERT_EQ(places.size(), 1U);
  const PlaceAside& bad = places.front();
  EXPECT_EQ(bad.host, "node-0");
  ASSERT_GT(bad.until, first.now) << "its time is not over";

  Fleet next = on_a_bad_host(next_begins);
  next.now = first.now + std::chrono::seconds(10);
  for (const Event& event : hosts_still_aside(places, next.policy, next.now)) {
    apply(next.state, event);
    check_invariants(next.state);
  }
  const PlaceAside begun = places_aside(next.state).front();
  EXPECT_EQ(begun.times, bad.times);
  EXPECT_EQ(begun.until, bad.until == kForGood ? end_of_aside(next.policy, next.now, kMostTimesAside) : bad.until);
  next.run();
  EXPECT_EQ(next.succeeded(), 12);
  ASSERT_FALSE(next_begins.empty()) << "it is tried again";
  EXPECT_GE(next_begins.front(), begun.until);
  ASSERT_FALSE(next.hosts_aside.empty());
  const HostSetAside aside = next.hosts_aside.front().first;
  const Instant since = next.hosts_aside.front().second;
  EXPECT_EQ(std::ranges::count_if(next_begins, [&](Instant when) { return when <= since; }), 1) << "by one job";
  EXPECT_EQ(aside.until, end_of_aside(next.policy, since, bad.times + 1));
}

TEST(Handover, a_host_that_was_excluded_is_set_aside_for_the_longest_time_and_that_time_does_not_begin_anew) {
  State before = state_after({toy_run(), toy_agent(0, "a", 1), toy_agent(1, "b", 1), HostExcluded{"b", "jobs fail"}});
  for (int run = 0; run < 3; ++run) {
    const std::vector<Event> events = hosts_still_aside(places_aside(before), {}, at(1'000 + run * 60'000));
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(std::get<HostSetAside>(events.front()).until, end_of_aside({}, at(1'000), kMostTimesAside)) << run;
    before = next_plan(before, events);
  }
}

TEST(Handover, of_hosts_that_all_were_set_aside_those_that_are_needed_are_given_out_once_all_have_joined) {
  State state = state_after({toy_run(), toy_job(0)});
  const std::vector<PlaceAside> places{{"a", "", "x", at(90'000'000), 2}, {"b", "", "x", at(90'000'000), 2}};
  happen(state, hosts_still_aside(places, {}, at(1)));
  happen(state, {toy_agent(0, "a", 1)});
  EXPECT_TRUE(settle(state, {}, {at(1'000), true}).empty()) << "a better one may come";
  happen(state, {toy_agent(1, "b", 1)});
  EXPECT_FALSE(settle(state, {}, {at(2'000)}).empty());
  EXPECT_EQ(state.running.size(), 1U);
}

Join with_gpus(const std::string& host, const std::vector<std::string>& gpus) {
  Join joined{host, 8, static_cast<int>(gpus.size()), 0, "", {}};
  for (const std::string& gpu : gpus) joined.burn_ins.push_back({gpu, "", "", 0, 0, {}});
  return joined;
}

TEST(Handover, a_gpu_is_known_by_its_host_and_its_uuid) {
  const std::vector<PlaceAside> places{{"a", "GPU-1", "ECC", at(60'000), 3},
                                       {"a", "MIG-2", "ECC", kForGood, 1},
                                       {"a", "3", "ECC", at(60'000), 1},
                                       {"b", "GPU-4", "ECC", at(60'000), 1}};
  const auto names = [&](const std::string& host, const std::vector<std::string>& gpus) {
    std::set<std::string> found;
    for (const Event& event : gpus_still_aside(places, {0}, with_gpus(host, gpus)))
      found.insert(std::get<GpuSetAside>(event).gpu);
    return found;
  };
  using Names = std::set<std::string>;
  EXPECT_EQ(names("a", {"GPU-1", "MIG-2", "3", "GPU-4", "GPU-5"}), (Names{"GPU-1", "MIG-2"}));
  EXPECT_EQ(names("b", {"GPU-1", "GPU-4"}), Names{"GPU-4"});
  EXPECT_EQ(names("a", {"GPU-9"}), Names{}) << "it was replaced";

  State state = state_after({toy_run(), toy_agent(0, "a", 8, 3)});
  happen(state, gpus_still_aside(places, {0}, with_gpus("a", {"GPU-1", "MIG-2", "GPU-5"})));
  check_invariants(state);
  EXPECT_EQ(state.agents.at({0}).gpus, 1);
  EXPECT_EQ(state.agents.at({0}).gpu_records.at("GPU-1").times_aside, 3);
  EXPECT_EQ(places_aside(state).size(), 2U);
  EXPECT_EQ(places_aside(state).front().why, "ECC");
}

TEST(Handover, what_an_agent_that_goes_has_set_aside_is_kept_for_the_one_that_comes_with_the_same_gpu) {
  PlaceChecks checks{{}, Repeats(0), {{"a", "GPU-1", "ECC", at(60'000), 2}}};
  State state = state_after({toy_run(), toy_agent(0, "a", 8, 2)});
  const Join joined = with_gpus("a", {"GPU-1", "GPU-2"});
  happen(state, checks.take_still_aside({0}, joined));
  EXPECT_TRUE(checks.take_still_aside({0}, joined).empty()) << "the state knows it";
  checks.keep(state, {0});
  happen(state, {AgentLost{{0}, "x"}, toy_agent(1, "a", 8, 2)});
  happen(state, checks.take_still_aside({1}, joined));
  check_invariants(state);
  ASSERT_EQ(places_aside(state).size(), 1U);
  EXPECT_EQ(places_aside(state).front().times, 2);
  checks.keep(state, {1});
  checks.forget(state, "a");
  EXPECT_TRUE(checks.take_still_aside({2}, joined).empty()) << "a user has mended it";
}

}  // namespace
}  // namespace resolute::orchestrator::handover_test
