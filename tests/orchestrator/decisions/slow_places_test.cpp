// Places that the burn-in found slow get work last, and work all the same while there is any.
#include <gmock/gmock.h>

#include "core/random/random.h"
#include "orchestrator/decisions/placement.h"
#include "tests/orchestrator/support/events.h"

namespace resolute::tests::slow_places_test {
namespace {

using namespace orchestrator;
using testing::HasSubstr;
using testing::IsEmpty;

AgentJoined agent(int number, int slots, int gpus = 0, const std::string& numeric_class = "H200") {
  AgentJoined joined = toy_agent(number, fmt::format("node-{}", number), slots, gpus);
  joined.numeric_class = numeric_class;
  return joined;
}

BurnedIn burned(int number, std::int64_t speed, const std::string& gpu = {}) {
  return {{number}, gpu, "aaaa", "", speed, 0, Milliseconds(10'000)};
}

JobAdded on_gpus(int number, int ranks = 1) {
  JobAdded job = toy_job(number, ranks);
  job.gpus = true;
  return job;
}

GangNeed need_for(int ranks, bool gpus = false) {
  GangNeed need;
  need.slots = ranks;
  need.gpus = gpus;
  return need;
}

std::string why_placed(State& state) {
  std::string why;
  for (const Event& event : settle(state))
    if (const auto* placed = std::get_if<Placed>(&event)) why = placed->why;
  return why;
}

TEST(SlowPlaces, get_work_last_and_are_not_left_idle) {
  State state = state_after({toy_run(), toy_job(0), toy_job(1), toy_job(2), agent(0, 1), agent(1, 1), agent(2, 1),
                             burned(0, 690), burned(1, 1000), burned(2, 1000)});
  EXPECT_EQ(choose_placement(state, need_for(1)), (Placement{{{1}, 1}}));
  EXPECT_THAT(why_placed(state), HasSubstr("on a slow place by its burn-in: nothing else that is free could hold it"));
  EXPECT_EQ(free_slots(state), 0) << "work waits for no fast place while a slow one is free";
  EXPECT_EQ(std::get<Running>(state.jobs[2].state).placement, (Placement{{{0}, 1}}));
}

TEST(SlowPlaces, are_those_below_0_7_times_the_median) {
  const State state =
      state_after({toy_run(), agent(0, 1), agent(1, 1), agent(2, 1), burned(0, 700), burned(1, 1000), burned(2, 1000)});
  EXPECT_EQ(choose_placement(state, need_for(1)), (Placement{{{0}, 1}}));
}

TEST(SlowPlaces, are_judged_beside_their_numeric_class_alone) {
  const State state = state_after({toy_run(), agent(0, 1, 0, "A100"), agent(1, 1), agent(2, 1), agent(3, 1, 0, ""),
                                   burned(0, 10), burned(1, 1000), burned(2, 1000), burned(3, 10)});
  EXPECT_EQ(slow_count(state, {0}, false), 0);
  EXPECT_EQ(slow_count(state, {3}, false), 0) << "of a class that is not known";
}

TEST(SlowPlaces, follow_the_median_as_agents_come_and_go) {
  State state = state_after({toy_run(), agent(0, 1), agent(1, 1), burned(0, 600), burned(1, 1000)});
  EXPECT_EQ(slow_count(state, {0}, false), 1);
  happen(state, {agent(2, 1), burned(2, 610)});
  check_invariants(state);
  EXPECT_EQ(slow_count(state, {0}, false), 0) << "most are like it";
  happen(state, {AgentLost{{2}, "test"}});
  check_invariants(state);
  EXPECT_EQ(slow_count(state, {0}, false), 1);
  happen(state, {AgentLost{{1}, "test"}});
  check_invariants(state);
  EXPECT_EQ(slow_count(state, {0}, false), 0) << "alone it is what its class is";
  RunStarted next = toy_run();
  next.epoch = 2;
  happen(state, {next, agent(3, 1)});
  check_invariants(state);
  EXPECT_THAT(state.speeds, IsEmpty()) << "a new run burns in anew";
}

TEST(SlowPlaces, a_burn_in_that_failed_says_nothing_of_speed) {
  BurnedIn failed = burned(0, 10);
  failed.problem = "it hangs";
  const State state = state_after({toy_run(), agent(0, 1), agent(1, 1), failed, burned(1, 1000), burned(7, 3)});
  EXPECT_EQ(slow_count(state, {0}, false), 0);
}

// A gang runs as slow as its slowest rank.
TEST(SlowPlaces, a_gang_goes_on_more_hosts_to_be_on_fast_places) {
  const State state = state_after({toy_run(), agent(0, 4), agent(1, 2), agent(2, 2), agent(3, 1), burned(0, 100),
                                   burned(1, 1000), burned(2, 1000), burned(3, 1000)});
  EXPECT_EQ(choose_placement(state, need_for(4)), (Placement{{{1}, 2}, {{2}, 2}}));
  EXPECT_EQ(choose_placement(state, need_for(6)).size(), 2U) << "it has to take slow ones: the fewest hosts";
}

TEST(SlowPlaces, a_slow_gpu_is_the_last_of_its_agent_and_counts_while_a_job_has_it) {
  State state = state_after({toy_run(), on_gpus(0, 2), on_gpus(1), on_gpus(2), on_gpus(3), agent(0, 1, 2),
                             agent(1, 1, 3), burned(0, 1000, "0"), burned(0, 1000, "1"), burned(1, 1000, "0"),
                             burned(1, 100, "1"), burned(1, 1000, "2")});
  EXPECT_EQ(free_fast(state, {1}, true), 2);
  EXPECT_EQ(free_fast(state, {1}, false), 1) << "its processors are none of its GPUs";
  happen(state, {toy_placed(0, 1, {{{1}, 2}}), toy_placed(1, 1, {{{1}, 1}})});
  check_invariants(state);
  EXPECT_EQ(free_fast(state, {1}, true), 0);
  happen(state, {rank_exit(0, 1, 0, 0), rank_exit(0, 1, 1, 0), JobSucceeded{{0}, 1}});
  check_invariants(state);
  EXPECT_EQ(free_fast(state, {1}, true), 2) << "job 1 has the slow one";
  EXPECT_EQ(choose_placement(state, need_for(4, true)).size(), 2U);
  happen(state, {rank_exit(1, 1, 0, 0), JobSucceeded{{1}, 1}});
  EXPECT_EQ(free_fast(state, {1}, true), 2);
  EXPECT_EQ(choose_placement(state, need_for(3, true)), (Placement{{{0}, 2}, {{1}, 1}}));
  happen(state, {GpuSetAside{{1}, "1", kForGood, "test"}});
  check_invariants(state);
  EXPECT_EQ(slow_count(state, {1}, true), 0) << "nothing is given of it";
  EXPECT_EQ(choose_placement(state, need_for(3, true)).size(), 2U);
}

// Numbers of two classes need a footnote; those of a slow place need none.
TEST(SlowPlaces, the_class_of_a_row_comes_before_speed) {
  const State state = state_after({toy_run(), agent(0, 1, 0, "a"), agent(1, 1, 0, "a"), agent(2, 1, 0, "b"), toy_job(0),
                                   burned(0, 100), burned(1, 1000), burned(2, 1000), toy_placed(0, 1, {{{1}, 1}})});
  EXPECT_EQ(choose_placement(state, need_for(1)), (Placement{{{2}, 1}}));
  GangNeed of_row = need_for(1);
  of_row.row_class = "a";
  EXPECT_EQ(choose_placement(state, of_row), (Placement{{{0}, 1}}));
}

// Agents that give their fastest free GPU, and jobs that come and go.
class Room {
 public:
  explicit Room(std::uint64_t seed) : random_("slow places", {seed}) {
    happen(state, {toy_run()});
    const int agents = 2 + static_cast<int>(random_.below(4));
    for (int number = 0; number < agents; ++number) {
      const int gpus = 1 + static_cast<int>(random_.below(4));
      happen(state, {agent(number, 1, gpus)});
      for (int gpu = 0; gpu < gpus; ++gpu) {
        const std::int64_t speed = random_.below(3) == 0 ? 100 : 1000;
        free_[number].emplace(speed, gpu);
        happen(state, {burned(number, speed, std::to_string(gpu))});
      }
    }
    // So many fast ones that the others are slow.
    for (int gpu = 0; gpu < 20; ++gpu) happen(state, {burned(0, 1000, fmt::format("more {}", gpu))});
    happen(state, {HostDrained{"node-0", true, "it is there for the median alone"}});
    free_.erase(0);
    happen(state, {toy_job(0), toy_placed(0, 1, {{{1}, 1}})});  // never ends, and with it the run
  }
  void place_all() {
    while (true) {
      const std::vector<Event> decisions = decide(state, {}, {});
      if (decisions.empty()) return;
      happen(state, decisions);
      check_invariants(state);
      start(std::get<Placed>(decisions.at(0)));
    }
  }
  void add_job() { happen(state, {on_gpus(static_cast<int>(state.jobs.size()))}); }
  void end_one() {
    if (at_work_.empty()) return;
    auto one = at_work_.begin();
    std::advance(one, static_cast<std::ptrdiff_t>(random_.below(at_work_.size())));
    happen(state, {rank_exit(one->first, 1, 0, 0), JobSucceeded{{one->first}, 1}});
    free_.at(one->second.first).insert(one->second.second);
    at_work_.erase(one);
  }
  State state;
  int on_slow = 0;

 private:
  using Gpu = std::pair<std::int64_t, int>;
  void start(const Placed& placed) {
    const int number = placed.placement.at(0).agent.value;
    const Gpu given = *free_.at(number).rbegin();
    free_.at(number).erase(given);
    at_work_[placed.job.value] = {number, given};
    EXPECT_EQ(placed.why.find("slow place") != std::string::npos, given.first < 1000) << placed.why;
    if (given.first == 1000) return;
    ++on_slow;
    for (const auto& [other, gpus] : free_)
      for (const auto& [speed, gpu] : gpus) EXPECT_EQ(speed, 100) << "GPU " << gpu << " of agent " << other;
  }
  core::RandomStream random_;
  std::map<int, std::set<Gpu>> free_;
  std::map<int, std::pair<int, Gpu>> at_work_;
};

TEST(SlowPlaces, whatever_comes_and_goes_no_job_gets_one_while_another_is_free) {
  int on_slow = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Room room(seed);
    core::RandomStream random("jobs", {seed});
    for (int i = 0; i < 60; ++i) {
      if (random.below(5) < 3)
        room.add_job();
      else
        room.end_one();
      room.place_all();
      EXPECT_TRUE(free_slots(room.state, true) == 0 || room.state.ready.empty()) << "work waits beside a free GPU";
    }
    on_slow += room.on_slow;
  }
  EXPECT_GT(on_slow, 100);
}

TEST(SlowPlaces, a_replay_of_the_events_decides_the_same) {
  std::vector<Event> events{toy_run(),      agent(0, 2),     agent(1, 2),    agent(2, 2),
                            burned(0, 100), burned(1, 1000), burned(2, 1000)};
  for (int job = 0; job < 6; ++job) events.push_back(toy_job(job));
  State live = state_after(events);
  for (const Event& event : settle(live)) {
    State replayed = state_after(events);
    const std::vector<Event> again = decide(replayed, {}, {});
    ASSERT_FALSE(again.empty());
    EXPECT_EQ(describe(again.at(0)), describe(event));
    events.push_back(event);
  }
}

}  // namespace
}  // namespace resolute::tests::slow_places_test
