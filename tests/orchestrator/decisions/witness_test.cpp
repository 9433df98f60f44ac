#include "tests/orchestrator/support/witness.h"

#include <gmock/gmock.h>

#include "orchestrator/decisions/apply.h"
#include "tests/orchestrator/support/events.h"

namespace resolute::tests::witness_test {
namespace {

using namespace orchestrator;

// A run of two jobs, the second needing the first, on one agent of two slots.
class WitnessOf : public testing::Test {
 protected:
  WitnessOf() {
    tell(toy_run());
    tell(toy_job(0, 2));
    tell(toy_job(1, 1, {0}));
    tell(AgentJoined{{0}, "host", 2, 0, 0, {}});
  }
  void tell(const Event& event) {
    orchestrator::apply(state_, event);
    witness_.check(state_, event);
  }
  // An event that apply() would refuse too: the witness must not rely on that.
  void expect_broken(const Event& event, const std::string& promise) {
    EXPECT_THAT([&] { witness_.check(state_, event); },
                testing::ThrowsMessage<core::ContractError>(testing::HasSubstr(promise)))
        << describe(event);
  }
  static Placed placed(int job, int attempt, int slots, int agent = 0) {
    return {.job = {job}, .attempt = attempt, .placement = {{{agent}, slots}}, .why = {}};
  }

  static RankExited exited(int attempt, int rank, int code = 0) { return {{0}, attempt, rank, code, 0, "", false}; }

  State state_;
  Witness witness_;
};

TEST_F(WitnessOf, a_good_run_says_nothing) {
  tell(placed(0, 1, 2));
  tell(exited(1, 0));
  tell(exited(1, 1));
  tell(JobSucceeded{{0}, 1});
  tell(placed(1, 1, 1));
}

TEST_F(WitnessOf, half_a_gang_complains) { expect_broken(placed(0, 1, 1), "placed whole"); }

TEST_F(WitnessOf, a_job_whose_need_is_missing_complains) { expect_broken(placed(1, 1, 1), "all it needs is there"); }

TEST_F(WitnessOf, a_slot_given_twice_complains) {
  tell(toy_job(2, 1));
  tell(placed(0, 1, 2));
  expect_broken(placed(2, 1, 1), "no slot is given twice");
}

TEST_F(WitnessOf, a_placement_on_a_leaving_agent_complains) {
  tell(AgentLeaving{{0}, "test"});
  expect_broken(placed(0, 1, 2), "there to stay");
}

TEST_F(WitnessOf, a_placement_on_an_excluded_host_complains) {
  tell(HostExcluded{"host", "test"});
  expect_broken(placed(0, 1, 2), "excluded");
}

TEST_F(WitnessOf, an_attempt_that_ends_while_ranks_run_complains) {
  tell(placed(0, 1, 2));
  tell(exited(1, 0, 1));
  expect_broken(AttemptEnded{{0}, 1, Cause::kExitCode, "", true, {}, ""}, "when all its ranks have");
}

TEST_F(WitnessOf, a_success_while_ranks_run_complains) {
  tell(placed(0, 1, 2));
  expect_broken(JobSucceeded{{0}, 1}, "when all its ranks have ended");
}

TEST_F(WitnessOf, a_second_success_complains) {
  tell(placed(0, 1, 2));
  tell(exited(1, 0));
  tell(exited(1, 1));
  tell(JobSucceeded{{0}, 1});
  expect_broken(JobSucceeded{{0}, 2}, "published once");
}

TEST_F(WitnessOf, a_retry_beyond_the_budget_complains) {
  for (int attempt = 1; attempt <= 2; ++attempt) {
    tell(placed(0, attempt, 2));
    for (int rank : {0, 1}) tell(exited(attempt, rank, 1));
    tell(AttemptEnded{{0}, attempt, Cause::kExitCode, "", true, {}, ""});
  }
  tell(placed(0, 3, 2));
  for (int rank : {0, 1}) tell(exited(3, rank, 1));
  expect_broken(AttemptEnded{{0}, 3, Cause::kExitCode, "", true, {}, ""}, "budgets are respected");
}

TEST_F(WitnessOf, a_placement_after_a_stop_complains) {
  tell(StopRequested{"test"});
  expect_broken(placed(0, 1, 2), "to stop");
}

TEST_F(WitnessOf, an_attempt_number_used_again_complains) {
  tell(placed(0, 1, 2));
  for (int rank : {0, 1}) tell(exited(1, rank, 1));
  tell(AttemptEnded{{0}, 1, Cause::kExitCode, "", true, {}, ""});
  expect_broken(placed(0, 1, 2), "used once");
}

}  // namespace
}  // namespace resolute::tests::witness_test
