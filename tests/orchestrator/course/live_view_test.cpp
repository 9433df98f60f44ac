#include "orchestrator/course/live_view.h"

#include <gtest/gtest.h>

#include "tests/orchestrator/support/events.h"
#include "tests/orchestrator/support/toy_suite.h"

namespace resolute::tests::live_view_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;

const core::MonotonicTime kBegin{1h};

class LiveViews : public testing::Test {
 protected:
  LiveViews() {
    for (int number = 0; number < 2; ++number) jobs_.add({number});
    forecast_.expect(plan_);
  }
  LiveStatus view() const { return live_view(state_, attempts_, starting_, forecast_, kBegin + 90s); }
  std::string state_of_agent() const { return view().agents.at(0).state; }

  State state_ = state_after({toy_run(), toy_job(0, 2), toy_job(1), toy_agent(0, "a", 2), toy_agent(1, "b", 1),
                              toy_placed(0, 3, {{{0}, 1}, {{1}, 1}})});
  Attempts attempts_;
  StartingAttempts starting_;
  experiments::Plan plan_ = toy_plan(2, 1);
  PlannedJobs jobs_{plan_.jobs};
  Forecast forecast_{{}, jobs_};
};

TEST_F(LiveViews, shows_attempts_from_their_launch_on) {
  attempts_.begin({0}, 3);
  starting_.begin({0}, 3);
  EXPECT_TRUE(view().running.empty()) << "its files are being made";
  starting_.forget({0});
  attempts_.at({0}).launched = kBegin;
  attempts_.at({0}).line = R"({"step": 5, "steps": 10})";
  const LiveStatus status = view();
  ASSERT_EQ(status.running.size(), 1U);
  const LiveAttempt& live = status.running[0];
  EXPECT_EQ(live.job, toy_job(0).id);
  EXPECT_EQ(live.attempt, 3);
  EXPECT_EQ(live.ranks, 2);
  EXPECT_EQ(live.hosts, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(live.seconds, 90);
  EXPECT_EQ(live.step, 5);
  EXPECT_EQ(live.seconds_left, 90);
  EXPECT_EQ(status.seconds_left, -1) << "nothing is known of job 1";
}

TEST_F(LiveViews, counts_gpus_that_jobs_share_once) {
  JobAdded one = toy_job(2), other = toy_job(3);
  one.gpus = other.gpus = true;
  happen(state_, {one, other, toy_agent(2, "c", 1, 3), GpusShared{{2}, 2, {"A", "B", "C"}},
                  toy_placed(2, 1, {{{2}, 1}}), toy_placed(3, 1, {{{2}, 1}})});
  const LiveAgent agent = view().agents.at(2);
  EXPECT_EQ(agent.gpus, 3);
  EXPECT_EQ(agent.free_gpus, 1);
}

TEST_F(LiveViews, says_why_an_agent_is_not_given_out_the_strongest_reason_first) {
  EXPECT_EQ(state_of_agent(), "");
  EXPECT_EQ(view().agents.at(0).free, 1);
  happen(state_, {HostSetAside{"a", at(1'000), "it fails"}});
  EXPECT_EQ(state_of_agent(), "set aside");
  EXPECT_EQ(view().agents.at(0).why, "it fails");
  happen(state_, {HostExcluded{"a", "it lies"}});
  EXPECT_EQ(state_of_agent(), "excluded");
  happen(state_, {HostDrained{"a", true, "drained by me"}});
  EXPECT_EQ(state_of_agent(), "drained");
  happen(state_, {AgentLeaving{{0}, "preempted"}});
  EXPECT_EQ(state_of_agent(), "leaving");
  EXPECT_EQ(view().agents.at(1).state, "") << "another host";
}

}  // namespace
}  // namespace resolute::tests::live_view_test
