// On nodes that give a job what it asked for and no more, as most clusters do.

#include <gmock/gmock.h>

#include "tests/system/cluster/quick_suite.h"
#include "tests/system/cluster/slurm_suite.h"

namespace resolute::system_test::slurm_confined_test {
namespace {

using testing::AllOf;

class SlurmConfined : public testing::Test {
 protected:
  // \param before bash that each job runs first, with $store and $specification (JSON) set
  void prepare(int trials, const std::string& before) {
    file_ = write_quick_suite(scratch_.path(), "few", trials, 1);
    std::string worker = kQuickWorker;
    const std::string pause = "sleep 0.5\n";
    worker.replace(worker.find(pause), pause.size(), before + "\n");
    write(scratch_ / "worker", worker);
  }
  CommandOutput suite(const std::string& command, const std::vector<std::string>& more = {}) const {
    const Words words{kBin / "resolute", "suite", command, file_, "--store", store()};
    return core::run_command(program(joined(words, more), box_.environment()), tests::kPatience);
  }
  fs::path store() const { return scratch_ / "store"; }
  std::vector<std::string> lines(const char* name) const { return lines_of(text_of(store() / name)); }

  ScratchFolder scratch_;
  fs::path file_;
  SlurmBox box_{{.nodes = 1, .confine = true}};
};

TEST_F(SlurmConfined, what_asked_for_one_of_two_processors_has_one_slot_and_runs_on_that_processor) {
  prepare(3, R"(echo "begin $BASHPID" >>"$store/jobs.log"
sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status >>"$store/processors.log"
sleep 0.2
echo "end $BASHPID" >>"$store/jobs.log")");
  EXPECT_EQ(code_of(suite("submit", {"--nodes", "1", "--cpus-per-node", "1", "--time", "10", "--wait"})), 0);
  const std::vector<std::string> processors = lines("processors.log");
  EXPECT_EQ(processors.size(), 6U) << "trainings and evaluations: packs are made by our own worker";
  for (const std::string& one : processors) EXPECT_THAT(one, testing::AnyOf("0", "1"));
  // One after the other.
  const std::vector<std::string> jobs = lines("jobs.log");
  for (std::size_t i = 0; i + 1 < jobs.size(); i += 2)
    EXPECT_EQ("end" + jobs[i].substr(jobs[i].find(' ')), jobs[i + 1]) << i;
}

TEST_F(SlurmConfined, a_training_that_takes_more_memory_than_asked_for_is_told_of_by_status_alone) {
  if (!box_.confines_memory()) GTEST_SKIP() << "no control groups of version 1, or another box confines memory";
  prepare(1,
          R"(case $specification in *'"kind":"training"'*) exec /usr/bin/python3 -c 'bytearray(900 << 20)' ;; esac)");
  EXPECT_EQ(
      code_of(suite("submit", {"--nodes", "1", "--cpus-per-node", "1", "--memory", "600M", "--time", "10", "--wait"})),
      3);
  const CommandOutput status = suite("status");
  EXPECT_THAT(status.out + status.err, AllOf(HasSubstr("out-of-memory"), HasSubstr("training baseline trial 0")));
}

}  // namespace
}  // namespace resolute::system_test::slurm_confined_test
