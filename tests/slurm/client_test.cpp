#include "slurm/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <random>

#include "core/error.h"
#include "tests/support/manual_clock.h"
#include "tests/support/refusal.h"

namespace resolute::slurm::client_test {
namespace {

using namespace std::chrono_literals;
using core::CommandOutput;
using core::ErrorKind;
using std::chrono::milliseconds;
using namespace testing;
using tests::error_of;

constexpr const char* kAway = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n";

CommandOutput good(const std::string& out = {}) { return {core::Exited{0}, out, {}}; }
CommandOutput bad(const std::string& err, int code = 1) { return {core::Exited{code}, {}, err}; }
std::string queue_line(SlurmJobId id, const std::string& name) {
  return fmt::format("{}|{}|N/A|RUNNING|2026-01-31T12:00:00|2026-01-31T12:00:01|2026-01-31T13:00:01|2|n[1-2]|{}|None\n",
                     id, id, name);
}

// A SLURM that answers as it is told; the last answer for ever.
struct World {
  tests::ManualClock clock;
  std::deque<CommandOutput> answers;
  milliseconds cost{0};  // of each command
  std::vector<std::vector<std::string>> asked;
  std::vector<milliseconds> limits, pauses;

  Effects effects() {
    Effects effects;
    effects.run = [this](const std::vector<std::string>& arguments, milliseconds limit) {
      asked.push_back(arguments);
      limits.push_back(limit);
      clock.advance(cost);
      CommandOutput answer = answers.front();
      if (answers.size() > 1) answers.pop_front();
      return answer;
    };
    effects.sleep = [this](milliseconds time) {
      pauses.push_back(time);
      clock.advance(time);
    };
    effects.clock = &clock;
    return effects;
  }
  Client client(ClientOptions options = {}) { return Client(effects(), options); }
  //! With what a look for a job ends.
  std::string refusal(ErrorKind kind) {
    return tests::refusal([&] { client().find({"job"}); }, kind);
  }
};

TEST(ClientTest, find_asks_once_for_all_names_and_keeps_only_theirs) {
  World world;
  world.answers = {good(queue_line(4, "one") + queue_line(5, "two") + queue_line(6, "twofold"))};
  const std::vector<QueuedJob> jobs = world.client().find({"one", "two"});
  ASSERT_EQ(jobs.size(), 2U);
  EXPECT_EQ(jobs[0].id, 4);
  EXPECT_EQ(jobs[1].name, "two");
  EXPECT_THAT(world.asked, ElementsAre(std::vector<std::string>{"squeue", "-h", "-r", "-a", "-t", "all", "--me", "-n",
                                                                "one,two", "-o", std::string(kQueueFormat)}));
  EXPECT_THAT(world.limits, ElementsAre(30'000ms));
  EXPECT_THAT(world.client().find({}), IsEmpty());
  EXPECT_EQ(world.asked.size(), 1U);
}

TEST(ClientTest, more_names_than_an_argument_holds_are_asked_for_in_parts) {
  World world;
  std::vector<std::string> names;
  for (int i = 0; i < 3000; ++i) names.push_back(fmt::format("{:0>128}", i));
  world.answers = {good(queue_line(1, names.front())), good(), good(), good(queue_line(2, names.back()))};
  EXPECT_EQ(world.client().find(names).size(), 2U);
  EXPECT_EQ(world.asked.size(), 4U);
  std::string all;
  for (const auto& arguments : world.asked) {
    EXPECT_LT(arguments[8].size(), 131'072U);
    all += (all.empty() ? "" : ",") + arguments[8];
  }
  EXPECT_EQ(all, fmt::format("{}", fmt::join(names, ",")));
}

TEST(ClientTest, pauses_double_up_to_the_longest_until_there_is_an_answer) {
  World world;
  world.answers = {bad(kAway), bad(kAway, 8), bad("", 140), bad("what?", 255), {core::Killed{9}, "", ""},
                   bad(kAway), bad(kAway),    good()};
  EXPECT_THAT(world.client().find({"job"}), IsEmpty());
  EXPECT_THAT(world.pauses, ElementsAre(500ms, 1s, 2s, 4s, 8s, 15s, 15s));
  EXPECT_EQ(world.asked.size(), 8U);
}

TEST(ClientTest, patience_ends_and_its_last_moment_is_used) {
  World world;
  world.answers = {bad(kAway)};
  EXPECT_EQ(world.refusal(ErrorKind::kTransient),
            "SLURM's 'squeue' did not answer (Unable to contact slurm controller (connect failure); tries: 9, in "
            "60 s); try again later; 'scontrol ping' tells whether the controller is up");
  EXPECT_THAT(world.pauses, ElementsAre(500ms, 1s, 2s, 4s, 8s, 15s, 15s, 14500ms));
}

TEST(ClientTest, the_time_that_commands_take_counts) {
  World world;
  world.answers = {bad(kAway)};
  world.cost = 25s;
  EXPECT_TRUE(error_of([&] { world.client().find({"job"}); }));
  EXPECT_THAT(world.pauses, ElementsAre(500ms, 1s));
}

TEST(ClientTest, for_any_options_the_pauses_never_shrink_and_fill_the_patience) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    World world;
    world.answers = {bad(kAway)};
    const ClientOptions options{.patience = milliseconds(round == 0 ? 0 : random() % 100'000),
                                .first_pause = milliseconds(random() % 3000),
                                .longest_pause = milliseconds(100 + random() % 20'000)};
    EXPECT_TRUE(error_of([&] { world.client(options).find({"job"}); }));
    milliseconds sum{0};
    for (milliseconds pause : world.pauses) sum += pause;
    EXPECT_EQ(sum, options.patience);
    EXPECT_EQ(world.asked.size(), world.pauses.size() + 1);
    if (!world.pauses.empty()) {
      EXPECT_TRUE(std::is_sorted(world.pauses.begin(), world.pauses.end() - 1));
      EXPECT_LE(*std::max_element(world.pauses.begin(), world.pauses.end()),
                std::max({options.first_pause, options.longest_pause, 1ms}));
    }
  }
}

TEST(ClientTest, a_clock_that_stands_still_makes_nobody_wait_for_ever) {
  World world;
  world.answers = {bad(kAway)};
  Effects effects = world.effects();
  int slept = 0;
  effects.sleep = [&](milliseconds) { ++slept; };
  EXPECT_TRUE(error_of([&] { Client(effects).find({"job"}); }));
  EXPECT_EQ(slept, 8);
}

TEST(ClientTest, whoever_sleeps_may_be_interrupted) {
  World world;
  world.answers = {bad(kAway)};
  Effects effects = world.effects();
  effects.sleep = [](milliseconds) { throw core::RuntimeError(ErrorKind::kInterrupted, "asked to stop"); };
  EXPECT_EQ(error_of([&] { Client(effects).find({"job"}); })->kind(), ErrorKind::kInterrupted);
}

TEST(ClientTest, text_that_squeue_would_not_write_is_asked_for_again_and_never_taken_for_no_jobs) {
  World world;
  world.answers = {good("<html>gateway</html>\n"), good(queue_line(4, "job").substr(0, 20)),
                   good(queue_line(4, "job"))};
  EXPECT_EQ(world.client().find({"job"}).size(), 1U);
  EXPECT_EQ(world.pauses.size(), 2U);
  world.answers = {good("\x01\x02")};
  EXPECT_THAT(world.refusal(ErrorKind::kTransient),
              AllOf(HasSubstr("did not answer (squeue wrote"), EndsWith("whether the controller is up")));
}

TEST(ClientTest, an_output_that_may_have_lost_its_end_is_no_answer) {
  World world;
  std::string lines;
  while (lines.size() < (std::size_t{32} << 20)) lines += queue_line(4, "job");
  world.answers = {good(lines), good()};
  EXPECT_THAT(world.client().find({"job"}), IsEmpty());
  EXPECT_EQ(world.asked.size(), 2U);
}

TEST(ClientTest, refusals_and_missing_programs_are_told_at_once) {
  World world;
  world.answers = {bad("squeue: unrecognized option '--me'\nTry \"squeue --help\" for more information\n")};
  EXPECT_EQ(world.refusal(ErrorKind::kEnvironment), "SLURM refuses 'squeue' (unrecognized option '--me')");
  world.answers = {bad("squeue: fatal: Could not establish a configuration source\n")};
  EXPECT_THAT(world.refusal(ErrorKind::kInput),
              HasSubstr("SLURM is not available here: 'squeue' cannot be used (Could not establish"));
  EXPECT_THAT(world.pauses, IsEmpty());
  // squeue does not say this of a name; as "no such job" it would make a second one.
  world.answers = {bad("slurm_load_jobs error: Invalid job id specified\n")};
  EXPECT_NE(world.refusal(ErrorKind::kEnvironment), "");
}

TEST(ClientTest, show_tells_the_job_another_one_and_none_apart) {
  World world;
  const std::string text =
      "JobId=7 JobName=job UserId=root(0) GroupId=root(0) MCS_label=N/A Priority=1 Nice=0 Account=(null) QOS=(null) "
      "JobState=RUNNING Reason=None Dependency=(null) Requeue=1 Restarts=2 BatchFlag=1 Reboot=0 ExitCode=0:0 "
      "RunTime=00:00:00 TimeLimit=00:10:00 TimeMin=N/A SubmitTime=2026-11-21T10:39:03 EligibleTime=2026-11-21T10:39:04 "
      "AccrueTime=Unknown StartTime=2026-11-21T10:39:04 EndTime=2026-11-21T10:49:04 Deadline=N/A PreemptTime=None "
      "SuspendTime=None Partition=main NodeList=n1 WorkDir=/home/a\n";
  world.answers = {good(text)};
  const auto shown = world.client().show(7, "job");
  ASSERT_TRUE(std::holds_alternative<ShownJob>(shown));
  EXPECT_EQ(std::get<ShownJob>(shown).restarts, 2);
  EXPECT_TRUE(std::holds_alternative<AnotherJob>(world.client().show(7, "other")));
  world.answers = {bad(kAway), bad("slurm_load_jobs error: Invalid job id specified\n")};
  EXPECT_TRUE(std::holds_alternative<Gone>(world.client().show(7, "job")));
  EXPECT_EQ(world.asked.back(), (std::vector<std::string>{"scontrol", "show", "job", "-o", "7"}));
  EXPECT_THROW(world.client().show(0, "job"), core::ContractError);
}

TEST(ClientTest, cancel_names_the_user_and_the_job_and_none_is_none) {
  World world;
  world.answers = {good()};
  world.client().cancel("job");
  ASSERT_EQ(world.asked.size(), 1U);
  ASSERT_EQ(world.asked[0].size(), 3U);
  EXPECT_THAT(world.asked[0][1], testing::StartsWith("--user="));
  EXPECT_NE(world.asked[0][1], "--user=");
  EXPECT_EQ(world.asked[0][2], "--name=job");
  world.client().cancel("job", CancelScope::kWaiting);
  EXPECT_EQ(world.asked[1].back(), "--state=PENDING");
  world.answers = {bad("scancel: error: Kill job error on job id 5: Job/step already completing or completed\n")};
  world.client().cancel("job");
  world.answers = {bad("scancel: error: Kill job error on job id 5: Invalid job id specified\n")};
  world.client().cancel("job");
  world.answers = {bad("scancel: error: Kill job error on job id 5: Access/permission denied\n")};
  EXPECT_EQ(error_of([&] { world.client().cancel("job"); })->kind(), ErrorKind::kEnvironment);
}

TEST(ClientTest, one_job_is_named_by_its_id) {
  World world;
  world.answers = {good()};
  EXPECT_TRUE(std::holds_alternative<Done>(world.client().requeue(12)));
  EXPECT_TRUE(std::holds_alternative<Done>(world.client().release(12)));
  world.client().cancel(12);
  EXPECT_THAT(world.asked, ElementsAre(ElementsAre("scontrol", "requeue", "12"),
                                       ElementsAre("scontrol", "release", "12"), ElementsAre("scancel", "12")));
  EXPECT_THROW(world.client().requeue(0), core::ContractError);
}

TEST(ClientTest, a_requeue_whose_answer_was_lost_is_done_when_the_job_waits) {
  World world;
  world.answers = {bad("Unexpected message received for job 12\n"), bad("12: Job is pending execution\n")};
  EXPECT_TRUE(std::holds_alternative<Done>(world.client().requeue(12)));
  world.answers = {bad("Requested operation is presently disabled for job 12\n")};
  const auto refused = world.client().requeue(12);
  ASSERT_TRUE(std::holds_alternative<Refused>(refused));
  EXPECT_EQ(std::get<Refused>(refused).why, "Requested operation is presently disabled for job 12");
  world.answers = {bad("Invalid job id specified for job 12\n")};
  EXPECT_TRUE(std::holds_alternative<Gone>(world.client().requeue(12)));
  EXPECT_TRUE(std::holds_alternative<Gone>(world.client().release(12)));
}

TEST(ClientTest, sbatch_is_called_once_whatever_it_answers) {
  World world;
  const auto submit = [&](const CommandOutput& answer) {
    world.answers = {answer};
    return world.client().submit("/a/script.sh");
  };
  EXPECT_EQ(std::get<Accepted>(submit(good("17\n"))).id, 17);
  EXPECT_EQ(std::get<Accepted>(submit(good("17;far\n"))).cluster, "far");
  EXPECT_EQ(std::get<Refused>(submit(bad("sbatch: error: invalid partition specified: nope\n"))).why,
            "invalid partition specified: nope");
  EXPECT_TRUE(std::holds_alternative<Refused>(
      submit(bad("sbatch: error: Batch job submission failed: Invalid job id specified\n"))));
  const std::string lost = "Batch job submission failed: Socket timed out on send/recv operation";
  EXPECT_EQ(std::get<Unclear>(submit(bad("sbatch: error: " + lost + "\n"))).why, lost);
  // In the last it has said a number and then no: a job may be there.
  for (const CommandOutput& answer :
       {bad("", 140), CommandOutput{core::Killed{9}, "", "", true}, good(), good("Submitted batch job 17\n"),
        good("your budget is fine\n17\n"),
        CommandOutput{core::Exited{1}, "17\n", "sbatch: error: Invalid --mem specification\n"}})
    EXPECT_TRUE(std::holds_alternative<Unclear>(submit(answer))) << answer.out;
  EXPECT_EQ(world.asked.size(), 11U);
  EXPECT_THAT(world.pauses, IsEmpty());
  for (const auto& arguments : world.asked) EXPECT_THAT(arguments, ElementsAre("sbatch", "--parsable", "/a/script.sh"));
}

TEST(ClientTest, every_command_names_the_cluster_that_it_is_for) {
  World world;
  world.answers = {good("17;gpu\n"), good()};
  Client client = world.client().at("gpu");
  client.submit("/a/script.sh");
  client.find({"job"});
  client.cancel("job");
  client.cancel(17);
  client.requeue(17);
  client.release(17);
  for (const auto& arguments : world.asked) {
    ASSERT_GT(arguments.size(), 3U);
    EXPECT_EQ(arguments[1] + arguments[2], "-Mgpu") << arguments[0];
  }
  client.at("").cancel(17);
  EXPECT_THAT(world.asked.back(), ElementsAre("scancel", "17"));
}

TEST(ClientTest, a_script_is_never_taken_for_an_option) {
  World world;
  world.answers = {good("17\n")};
  world.client().submit("--wrap=id");
  EXPECT_THAT(world.asked[0].back(), testing::StartsWith("/"));
  EXPECT_THAT(world.asked[0].back(), EndsWith("/--wrap=id"));
}

TEST(ClientTest, names_that_need_quoting_reach_no_command) {
  World world;
  world.answers = {good()};
  Client client = world.client();
  for (const char* name : {"", "-n", "a,b", "a b", "a;b", "$(id)", "a\nb", "../a", "a|b", "a'b", "`id`", "ä"}) {
    EXPECT_THROW(client.find({"fine", name}), core::ContractError) << name;
    EXPECT_THROW(client.cancel(name), core::ContractError) << name;
  }
  EXPECT_THAT(world.asked, IsEmpty());
}

TEST(ClientTest, nothing_of_the_users_changes_what_commands_do) {
  const std::map<std::string, std::string> kept{{"SLURM_CONF", "/etc/here"},
                                                {"SLURM_CONF_SERVER", "head:6817"},
                                                {"SLURM_CLUSTERS", "gpu"},
                                                {"SLURM_JWT", "token"},
                                                {"TZ", "UTC0"},
                                                {"LC_ALL", "C"},
                                                {"HOME", "/home/a"}};
  std::map<std::string, std::string> all = kept;
  all["TZ"] = "Asia/Tokyo";
  all["LC_ALL"] = "de_DE";
  for (const char* name : {"SBATCH_PARTITION", "SBATCH_ACCOUNT", "SQUEUE_FORMAT", "SACCT_FORMAT", "SCANCEL_NAME",
                           "SCONTROL_ALL", "SLURM_TIME_FORMAT", "SLURM_JOB_ID"})
    all[name] = "7";
  EXPECT_EQ(command_environment(all), kept);
}

}  // namespace
}  // namespace resolute::slurm::client_test
