// Which signals reach whom in an allocation, and what becomes of its job, as `suite allocation` relies on it; against a
// real slurmctld and slurmd.

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/files/file_system.h"
#include "slurm/allocation.h"
#include "slurm/client.h"
#include "tests/support/slurm_box.h"

namespace resolute::slurm::signal_facts_test {
namespace {

using namespace std::chrono_literals;
using tests::SlurmBox;

// Notes what it gets in $LOG; "script" also starts a step of two tasks, and a child of its own. Nobody ends by SIGTERM.
constexpr const char* kNotes = R"(
note() { echo "$name $1" >> "$LOG"; }
name=$1
for signal in USR1 TERM CONT; do trap "note $signal" $signal; done
if [ "$name" = script ]; then
  echo "restarts ${SLURM_RESTART_COUNT-none}" >> "$LOG"
  srun --nodes=2 --ntasks=2 --input=none bash "$NOTES" task &
  echo $! > "$LOG.srun"
  bash "$NOTES" child &
fi
note ready
end=$((SECONDS + 60))
while [ $SECONDS -lt $end ]; do
  if [ "$name" = script ] && [ -e "$LOG.requeue" ]; then
    rm "$LOG.requeue"
    scontrol requeue "$SLURM_JOB_ID" >> "$LOG" 2>&1
    note "requeue: $?"
  fi
  sleep 0.05
done
)";

class SignalFactsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    // Killed only when a test has seen what it is about.
    box_ = std::make_unique<SlurmBox>(
        tests::SlurmBoxOptions{.nodes = 2, .cpus_per_node = 4, .set = {{"KillWait", "5"}, {"MessageTimeout", "5"}}});
    std::ofstream(file("notes.sh")) << kNotes;
  }
  static void TearDownTestSuite() { box_.reset(); }
  void TearDown() override { box_->run({"scancel", "-s", "KILL", "-f", "-u", box_->output({"id", "-un"})}); }

  static std::filesystem::path file(const std::string& name) { return box_->path() / name; }

  // The shell becomes what notes the signals. Returns when every process of the job has its handlers.
  static std::string start(const std::string& name, const std::vector<std::string>& options = {}) {
    std::ofstream(file(name + ".sh"))
        << "#!/bin/bash\n#SBATCH --output=/dev/null --requeue --nodes=2 --signal=B:USR1@60\n"
        << "export LOG=" << file(name).string() << " NOTES=" << file("notes.sh").string()
        << "\nexec bash \"$NOTES\" script\n";
    std::vector<std::string> words{"sbatch", "--parsable", "--job-name=" + name};
    words.insert(words.end(), options.begin(), options.end());
    words.push_back(file(name + ".sh").string());
    std::string job = box_->output(words);
    EXPECT_TRUE(wait_for_count(name, "ready", 4));
    return job;
  }
  static int count(const std::string& log, const std::string& line_end) {
    std::ifstream stream(file(log));
    int found = 0;
    for (std::string line; std::getline(stream, line);) found += line.ends_with(line_end) ? 1 : 0;
    return found;
  }
  static bool wait_for_count(const std::string& log, const std::string& line_end, int least) {
    return SlurmBox::wait_for([&] { return count(log, line_end) >= least; }, 30s);
  }
  // SLURM ends a requeued job at once, and by SIGTERM `scontrol` with it, sometimes before it has read the answer.
  static bool asks_for_requeue(const std::string& name) {
    std::ofstream(file(name + ".requeue")) << "\n";
    return SlurmBox::wait_for([&] { return count(name, "script requeue: 0") + count(name, "script requeue: 143") > 0; },
                              30s);
  }
  static std::string log_text(const std::string& log) { return core::read_text(core::real_file_system(), file(log)); }
  static std::string srun_of(const std::string& log) { return box_->output({"cat", file(log + ".srun").string()}); }

  // What this allocation's run would be said to have ended by.
  static EndCause cause_now(const std::string& job, const std::string& name, bool terminated, int restart = 0) {
    Effects effects = real_effects();
    effects.run = [environment = command_environment(box_->environment())](const std::vector<std::string>& arguments,
                                                                           std::chrono::milliseconds limit) {
      return core::run_command({.arguments = arguments, .environment = environment}, limit);
    };
    AllocationEnding ending;
    ending.began = true;
    ending.terminated = terminated;
    ending.restart = restart;
    ending.now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    ending.job = Client(effects).show(std::stoll(job), name);
    return cause_of(ending);
  }

  static std::unique_ptr<SlurmBox> box_;
};
std::unique_ptr<SlurmBox> SignalFactsTest::box_;

TEST_F(SignalFactsTest, a_notice_reaches_the_batch_script_and_nobody_else) {
  const std::string job = start("notice");
  box_->output({"scancel", "--signal=USR1", "--batch", job});
  ASSERT_TRUE(wait_for_count("notice", "script USR1", 1));
  std::this_thread::sleep_for(500ms);
  EXPECT_EQ(count("notice", "script USR1"), 1);
  EXPECT_EQ(count("notice", "USR1"), 1) << log_text("notice");
}

TEST_F(SignalFactsTest, srun_hands_a_notice_to_each_of_its_tasks_and_goes_on) {
  const std::string job = start("handed");
  box_->output({"kill", "-USR1", srun_of("handed")});
  ASSERT_TRUE(wait_for_count("handed", "task USR1", 2));
  std::this_thread::sleep_for(500ms);
  EXPECT_EQ(count("handed", "USR1"), 2) << log_text("handed");
  box_->output({"kill", "-0", srun_of("handed")});
  EXPECT_EQ(cause_now(job, "handed", false), EndCause::kInterrupted) << "for SLURM the job runs on";
}

// How a launcher that hangs on is ended; never while its run may have something to write.
TEST_F(SignalFactsTest, srun_kills_its_tasks_without_a_word_when_it_is_told_to_end) {
  start("told");
  const std::string srun = srun_of("told");
  const auto succeeds = [](const std::vector<std::string>& command) {
    return std::get<core::Exited>(box_->run(command).status).code == 0;
  };
  const std::vector<std::string> look_for_tasks{"pgrep", "-f", file("notes.sh").string() + " task"};
  ASSERT_TRUE(succeeds(look_for_tasks));
  box_->output({"kill", "-TERM", srun});
  EXPECT_TRUE(SlurmBox::wait_for([&] { return !succeeds({"kill", "-0", srun}) && !succeeds(look_for_tasks); }, 20s));
  EXPECT_EQ(count("told", "TERM"), 0) << log_text("told");
}

TEST_F(SignalFactsTest, a_cancelled_job_is_completing_without_a_reason_and_everybody_is_told) {
  const std::string job = start("cancelled");
  box_->output({"scancel", job});
  for (const char* who : {"script TERM", "child TERM"}) EXPECT_TRUE(wait_for_count("cancelled", who, 1)) << who;
  EXPECT_TRUE(wait_for_count("cancelled", "task TERM", 2));
  const auto fields = box_->scontrol_job(job);
  EXPECT_EQ(fields.at("JobState"), "COMPLETING");
  EXPECT_EQ(fields.at("Reason"), "None");
  EXPECT_EQ(cause_now(job, "cancelled", true), EndCause::kCancelled);
}

TEST_F(SignalFactsTest, a_job_can_requeue_itself_and_is_told_to_end_at_once) {
  const std::string job = start("requeued");
  EXPECT_EQ(count("requeued", "restarts none"), 1);
  ASSERT_TRUE(asks_for_requeue("requeued")) << log_text("requeued");
  ASSERT_TRUE(wait_for_count("requeued", "script TERM", 1));
  EXPECT_EQ(cause_now(job, "requeued", true), EndCause::kRequeued) << "while the script lives";
  EXPECT_TRUE(wait_for_count("requeued", "restarts 1", 1));
  EXPECT_EQ(box_->state(job), "RUNNING");
  EXPECT_EQ(box_->scontrol_job(job).at("Restarts"), "1");
}

TEST_F(SignalFactsTest, preemption_tells_the_steps_alone_and_slurm_when_it_did) {
  const std::string job = start("preempted", {"--partition=low"});
  const std::string high = box_->output({"sbatch", "--parsable", "--partition=high", "--nodes=2", "--exclusive",
                                         "--output=/dev/null", "--wrap", "sleep 1"});
  ASSERT_TRUE(wait_for_count("preempted", "task TERM", 2));
  EXPECT_EQ(count("preempted", "script TERM") + count("preempted", "child TERM"), 0) << log_text("preempted");
  EXPECT_EQ(cause_now(job, "preempted", false), EndCause::kPreempted);
  // Within the grace time it can still queue itself again; without that, ending would be its end.
  ASSERT_TRUE(asks_for_requeue("preempted")) << log_text("preempted");
  EXPECT_TRUE(wait_for_count("preempted", "restarts 1", 1));
  EXPECT_EQ(cause_now(job, "preempted", false, 1), EndCause::kInterrupted) << "that it was preempted once is over";
}

TEST_F(SignalFactsTest, at_its_time_limit_a_job_is_completing_for_that_reason_and_can_still_requeue_itself) {
  const std::string job = start("limited");
  box_->output({"scontrol", "update", "JobId=" + job, "TimeLimit=0"});
  ASSERT_TRUE(SlurmBox::wait_for([&] { return count("limited", "script TERM") > 0; }, 60s));
  const auto fields = box_->scontrol_job(job);
  EXPECT_EQ(fields.at("JobState"), "COMPLETING");
  EXPECT_EQ(fields.at("Reason"), "TimeLimit");
  EXPECT_EQ(cause_now(job, "limited", true), EndCause::kWalltime);
  EXPECT_TRUE(asks_for_requeue("limited")) << log_text("limited");
}

}  // namespace
}  // namespace resolute::slurm::signal_facts_test
