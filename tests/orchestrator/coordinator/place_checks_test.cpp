// Some finished trainings have their first steps done again elsewhere, and the bits tell whose place computes wrongly.
#include "orchestrator/coordinator/place_checks.h"

#include <gmock/gmock.h>

#include <set>

#include "core/hash/sha256.h"
#include "tests/orchestrator/support/events.h"

namespace resolute::orchestrator::place_checks_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::rank_exit;
using tests::toy_agent;
using tests::toy_job;
using tests::toy_placed;

// A run whose every training is repeated; its checks hear what its state hears.
struct Course {
  State state = tests::state_after({tests::toy_run()});
  PlaceChecks checks{{}, Repeats(1)};
  int jobs = 0;

  void happen(const Event& event) {
    checks.repeats.take(state, event);
    apply(state, event);
    check_invariants(state);
  }
  int join(const std::string& host, int gpus, const std::string& numeric_class = "H200") {
    AgentJoined joined = toy_agent(state.next_agent, host, 4, gpus);
    joined.numeric_class = numeric_class;
    happen(joined);
    return joined.agent.value;
  }
  // A training that runs on an agent from now on.
  JobIndex begin(int agent, bool gpus, int slots = 1, const std::string& kind = "training") {
    JobAdded added = toy_job(jobs++, slots);
    added.gpus = gpus;
    added.kind = kind;
    happen(added);
    happen(toy_placed(added.job.value, 1, {{{agent}, slots}}));
    happen(Started{added.job, 1});
    return added.job;
  }
  void end_well(JobIndex job, const std::string& gpu) {
    const int attempt = job_of(state, job).attempts;
    for (int rank = 0; rank < job_of(state, job).slots; ++rank) {
      RankExited exited = rank_exit(job.value, attempt, rank, 0);
      exited.gpu = gpu;
      happen(exited);
    }
    happen(JobSucceeded{job, attempt});
  }
  void end_badly(JobIndex job, Cause cause, bool retry) {
    const int attempt = job_of(state, job).attempts;
    happen(rank_exit(job.value, attempt, 0, 1));
    happen(AttemptEnded{job, attempt, cause, "", retry, {}, ""});
  }
  JobIndex train(int agent, const std::string& gpu) {
    const JobIndex job = begin(agent, !gpu.empty());
    end_well(job, gpu);
    return job;
  }
  // A training on the agent repeats what waits. \return whether anything did
  bool repeat(int agent, const std::string& gpu, const std::string& digest, const std::string& recorded = "right") {
    const JobIndex carrier = begin(agent, !gpu.empty());
    if (!checks.repeats.order_for(state, carrier)) return false;
    const auto repeated = checks.repeats.take_answer(
        state, carrier, {{"repeat", {{"recorded", recorded}, {"digest", digest}, {"gpu", gpu}, {"took_ms", 1200U}}}});
    EXPECT_TRUE(repeated && repeated->problem.empty() && repeated->took == Milliseconds(1200));
    happen(*repeated);
    // It ends without a result of its own, so that only the training counts.
    RankExited exited = rank_exit(carrier.value, 1, 0, 1);
    exited.gpu = gpu;
    happen(exited);
    happen(AttemptEnded{carrier, 1, Cause::kExitCode, "", false, {}, ""});
    return true;
  }
  std::vector<std::string> verdicts() {
    std::vector<std::string> texts;
    while (const auto verdict = checks.next_verdict(state)) {
      happen(*verdict);
      texts.push_back(describe(*verdict));
    }
    return texts;
  }
};

TEST(Repeats, take_the_share_of_jobs_that_was_asked_for_and_a_larger_share_takes_the_same_and_more) {
  int few = 0, many = 0;
  for (int i = 0; i < 4000; ++i) {
    const experiments::JobId job{core::sha256_hex(std::to_string(i))};
    EXPECT_FALSE(is_repeated(job, 0));
    EXPECT_TRUE(is_repeated(job, 1));
    few += is_repeated(job, 0.01) ? 1 : 0;
    many += is_repeated(job, 0.25) ? 1 : 0;
    EXPECT_TRUE(is_repeated(job, 0.25) || !is_repeated(job, 0.01));
  }
  EXPECT_GT(few, 20);
  EXPECT_LT(few, 60);
  EXPECT_NEAR(1000, many, 100);
}

TEST(Repeats, wait_for_another_place_of_the_numeric_class) {
  Course course;
  const int first = course.join("node-1", 0), other_class = course.join("node-2", 0, "A100"),
            same_host = course.join("node-1", 0), second = course.join("node-3", 0), on_gpus = course.join("node-4", 2);
  course.train(first, "");
  for (const int agent : {first, other_class, same_host}) EXPECT_FALSE(course.repeat(agent, "", "right"));
  EXPECT_FALSE(course.repeat(on_gpus, "0", "right"));
  EXPECT_EQ(1U, course.checks.repeats.waiting());
  EXPECT_TRUE(course.repeat(second, "", "right"));
  EXPECT_EQ(0U, course.checks.repeats.waiting());
  EXPECT_FALSE(course.repeat(second, "", "right")) << "once is enough";
  EXPECT_THAT(course.verdicts(), IsEmpty());
}

TEST(Repeats, are_of_trainings_of_one_rank_and_carried_by_such) {
  Course course;
  const int first = course.join("node-1", 0), second = course.join("node-2", 0);
  for (const auto& [kind, slots] : {std::pair("evaluation", 1), std::pair("training", 2)})
    course.end_well(course.begin(first, false, slots, kind), "");
  EXPECT_EQ(0U, course.checks.repeats.waiting());
  course.train(first, "");
  for (const auto& [kind, slots] : {std::pair("evaluation", 1), std::pair("training", 2)})
    EXPECT_FALSE(course.checks.repeats.order_for(course.state, course.begin(second, false, slots, kind)));
  EXPECT_EQ(1U, course.checks.repeats.waiting());
}

// Its first steps were computed where that attempt ran.
TEST(Repeats, are_of_trainings_whose_last_attempt_began_with_the_first_step) {
  for (const bool has_checkpoint : {false, true}) {
    Course course;
    const int first = course.join("node-1", 0), second = course.join("node-2", 0);
    const JobIndex job = course.begin(first, false);
    if (has_checkpoint) course.happen(Progressed{job, 1, 5});
    course.end_badly(job, Cause::kPreempted, true);
    course.happen(toy_placed(job.value, 2, {{{second}, 1}}));
    course.end_well(job, "");
    EXPECT_EQ(has_checkpoint ? 0U : 1U, course.checks.repeats.waiting());
    EXPECT_FALSE(course.repeat(second, "", "right")) << "it ended there";
    EXPECT_EQ(!has_checkpoint, course.repeat(first, "", "right"));
  }
}

TEST(Repeats, leave_out_trainings_of_which_another_run_may_have_kept_a_checkpoint) {
  Course course;
  const int first = course.join("node-1", 0);
  JobAdded added = toy_job(course.jobs++);
  added.attempts = 2;
  course.happen(added);
  course.happen(toy_placed(added.job.value, 3, {{{first}, 1}}));
  course.end_well(added.job, "");
  EXPECT_EQ(0U, course.checks.repeats.waiting());
}

TEST(Repeats, leave_out_trainings_that_go_on_from_a_shorter_one) {
  Course course;
  course.checks.repeats = Repeats(1, {toy_job(1).id});
  const int first = course.join("node-1", 0), second = course.join("node-2", 0);
  course.train(first, "");
  course.train(first, "");
  EXPECT_EQ(1U, course.checks.repeats.waiting());
  const auto order = course.checks.repeats.order_for(course.state, course.begin(second, false));
  ASSERT_TRUE(order);
  EXPECT_EQ(toy_job(0).id, order->training);
}

TEST(Repeats, on_another_gpu_of_an_agent_leave_the_training_s_own_gpu_out) {
  Course course;
  const int agent = course.join("node-1", 3);
  const JobIndex training = course.train(agent, "1");
  const JobIndex carrier = course.begin(agent, true);
  const auto order = course.checks.repeats.order_for(course.state, carrier);
  ASSERT_TRUE(order);
  EXPECT_EQ(job_of(course.state, training).id, order->training);
  EXPECT_THAT(order->not_on, ElementsAre("1"));
  EXPECT_FALSE(course.checks.repeats.order_for(course.state, carrier)) << "one carrier at a time";
}

// What killed it may have been the repetition, which is to cost no other training an attempt.
TEST(Repeats, whose_carrier_ends_without_a_word_are_given_up) {
  Course course;
  const int first = course.join("node-1", 0), second = course.join("node-2", 0);
  course.train(first, "");
  const JobIndex carrier = course.begin(second, false);
  ASSERT_TRUE(course.checks.repeats.order_for(course.state, carrier));
  course.happen(rank_exit(carrier.value, 1, 0, 0, 9));
  course.happen(AttemptEnded{carrier, 1, Cause::kSignal, "", true, {}, ""});
  EXPECT_FALSE(course.repeat(second, "", "right"));
  EXPECT_EQ(1U, course.checks.repeats.waiting()) << "the run says so in the end";
}

TEST(Repeats, are_done_by_the_next_where_their_carrier_was_ended_from_elsewhere) {
  const std::set<Cause> from_elsewhere{Cause::kPeerLost,  Cause::kInterrupted, Cause::kPreempted,
                                       Cause::kWalltime,  Cause::kAgentLost,   Cause::kCoordinatorLost,
                                       Cause::kCancelled, Cause::kStoreError,  Cause::kClaimLost};
  for (std::size_t i = 0; i < kCauses; ++i) {
    const auto cause = static_cast<Cause>(i);
    SCOPED_TRACE(std::string(name_of(cause)));
    Course course;
    const int first = course.join("node-1", 0), second = course.join("node-2", 0), third = course.join("node-3", 0);
    course.train(first, "");
    EXPECT_TRUE(course.repeat(second, "", "other"));
    const JobIndex carrier = course.begin(third, false);
    ASSERT_TRUE(course.checks.repeats.order_for(course.state, carrier));
    course.end_badly(carrier, cause, false);
    EXPECT_EQ(1U, course.checks.repeats.waiting()) << "no third place has told which of the two is right";
    EXPECT_EQ(from_elsewhere.contains(cause), course.repeat(third, "", "other"));
  }
}

TEST(Repeats, wait_where_the_agent_has_no_other_gpu) {
  Course course;
  course.train(course.join("node-1", 1), "0");
  EXPECT_FALSE(course.checks.repeats.order_for(course.state, course.begin(0, true)));
  EXPECT_EQ(1U, course.checks.repeats.waiting());
}

// The agent alone knows which GPU the carrier gets.
TEST(Repeats, wait_on_where_the_carrier_got_the_training_s_own_gpu) {
  Course course;
  const int agent = course.join("node-1", 2);
  course.train(agent, "1");
  const JobIndex carrier = course.begin(agent, true);
  ASSERT_TRUE(course.checks.repeats.order_for(course.state, carrier));
  EXPECT_FALSE(course.checks.repeats.take_answer(course.state, carrier, {{"repeat", {{"left_out", true}}}}));
  EXPECT_TRUE(course.repeat(agent, "0", "right"));
  EXPECT_EQ(0U, course.checks.repeats.waiting());
}

TEST(Repeats, of_two_places_that_disagree_believe_the_first_until_a_third_tells) {
  for (const bool first_is_right : {true, false}) {
    Course course;
    const int agent = course.join("node-1", 4);
    course.train(agent, "0");
    EXPECT_TRUE(course.repeat(agent, "1", "other"));
    EXPECT_THAT(course.verdicts(),
                ElementsAre(HasSubstr("GPU 1 of agent 0 set aside (GPU 1 of node-1: repeating job ")));
    EXPECT_EQ(1U, course.checks.repeats.waiting()) << "for a third place";
    EXPECT_TRUE(course.repeat(agent, "2", first_is_right ? "right" : "other"));
    if (first_is_right)
      EXPECT_THAT(course.verdicts(), IsEmpty());
    else
      EXPECT_THAT(course.verdicts(),
                  ElementsAre(HasSubstr("GPU 0 of agent 0 set aside"), HasSubstr("GPU 1 of agent 0 given out again")));
    EXPECT_EQ(0U, course.checks.repeats.waiting());
  }
}

TEST(Repeats, set_a_gpu_aside_once_one_of_its_agent_is_free) {
  Course course;
  const int agent = course.join("node-1", 2);
  course.train(agent, "0");
  EXPECT_TRUE(course.repeat(agent, "1", "other"));
  const std::vector<JobIndex> at_work{course.begin(agent, true), course.begin(agent, true)};
  EXPECT_THAT(course.verdicts(), IsEmpty());
  course.end_well(at_work[0], "0");
  EXPECT_THAT(course.verdicts(), ElementsAre(HasSubstr("GPU 1 of agent 0 set aside")));
}

TEST(Repeats, of_processors_that_disagree_exclude_the_host) {
  Course course;
  const int first = course.join("node-1", 0), second = course.join("node-2", 0);
  course.train(first, "");
  EXPECT_TRUE(course.repeat(second, "", "other"));
  EXPECT_THAT(course.verdicts(), ElementsAre(HasSubstr("host node-2 excluded")));
}

TEST(Repeats, that_could_not_be_compared_accuse_nobody) {
  Course course;
  const int first = course.join("node-1", 0), second = course.join("node-2", 0);
  for (const core::Json& line :
       {core::Json{{"repeat", {{"problem", "no log"}}}}, core::Json{{"repeat", {{"recorded", "right"}}}},
        core::Json{{"repeat", {{"recorded", "right"}, {"digest", 7}, {"took_ms", -1}}}}}) {
    course.train(first, "");
    const JobIndex carrier = course.begin(second, false);
    ASSERT_TRUE(course.checks.repeats.order_for(course.state, carrier));
    EXPECT_FALSE(course.checks.repeats.take_answer(course.state, carrier, {{"step", 3}}));
    EXPECT_FALSE(course.checks.repeats.take_answer(course.state, carrier, {{"repeat", 3}}));
    const auto repeated = course.checks.repeats.take_answer(course.state, carrier, line);
    ASSERT_TRUE(repeated);
    EXPECT_FALSE(repeated->problem.empty());
    EXPECT_FALSE(course.checks.repeats.take_answer(course.state, carrier, line)) << "it says so once";
    EXPECT_THAT(course.verdicts(), IsEmpty());
    EXPECT_EQ(0U, course.checks.repeats.waiting());
    course.end_well(carrier, "");
    course.checks.forget(course.state, "node-2");
  }
}

TEST(Repeats, forget_what_a_host_computed_that_a_user_has_looked_at) {
  Course course;
  const int first = course.join("node-1", 0), second = course.join("node-2", 0);
  course.train(first, "");
  EXPECT_TRUE(course.repeat(second, "", "other"));
  course.checks.forget(course.state, "node-2");
  EXPECT_THAT(course.verdicts(), IsEmpty());
}

}  // namespace
}  // namespace resolute::orchestrator::place_checks_test
