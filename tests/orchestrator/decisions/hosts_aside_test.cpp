// A host on which attempts end in a row is set aside while others hold what is left to do, and a job goes to another
// host than the one where it failed: a bad host costs time, never a job.

#include <gmock/gmock.h>

#include "core/random/random.h"
#include "tests/orchestrator/support/fleet.h"

namespace resolute::orchestrator::hosts_aside_test {
namespace {

using namespace std::chrono_literals;
using testing::Each;
using testing::Ge;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using tests::at;
using tests::End;
using tests::Fleet;
using tests::Place;

bool has_failed(const Job& job) { return std::holds_alternative<Failed>(job.state); }

// Everything on node-0 ends so.
Fleet::Ends bad_host(const End& end, Milliseconds lives) {
  return [=](const Place& place, int, Instant) { return place.agent == 0 ? end : End{lives}; };
}

TEST(HostsAside, a_node_where_every_worker_exits_2_costs_no_job) {
  for (const Milliseconds lives : {4'000ms, 3'600'000ms})
    for (const int gpus : {0, 4}) {
      Fleet fleet({2, gpus, 4}, 40, bad_host({50ms, 2, "can't open file '/mnt/train.py'"}, lives));
      fleet.run();
      EXPECT_EQ(40, fleet.succeeded()) << lives.count() << " ms, " << gpus << " GPUs";
      EXPECT_LE(fleet.attempts_on(0), 20) << lives.count() << " ms, " << gpus << " GPUs";
    }
}

TEST(HostsAside, two_ends_in_a_row_set_a_host_aside_by_whatever_cause_may_be_its_own) {
  for (const auto& [code, evidence] : {std::pair(1, "it broke"), std::pair(2, "unknown option"),
                                       std::pair(127, "not found"), std::pair(1, "CUDA error: no device")}) {
    Fleet fleet({3, 0, 2}, 60, bad_host({50ms, code, evidence}, 1h));
    fleet.run();
    EXPECT_EQ(60, fleet.succeeded()) << evidence;
    EXPECT_LE(fleet.attempts_on(0), 20) << evidence;
    ASSERT_FALSE(fleet.hosts_aside.empty()) << evidence;
    EXPECT_THAT(fleet.hosts_aside[0].first.why, HasSubstr(": process rank 0: exit code"));
    EXPECT_THAT(fleet.hosts_aside[0].first.why, HasSubstr(evidence));
    for (const Job& job : fleet.state.jobs) EXPECT_THAT(job.ends, Each(Ge(0)));
  }
}

// A mount that one host has lost looks like anything to a worker: its agent has asked the store.
TEST(HostsAside, a_host_that_has_lost_the_store_costs_no_attempt) {
  for (const int gpus : {0, 4})
    for (const auto& [code, evidence] :
         {std::pair(2, "no such file"), std::pair(1, "ValueError: empty"), std::pair(1, "CUDA error: out of memory")}) {
      Fleet fleet({3, gpus, 4}, 60, bad_host({50ms, code, evidence, true}, 4s));
      fleet.run();
      EXPECT_EQ(60, fleet.succeeded()) << evidence;
      EXPECT_LE(fleet.attempts_on(0), 20) << evidence;
      EXPECT_THAT(fleet.asides, IsEmpty()) << "no GPU is to blame";
      for (const Job& job : fleet.state.jobs)
        for (std::size_t cause = 0; cause < kCauses; ++cause)
          EXPECT_TRUE(cause == static_cast<std::size_t>(Cause::kStoreError) || job.ends.at(cause) == 0) << evidence;
    }
}

TEST(HostsAside, a_store_that_fails_everywhere_for_ten_minutes_costs_ten_minutes) {
  Fleet fleet({3, 0, 2}, 30, [](const Place&, int job, Instant now) {
    return now < at(600'000) ? End{50ms, 1 + job % 2, "no such file", true} : End{4s};
  });
  fleet.run();
  EXPECT_EQ(30, fleet.succeeded());
  EXPECT_LE(fleet.now - at(600'000), 150s);
}

TEST(HostsAside, exit_code_2_on_two_hosts_is_the_jobs) {
  Fleet fleet({4, 0, 2}, 20, [](const Place&, int job, Instant) { return job % 5 == 3 ? End{50ms, 2} : End{1s}; });
  fleet.run();
  EXPECT_EQ(16, fleet.succeeded());
  EXPECT_EQ(4, fleet.count(has_failed));
  for (const Job& job : fleet.state.jobs) EXPECT_LE(job.attempts, 3) << "an end on a host that is aside does not count";
}

TEST(HostsAside, exit_code_2_on_the_only_host_is_not_tried_again) {
  Fleet fleet({1, 0, 4}, 8, [](const Place&, int, Instant) { return End{50ms, 2}; });
  fleet.run();
  EXPECT_EQ(8, fleet.count(has_failed));
  EXPECT_EQ(8, fleet.attempts_on(0));
}

TEST(HostsAside, exit_code_75_that_nobody_asked_for_is_tried_elsewhere) {
  Fleet fleet({2, 0, 2}, 12, bad_host({50ms, 75}, 4s));
  fleet.run();
  EXPECT_EQ(12, fleet.succeeded());
  for (const Job& job : fleet.state.jobs) EXPECT_LE(job.attempts, 2);
}

TEST(HostsAside, a_job_waits_for_a_host_where_it_has_not_failed_and_others_use_the_one_where_it_has) {
  // Job 0 fails on node-0, where all else lives; node-1 is taken for an hour.
  Fleet fleet({2, 0, 1}, 100, [](const Place& place, int job, Instant) {
    if (job == 0) return place.agent == 0 ? End{50ms, 1, "it broke"} : End{1s};
    return job == 1 ? End{1h} : End{4s};
  });
  fleet.run();
  EXPECT_EQ(100, fleet.succeeded());
  EXPECT_EQ(2, fleet.state.jobs[0].attempts);
  EXPECT_EQ(99, fleet.attempts_on(0)) << "all others ran where it failed";
  EXPECT_LE(fleet.now - at(0), 1h + 2s);
}

TEST(HostsAside, a_gang_is_not_passed_for_ever_by_those_that_use_the_host_where_it_failed) {
  Fleet fleet(
      {3, 0, 2}, 400,
      [](const Place& place, int job, Instant) {
        return job == 0 && place.agent == 0 ? End{50ms, 1, "it broke"} : End{4s + Milliseconds(job * 7 % 1000)};
      },
      /*slots=*/4);
  fleet.run();
  EXPECT_EQ(400, fleet.succeeded());
}

TEST(HostsAside, a_host_that_is_good_again_is_used_as_before) {
  Fleet fleet({2, 0, 2}, 200, [](const Place& place, int, Instant now) {
    return place.agent == 0 && now < at(30'000) ? End{50ms, 1, "stale file handle"} : End{4s};
  });
  fleet.policy.exclusion_evidence = 1'000;
  fleet.run();
  EXPECT_EQ(200, fleet.succeeded());
  EXPECT_THAT(fleet.hosts_aside, SizeIs(1));
  EXPECT_GT(fleet.attempts_on(0), 40);
  EXPECT_THAT(fleet.state.hosts, IsEmpty()) << "nothing is held against it";
}

TEST(HostsAside, a_host_that_stays_bad_is_tried_again_after_one_two_four_minutes) {
  Fleet fleet({2, 0, 2}, 800, bad_host({50ms, 1, "stale file handle"}, 4s));
  fleet.policy.exclusion_evidence = 1'000;
  fleet.run();
  EXPECT_EQ(800, fleet.succeeded());
  ASSERT_GE(fleet.hosts_aside.size(), 4U);
  for (std::size_t i = 0; i < fleet.hosts_aside.size(); ++i)
    EXPECT_EQ(std::chrono::minutes(1 << std::min<std::size_t>(i, 6)) + 1ms,
              fleet.hosts_aside[i].first.until - fleet.hosts_aside[i].second)
        << i;
}

TEST(HostsAside, what_lives_on_a_host_that_is_set_aside_returns_it) {
  // Job 0 runs on node-0 before two others fail there.
  Fleet fleet({2, 0, 3}, 30, [](const Place& place, int job, Instant) {
    if (job == 0) return End{10s};
    return place.agent == 0 && (job == 1 || job == 2) ? End{50ms, 1, "it broke"} : End{4s};
  });
  fleet.run();
  EXPECT_EQ(30, fleet.succeeded());
  ASSERT_THAT(fleet.hosts_aside, SizeIs(1));
  EXPECT_LE(fleet.now - at(0), 40s) << "it was given out before its minute was over";
}

TEST(HostsAside, a_host_without_which_something_has_no_place_is_given_out_again) {
  State state = tests::state_after({tests::toy_run(), tests::toy_job(0), tests::toy_job(1), tests::toy_job(2),
                                    tests::toy_agent(0, "bad", 2), tests::toy_agent(1, "good", 2)});
  for (const int job : {0, 1})
    tests::happen(state, {tests::toy_placed(job, 1, {{{0}, 1}}), tests::rank_exit(job, 1, 0, 1),
                          AttemptEnded{{job}, 1, Cause::kExitCode, "", true, {}, ""}});
  const auto aside = decide(state, {}, {});
  ASSERT_TRUE(std::holds_alternative<HostSetAside>(aside.at(0)));
  orchestrator::apply(state, aside.at(0));
  EXPECT_THAT(decide(state, {}, {}), testing::Not(testing::Contains(testing::VariantWith<HostReturned>(testing::_))));
  orchestrator::apply(state, AgentLost{{1}, "test"});
  EXPECT_TRUE(std::holds_alternative<HostReturned>(decide(state, {}, {}).at(0)));
}

TEST(HostsAside, draining_undone_gives_out_what_was_set_aside) {
  State state = tests::state_after({tests::toy_run(), tests::toy_agent(0, "node", 2, 4)});
  state.hosts["node"].place.ends = {{{0}, Cause::kExitCode, ""}};
  state.agents.at({0}).gpu_records["3"].ends = {{{0}, Cause::kExitCode, ""}};
  tests::happen(state, {HostSetAside{"node", at(60'000), ""}, GpuSetAside{{0}, "3", at(60'000), ""}});
  EXPECT_EQ(0, capacity(state));
  tests::happen(state, {HostDrained{"node", true, ""}, HostDrained{"node", false, ""}});
  EXPECT_EQ(2, capacity(state));
  EXPECT_EQ(4, capacity(state, true));
}

TEST(HostsAside, events_that_no_run_can_produce_are_refused) {
  State state = tests::state_after({tests::toy_run(), tests::toy_agent(0, "node", 2)});
  for (const Event& event : {Event(HostSetAside{"node", {}, ""}), Event(HostReturned{"node"})}) {
    State copy = state;
    EXPECT_THROW(apply(copy, event), core::RuntimeError) << type_name(event);
  }
}

// Some hosts are bad, for ever or for a while, at once or late; one at least is good.
TEST(HostsAside, whatever_hosts_are_bad_no_good_job_is_lost) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    core::RandomStream random("hosts aside", {seed});
    const int agents = 2 + static_cast<int>(random.below(5)), slots = 1 + static_cast<int>(random.below(4));
    const int gpus = random.below(3) == 0 ? slots : 0;
    const int bad_code = random.below(2) == 0 ? 1 : 2;
    std::map<int, Instant> bad;  // until when
    for (int agent = 1; agent < agents && bad.size() < 2; ++agent)
      if (random.below(2) == 0) bad[agent] = at(random.below(2) == 0 ? 100'000 : kLongestTime.count());
    const Milliseconds lives(1'000 + static_cast<std::int64_t>(random.below(20'000)));
    const Milliseconds fails(20 + static_cast<std::int64_t>(random.below(3'000)));
    const int bad_job = static_cast<int>(random.below(40));
    if (bad.size() == 2 && bad_code == 2) bad.erase(bad.begin());  // on two hosts it is the job's
    Fleet fleet({agents, gpus, slots}, 100, [&](const Place& place, int job, Instant now) {
      const auto found = bad.find(place.agent);
      const bool lost = job == bad_job || (found != bad.end() && now < found->second);
      return lost ? End{fails, bad_code, "it broke"} : End{lives};
    });
    fleet.run();
    EXPECT_EQ(99, fleet.succeeded()) << "seed " << seed << ": " << bad.size() << " of " << agents << " are bad";
    check_invariants(fleet.state);
    for (const Job& job : fleet.state.jobs) EXPECT_THAT(job.ends, Each(Ge(0))) << job.label;
  }
}

}  // namespace
}  // namespace resolute::orchestrator::hosts_aside_test
