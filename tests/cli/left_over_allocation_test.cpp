#include "cli/left_over_allocation.h"

#include <gmock/gmock.h>

#include "core/error.h"

namespace resolute::cli::left_over_allocation_test {
namespace {

using testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

const orchestrator::Instant kNow(std::chrono::seconds(1'800'000'000));

Variables in_job(const Variables& more = {}) {
  Variables all = more;
  all.insert({{"SLURM_JOB_ID", "12"},
              {"SLURM_JOB_NAME", "bash"},
              {"SLURM_JOB_NUM_NODES", "1"},
              {"SLURM_JOB_NODELIST", "n[1-3]"},
              {"SLURMD_NODENAME", "n2"}});
  return all;
}

ProcessPlace place(slurm::JobState state) {
  return {kNow, "n2.example.org", "0::/user.slice\n", [state](slurm::SlurmJobId id, const std::string&) {
            slurm::ShownJob shown;
            shown.id = id;
            shown.state = state;
            return shown;
          }};
}
template <class Answer>
ProcessPlace place_with(Answer answer) {
  ProcessPlace one = place(slurm::JobState::kRunning);
  one.ask = [answer](slurm::SlurmJobId, const std::string&) { return answer; };
  return one;
}
ProcessPlace place_without_question(const std::string& cgroups = "") {
  ProcessPlace one = place(slurm::JobState::kRunning);
  one.cgroups = cgroups;
  one.ask = [](slurm::SlurmJobId, const std::string&) -> std::variant<slurm::ShownJob, slurm::AnotherJob, slurm::Gone> {
    ADD_FAILURE() << "SLURM was asked";
    return slurm::Gone{};
  };
  return one;
}
std::string why(const Variables& environment, const ProcessPlace& where) {
  return why_left_over(environment, where).value_or("");
}

TEST(LeftOverAllocation, is_one_whose_job_is_not_at_work) {
  using enum slurm::JobState;
  for (const auto state : {kRunning, kSuspended, kCompleting, kSignaling}) EXPECT_EQ(why(in_job(), place(state)), "");
  for (const auto state : {kCompleted, kCancelled, kNodeFail, kPending, kRequeueHold})
    EXPECT_EQ(why(in_job(), place(state)), fmt::format("job 12 is {}", slurm::name_of(state)));
  EXPECT_EQ(why(in_job(), place_with(slurm::Gone{})), "SLURM knows no job 12");
  EXPECT_EQ(why(in_job(), place_with(slurm::AnotherJob{})), "") << "a step may have a name of its own";
}

TEST(LeftOverAllocation, is_one_whose_end_is_past_unless_its_job_was_given_more_time) {
  using enum slurm::JobState;
  ProcessPlace silent = place(kRunning);
  silent.ask = nullptr;
  for (const Variables& more : {Variables{}, Variables{{"RESOLUTE_SUBMISSION", "/store/x"}},
                                Variables{{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "0"}}}) {
    Variables past = in_job(more);
    past["SLURM_JOB_END_TIME"] = "1800000000";
    EXPECT_THAT(why(past, silent), HasSubstr("END_TIME"));
    EXPECT_THAT(why(past, place_with(slurm::AnotherJob{})), HasSubstr("END_TIME"));
    for (const auto state : {kRunning, kSuspended, kCompleting}) EXPECT_EQ(why(past, place(state)), "");
    EXPECT_EQ(why(past, place(kTimeout)), "job 12 is TIMEOUT");
    EXPECT_EQ(why(past, place_without_question("0::/slurm/job_12/step_0\n")), "") << "its group is still there";
  }
  EXPECT_EQ(why(in_job({{"SLURM_JOB_END_TIME", "1800000001"}}), place(slurm::JobState::kRunning)), "");
}

TEST(LeftOverAllocation, is_one_that_has_other_hosts) {
  Variables shell = in_job();
  shell.erase("SLURMD_NODENAME");  // salloc's, where the submission was made
  ProcessPlace here = place(slurm::JobState::kRunning);
  EXPECT_EQ(why(shell, here), "");
  here.host = "login1";
  EXPECT_EQ(why(shell, here), "job 12 has n[1-3] and not this host, 'login1'");
  EXPECT_EQ(why(in_job(), here), "") << "a node may have another name than its host, as in a container";
}

TEST(LeftOverAllocation, is_none_where_the_process_is_the_jobs_and_nobody_is_asked) {
  for (const char* group : {"0::/system.slice/slurmstepd.scope/job_12/step_0/user/task_0\n",
                            "5:memory:/slurm/uid_7/job_12\n4:cpu:/\n", "0::/slurm/job_12"})
    EXPECT_EQ(why(in_job(), place_without_question(group)), "") << group;
  EXPECT_EQ(why(in_job(), place_with(slurm::Gone{})), "SLURM knows no job 12");
  ProcessPlace other = place_with(slurm::Gone{});
  other.cgroups = "0::/slurm/job_123/step_0\n";
  EXPECT_EQ(why(in_job(), other), "SLURM knows no job 12") << "the group is another job's";
  for (const Variables& started : {Variables{{"RESOLUTE_SUBMISSION", "/store/x"}},
                                   Variables{{"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_RANK", "0"}}})
    EXPECT_EQ(why(in_job(started), place_without_question()), "");
}

TEST(LeftOverAllocation, is_one_whose_variables_cannot_be_read_or_name_no_job) {
  for (const char* name : {"SLURM_JOB_ID", "SLURM_RESTART_COUNT", "SLURM_JOB_NUM_NODES"})
    EXPECT_THAT(why(in_job({{name, "x"}}), place(slurm::JobState::kRunning)), HasSubstr(name));
  for (const char* name : {"SLURM_JOB_END_TIME", "SLURM_CPUS_ON_NODE"})
    EXPECT_THAT(why({{name, "1800000009"}}, place_without_question()), HasSubstr(name));
  EXPECT_EQ(why({{"SLURM_CONF", "/etc/slurm.conf"}}, place_without_question()), "");
}

TEST(LeftOverAllocation, is_none_where_nothing_tells) {
  EXPECT_EQ(why({}, place_without_question()), "");
  Variables without_name = in_job();
  without_name.erase("SLURM_JOB_NAME");
  EXPECT_EQ(why(without_name, place_without_question()), "");
  ProcessPlace away = place(slurm::JobState::kRunning);
  away.ask = [](slurm::SlurmJobId,
                const std::string&) -> std::variant<slurm::ShownJob, slurm::AnotherJob, slurm::Gone> {
    throw core::RuntimeError(core::ErrorKind::kTransient, "the controller does not answer", "", "");
  };
  EXPECT_EQ(why(in_job(), away), "");
  ProcessPlace not_asked = place(slurm::JobState::kRunning);
  not_asked.ask = nullptr;
  EXPECT_EQ(why(in_job(), not_asked), "");
}

}  // namespace
}  // namespace resolute::cli::left_over_allocation_test
