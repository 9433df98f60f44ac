// Scripts handed to a real sbatch: what SLURM took from them is what was asked for, and every sign in a folder's name
// comes through.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/files/file_system.h"
#include "slurm/launcher.h"
#include "slurm/sbatch_script.h"
#include "tests/slurm/script_example.h"
#include "tests/support/slurm_box.h"
#include "tests/support/temporary_folder.h"

namespace resolute::slurm::script_facts_test {
namespace {

using testing::Contains;
using testing::HasSubstr;

class ScriptFacts : public testing::Test {
 protected:
  // One cluster for all: each test submits jobs of its own.
  static void SetUpTestSuite() { box_ = new tests::SlurmBox({.nodes = 2, .cpus_per_node = 4, .gres = "gpu:2"}); }
  static void TearDownTestSuite() {
    delete box_;
    box_ = nullptr;
  }
  static tests::SlurmBox& box() { return *box_; }

  // Folders whose names hold what sbatch, SLURM or bash give a meaning to.
  ScriptRequest request() {
    ScriptRequest request = plain_request();
    request.resources.nodes = 1;
    request.working_folder = make("it's 100 %j \"w\" #1 $(id) é");
    request.output = make("%A %% 'logs' %j");
    request.command = {"/bin/sh", "-c", "pwd; printf '%s|' \"$@\"", "sh", "it's", "$HOME", "a\\b"};
    return request;
  }
  std::filesystem::path make(const std::string& name) {
    std::filesystem::create_directories(folder_ / name);
    return folder_ / name;
  }
  std::string submit(const ScriptRequest& request) {
    const auto file = folder_ / "script.sh";
    core::write_atomic(core::real_file_system(), file, sbatch_script(request));
    return box().output({"sbatch", "--parsable", file.string()});
  }
  // What the job wrote.
  std::string run(const ScriptRequest& request) {
    const std::string job = submit(request);
    EXPECT_TRUE(box().wait_for_state(job, "COMPLETED|FAILED"));
    return core::read_text(core::real_file_system(), request.output / (job + ".log"));
  }

  tests::TemporaryFolder folder_;

 private:
  static tests::SlurmBox* box_;
};
tests::SlurmBox* ScriptFacts::box_ = nullptr;

TEST_F(ScriptFacts, folders_arguments_and_variables_come_through_unchanged) {
  ScriptRequest request = this->request();
  request.variables = {{"ROOT", "/data/it's \"100 %\" $(id)"}};
  request.command = {"/bin/sh", "-c", "printf '%s|' \"$PWD\" \"$ROOT\" \"$@\"", "sh", "it's", "$HOME", "a\\b", ""};
  EXPECT_EQ(run(request), request.working_folder.string() + "|/data/it's \"100 %\" $(id)|it's|$HOME|a\\b||");
}

TEST_F(ScriptFacts, slurm_takes_what_was_asked_for) {
  ScriptRequest request = this->request();
  request.comment = "it's \"q\" #1 \\ $(id) ü 100 %j";
  request.resources.nodes = 2;
  request.resources.gpus_per_node = 2;
  request.resources.cpus_per_node = 3;
  request.resources.time = std::chrono::minutes(7);
  request.resources.partition = "low";
  request.resources.options = {"--hold", "--nice=5"};
  request.dependency = "afterany:999999";
  const std::string job = submit(request);
  const auto fields = box().scontrol_job(job);
  const auto field = [&](const char* key) { return fields.contains(key) ? fields.at(key) : ""; };
  EXPECT_EQ(field("JobName"), request.job_name);
  EXPECT_EQ(field("Requeue"), "1");
  EXPECT_EQ(field("TimeLimit"), "00:07:00");
  EXPECT_EQ(field("Partition"), "low");
  EXPECT_EQ(field("CPUs/Task"), "3");
  EXPECT_THAT(field("NumNodes"), HasSubstr("2"));
  EXPECT_THAT(field("TresPerNode"), HasSubstr("gpu:2"));
  EXPECT_EQ(field("Nice"), "5");
  EXPECT_EQ(field("Priority"), "0");  // held
  EXPECT_EQ(box().output({"squeue", "-h", "-j", job, "-o", "%k"}), request.comment);
  EXPECT_EQ(box().output({"squeue", "-h", "-j", job, "-o", "%Z"}), request.working_folder.string());
  box().output({"scancel", job});
}

TEST_F(ScriptFacts, gpus_are_taken_in_each_way_of_asking) {
  for (const auto& [way, field] : {std::pair{GpuRequest::kGres, "TresPerNode"},
                                   {GpuRequest::kGpus, "TresPerJob"},
                                   {GpuRequest::kGpusPerNode, "TresPerNode"}}) {
    ScriptRequest request = this->request();
    request.resources.nodes = 2;
    request.resources.gpus_per_node = 2;
    request.resources.gpu_request = way;
    request.resources.options = {"--hold"};
    const std::string job = submit(request);
    const auto fields = box().scontrol_job(job);
    EXPECT_THAT(fields.contains(field) ? fields.at(field) : "", HasSubstr(way == GpuRequest::kGpus ? "gpu:4" : "gpu:2"))
        << settings::word(way);
    box().output({"scancel", job});
  }
}

TEST_F(ScriptFacts, a_users_dependency_and_comment_stand_beside_ours) {
  ScriptRequest first = this->request();
  first.job_name = "somebody-elses";
  first.command = {"/bin/sleep", "2"};
  const std::string before = submit(first);
  ScriptRequest request = this->request();
  request.comment = "project 7";
  request.dependency = "afterok:" + before + ",afterany:" + before;
  request.command = {"/bin/echo", "ran"};
  const std::string job = submit(request);
  const auto dependency = box().scontrol_job(job)["Dependency"];
  EXPECT_THAT(dependency, HasSubstr("afterok:" + before));
  EXPECT_THAT(dependency, HasSubstr("afterany:" + before));
  EXPECT_EQ(box().output({"squeue", "-h", "-j", job, "-o", "%k"}), "project 7");
  ASSERT_TRUE(box().wait_for_state(job, "COMPLETED"));
  EXPECT_EQ(core::read_text(core::real_file_system(), request.output / (job + ".log")), "ran\n");
}

TEST_F(ScriptFacts, one_question_mark_in_a_list_of_dependencies_takes_the_singleton_for_all) {
  const auto held = [&] {
    return box().output({"sbatch", "--parsable", "--hold", "-o", "/dev/null", "--wrap", "true"});
  };
  const std::string one = held(), other = held();
  ScriptRequest request = this->request();
  request.job_name = "any-of-them";
  request.dependency = "afterok:" + one + "?afterok:" + other;
  request.command = {"/bin/echo", "ran"};
  EXPECT_TRUE(box().wait_for_state(submit(request), "COMPLETED")) << "validate_dependency() need not refuse it";
  box().output({"scancel", one, other});
}

TEST_F(ScriptFacts, a_job_of_the_same_name_waits) {
  ScriptRequest request = this->request();
  request.job_name = "resolute-twice-0123456789ab-1";
  request.command = {"/bin/sleep", "3"};
  const std::string first = submit(request);
  const std::string again = submit(request);
  const auto running = [&] { return box().squeue("%A", {"-j", first + "," + again, "--states=RUNNING"}); };
  ASSERT_TRUE(tests::SlurmBox::wait_for([&] { return running().size() == 1; }));
  EXPECT_EQ(running(), std::vector<std::string>{first});
  EXPECT_THAT(box().squeue("%r", {"-j", again}), Contains("Dependency"));
  box().output({"scancel", first, again});
}

TEST_F(ScriptFacts, a_missing_working_folder_is_said_in_one_line) {
  ScriptRequest request = this->request();
  request.working_folder = folder_ / "gone %j 'x'";
  const std::string log = run(request);
  EXPECT_THAT(log, HasSubstr("has no folder '" + request.working_folder.string() + "'"));
}

TEST_F(ScriptFacts, a_notice_while_the_site_is_set_up_does_not_end_the_script) {
  ScriptRequest request = this->request();
  request.site.commands = {"kill -USR1 $$"};
  request.command = {"/bin/echo", "still here"};
  EXPECT_EQ(run(request), "still here\n");
}

TEST_F(ScriptFacts, srun_says_whether_it_has_pmix) {
  const auto list = box().run({"srun", "--mpi=list"});
  EXPECT_EQ(launchers_to_try(2, list.out + list.err, false), std::vector<Launcher>{Launcher::kSrun})
      << list.out << list.err;
}

TEST_F(ScriptFacts, a_step_has_every_processor_and_gpu_of_its_nodes) {
  ScriptRequest request = this->request();
  request.resources.nodes = 2;
  request.resources.gpus_per_node = 2;
  request.resources.cpus_per_node = 2;
  request.resources.exclusive = true;
  const std::string show =
      "echo $SLURM_PROCID on $SLURMD_NODENAME has $CUDA_VISIBLE_DEVICES and $SLURM_CPUS_ON_NODE; "
      "[ $SLURM_PROCID = 1 ] || scontrol show step $SLURM_JOB_ID.$SLURM_STEP_ID; sleep 0.3";
  request.command = launch_command(Launcher::kSrun, 2, {"/bin/sh", "-c", show});
  const std::string log = run(request);
  EXPECT_THAT(log, HasSubstr("0 on n1 has 0,1 and 4\n"));
  EXPECT_THAT(log, HasSubstr("1 on n2 has 0,1 and 4\n"));
  EXPECT_THAT(log, HasSubstr("Nodes=2 CPUs=8 Tasks=2")) << "2 processors asked for, but nodes of 4 to itself";
}

// What the slots of a run follow, on the first node and on the others.
TEST_F(ScriptFacts, a_process_is_told_how_many_processors_slurm_gave) {
  ScriptRequest request = this->request();
  request.resources.nodes = 2;
  request.resources.cpus_per_node = 3;
  for (const Launcher launcher : {Launcher::kSrun, Launcher::kMpirun}) {
    request.command = launch_command(launcher, 2, {"/bin/sh", "-c", "echo $SLURMD_NODENAME has $SLURM_CPUS_ON_NODE"});
    const std::string log = run(request);
    for (const char* line : {"n1 has 3\n", "n2 has 3\n"}) EXPECT_THAT(log, HasSubstr(line)) << name_of(launcher);
  }
}

TEST_F(ScriptFacts, one_process_that_fails_ends_no_other) {
  ScriptRequest request = this->request();
  request.resources.nodes = 2;
  for (Launcher launcher : {Launcher::kSrun, Launcher::kMpirun}) {
    // Once both run and their nodes have told mpirun so, which no process can see: of processes that are being started
    // mpirun gives up all.
    const std::string other = (folder_ / ("started-by-" + std::string(name_of(launcher)))).string();
    const std::string program = "if [ ${OMPI_COMM_WORLD_RANK:-$SLURM_PROCID} = 0 ]; then while [ ! -e '" + other +
                                "' ]; do sleep 0.05; done; sleep 1; kill -9 $$; fi; touch '" + other +
                                "'; sleep 2.5; echo alive";
    request.command = launch_command(launcher, 2, {"/bin/sh", "-c", program});
    EXPECT_THAT(run(request), HasSubstr("alive")) << name_of(launcher);
  }
}

}  // namespace
}  // namespace resolute::slurm::script_facts_test
