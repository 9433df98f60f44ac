// How SLURM submits and fails, as slurm/client.h relies on it; against a real slurmctld and slurmd.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <future>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "core/error.h"
#include "slurm/client.h"
#include "tests/support/refusal.h"
#include "tests/support/slurm_box.h"

namespace resolute::slurm::trouble_facts_test {
namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using namespace testing;
using tests::error_of;
using tests::SlurmBox;

class TroubleFactsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    box_ = std::make_unique<SlurmBox>(
        tests::SlurmBoxOptions{.nodes = 2, .cpus_per_node = 4, .set = {{"MessageTimeout", "3"}}});
  }
  static void TearDownTestSuite() { box_.reset(); }
  void TearDown() override { box_->run({"scancel", "-u", box_->output({"id", "-un"})}); }

  static Client client(ClientOptions options = {}) {
    Effects effects = real_effects();
    effects.run = [environment = command_environment(box_->environment())](const std::vector<std::string>& arguments,
                                                                           std::chrono::milliseconds limit) {
      return core::run_command({.arguments = arguments, .environment = environment}, limit);
    };
    return Client(effects, options);
  }
  static Client impatient() { return client({.patience = 0ms}); }

  static std::variant<Accepted, Refused, Unclear> try_to_submit(const std::string& name, const std::string& text,
                                                                const std::vector<std::string>& options = {}) {
    const std::filesystem::path path = box_->path() / (name + ".sh");
    std::ofstream file(path);
    file << "#!/bin/sh\n#SBATCH --output=/dev/null\n#SBATCH --job-name=" << name << "\n";
    for (const std::string& option : options) file << "#SBATCH " << option << "\n";
    file << text << "\n";
    file.close();
    return impatient().submit(path);
  }
  // \return 0 if it was not accepted, which fails the test
  static SlurmJobId submit(const std::string& name, const std::string& text,
                           const std::vector<std::string>& options = {}) {
    const auto answer = try_to_submit(name, text, options);
    const auto* accepted = std::get_if<Accepted>(&answer);
    EXPECT_NE(accepted, nullptr) << name << " was not accepted";
    return accepted == nullptr ? 0 : accepted->id;
  }
  static std::optional<QueuedJob> queued(const std::string& name) {
    const std::vector<QueuedJob> jobs = client().find({name});
    return jobs.size() == 1 ? std::optional(jobs.front()) : std::nullopt;
  }
  static bool wait_for_state(const std::string& name, JobState state) {
    return SlurmBox::wait_for([&] { return queued(name) && queued(name)->state == state; }, 20s);
  }
  static bool wait_for_reason(const std::string& name, const std::string& reason) {
    return SlurmBox::wait_for([&] { return queued(name) && queued(name)->reason == reason; }, 20s);
  }
  // Whether the controller would know the job after being killed: up to 5 s after it was submitted it would not.
  static bool is_saved(const std::string& name) {
    std::ifstream file(box_->path() / "state" / "job_state", std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    return bytes.find(name) != std::string::npos;
  }

  inline static std::unique_ptr<SlurmBox> box_;
};

TEST_F(TroubleFactsTest, what_slurm_refuses_has_left_no_job) {
  const auto why = [](const std::string& option) {
    const auto answer = try_to_submit("refused", "true", {option});
    const auto* refused = std::get_if<Refused>(&answer);
    return refused == nullptr ? "it was not refused" : refused->why;
  };
  EXPECT_EQ(why("--partition=nowhere"), "invalid partition specified: nowhere");
  EXPECT_THAT(why("--gres=gpu:9"), HasSubstr("Invalid generic resource (gres) specification"));
  EXPECT_THAT(why("--frobnicate"), HasSubstr("unrecognized option"));
  EXPECT_THAT(why("--nodes=many"), HasSubstr("is not a valid node count"));
  const auto absent = impatient().submit(box_->path() / "absent.sh");
  EXPECT_TRUE(std::holds_alternative<Refused>(absent));
  EXPECT_THAT(client().find({"refused"}), IsEmpty());
}

TEST_F(TroubleFactsTest, a_refusal_for_want_of_such_nodes_leaves_a_job_that_has_failed) {
  const auto answer = try_to_submit("huge", "true", {"--mem=9T"});
  ASSERT_TRUE(std::holds_alternative<Refused>(answer));
  EXPECT_THAT(std::get<Refused>(answer).why, HasSubstr("Requested node configuration is not available"));
  const std::optional<QueuedJob> left = queued("huge");
  ASSERT_TRUE(left);
  EXPECT_EQ(left->state, JobState::kFailed);
  EXPECT_EQ(left->reason, "BadConstraints");
}

TEST_F(TroubleFactsTest, what_can_never_run_is_accepted_and_waits) {
  EXPECT_GT(submit("toomany", "true", {"--nodes=9"}), 0);
  EXPECT_GT(submit("toolong", "true", {"--time=5-0"}), 0);
  EXPECT_TRUE(wait_for_reason("toomany", "PartitionConfig"));
  EXPECT_TRUE(wait_for_reason("toolong", "PartitionTimeLimit"));
}

TEST_F(TroubleFactsTest, an_unknown_job_is_gone_and_to_cancel_it_is_silent) {
  EXPECT_TRUE(std::holds_alternative<Gone>(impatient().show(99999, "job")));
  EXPECT_TRUE(std::holds_alternative<Gone>(impatient().requeue(99999)));
  EXPECT_TRUE(std::holds_alternative<Gone>(impatient().release(99999)));
  EXPECT_THAT(impatient().find({"unknown", "nobody"}), IsEmpty());
  impatient().cancel("unknown");
  impatient().cancel("unknown", CancelScope::kWaiting);
}

TEST_F(TroubleFactsTest, a_dependency_on_an_unknown_job_is_met_and_one_on_a_failed_job_never) {
  const SlurmJobId fails = submit("fails", "exit 7");
  submit("stranger", "true", {"--dependency=afterok:99999"});
  EXPECT_TRUE(wait_for_state("fails", JobState::kFailed));
  EXPECT_TRUE(wait_for_state("stranger", JobState::kCompleted));
  submit("forever", "true", {fmt::format("--dependency=afterok:{}", fails)});
  submit("ended", "true", {fmt::format("--dependency=afterok:{}", fails), "--kill-on-invalid-dep=yes"});
  EXPECT_TRUE(wait_for_reason("forever", "DependencyNeverSatisfied"));
  EXPECT_TRUE(wait_for_state("ended", JobState::kCancelled));
}

TEST_F(TroubleFactsTest, two_of_one_name_run_one_after_the_other) {
  const SlurmJobId first = submit("twice", "sleep 60", {"--dependency=singleton"});
  ASSERT_TRUE(wait_for_state("twice", JobState::kRunning));
  const SlurmJobId second = submit("twice", "sleep 60", {"--dependency=singleton"});
  std::this_thread::sleep_for(2s);  // two looks of the scheduler; six processors are free
  const auto state = [&](SlurmJobId id) {
    for (const QueuedJob& job : client().find({"twice"}))
      if (job.id == id) return job.state;
    return JobState::kRevoked;
  };
  EXPECT_EQ(state(first), JobState::kRunning);
  EXPECT_EQ(state(second), JobState::kPending);
  // Of both only the one that waits.
  impatient().cancel("twice", CancelScope::kWaiting);
  EXPECT_EQ(state(first), JobState::kRunning);
  EXPECT_EQ(state(second), JobState::kCancelled);
}

TEST_F(TroubleFactsTest, a_finished_job_can_be_requeued_and_one_that_must_not_says_so) {
  const SlurmJobId done = submit("done", "true");
  ASSERT_TRUE(wait_for_state("done", JobState::kCompleted));
  EXPECT_TRUE(std::holds_alternative<Refused>(impatient().release(done)));
  EXPECT_TRUE(std::holds_alternative<Done>(impatient().requeue(done)));  // exit code 0: look first
  EXPECT_EQ(queued("done")->state, JobState::kPending);
  const SlurmJobId once = submit("once", "sleep 60", {"--no-requeue"});
  ASSERT_TRUE(wait_for_state("once", JobState::kRunning));
  const auto answer = impatient().requeue(once);
  ASSERT_TRUE(std::holds_alternative<Refused>(answer));
  EXPECT_THAT(std::get<Refused>(answer).why, HasSubstr("presently disabled"));
}

TEST_F(TroubleFactsTest, a_failed_sbatch_has_submitted_and_the_name_finds_the_job) {
  box_->stop_controller();
  const auto answer = try_to_submit("hung", "sleep 60");
  const auto silence = error_of([] { impatient().find({"hung"}); });
  box_->start_controller();
  ASSERT_TRUE(std::holds_alternative<Unclear>(answer));
  EXPECT_THAT(std::get<Unclear>(answer).why, HasSubstr("Socket timed out on send/recv operation"));
  ASSERT_TRUE(silence);
  EXPECT_EQ(silence->kind(), ErrorKind::kTransient);
  // A busy controller answers this before it has come to what sbatch had sent.
  std::optional<QueuedJob> found;
  ASSERT_TRUE(SlurmBox::wait_for([&] { return (found = queued("hung")).has_value(); }, 20s));
  EXPECT_TRUE(found->submitted);
  EXPECT_TRUE(std::holds_alternative<ShownJob>(client().show(found->id, "hung")));
}

TEST_F(TroubleFactsTest, while_the_controller_is_away_nothing_is_refused_and_nothing_is_gone) {
  const SlurmJobId id = submit("before", "sleep 60");
  ASSERT_TRUE(SlurmBox::wait_for([] { return is_saved("before"); }, 20s));
  box_->kill_controller();
  // Each waits 4 to 8 s for a connection.
  auto submitted = std::async(std::launch::async, [] { return try_to_submit("away", "true"); });
  auto find = std::async(std::launch::async, [] { return error_of([] { impatient().find({"before"}); }); });
  auto show = std::async(std::launch::async, [&] { return error_of([&] { impatient().show(id, "before"); }); });
  auto requeue = std::async(std::launch::async, [&] { return error_of([&] { impatient().requeue(id); }); });
  auto cancel = std::async(std::launch::async, [] { return error_of([] { impatient().cancel("before"); }); });
  const auto answer = submitted.get();
  ASSERT_TRUE(std::holds_alternative<Unclear>(answer));
  EXPECT_THAT(std::get<Unclear>(answer).why, HasSubstr("Unable to contact slurm controller"));
  for (auto* result : {&find, &show, &requeue, &cancel}) {
    const auto error = result->get();
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::kTransient) << error->what();
  }
  auto patient = std::async(std::launch::async, [] { return client().find({"before", "away"}); });
  std::this_thread::sleep_for(500ms);
  box_->start_controller();
  EXPECT_THAT(patient.get(), SizeIs(1));
}

TEST_F(TroubleFactsTest, an_acknowledged_job_may_be_lost_and_its_id_be_anothers) {
  SlurmJobId lost = 0;
  for (int round = 0; round < 10 && lost == 0; ++round) {
    const std::string saved = fmt::format("saved-{}", round);
    submit(saved, "sleep 60");  // once it is saved, the next one waits up to 5 s for that
    ASSERT_TRUE(SlurmBox::wait_for([&] { return is_saved(saved); }, 20s));
    const SlurmJobId id = submit("lost", "sleep 60");
    box_->kill_controller();
    box_->start_controller();
    if (client().find({"lost"}).empty()) lost = id;
    if (lost == 0) client().cancel("lost");
  }
  ASSERT_GT(lost, 0) << "the controller lost none of ten";
  EXPECT_TRUE(std::holds_alternative<Gone>(client().show(lost, "lost")));
  EXPECT_EQ(submit("heir", "sleep 60"), lost);
  EXPECT_TRUE(std::holds_alternative<AnotherJob>(client().show(lost, "lost")));
  EXPECT_TRUE(std::holds_alternative<ShownJob>(client().show(lost, "heir")));
}

TEST_F(TroubleFactsTest, a_job_that_has_ended_may_come_back_running_and_begin_again) {
  const std::filesystem::path go = box_->path() / "go";
  submit("undead", "while [ ! -e " + go.string() + " ]; do sleep 0.05; done", {"--nodelist=n2"});
  ASSERT_TRUE(wait_for_state("undead", JobState::kRunning));
  submit("latest", "sleep 60", {"--nodelist=n1"});  // once it is saved, so is the other as one that runs
  ASSERT_TRUE(SlurmBox::wait_for([] { return is_saved("latest"); }, 20s));
  std::ofstream(go).put('\n');
  ASSERT_TRUE(wait_for_state("undead", JobState::kCompleted));
  box_->kill_controller();
  box_->start_controller();
  EXPECT_EQ(queued("undead")->state, JobState::kRunning);
  box_->node_down("n2", SlurmBox::Tell::kNow);
  EXPECT_TRUE(wait_for_state("undead", JobState::kPending));
  box_->node_up("n2");
}

TEST_F(TroubleFactsTest, without_a_configuration_there_is_no_slurm_here) {
  if (std::filesystem::exists("/etc/slurm/slurm.conf")) GTEST_SKIP() << "this machine belongs to a cluster";
  Effects effects = real_effects();
  effects.run = [](const std::vector<std::string>& arguments, std::chrono::milliseconds limit) {
    core::SpawnRequest request{.arguments = arguments, .environment = command_environment(box_->environment())};
    request.environment.erase("SLURM_CONF");
    return core::run_command(std::move(request), limit);
  };
  const auto error = error_of([&] { Client(effects).find({"job"}); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::kInput);
  EXPECT_THAT(error->what(), HasSubstr("Could not establish a configuration source"));
}

}  // namespace
}  // namespace resolute::slurm::trouble_facts_test
