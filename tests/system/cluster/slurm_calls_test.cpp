// What a suite of 1,000 jobs costs the controller: every command of SLURM's that resolute calls is counted, by wrappers
// on PATH, on the submission node and in the allocation.

#include "tests/system/cluster/quick_suite.h"
#include "tests/system/cluster/slurm_suite.h"

namespace resolute::system_test::slurm_calls_test {
namespace {

constexpr int kTrials = 499;  // each a training and an evaluation; one shard and one seal

class SlurmCalls : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(scratch_ / "bin");
    for (const char* command :
         {"sbatch", "squeue", "scancel", "scontrol", "sacct", "sinfo", "srun", "sacctmgr", "sstat", "salloc"}) {
      std::ofstream(scratch_ / "bin" / command)
          << "#!/bin/bash\necho \"" << command << " $*\" >>" << (scratch_ / "calls").string()
          << "\nexec \"$(PATH=" << std::getenv("PATH") << " type -P " << command << ")\" \"$@\"\n";
      fs::permissions(scratch_ / "bin" / command, fs::perms::owner_all);
    }
    write_quick_suite(scratch_.path(), "thousand", kTrials, 1);
  }
  core::SpawnRequest suite(const std::string& command, const std::vector<std::string>& more) const {
    const Words words{kBin / "resolute", "suite", command, scratch_ / "thousand.toml", "--store", scratch_ / "store"};
    core::SpawnRequest request = program(joined(words, more), box_.environment());
    request.environment["PATH"] = (scratch_ / "bin").string() + ":" + request.environment["PATH"];
    return request;
  }
  // Calls so far that ask the controller for something, by command.
  std::map<std::string, int> calls() const {
    std::map<std::string, int> counts;
    std::ifstream file(scratch_ / "calls");
    for (std::string line; std::getline(file, line);)
      if (line != "srun --mpi=list") ++counts[line.substr(0, line.find(' '))];
    return counts;
  }
  SlurmBox box_;
  ScratchFolder scratch_;
};

TEST_F(SlurmCalls, a_suite_of_1000_jobs_costs_one_sbatch_and_at_most_two_calls_a_minute_besides) {
  succeeded(core::run_command(suite("submit", {"--nodes", "3", "--slots", "2", "--time", "30"}), tests::kPatience));
  const auto begin = std::chrono::steady_clock::now();
  const std::map<std::string, int> of_submission = calls();
  // Somebody watches all the time.
  const pid_t watcher = core::spawn_process(suite("status", {"--watch", "--json"}));

  const bool complete =
      SlurmBox::wait_for([&] { return count_results(scratch_ / "store") == 2 * kTrials + 2; }, std::chrono::minutes(5));
  const double minutes = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / 60;
  std::map<std::string, int> all = calls();
  ::kill(watcher, SIGKILL);
  ::waitpid(watcher, nullptr, 0);
  if (!complete) tell_queue_and_logs(box_, scratch_ / "store");
  ASSERT_TRUE(complete) << count_results(scratch_ / "store");
  EXPECT_GT(minutes, 1.0) << "too short to count calls a minute";

  // The submission: what the partitions offer, sbatch, and at most one look at what it became. The allocation may have
  // begun by then, which asks when it ends and starts its step.
  EXPECT_EQ(all.at("sbatch"), 2) << "the second waits for the end of the first";
  EXPECT_EQ(all.at("sinfo"), 1);
  EXPECT_LE(of_submission.contains("squeue") ? of_submission.at("squeue") : 0, 1);
  // The allocation: when it ends, and its one step. The watcher: squeue once a minute, the first at once, and when the
  // allocation or its run has started and ended, each once more ten seconds later.
  std::string counted;
  int running = 0;
  for (const auto& [command, count] : all) {
    counted += fmt::format("{} {} ", count, command);
    if (command != "squeue") running += command == "sbatch" || command == "sinfo" ? 0 : count;
  }
  std::cout << counted << "in " << minutes << " minutes\n";
  EXPECT_GE(running, 1) << "the allocation's calls are not counted";
  EXPECT_LE(running, 2 * minutes);
  EXPECT_LE(all.contains("squeue") ? all.at("squeue") : 0, minutes + 14);
  for (const char* command : {"sacct", "sacctmgr", "sstat", "salloc"}) EXPECT_FALSE(all.contains(command)) << command;
  EXPECT_TRUE(box_.wait_for([&] { return box_.squeue("%T") == Words{"COMPLETED", "CANCELLED"}; }));
  auto in_the_end = calls();
  EXPECT_EQ(in_the_end.at("scancel"), 1);
  in_the_end.erase("scancel");
  all.erase("scancel");
  EXPECT_EQ(in_the_end, all) << "a complete suite asks nothing";
}

}  // namespace
}  // namespace resolute::system_test::slurm_calls_test
