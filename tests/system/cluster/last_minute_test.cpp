// A start's calls to its store between SLURM's notice and the requeue, and before its first job: by the calls of all
// its processes, which a busy file server makes slow.

#include <fmt/ranges.h>

#include "tests/system/cluster/fake_slurm.h"
#include "tests/system/cluster/quick_suite.h"

namespace resolute::system_test::last_minute_test {
namespace {

constexpr int kTrials = 1000, kDatasets = 2;  // 4,004 jobs

class LastMinute : public testing::Test {
 protected:
  LastMinute() {
    suite_ = write_quick_suite(scratch_.path(), "many", kTrials, kDatasets);
    std::string worker = kQuickWorker;
    worker.insert(worker.find("sleep 0.5"),
                  "case $specification in *'\"kind\":\"training\"'*) : >\"$store/begun\"; exec sleep 600 ;; esac\n");
    write(scratch_ / "worker", worker);
  }
  // As seen on a node; on what the store is asked nothing else depends.
  std::map<std::string, std::string> environment(const std::map<std::string, std::string>& more = {}) const {
    auto all = program_environment();
    std::erase_if(all, [](const auto& variable) { return variable.first.starts_with("SLURM_"); });
    all.erase("RESOLUTE_SITE");
    all["HOME"] = all["XDG_CONFIG_HOME"] = scratch_.path().string();
    all["PATH"] = slurm_.bin().string() + ":" + all["PATH"];
    for (const auto& [name, value] : more) all[name] = value;
    return all;
  }
  // A job that runs, and once it is requeued how many calls there were until then.
  void begin_job(const std::string& name) const {
    const fs::path file = slurm_.bin() / "scontrol";
    write(file, fmt::format(R"sh(#!/bin/bash
if [ "$1" = requeue ]; then
  wc -l <'{0}' >'{1}.new'
  mv '{1}.new' '{1}'
  exit
fi
echo 'JobId=12 JobName={2} UserId=kim(7) GroupId=kim(7) Priority=1 Nice=0 JobState=RUNNING Reason=None Dependency=(null) Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=0:0 RunTime=00:00:10 TimeLimit=00:10:00 SubmitTime=2026-01-31T12:00:12 StartTime=2026-01-31T12:00:13 EndTime=2099-01-31T12:00:13 PreemptTime=None Partition=main NodeList=n1 BatchHost=n1 NumNodes=1 NumCPUs=1'
)sh",
                            calls_.string(), requeued_.string(), name));
    fs::permissions(file, fs::perms::owner_all);
  }
  std::vector<std::string> calls() const { return lines_of(text_of(calls_)); }

  ScratchFolder scratch_;
  FakeSlurm slurm_{scratch_ / "slurm"};
  fs::path suite_, store_ = scratch_ / "store", calls_ = scratch_ / "calls", requeued_ = scratch_ / "requeued";
};

TEST_F(LastMinute, asks_the_store_of_many_jobs_for_little) {
  succeeded(run_program({kBin / "resolute", "suite", "submit", suite_, "--store", store_, "--nodes", "1", "--time",
                         "60", "--launcher", "none", "--continue", "requeue", "--slots", "2"},
                        environment({{"PATH", slurm_.bin()}})));
  std::vector<std::string> fields;
  std::istringstream job(slurm_.job(12));
  for (std::string field; std::getline(job, field, '|');) fields.push_back(field);
  begin_job(fields.at(9));
  const fs::path submissions = store_ / "suites/many/submissions";
  fs::path submission;
  for (const auto& entry : fs::directory_iterator(submissions))
    if (entry.is_directory()) submission = entry.path();
  core::SpawnRequest request = program(
      {kBin / "resolute", "suite", "allocation", "--submission", submission, "--batch", "1", "--generation", "0"},
      environment({{"SLURM_JOB_ID", "12"},
                   {"SLURM_JOB_NAME", fields.at(9)},
                   {"SLURM_JOB_NUM_NODES", "1"},
                   {"LD_PRELOAD", kBin / "store_shim.so"},
                   {"RESOLUTE_SHIM_FOLDER", store_},
                   {"RESOLUTE_SHIM_CALLS", calls_}}));
  const fs::path log = scratch_ / "log";
  std::FILE* file = std::fopen(log.c_str(), "w");
  request.descriptors = {{1, ::fileno(file)}, {2, ::fileno(file)}};
  const pid_t start = core::spawn_process(request);
  std::fclose(file);
  ASSERT_TRUE(wait_until([&] { return fs::exists(store_ / "begun"); })) << text_of(log);
  std::this_thread::sleep_for(std::chrono::seconds(2));
  const std::size_t before = calls().size();
  ASSERT_EQ(::kill(start, SIGUSR1), 0);
  EXPECT_TRUE(wait_until([&] { return fs::exists(requeued_); })) << text_of(log);
  ended(start);
  ASSERT_TRUE(fs::exists(requeued_)) << text_of(log);
  const std::vector<std::string> all = calls();
  const std::size_t until = std::stoul(text_of(requeued_));
  EXPECT_LE(until - before, 100U) << fmt::format("{}",
                                                 fmt::join(all.begin() + static_cast<std::ptrdiff_t>(before),
                                                           all.begin() + static_cast<std::ptrdiff_t>(until), "\n"))
                                  << text_of(log);
}

}  // namespace
}  // namespace resolute::system_test::last_minute_test
