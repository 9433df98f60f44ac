// A GPU on which attempts end in a row is set aside while others hold what is left to do: it costs time, never a job.

#include <gmock/gmock.h>

#include "core/random/random.h"
#include "tests/orchestrator/support/events.h"
#include "tests/orchestrator/support/fleet.h"

namespace resolute::orchestrator::gpus_aside_test {
namespace {

using namespace std::chrono_literals;
using testing::Each;
using testing::Ge;
using testing::HasSubstr;
using tests::End;
using tests::Fleet;
using tests::Place;

constexpr const char* kEccError = "CUDA error: uncorrectable ECC error encountered";

const Place kBad{0, "0"};

Fleet::Ends bad_gpu(const std::string& evidence) {
  return [=](const Place& place, int, Instant) { return place == kBad ? End{50ms, 1, evidence} : End{}; };
}

TEST(GpusAside, one_bad_gpu_of_eight_costs_two_attempts_and_no_job) {
  for (const char* evidence : {kEccError, "Killed: out of memory", "it broke"}) {
    Fleet fleet({1, 8}, 80, bad_gpu(evidence));
    fleet.run();
    EXPECT_EQ(80, fleet.succeeded()) << evidence;
    EXPECT_EQ(2, fleet.attempts.at(kBad)) << evidence;
    EXPECT_LE(fleet.now - tests::at(0), 60s) << "80 of 4 s on seven GPUs take 48 s";
    ASSERT_EQ(1U, fleet.asides.size());
    EXPECT_THAT(fleet.asides[0].first.why, HasSubstr("0 of node-0: 2 attempts in a row"));
    EXPECT_THAT(fleet.asides[0].first.why, HasSubstr(evidence));
    for (const Job& job : fleet.state.jobs) EXPECT_THAT(job.ends, Each(Ge(0))) << job.label;
  }
}

TEST(GpusAside, what_a_bad_gpu_did_is_given_back_once_a_job_lives_elsewhere) {
  Fleet fleet({1, 8}, 80, bad_gpu(kEccError));
  fleet.run();
  for (const Job& job : fleet.state.jobs) EXPECT_EQ(0, job.ends[static_cast<std::size_t>(Cause::kDeviceError)]);
}

TEST(GpusAside, a_gpu_that_stays_bad_is_tried_again_after_one_two_four_minutes) {
  Fleet fleet({1, 2}, 400, bad_gpu(kEccError));
  fleet.run();
  EXPECT_EQ(400, fleet.succeeded());
  ASSERT_GE(fleet.asides.size(), 4U);
  for (std::size_t i = 0; i < fleet.asides.size(); ++i) {
    const auto minutes = std::chrono::minutes(1 << std::min<std::size_t>(i, 6));
    EXPECT_EQ(minutes + 1ms, fleet.asides[i].first.until - fleet.asides[i].second) << i;
    EXPECT_THAT(fleet.asides[i].first.why, HasSubstr(fmt::format(": {} attempts in a row", i + 2)));
  }
  EXPECT_EQ(static_cast<int>(fleet.asides.size()) + 1, fleet.attempts.at(kBad)) << "one job as a trial each time";
}

TEST(GpusAside, a_gpu_that_is_good_again_is_used_as_before) {
  Fleet fleet({1, 2}, 100, [](const Place& place, int, Instant now) {
    return place == kBad && now < tests::at(30'000) ? End{50ms, 1, kEccError} : End{};
  });
  fleet.run();
  EXPECT_EQ(100, fleet.succeeded());
  EXPECT_EQ(1U, fleet.asides.size());
  EXPECT_GT(fleet.attempts.at(kBad), 20);
  EXPECT_TRUE(fleet.state.agents.at({0}).gpu_records.empty()) << "nothing is held against it";
}

TEST(GpusAside, a_job_that_fails_everywhere_is_given_up_and_sets_no_gpu_aside) {
  Fleet fleet({1, 4}, 60, [](const Place&, int job, Instant) { return job % 10 == 3 ? End{1s, 1, kEccError} : End{}; });
  fleet.run();
  EXPECT_EQ(54, fleet.succeeded());
  EXPECT_EQ(6, fleet.count([](const Job& job) { return std::holds_alternative<Failed>(job.state); }));
  EXPECT_TRUE(fleet.asides.empty());
}

TEST(GpusAside, a_suite_in_which_everything_fails_ends_as_soon_as_without) {
  Fleet fleet({1, 8}, 40, [](const Place&, int, Instant) { return End{100ms, 1, "it broke"}; });
  fleet.run();
  EXPECT_EQ(40, fleet.count([](const Job& job) { return std::holds_alternative<Failed>(job.state); }));
  EXPECT_LE(fleet.now - tests::at(0), 60s);
  EXPECT_TRUE(fleet.excluded_hosts.empty());
}

TEST(GpusAside, a_host_of_bad_gpus_is_excluded_before_it_costs_a_job) {
  Fleet fleet({4, 8}, 100, [](const Place& place, int, Instant) {
    return place.agent == 0 ? End{5s, 1, kEccError} : End{1h};
  });
  fleet.run();
  EXPECT_EQ(100, fleet.succeeded());
  EXPECT_EQ(std::set<std::string>{"node-0"}, fleet.excluded_hosts);
  int on_bad_host = 0;
  for (const auto& [place, attempts] : fleet.attempts) on_bad_host += place.agent == 0 ? attempts : 0;
  EXPECT_LE(on_bad_host, 20);
}

TEST(GpusAside, a_gang_that_needs_the_bad_gpu_waits_for_others_and_is_given_up_alone) {
  Fleet fleet({1, 2}, 20, bad_gpu(kEccError), /*slots=*/2);
  fleet.run();
  EXPECT_TRUE(std::holds_alternative<Failed>(fleet.state.jobs[0].state));
  EXPECT_EQ(19, fleet.succeeded());
}

TEST(GpusAside, a_gpu_without_which_nothing_could_start_stays) {
  int failures = 2;
  Fleet fleet(
      {1, 2}, 1,
      [&](const Place& place, int, Instant) {
        return place == kBad && failures-- > 0 ? End{50ms, 1, kEccError} : End{};
      },
      /*slots=*/2);
  fleet.run();
  EXPECT_EQ(1, fleet.succeeded());
  EXPECT_TRUE(fleet.asides.empty());
}

TEST(GpusAside, a_gang_runs_once_the_gpu_that_it_needs_is_good_again) {
  Fleet fleet(
      {1, 2}, 20,
      [](const Place& place, int, Instant now) {
        return place == kBad && now < tests::at(30'000) ? End{50ms, 1, kEccError} : End{};
      },
      /*slots=*/2);
  fleet.run();
  EXPECT_EQ(20, fleet.succeeded());
}

// Some GPUs are bad, for ever or for a while, and fail at once or late; a good one is left on each agent but perhaps
// one.
TEST(GpusAside, whatever_gpus_are_bad_no_good_job_is_lost) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    core::RandomStream random("gpus aside", {seed});
    const int agents = 1 + static_cast<int>(random.below(4)), gpus = 2 + static_cast<int>(random.below(7));
    const bool whole_node = agents > 1 && random.below(3) == 0;
    std::map<Place, Instant> bad;  // until when
    for (int agent = 0; agent < agents; ++agent)
      for (int gpu = 0; gpu < gpus; ++gpu)
        if ((whole_node && agent == 0) || (gpu > 0 && random.below(4) == 0))
          bad[{agent, std::to_string(gpu)}] = tests::at(random.below(2) == 0 ? 100'000 : kLongestTime.count());
    const Milliseconds lives(1000 + static_cast<std::int64_t>(random.below(20'000)));
    const Milliseconds fails(20 + static_cast<std::int64_t>(random.below(3'000)));
    const int bad_job = static_cast<int>(random.below(40));
    Fleet fleet({agents, gpus}, 100, [&](const Place& place, int job, Instant now) {
      const auto found = bad.find(place);
      const bool lost = job == bad_job || (found != bad.end() && now < found->second);
      return lost ? End{fails, 1, kEccError} : End{lives};
    });
    fleet.run();
    EXPECT_EQ(99, fleet.succeeded()) << "seed " << seed << ": " << bad.size() << " of " << agents * gpus << " are bad";
    check_invariants(fleet.state);
    for (const Job& job : fleet.state.jobs) EXPECT_THAT(job.ends, Each(Ge(0))) << job.label;
  }
}

// \param ends of rank 0 of job 0's first attempts
State after_ends_on_one_gpu(const std::vector<std::vector<Event>>& ends) {
  std::vector<Event> events{tests::toy_run(), tests::toy_agent(0, "node-0", 1, 2)};
  for (int job = 0; job < 3; ++job) {
    JobAdded added = tests::toy_job(job);
    added.gpus = true;
    events.emplace_back(added);
  }
  int job = 0;
  for (const std::vector<Event>& end : ends) {
    events.emplace_back(tests::toy_placed(job, 1, {{{0}, 1}}));
    events.insert(events.end(), end.begin(), end.end());
    ++job;
  }
  return tests::state_after(events);
}

TEST(GpusAside, ranks_that_hung_tell_of_their_gpu_and_ranks_that_were_stopped_do_not) {
  const auto stopped = [](int job, Cause cause) {
    return std::vector<Event>{AttemptStopped{{job}, 1, cause, {}, "why"}, RankExited{{job}, 1, 0, 0, 9, "", false, "1"},
                              AttemptEnded{{job}, 1, cause, "why", true, {}, ""}};
  };
  EXPECT_EQ(
      1U, after_ends_on_one_gpu({stopped(0, Cause::kNoProgress), stopped(1, Cause::kNoProgress)}).accused_gpus.size());
  EXPECT_TRUE(
      after_ends_on_one_gpu({stopped(0, Cause::kPreempted), stopped(1, Cause::kPreempted)}).accused_gpus.empty());
}

TEST(GpusAside, an_attempt_that_wrote_a_checkpoint_speaks_for_its_gpu) {
  const auto failed = [](int job) {
    return std::vector<Event>{RankExited{{job}, 1, 0, 1, 0, kEccError, false, "1"},
                              AttemptEnded{{job}, 1, Cause::kDeviceError, kEccError, true, {}, ""}};
  };
  std::vector<Event> lived = failed(1);
  lived.insert(lived.begin(), Progressed{{1}, 1, 100});
  EXPECT_TRUE(after_ends_on_one_gpu({failed(0), lived, failed(2)}).accused_gpus.empty());
  EXPECT_EQ(1U, after_ends_on_one_gpu({failed(0), failed(1)}).accused_gpus.size());
}

TEST(GpusAside, a_job_that_failed_on_two_gpus_says_nothing_of_either) {
  State state = after_ends_on_one_gpu({});
  for (const auto& [job, attempt, gpu] : {std::tuple(0, 1, "0"), std::tuple(0, 2, "1"), std::tuple(1, 1, "1")})
    tests::happen(
        state, {tests::toy_placed(job, attempt, {{{0}, 1}}), RankExited{{job}, attempt, 0, 1, 0, kEccError, false, gpu},
                AttemptEnded{{job}, attempt, Cause::kDeviceError, kEccError, true, {}, ""}});
  EXPECT_TRUE(state.accused_gpus.empty());
  check_invariants(state);
}

TEST(GpusAside, events_of_gpus_that_no_run_can_produce_are_refused) {
  const State state = after_ends_on_one_gpu({});
  for (const Event& event : {Event(GpuSetAside{{0}, "1", {}, ""}), Event(GpuReturned{{0}, "1"})}) {
    State copy = state;
    EXPECT_THROW(apply(copy, event), core::RuntimeError) << type_name(event);
  }
  State gone = state;
  EXPECT_NO_THROW(apply(gone, GpuReturned{{7}, "1"})) << "an agent that is not there";
}

}  // namespace
}  // namespace resolute::orchestrator::gpus_aside_test
