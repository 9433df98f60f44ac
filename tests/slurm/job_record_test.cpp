#include "slurm/job_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/error.h"
#include "core/files/file_system.h"
#include "core/random/random.h"
#include "slurm/partitions.h"
#include "tests/slurm/support/job_texts.h"
#include "tests/slurm/support/recorded.h"
#include "tests/support/equal.h"
#include "tests/support/folders.h"
#include "tests/support/matches.h"
#include "tests/support/refusal.h"

namespace resolute::slurm::job_record_test {
namespace {

namespace fs = std::filesystem;
using core::ErrorKind;
using testing::HasSubstr;
using tests::disagreement;
using tests::kRecorded;
using tests::recorded;

// Every record in every version's folder whose name begins so: version/file → text.
std::map<std::string, std::string> all_recorded(const std::string& command) {
  std::map<std::string, std::string> texts;
  for (const auto& entry : fs::recursive_directory_iterator(kRecorded))
    if (entry.path().filename().string().starts_with(command + "-")) {
      const fs::path file = fs::relative(entry.path(), kRecorded);
      texts[file.string()] = core::read_text(core::real_file_system(), entry.path());
    }
  return texts;
}

Time at(const std::string& text) { return *parse_time(text); }

QueuedJob queued(const std::string& scene) {
  const auto jobs = parse_queue(recorded("squeue-" + scene));
  EXPECT_EQ(jobs.size(), 1U) << scene;
  return jobs.at(0);
}
ShownJob shown(const std::string& scene) {
  const std::string text = recorded("scontrol-" + scene);
  const QueuedJob job = queued(scene);
  return std::get<ShownJob>(parse_shown_job(text, job.id, job.name));
}

template <class Parse>
std::string refusal(Parse&& parse) {
  return tests::refusal(parse, ErrorKind::kTransient);
}

TEST(JobState, each_has_one_long_name_and_no_other_text_is_one) {
  for (int i = 0; i <= static_cast<int>(JobState::kOutOfMemory); ++i) {
    const auto state = static_cast<JobState>(i);
    EXPECT_EQ(settings::from_word<JobState>(name_of(state)), state) << name_of(state);
    phase_of(state);
  }
  for (const char* text : {"", "PD", "running", "RUNNING ", " RUNNING", "COMPLETED+", "CANCELLED+", "CANCELLED by ",
                           "CANCELLED by root", "CANCELLED by 07", "COMPLETED by 0", "N/A", "?"})
    EXPECT_EQ(settings::from_word<JobState>(text), std::nullopt) << text;
}

TEST(JobState, one_that_a_sibling_of_a_federation_took_over_has_not_ended) {
  for (const char* reason : {"None", "Resources", "JobHeldUser"})
    EXPECT_EQ(phase_of(JobState::kRevoked, reason), Phase::kRuns) << reason;
}

TEST(JobState, a_job_waits_for_release_by_its_state_or_its_reason) {
  EXPECT_EQ(phase_of(JobState::kPending, "Resources"), Phase::kWaits);
  EXPECT_EQ(phase_of(JobState::kRequeueHold, "None"), Phase::kHeld);
  for (const char* scene : {"held", "requeued-held"}) {
    EXPECT_EQ(phase_of(queued(scene).state, queued(scene).reason), Phase::kHeld) << scene;
    EXPECT_EQ(phase_of(shown(scene).state, shown(scene).reason), Phase::kHeld) << scene;
  }
  for (const char* reason : {"launch failed requeued held", "launch_failed_requeued_held", "JobHoldMaxRequeue",
                             "(RequeuedHoldLimit)", "job_held"})
    EXPECT_EQ(phase_of(JobState::kPending, reason), Phase::kHeld) << reason;
  EXPECT_EQ(phase_of(JobState::kRunning, "JobHeldUser"), Phase::kRuns);
}

TEST(JobState, recorded_jobs_are_in_the_state_and_phase_that_they_were_brought_to) {
  struct Scene {
    const char* name;
    JobState state;
    Phase phase;
    const char* reason;
  };
  using enum JobState;
  for (const Scene& scene : {Scene{"pending", kPending, Phase::kWaits, "Resources"},
                             Scene{"begin", kPending, Phase::kWaits, "BeginTime"},
                             Scene{"too-many-nodes", kPending, Phase::kWaits, "PartitionConfig"},
                             Scene{"dependency", kPending, Phase::kWaits, "Dependency"},
                             Scene{"dependency-never", kPending, Phase::kWaits, "DependencyNeverSatisfied"},
                             Scene{"held", kPending, Phase::kHeld, "JobHeldUser"},
                             Scene{"requeued", kPending, Phase::kWaits, "BeginTime"},
                             Scene{"requeued-held", kPending, Phase::kHeld, "job requeued in held state"},
                             Scene{"running", kRunning, Phase::kRuns, "None"},
                             Scene{"running-again", kRunning, Phase::kRuns, "None"},
                             Scene{"unlimited", kRunning, Phase::kRuns, "None"},
                             Scene{"suspended", kSuspended, Phase::kRuns, "None"},
                             Scene{"completing", kCompleting, Phase::kEnding, "None"},
                             Scene{"completed", kCompleted, Phase::kEnded, "None"},
                             Scene{"failed", kFailed, Phase::kEnded, "NonZeroExitCode"},
                             Scene{"killed", kFailed, Phase::kEnded, "JobLaunchFailure"},
                             Scene{"cancelled", kCancelled, Phase::kEnded, "None"},
                             Scene{"cancelled-before", kCancelled, Phase::kEnded, "JobHeldUser"},
                             Scene{"timeout", kTimeout, Phase::kEnded, "TimeLimit"},
                             Scene{"node-fail", kNodeFail, Phase::kEnded, "NodeDown"},
                             Scene{"preempted-for-good", kPreempted, Phase::kEnded, "None"}}) {
    const QueuedJob job = queued(scene.name);
    EXPECT_EQ(job.state, scene.state) << scene.name;
    EXPECT_EQ(phase_of(job.state, job.reason), scene.phase) << scene.name;
    EXPECT_EQ(job.reason, scene.reason) << scene.name;
    const ShownJob other = shown(scene.name);
    EXPECT_EQ(other.state, scene.state) << scene.name;
    EXPECT_EQ(phase_of(other.state, other.reason), scene.phase) << scene.name;
    EXPECT_EQ(other.submitted, job.submitted) << scene.name;
    EXPECT_EQ(other.begin, job.begin) << scene.name;
  }
}

TEST(Queue, every_recorded_text_is_understood_and_written_again_the_same) {
  const auto texts = all_recorded("squeue");
  EXPECT_GE(texts.size(), 25U);
  for (const auto& [file, text] : texts) {
    if (file.find("name-with") != std::string::npos) continue;
    EXPECT_EQ(disagreement(text, parse_queue(text)), "") << file;
  }
  EXPECT_TRUE(parse_queue("").empty());
}

TEST(Queue, of_an_array_of_another_holds_a_job_an_element_though_waiting_ones_share_an_id) {
  std::set<SlurmJobId> ids;
  const auto jobs = parse_queue(recorded("squeue-array"));
  for (const QueuedJob& job : jobs) ids.insert(job.id);
  EXPECT_EQ(jobs.size(), 5U);
  EXPECT_EQ(ids.size(), 4U);
  const std::string text = recorded("squeue-array");
  EXPECT_THAT(refusal([&] { parse_queue(text + text); }), HasSubstr("one job twice"));
}

TEST(Queue, a_name_that_cannot_be_ours_or_a_line_that_is_none_refuses_all) {
  for (const char* scene : {"name-with-a-state", "name-with-a-line", "name-with-bars", "name-with-a-record"})
    EXPECT_THAT(refusal([&] { parse_queue(recorded(std::string("squeue-") + scene)); }), HasSubstr("squeue wrote"))
        << scene;
  const std::string good = recorded("squeue-running");
  EXPECT_THAT(refusal([&] { parse_queue(good + good); }), HasSubstr("one job twice"));
  EXPECT_THAT(refusal([&] { parse_queue(good + "Welcome to the cluster\n" + good); }), HasSubstr("not 11 fields"));
  EXPECT_THAT(refusal([&] { parse_queue("slurm is away\n"); }), HasSubstr("not 11 fields")) << "it is no empty queue";
  EXPECT_THAT(refusal([&] { parse_queue(good.substr(0, good.size() - 1)); }), HasSubstr("its end is missing"));
  EXPECT_THAT(refusal([&] { parse_queue(good + "\n"); }), HasSubstr("not 11 fields"));
  EXPECT_THAT(refusal([&] { parse_queue(good + "squeue: error: slurm_receive_msg\n"); }), HasSubstr("not 11 fields"));
  const std::string line = "7|7|N/A|PENDING|2026-01-31T12:00:00|N/A|N/A|1||resolute-toy-1a2b3c4d-1|";
  EXPECT_EQ(parse_queue(line + "a, b (c)\n").at(0).reason, "a, b (c)");
  EXPECT_EQ(parse_queue(line + "zu viele Aufträge\n").at(0).reason, "zu viele Aufträge");
  for (const char* reason : {"", "a|b", "\x1b[31m", "\xff", "\r"})
    EXPECT_NE(refusal([&] { parse_queue(line + reason + "\n"); }), "") << reason;
  EXPECT_THAT(refusal([&] { parse_queue("x\x1b[2J\xff\n"); }), HasSubstr("'x?[2J?'"));
}

TEST(Queue, what_a_wrapper_writes_before_it_and_names_of_clusters_are_passed_over) {
  const std::string good = recorded("squeue-running");
  const auto jobs = parse_queue(good);
  EXPECT_EQ(parse_queue("Welcome to the cluster\n\n" + good), jobs);
  EXPECT_EQ(parse_queue("CLUSTER: cpu\n\nCLUSTER: gpu\n" + good), jobs);
  EXPECT_EQ(parse_queue("CLUSTER: gpu\n" + good + "\nCLUSTER: cpu\n"), jobs);
  EXPECT_TRUE(parse_queue("CLUSTER: gpu\n").empty());
  EXPECT_EQ(parse_partitions("CLUSTER: gpu\n" + recorded("sinfo-partitions")).size(),
            parse_partitions(recorded("sinfo-partitions")).size());
}

TEST(Queue, values_that_slurm_does_not_write_are_refused) {
  const auto line = [](std::size_t field, const std::string& value) {
    std::vector<std::string> fields{"7",
                                    "5",
                                    "2",
                                    "RUNNING",
                                    "2026-01-31T12:00:00",
                                    "2026-01-31T12:00:01",
                                    "NONE",
                                    "2",
                                    "n[1-2]",
                                    "resolute-toy-1a2b3c4d-1",
                                    "None"};
    fields.at(field) = value;
    return fmt::format("{}\n", fmt::join(fields, "|"));
  };
  EXPECT_EQ(parse_queue(line(0, "7")).at(0).id, 7);
  const std::vector<std::vector<std::string>> wrong_by_field{
      {"0", "-7", "07", "7 ", "+7", "99999999999999999999", "5_2", "4294967295"},
      {"", "0"},
      {"N/A", "0-5%3", "-1", "99999999"},
      {"R", "", "CANCELLED by 0"},
      {"N/A", "Unknown"},
      {"N/A", "soon"},
      {"", "2026-02-30T00:00:00"},
      {"0", "2K", ""},
      {"", "n1 n2", "(null)"},
      {"", "-x", "a b", "a/b"},
      {""}};
  for (std::size_t field = 0; field < wrong_by_field.size(); ++field)
    for (const std::string& value : wrong_by_field[field])
      EXPECT_NE(refusal([&] { parse_queue(line(field, value)); }), "") << field << " " << value;
}

TEST(ShownJobs, a_requeued_one_has_another_time_of_submission_and_counts_its_restarts) {
  EXPECT_EQ(shown("running").restarts, 0);
  EXPECT_TRUE(shown("running").requeue);
  EXPECT_EQ(shown("requeued").restarts, 1);
  EXPECT_EQ(shown("running-again").restarts, 1);
  EXPECT_FALSE(shown("node-fail").requeue);
  EXPECT_EQ(shown("node-fail-requeued").restarts, 1);
  EXPECT_EQ(shown("unlimited").end, std::nullopt);
  EXPECT_EQ(shown("held").begin, std::nullopt);
  EXPECT_LT(shown("requeued").submitted, shown("requeued-held").submitted) << "one job, requeued twice";
}

TEST(ShownJobs, tell_how_their_script_ended) {
  const auto exit = [](const std::string& scene) {
    return std::pair(shown(scene).exit.code, shown(scene).exit.signal);
  };
  EXPECT_EQ(exit("completed"), std::pair(0, 0));
  EXPECT_EQ(exit("failed"), std::pair(1, 0));
  EXPECT_EQ(exit("exit-7"), std::pair(7, 0));
  EXPECT_EQ(exit("killed"), std::pair(0, 9));
}

TEST(ShownJobs, one_that_is_being_preempted_still_runs_but_has_been_told_to_go) {
  const std::string text = recorded("scontrol-preempting");
  const QueuedJob job = queued("preempting");
  const auto answer = parse_shown_job(text, job.id, job.name);
  EXPECT_EQ(std::get<ShownJob>(answer).state, JobState::kRunning);
  EXPECT_TRUE(std::get<ShownJob>(answer).preempted.has_value());
  EXPECT_EQ(shown("running").preempted, std::nullopt);
}

TEST(ShownJobs, every_recorded_one_is_understood_in_every_version) {
  const auto texts = all_recorded("scontrol");
  EXPECT_GE(texts.size(), 25U);
  for (const auto& [file, text] : texts) {
    if (file.find("name-with") != std::string::npos) continue;
    const auto found = tests::matches(text, "^JobId=([0-9]+) .*JobName=(resolute[^ ]*) ");
    ASSERT_FALSE(found.empty()) << file;
    const std::vector<std::string>& match = found.front();
    const SlurmJobId id = std::stoll(match[1]);
    const auto answer = parse_shown_job(text, id, match[2]);
    EXPECT_TRUE(std::holds_alternative<ShownJob>(answer)) << file;
    EXPECT_EQ(disagreement(text, id, match[2], answer), "") << file;
    EXPECT_TRUE(std::holds_alternative<AnotherJob>(parse_shown_job(text, id, "resolute-toy-1a2b3c4d-999"))) << file;
    EXPECT_NE(refusal([&, &text = text] { parse_shown_job(text, 999'999, match[2]); }), "") << file;
  }
}

TEST(ShownJobs, an_id_that_now_belongs_to_a_hostile_name_never_has_the_state_in_that_name) {
  const auto answer = [&](const std::string& scene, const std::string& name) {
    const std::string text = recorded("scontrol-" + scene);
    return parse_shown_job(text, std::stoll(text.substr(6)), name);
  };
  EXPECT_TRUE(std::holds_alternative<AnotherJob>(answer("name-with-a-state", "x")));
  EXPECT_TRUE(std::holds_alternative<AnotherJob>(answer("name-with-bars", "resolute")));
  EXPECT_THAT(refusal([&] { answer("name-with-a-record", "resolute-toy-1a2b3c4d-62"); }), HasSubstr("two users"));
  EXPECT_TRUE(std::holds_alternative<AnotherJob>(answer("name-with-a-record", "resolute-toy-1a2b3c4d-1")));
  EXPECT_NE(refusal([&] { answer("name-with-a-line", "resolute-toy-1a2b3c4d-61"); }), "");
}

TEST(ShownJobs, a_line_with_a_value_twice_cut_or_out_of_place_is_refused) {
  const std::string good = recorded("scontrol-running");
  const QueuedJob job = queued("running");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t place = text.find(from);
    EXPECT_NE(place, std::string::npos) << from;
    text.replace(place, from.size(), to);
    return refusal([&] { parse_shown_job(text, job.id, job.name); });
  };
  EXPECT_EQ(with("StdIn=", "StdIn="), "");
  EXPECT_THAT(with("StdIn=", "JobState=COMPLETED StdIn="), HasSubstr("two JobState="));
  EXPECT_THAT(with("WorkDir=/", "WorkDir=/a EndTime=x"), HasSubstr("two EndTime="));
  EXPECT_THAT(with("JobState=RUNNING", "JobState=RUNNING,"), HasSubstr("not the state of a job"));
  EXPECT_THAT(with("JobState=", "Jobstate="), HasSubstr("no JobState="));
  EXPECT_THAT(with("Requeue=1", "Requeue=2"), HasSubstr("no 0 or 1"));
  EXPECT_THAT(with("\n", ""), HasSubstr("its end is missing"));
  EXPECT_THAT(with("JobId=", "jobid="), HasSubstr("no job id"));
  EXPECT_NE(refusal([&] { parse_shown_job("", job.id, job.name); }), "");
  EXPECT_NE(refusal([&] { parse_shown_job(good + good, job.id, job.name); }), "");
  EXPECT_THAT(refusal([&] { parse_shown_job(good + recorded("scontrol-completed"), job.id, job.name); }),
              HasSubstr("not the job that was asked for"));
  EXPECT_THROW(parse_shown_job(good, job.id, "a name"), core::ContractError);
}

TEST(AcceptedJob, is_an_id_and_perhaps_a_cluster_on_one_whole_line) {
  EXPECT_EQ(parse_accepted(recorded("sbatch-alone")), (Accepted{1, ""}));
  EXPECT_EQ(parse_accepted(recorded("sbatch-cluster")).value().cluster, "box");
  for (const char* text : {"", "\n", "12", "0\n", "-1\n", "12\n13\n", "12;\n", "12;a b\n", "12 \n", "012\n", "x\n",
                           "Submitted batch job 12\n", "12;a;b\n", "12\r\n", "99999999999\n", "12\n\n"})
    EXPECT_EQ(parse_accepted(text), std::nullopt) << text;
}

TEST(JobNames, of_ours_need_no_quoting_anywhere) {
  EXPECT_TRUE(is_job_name("resolute-my_suite.2-1a2b3c4d-12"));
  EXPECT_TRUE(is_job_name(std::string(128, 'a')));
  for (const std::string& name : {std::string(), std::string(129, 'a'), std::string("-x"), std::string(".x"),
                                  std::string("a b"), std::string("a|b"), std::string("a,b"), std::string("a\n"),
                                  std::string("a%j"), std::string("ä"), std::string("a\0b", 3)})
    EXPECT_FALSE(is_job_name(name)) << name;
}

TEST(JobTimes, are_read_as_they_are_written_and_nothing_else_is_one) {
  EXPECT_EQ(at("1970-01-01T00:00:00").time_since_epoch().count(), 0);
  EXPECT_EQ(at("2026-11-21T10:51:05").time_since_epoch().count(), 1'795'258'265);
  core::RandomStream random("job times", {1});
  for (int i = 0; i < 10'000; ++i) {
    const Time time{std::chrono::seconds(static_cast<std::int64_t>(random.below(4'294'967'296)))};
    EXPECT_EQ(parse_time(time_text(time)), time);
  }
  for (const char* text :
       {"N/A", "Unknown", "None", "NONE", "", "2026-02-29T00:00:00", "2026-13-01T00:00:00", "2026-01-31T24:00:00",
        "2026-01-31T12:00:60", "2026-01-31 12:00:00", "2026-01-31T12:00:0", "2026-01-31T12:00:000", "2026-01-31T12:00",
        "-026-01-31T12:00:00", "1969-12-31T23:59:59", "2026-01-31T12:00:+1", "2026-01-00T12:00:00"})
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
}

TEST(TimeLimits, are_those_of_sbatch) {
  const auto seconds = [](const std::string& text) { return parse_time_limit(text, "--time").count(); };
  EXPECT_EQ(seconds("5"), 300);
  EXPECT_EQ(seconds("1:30"), 90);
  EXPECT_EQ(seconds("90:00"), 5'400);
  EXPECT_EQ(seconds("2:00:00"), 7'200);
  EXPECT_EQ(seconds("3-00:00:00"), 259'200);
  EXPECT_EQ(seconds("2-12"), 216'000);
  EXPECT_EQ(seconds("0-36"), 129'600);
  EXPECT_EQ(seconds("3-12:30"), 304'200);
  for (const char* text :
       {"",          "0",  "0:00",  "0-0",   "-5",        "5m",    "1:",        ":1",          "1:60",
        "1:2:3:4",   "1-", "-1:00", "1-2-3", "1-1:2:3:4", "400-0", "999999999", "99999999999", "infinite",
        "UNLIMITED", "+5", " 5",    "1.5"})
    EXPECT_THAT(tests::refusal([&] { seconds(text); }), HasSubstr("--time")) << text;
}

TEST(NodeLists, are_counted_as_slurm_compresses_them) {
  EXPECT_EQ(count_nodes("n1"), 1);
  EXPECT_EQ(count_nodes("n[1-3,7],m01"), 5);
  EXPECT_EQ(count_nodes("nid[000998-001001]"), 4);
  EXPECT_EQ(count_nodes("rack[0-1]n[1-3]"), 6);
  EXPECT_EQ(count_nodes("n[1-1000000]"), 1'000'000);
  for (const char* bad : {"", "n[1-", "n[3-1]", "n[a-b]", "n[]", ",n1", "n[1-99999999]", "n[1-1000000],m",
                          "n[0-2147483647]", "r[1-90000]n[1-90000]", "a[1-600000],b[1-600000]"})
    EXPECT_EQ(count_nodes(bad), 0) << bad;
}

TEST(NodeLists, name_their_nodes_and_no_others) {
  for (const char* node : {"n1", "n3", "n7", "m01", "nid000999", "g010-ib", "x"})
    EXPECT_TRUE(may_name("n[1-3,7],m01,nid[000998-001001],g[008-010]-ib,x", node)) << node;
  for (const char* node : {"n4", "n", "n01", "m1", "m011", "nid999", "nid0000999", "g010", "g10-ib", "1", "login1", ""})
    EXPECT_FALSE(may_name("n[1-3,7],m01,nid[000998-001001],g[008-010]-ib,x", node)) << node;
  for (const char* node : {"r1n3", "r2n1", "a"}) EXPECT_TRUE(may_name("a,r[1-2]n[1-3]", node)) << node;
  for (const char* node : {"r3n1", "r1n", "r1", "rn1"}) EXPECT_FALSE(may_name("a,r[1-2]n[1-3]", node)) << node;
  for (const char* unclear : {"", "n[1-", "n[a-b]"}) EXPECT_TRUE(may_name(unclear, "login1")) << unclear;
}

}  // namespace
}  // namespace resolute::slurm::job_record_test
