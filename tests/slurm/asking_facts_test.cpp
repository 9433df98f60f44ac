// What slurm/ relies on when it asks a real cluster of jobs, one test a fact: SLURM 22.05 here; if one fails with
// another version, so will what the fact is for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "slurm/job_record.h"
#include "slurm/trouble.h"
#include "tests/support/slurm_box.h"

namespace resolute::slurm::asking_facts_test {
namespace {

using testing::HasSubstr;
using tests::SlurmBox;

// One cluster for all: each starts in a second, but finished jobs take some to be forgotten.
class AskingFacts : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    // A job's age counts from when it was cancelled: it may not be forgotten while it is still completing on a busy
    // machine. A job that ignores SIGTERM is completing for KillWait: long enough to be seen so there.
    box_ = std::make_unique<SlurmBox>(
        tests::SlurmBoxOptions{.nodes = 2, .cpus_per_node = 8, .set = {{"MinJobAge", "20"}, {"KillWait", "5"}}});
  }
  static void TearDownTestSuite() { box_.reset(); }
  static SlurmBox& box() { return *box_; }

  static core::CommandOutput run(std::vector<std::string> words) {
    words.insert(words.begin(), {"env", "TZ=UTC0"});
    return box().run(std::move(words));
  }
  static std::string submit(const std::string& name, const std::string& script, std::vector<std::string> more = {}) {
    std::vector<std::string> words = {"sbatch", "--parsable", "-D", "/", "-o", "/dev/null", "-J", name};
    words.insert(words.end(), more.begin(), more.end());
    words.insert(words.end(), {"--wrap", script});
    const core::CommandOutput output = run(words);
    const auto accepted = parse_accepted(output.out);
    EXPECT_TRUE(accepted.has_value()) << output.out << output.err;
    return accepted.has_value() ? std::to_string(accepted->id) : "0";
  }
  static std::vector<QueuedJob> queue(const std::string& name) {
    const auto output =
        run({"squeue", "-h", "-r", "-a", "-t", "all", "--me", "-n", name, "-o", std::string(kQueueFormat)});
    EXPECT_TRUE(output.succeeded()) << output.err;
    return parse_queue(output.out);
  }
  static QueuedJob only(const std::string& name) {
    const auto jobs = queue(name);
    EXPECT_EQ(jobs.size(), 1U) << name;
    return jobs.empty() ? QueuedJob{} : jobs.front();
  }
  static ShownJob shown(const std::string& id, const std::string& name) {
    const auto output = run({"scontrol", "show", "job", "-o", id});
    EXPECT_TRUE(output.succeeded()) << output.err;
    return std::get<ShownJob>(parse_shown_job(output.out, std::stoll(id), name));
  }
  static bool comes_to(const std::string& name, JobState state) {
    return SlurmBox::wait_for([&] {
      const auto jobs = queue(name);
      return !jobs.empty() &&
             std::all_of(jobs.begin(), jobs.end(), [&](const auto& job) { return job.state == state; });
    });
  }

 private:
  static inline std::unique_ptr<SlurmBox> box_;
};

TEST_F(AskingFacts, a_finished_job_is_hidden_by_default_and_then_forgotten) {
  const std::string id = submit("resolute-asking-end", "true");
  ASSERT_TRUE(comes_to("resolute-asking-end", JobState::kCompleted));
  EXPECT_EQ(run({"squeue", "-h", "-n", "resolute-asking-end", "-o", "%A"}).out, "") << "hence -t all";
  EXPECT_EQ(shown(id, "resolute-asking-end").state, JobState::kCompleted);
  ASSERT_TRUE(SlurmBox::wait_for([] { return queue("resolute-asking-end").empty(); }));
  // By name: empty and no error. By id: an error.
  const auto by_id = run({"squeue", "-h", "-t", "all", "-j", id});
  EXPECT_FALSE(by_id.succeeded());
  EXPECT_THAT(by_id.err, HasSubstr("Invalid job id specified"));
  const auto show = run({"scontrol", "show", "job", "-o", id});
  EXPECT_FALSE(show.succeeded());
  EXPECT_THAT(show.err, HasSubstr("Invalid job id specified"));
  EXPECT_EQ(show.out, "");
  const auto requeue = run({"scontrol", "requeue", id});
  EXPECT_FALSE(requeue.succeeded());
  EXPECT_THAT(requeue.err, HasSubstr("Invalid job id specified"));
  const auto cancel = run({"scancel", id});
  EXPECT_TRUE(cancel.succeeded()) << "no error, though there is no such job";
  EXPECT_TRUE(run({"scancel", "-n", "resolute-asking-end"}).succeeded());
}

TEST_F(AskingFacts, jobs_are_found_by_exactly_their_names_several_at_once) {
  submit("resolute-asking-a", "sleep 60");
  submit("resolute-asking-a1", "sleep 60");
  submit("resolute-asking-b", "sleep 60", {"-H"});
  const auto jobs = queue("resolute-asking-a,resolute-asking-b,resolute-asking-none");
  std::set<std::string> names;  // squeue's order follows the states
  for (const auto& job : jobs) names.insert(job.name);
  EXPECT_THAT(names, testing::ElementsAre("resolute-asking-a", "resolute-asking-b"));
  EXPECT_TRUE(queue("resolute-asking-none").empty());
  run({"scancel", "-n", "resolute-asking-a"});
  ASSERT_TRUE(comes_to("resolute-asking-a", JobState::kCancelled));
  EXPECT_NE(only("resolute-asking-a1").state, JobState::kCancelled) << "its name only begins so";
  run({"scancel", "-u", "root"});
}

TEST_F(AskingFacts, an_id_is_known_as_another_jobs_by_the_name_whatever_that_holds) {
  const std::string name = "resolute-asking-x JobState=COMPLETED Reason=None|RUNNING";
  const std::string id = submit(name, "sleep 60");
  const auto output = run({"scontrol", "show", "job", "-o", id});
  EXPECT_THAT(output.out, HasSubstr("JobName=" + name + " UserId="));
  EXPECT_TRUE(std::holds_alternative<AnotherJob>(parse_shown_job(output.out, std::stoll(id), "resolute-asking-x")));
  EXPECT_TRUE(queue("resolute-asking-x").empty());
  run({"scancel", id});
}

TEST_F(AskingFacts, a_held_job_says_so_in_its_reason_until_it_is_released) {
  const std::string name = "resolute-asking-held";
  const std::string id = submit(name, "sleep 60", {"-H"});
  EXPECT_EQ(only(name).reason, "JobHeldUser");
  EXPECT_EQ(phase_of(only(name).state, only(name).reason), Phase::kHeld);
  EXPECT_TRUE(run({"scontrol", "release", id}).succeeded());
  ASSERT_TRUE(comes_to(name, JobState::kRunning));
  EXPECT_TRUE(run({"scontrol", "requeuehold", id}).succeeded());
  ASSERT_TRUE(comes_to(name, JobState::kPending));
  EXPECT_EQ(only(name).reason, "job requeued in held state");
  EXPECT_EQ(shown(id, name).reason, "job_requeued_in_held_state");
  EXPECT_EQ(phase_of(shown(id, name).state, shown(id, name).reason), Phase::kHeld);
  EXPECT_TRUE(run({"scontrol", "release", id}).succeeded());
  EXPECT_NE(phase_of(only(name).state, only(name).reason), Phase::kHeld);
  run({"scancel", id});
}

TEST_F(AskingFacts, a_requeued_job_keeps_id_and_name_but_not_its_time_of_submission) {
  const std::string name = "resolute-asking-requeued";
  const std::string id = submit(name, "sleep 60");
  ASSERT_TRUE(comes_to(name, JobState::kRunning));
  const QueuedJob before = only(name);
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  EXPECT_TRUE(run({"scontrol", "requeue", id}).succeeded());
  ASSERT_TRUE(comes_to(name, JobState::kPending));
  const QueuedJob after = only(name);
  EXPECT_EQ(after.id, before.id);
  EXPECT_GT(after.submitted, before.submitted);
  EXPECT_TRUE(after.node_list.empty());
  EXPECT_EQ(after.reason, "BeginTime");
  EXPECT_EQ(shown(id, name).restarts, 1);
  run({"scancel", id});
}

TEST_F(AskingFacts, requeue_of_a_finished_job_runs_it_again_without_a_word) {
  const std::string name = "resolute-asking-again";
  const std::string id = submit(name, "true");
  ASSERT_TRUE(comes_to(name, JobState::kCompleted));
  EXPECT_TRUE(run({"scontrol", "requeue", id}).succeeded()) << "hence the look before";
  ASSERT_TRUE(comes_to(name, JobState::kPending));
  run({"scancel", id});
}

TEST_F(AskingFacts, completing_hides_how_a_job_ended) {
  const std::string name = "resolute-asking-completing";
  const std::string id = submit(name, "trap '' TERM; while :; do sleep 0.1; done");
  ASSERT_TRUE(comes_to(name, JobState::kRunning));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  run({"scancel", id});
  ASSERT_TRUE(comes_to(name, JobState::kCompleting));
  EXPECT_EQ(shown(id, name).state, JobState::kCompleting);
  ASSERT_TRUE(comes_to(name, JobState::kCancelled));
}

TEST_F(AskingFacts, without_accounting_sacct_says_so_and_fails) {
  const auto output = run({"sacct", "-n", "-P", "-X", "-o", "JobIDRaw"});
  EXPECT_FALSE(output.succeeded());
  EXPECT_THAT(output.err, HasSubstr("accounting storage is disabled"));
  EXPECT_EQ(output.out, "");
}

}  // namespace
}  // namespace resolute::slurm::asking_facts_test
