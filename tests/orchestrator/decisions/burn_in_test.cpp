// A burn-in decides before any job whether a GPU, or a host's processors, may compute.
#include "orchestrator/decisions/burn_in.h"

#include <gmock/gmock.h>

#include "core/random/random.h"
#include "tests/orchestrator/support/events.h"

namespace resolute::orchestrator::burn_in_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::toy_agent;

// Agents on a host each, with what each of their places came to; gpus 0: the processors.
struct Places {
  State state = tests::state_after({tests::toy_run()});
  std::vector<BurnedIn> burn_ins;

  void join(int gpus, const std::vector<std::string>& digests, const std::string& numeric_class = "H200") {
    const int number = state.next_agent;
    AgentJoined joined = toy_agent(number, fmt::format("node-{}", number), 2, gpus);
    joined.numeric_class = numeric_class;
    apply(state, joined);
    for (std::size_t i = 0; i < digests.size(); ++i)
      burn_ins.push_back({{number},
                          gpus > 0 ? std::to_string(i) : "",
                          digests[i],
                          digests[i].empty() ? "it hangs" : "",
                          1000,
                          0,
                          Milliseconds(10'000)});
  }
  std::vector<std::string> set_aside() {
    std::vector<std::string> asides;
    while (const auto next = next_verdict(state, burn_ins)) {
      apply(state, *next);
      check_invariants(state);
      if (const auto* gpu = std::get_if<GpuSetAside>(&*next)) {
        asides.push_back(gpu->why);
        EXPECT_EQ(kForGood, gpu->until);
      } else if (const auto* host = std::get_if<HostExcluded>(&*next)) {
        asides.push_back("host: " + host->why);
      } else {
        asides.push_back(describe(*next));
      }
    }
    return asides;
  }
};

TEST(BurnIn, a_gpu_with_other_bits_than_most_of_its_class_gets_no_job) {
  Places places;
  places.join(4, {"a", "a", "b", "a"});
  EXPECT_THAT(places.set_aside(),
              ElementsAre("GPU 2 of node-0: burn-in computed other bits than 3 of 4 of its numeric class"));
  EXPECT_EQ(3, capacity(places.state, true));
  places.join(4, {"a", "", "a", "a"});
  EXPECT_THAT(places.set_aside(), ElementsAre("GPU 1 of node-1: burn-in failed: it hangs"));
  EXPECT_EQ(6, capacity(places.state, true));
}

TEST(BurnIn, each_numeric_class_has_bits_of_its_own) {
  Places places;
  places.join(2, {"a", "a"}, "H200");
  places.join(2, {"b", "b"}, "A100");
  places.join(2, {"b", "a"}, "H200");
  EXPECT_THAT(places.set_aside(), ElementsAre(HasSubstr("GPU 0 of node-2")));
}

TEST(BurnIn, processors_that_compute_wrongly_exclude_their_host) {
  Places places;
  for (const char* digest : {"a", "a", "b"}) places.join(0, {digest});
  EXPECT_THAT(places.set_aside(),
              ElementsAre(HasSubstr("host: the processors of node-2: burn-in computed other bits")));
  EXPECT_EQ(4, capacity(places.state));
}

TEST(BurnIn, a_worker_that_knows_none_excludes_nobody) {
  Places places;
  places.join(2, {"", ""});
  places.join(2, {"", "a"});
  EXPECT_THAT(places.set_aside(), IsEmpty());
}

TEST(BurnIn, one_that_fails_beside_one_that_does_not_gets_no_job_whichever_came_first) {
  for (const auto& [digests, gpu] :
       {std::pair(std::vector<std::string>{"", "a"}, "0"), std::pair(std::vector<std::string>{"a", ""}, "1")}) {
    Places places;
    places.join(2, digests);
    EXPECT_THAT(places.set_aside(), ElementsAre(HasSubstr(fmt::format("GPU {} of node-0: burn-in failed", gpu))));
  }
}

TEST(BurnIn, places_of_an_unknown_class_may_differ) {
  Places places;
  places.join(2, {"a", "b"}, "");
  places.join(2, {"c", "a"}, "");
  EXPECT_THAT(places.set_aside(), IsEmpty());
}

TEST(BurnIn, of_equally_many_the_first_is_right_until_more_come) {
  Places places;
  places.join(1, {"b"});
  places.join(1, {"a"});
  EXPECT_THAT(places.set_aside(), ElementsAre(HasSubstr("GPU 0 of node-1")));
  places.join(1, {"a"});
  EXPECT_THAT(places.set_aside(), ElementsAre(HasSubstr("GPU 0 of node-0"), "GPU 0 of agent 1 given out again"));
  EXPECT_EQ(2, capacity(places.state, true));
  Places hosts;
  for (const char* digest : {"b", "a", "a"}) hosts.join(0, {digest}), hosts.set_aside();
  EXPECT_TRUE(is_excluded(hosts.state, "node-0"));
  EXPECT_FALSE(is_excluded(hosts.state, "node-1"));
}

TEST(BurnIn, of_two_that_disagree_one_stays_whoever_joins_anew) {
  Places places;
  places.join(1, {"b"});
  places.join(1, {"a"});
  places.set_aside();
  apply(places.state, AgentLost{{0}, "it was silent"});
  places.join(1, {"b"});
  places.set_aside();
  EXPECT_EQ(1, capacity(places.state, true));
}

TEST(BurnIn, a_gpu_that_computes_wrongly_is_not_given_out_again_but_by_its_user) {
  Places places;
  places.join(2, {"a", "a"});
  places.join(2, {"a", "b"});
  ASSERT_EQ(1U, places.set_aside().size());
  JobAdded gang = tests::toy_job(0, 4);
  gang.gpus = true;
  apply(places.state, gang);
  // The gang needs all four, and waits for the class in vain.
  const auto decisions = tests::settle(places.state, {}, {tests::at(1'000'000'000)});
  for (const Event& event : decisions) EXPECT_FALSE(std::holds_alternative<GpuReturned>(event)) << describe(event);
  EXPECT_EQ(RunEnd::kInterrupted, places.state.end) << "another run may have all four";
  EXPECT_EQ(3, capacity(places.state, true));
  apply(places.state, HostDrained{"node-1", false, "kim looked at it"});
  EXPECT_EQ(4, capacity(places.state, true));
}

// A job that ran there when the class was outnumbered ends like any other.
TEST(BurnIn, a_job_on_a_gpu_that_is_set_aside_meanwhile_gives_back_what_is_its_own) {
  Places places;
  places.join(2, {"b", "b"});
  JobAdded job = tests::toy_job(0);
  job.gpus = true;
  tests::happen(places.state, {job, tests::toy_placed(0, 1, {{{0}, 1}}), Started{{0}, 1}});
  places.join(4, {"a", "a", "a", "a"});
  EXPECT_EQ(2U, places.set_aside().size()) << "the second takes the host, whose other GPU is taken";
  RankExited exited = tests::rank_exit(0, 1, 0, 0);
  exited.gpu = "0";
  tests::happen(places.state, {exited, JobSucceeded{{0}, 1}});
  check_invariants(places.state);
  EXPECT_EQ(4, capacity(places.state, true));
}

TEST(BurnIn, whoever_is_wrong_the_most_are_right) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    core::RandomStream random("burn-in", {seed});
    Places places;
    std::size_t wrong = 0, all = 0;
    for (std::uint64_t agent = 0; agent < 1 + random.below(4); ++agent) {
      std::vector<std::string> digests(1 + random.below(8), "right");
      for (std::string& digest : digests) {
        if (++all > 2 * (wrong + 1) && random.below(3) == 0) digest = fmt::format("wrong {}", ++wrong % 2);
      }
      const int gpus = static_cast<int>(digests.size());
      places.join(gpus, digests, "class");
      places.set_aside();
    }
    EXPECT_EQ(static_cast<int>(all - wrong), capacity(places.state, true)) << seed;
  }
}

TEST(BurnIn, slow_places_are_named_with_the_median) {
  Places places;
  places.join(4, {"a", "a", "a", "a"});
  places.burn_ins[1].images_a_minute = 690;
  places.burn_ins[2].images_a_minute = 710;
  for (BurnedIn& done : places.burn_ins) done.free_mib = 140'000;
  places.burn_ins[3].free_mib = 70'000;
  EXPECT_THAT(slow_places(places.state, places.burn_ins),
              ElementsAre("GPU 1 of node-0 trained on 690 images a minute, most of its kind 1000: it gets work last",
                          "GPU 3 of node-0 had 70000 MiB of its memory free, most of its kind 140000"));
  EXPECT_THAT(slow_places(places.state, {}), IsEmpty());
}

}  // namespace
}  // namespace resolute::orchestrator::burn_in_test
