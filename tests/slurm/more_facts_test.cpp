// What a job finds around it, and how it is held, ended or kept alive by a cluster that loses nodes, as the scripts and
// the supervisor of an allocation rely on it; against a real slurmctld and slurmd.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "slurm/allocation.h"
#include "tests/support/slurm_box.h"

namespace resolute::slurm::more_facts_test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;
using tests::SlurmBox;

class MoreFactsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    box_ =
        std::make_unique<SlurmBox>(tests::SlurmBoxOptions{.nodes = 3, .cpus_per_node = 4, .set = {{"KillWait", "1"}}});
    // Looked at by the last test: the controller looks for limits every 30 s alone.
    limited_ = submit("limited",
                      "name=${1:-script}; log=" + file("limited.log").string() +
                          "\ntrap 'echo $name told >>$log' USR1; echo $name begins >>$log\n"
                          "[ $name = step ] || srun --nodes=1 --ntasks=1 --overlap bash " +
                          file("limited.sh").string() + " step &\nfor i in $(seq 900); do sleep 0.1; done",
                      {"--time=1", "--signal=B:USR1@60", "--nodelist=n1"});
  }
  static void TearDownTestSuite() { box_.reset(); }
  void TearDown() override {
    for (const std::string& line : box_->squeue("%A %j"))
      if (!line.ends_with(" limited")) box_->run({"scancel", line.substr(0, line.find(' '))});
  }

  static std::filesystem::path file(const std::string& name) { return box_->path() / name; }
  static std::string text(const std::string& name) {
    std::ifstream stream(file(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }
  static bool wait_for_text(const std::string& name, const std::string& part) {
    return SlurmBox::wait_for([&] { return text(name).find(part) != std::string::npos; }, 30s);
  }
  //! Output goes to NAME.out.
  static std::string submit(const std::string& name, const std::string& script, std::vector<std::string> more = {}) {
    std::ofstream(file(name + ".sh")) << "#!/bin/bash\n" << script << "\n";
    std::vector<std::string> words = {"sbatch", "--parsable", "--chdir=/", "--job-name=" + name,
                                      "--output=" + file(name + ".out").string()};
    words.insert(words.end(), more.begin(), more.end());
    words.push_back(file(name + ".sh").string());
    return box_->output(words);
  }
  static std::string field(const std::string& job, const std::string& key) {
    const auto fields = box_->scontrol_job(job);
    const auto found = fields.find(key);
    return found == fields.end() ? "" : found->second;
  }

  inline static std::unique_ptr<SlurmBox> box_;
  inline static std::string limited_;
};

TEST_F(MoreFactsTest, an_allocation_is_described_in_its_environment_but_for_its_end) {
  const std::string job = submit("environment", "env >" + file("environment").string(),
                                 {"--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=3"});
  ASSERT_TRUE(wait_for_text("environment", "SLURM_JOB_NODELIST="));
  std::map<std::string, std::string> environment;
  std::istringstream lines(text("environment"));
  for (std::string line; std::getline(lines, line);)
    if (const auto equals = line.find('='); equals != std::string::npos)
      environment[line.substr(0, equals)] = line.substr(equals + 1);
  const AllocationEnvironment here = read_allocation_environment(environment);
  EXPECT_EQ(std::to_string(here.job), job);
  EXPECT_EQ(here.nodes, 2);
  EXPECT_EQ(here.restart, 0);
  EXPECT_THAT(here.node_list, HasSubstr("n["));
  EXPECT_EQ(environment["SLURM_JOB_NAME"], "environment");
  EXPECT_EQ(environment["SLURM_CONF"], file("slurm.conf"));
  EXPECT_FALSE(environment.contains("SLURM_JOB_END_TIME")) << "it need not be asked for";
}

TEST_F(MoreFactsTest, a_name_may_hold_a_line_end_and_the_bars_between_fields) {
  const std::string name = "other\n1|1|N/A|RUNNING|resolute-mine";
  const std::string job = submit("other", "sleep 60", {"--job-name=" + name, "--hold"});
  EXPECT_EQ(box_->squeue("%j", {"-j", job}).size(), 2U) << "hence only names of ours are asked for";
  EXPECT_EQ(box_->squeue("%j", {"-n", "resolute-mine"}).size(), 0U);
  EXPECT_THAT(box_->output({"scontrol", "show", "job", "-o", job}), HasSubstr("JobName=" + name));
}

TEST_F(MoreFactsTest, an_output_file_that_cannot_be_opened_ends_the_job_at_once) {
  const std::string job = submit("unwritable", "true", {"--output=/dev/null/log"});
  ASSERT_TRUE(box_->wait_for_state(job, "FAILED"));
  EXPECT_EQ(field(job, "ExitCode"), "0:53");
}

TEST_F(MoreFactsTest, a_requeued_script_appends_to_its_log_and_counts_its_starts) {
  const std::string job =
      submit("appends", "echo start ${SLURM_RESTART_COUNT-first}; sleep 60", {"--requeue", "--open-mode=append"});
  ASSERT_TRUE(wait_for_text("appends.out", "start first"));
  box_->output({"scontrol", "requeue", job});
  EXPECT_TRUE(wait_for_text("appends.out", "start 1"));
  EXPECT_THAT(text("appends.out"), HasSubstr("start first")) << text("appends.out");
}

TEST_F(MoreFactsTest, a_script_that_ends_in_its_grace_time_has_ended_and_others_begin_again) {
  const std::vector<std::string> low = {"--partition=low", "--requeue", "--exclude=n1", "--nodes=1"};
  const std::string step = submit("step", "srun --ntasks=1 sleep 60", low);
  const std::string stays = submit("stays", "sleep 60", low);
  const std::string asks = submit("asks", "sleep 60", low);
  for (const std::string& job : {step, stays, asks}) ASSERT_TRUE(box_->wait_for_state(job, "RUNNING"));
  const std::string high = box_->output({"sbatch", "--parsable", "--partition=high", "--nodes=2", "--exclude=n1",
                                         "--exclusive", "--output=/dev/null", "--wrap", "sleep 1"});
  ASSERT_TRUE(SlurmBox::wait_for([&] { return field(asks, "PreemptTime") != "None"; }, 20s));
  box_->output({"scontrol", "requeue", asks});
  EXPECT_TRUE(box_->wait_for_state(step, "COMPLETED|FAILED"));
  EXPECT_EQ(field(step, "Restarts"), "0");
  ASSERT_TRUE(box_->wait_for_state(stays, "PENDING") && box_->wait_for_state(asks, "PENDING"));
  for (const std::string& job : {stays, asks}) EXPECT_NE(field(job, "PreemptTime"), "None") << "it stays so long";
  for (const std::string& job : {stays, asks}) {
    ASSERT_TRUE(box_->wait_for_state(job, "RUNNING"));
    EXPECT_EQ(field(job, "Restarts"), "1");
    EXPECT_EQ(field(job, "PreemptTime"), "None") << "it is of the start before";
  }
}

TEST_F(MoreFactsTest, a_job_whose_script_could_not_be_launched_is_held_until_it_is_released) {
  const std::string job = submit("launched", "sleep 60", {"--requeue", "--nodelist=n3"});
  ASSERT_TRUE(box_->wait_for_state(job, "RUNNING"));
  box_->node_down("n3", SlurmBox::Tell::kTimeout);
  // The sockets of its steps go with the processes; the folder of the job that stays is in the way of its next launch.
  for (const auto& entry : std::filesystem::directory_iterator(file("s") / "n3"))
    if (entry.path().filename().string().starts_with("n3_")) std::filesystem::remove(entry.path());
  box_->node_up("n3", SlurmBox::Spool::kKept);
  ASSERT_TRUE(SlurmBox::wait_for([&] { return field(job, "Reason") == "launch_failed_requeued_held"; }, 90s))
      << field(job, "JobState") << " " << field(job, "Reason");
  EXPECT_EQ(field(job, "JobState"), "PENDING");
  EXPECT_EQ(field(job, "Priority"), "0");
  std::filesystem::remove_all(file("s") / "n3" / ("job0000" + job));
  box_->output({"scontrol", "release", job});
  EXPECT_NE(field(job, "Priority"), "0");
}

// A job on two nodes that notes what its processes do, its first node lost.
class FirstNodeTest : public MoreFactsTest {
 protected:
  static std::string start(const std::string& name, std::vector<std::string> options) {
    const std::string beat = "while :; do date +%s >>" + file(name).string() + "-$SLURMD_NODENAME; sleep 0.2; done";
    std::vector<std::string> words = {"--nodes=2", "--requeue", "--exclude=n1"};
    words.insert(words.end(), options.begin(), options.end());
    std::string job =
        submit(name, "srun --nodes=2 --ntasks=2 --no-kill --kill-on-bad-exit=0 bash -c '" + beat + "'", words);
    EXPECT_TRUE(SlurmBox::wait_for([&] { return !text(name + "-n2").empty() && !text(name + "-n3").empty(); }));
    EXPECT_EQ(field(job, "BatchHost"), "n2");
    return job;
  }
  void TearDown() override {
    MoreFactsTest::TearDown();
    box_->node_up("n2");
  }
};

TEST_F(FirstNodeTest, a_job_that_is_not_to_be_killed_stays_running_without_its_script_and_can_be_requeued) {
  const std::string job = start("kept", {"--no-kill"});
  box_->node_down("n2", SlurmBox::Tell::kNow);
  std::this_thread::sleep_for(3s);
  EXPECT_EQ(field(job, "JobState"), "RUNNING");
  EXPECT_EQ(field(job, "Restarts"), "0");
  const std::size_t before = text("kept-n3").size();
  EXPECT_TRUE(SlurmBox::wait_for([&] { return text("kept-n3").size() > before; }, 10s)) << "the step lives on";
  box_->output({"scontrol", "requeue", job});
  ASSERT_TRUE(box_->wait_for_state(job, "PENDING"));
  EXPECT_EQ(field(job, "Restarts"), "1");
}

TEST_F(FirstNodeTest, any_other_job_is_requeued_by_slurm) {
  const std::string job = start("requeued", {});
  box_->node_down("n2", SlurmBox::Tell::kNow);
  ASSERT_TRUE(box_->wait_for_state(job, "PENDING"));
  EXPECT_EQ(field(job, "Restarts"), "1");
}

TEST_F(MoreFactsTest, the_notice_that_was_asked_for_comes_to_the_script_alone_and_before_the_limit) {
  ASSERT_TRUE(wait_for_text("limited.log", "step begins") && wait_for_text("limited.log", "script told"));
  EXPECT_THAT(text("limited.log"), Not(HasSubstr("step told")));
  EXPECT_EQ(field(limited_, "JobState"), "RUNNING");
}

}  // namespace
}  // namespace resolute::slurm::more_facts_test
