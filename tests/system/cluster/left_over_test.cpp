// A shell that has kept the variables of an allocation of SLURM's which is not its own: it is said, and none is
// believed.

#include "tests/system/cluster/fake_slurm.h"
#include "tests/system/cluster/quick_suite.h"

namespace resolute::system_test::left_over_test {
namespace {

class LeftOver : public testing::Test {
 protected:
  LeftOver() : suite_(write_quick_suite(scratch_.path(), "few", 1, 1)) {}
  CommandOutput run(const std::map<std::string, std::string>& variables) {
    auto environment = program_environment();
    environment["PATH"] = slurm_.bin().string() + ":" + environment["PATH"];
    for (const auto& [name, value] : variables) environment[name] = value;
    return succeeded(
        run_program({kBin / "resolute", "suite", "run", suite_, "--store", scratch_ / fmt::format("store-{}", ++runs_)},
                    environment));
  }
  void scontrol(const std::string& does) {
    const fs::path file = slurm_.bin() / "scontrol";
    write(file, "#!/bin/bash\n" + does + "\n");
    fs::permissions(file, fs::perms::owner_all);
  }
  // For every job.
  void scontrol_shows(const std::string& state) {
    scontrol(
        fmt::format("echo 'JobId=12 JobName=jupyter-lab UserId=kim(7) JobState={} Reason=None Requeue=1 Restarts=0 "
                    "ExitCode=0:0 SubmitTime=2026-11-21T10:59:36 StartTime=2026-11-21T10:59:36 "
                    "EndTime=2026-11-21T11:59:36 PreemptTime=None Partition=main'",
                    state));
  }

  ScratchFolder scratch_;
  FakeSlurm slurm_{scratch_ / "slurm"};
  fs::path suite_;
  int runs_ = 0;
};

const std::map<std::string, std::string> kJupyter{{"SLURM_JOB_ID", "12"},       {"SLURM_JOB_NAME", "jupyter-lab"},
                                                  {"SLURM_JOB_NODELIST", "n1"}, {"SLURMD_NODENAME", "n1"},
                                                  {"SLURM_CPUS_ON_NODE", "1"},  {"SLURM_PROCID", "0"},
                                                  {"SLURM_NTASKS", "1"}};
const char* const kSaid = "no SLURM_* of it is believed";

TEST_F(LeftOver, a_notebooks_job_that_slurm_has_forgotten) {
  EXPECT_THAT(run(kJupyter).err, testing::AllOf(HasSubstr("SLURM knows no job 12"), HasSubstr(kSaid)));
}

TEST_F(LeftOver, a_terminals_job_that_was_cancelled) {
  scontrol_shows("CANCELLED");
  EXPECT_THAT(run(kJupyter).err, testing::AllOf(HasSubstr("job 12 is CANCELLED"), HasSubstr(kSaid)));
}

TEST_F(LeftOver, a_shell_of_salloc_on_another_machine) {
  scontrol_shows("RUNNING");
  auto shell = kJupyter;
  shell.erase("SLURMD_NODENAME");
  shell["SLURM_JOB_NODELIST"] = "gpu[001-040]";
  EXPECT_THAT(run(shell).err, testing::AllOf(HasSubstr("job 12 has gpu[001-040] and not this host"), HasSubstr(kSaid)));
}

TEST_F(LeftOver, is_not_one_whose_job_runs_or_of_which_nobody_tells) {
  scontrol_shows("RUNNING");
  EXPECT_THAT(run(kJupyter).err, Not(HasSubstr("believed")));
  scontrol("echo 'slurm_load_jobs error: Access/permission denied' >&2\nexit 1");
  EXPECT_THAT(run(kJupyter).err, Not(HasSubstr("believed")));
}

}  // namespace
}  // namespace resolute::system_test::left_over_test
