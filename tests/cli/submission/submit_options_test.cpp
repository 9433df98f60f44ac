#include "cli/submission/submit_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "tests/support/pages.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::cli::submit_options_test {
namespace {

using namespace testing;

experiments::Plan small_plan() {
  experiments::Plan plan;
  plan.suite = "tiny";
  plan.title = "Tiny";
  plan.jobs.emplace_back().id = {"abcd"};
  return plan;
}

class SubmitOptions : public testing::Test {
 protected:
  SubmitOptions() { core::write_atomic(files_, suite_, "suite = \"tiny\"\nroot = \"${RAIN_ROOT}/x\"\n"); }

  slurm::SubmissionRequest read(const Arguments& more) {
    boost::program_options::options_description visible;
    add_submit_options(visible);
    Arguments all{suite_.string(), "--store", (folder_ / "store").string()};
    all.insert(all.end(), more.begin(), more.end());
    const auto parsed = parse_suite_arguments(all, {"", "", ""}, visible);
    return read_submit_options(parsed.value(), small_plan(), files_, environment_).request;
  }
  std::string refused(const Arguments& more) {
    return tests::named(tests::refusal([&] { read(more); }), site_.string(), "site.toml");
  }
  void write_site(const std::string& text) {
    core::write_atomic(files_, site_, text);
    environment_["RESOLUTE_SITE"] = site_.string();
  }

  core::FileSystem& files_ = core::real_file_system();
  tests::TemporaryFolder folder_;
  std::filesystem::path suite_ = folder_ / "suite.toml";
  std::filesystem::path site_ = folder_ / "my site.toml";
  std::map<std::string, std::string> environment_{{"HOME", (folder_ / "home").string()}, {"RAIN_ROOT", "/data/rain"}};
};

TEST_F(SubmitOptions, one_that_is_no_more_is_refused_with_what_there_is_instead) {
  const CommandHelp help{"resolute suite submit SUITE.toml", "", "", refuse_former_options};
  const auto parse = [&](const Arguments& given) {
    boost::program_options::options_description options;
    add_submit_options(options);
    parse_options(given, help, options, {"SUITE.toml"});
  };
  for (const Arguments& given : {Arguments{"x.toml", "--array"}, {"--array-at-once=4", "x.toml"}, {"--array=1"}})
    EXPECT_THAT(tests::refusal([&] { parse(given); }, core::ErrorKind::kInput),
                HasSubstr("is no longer an option (--allocations K submits K allocations of one suite)"));
  for (const std::string name : {"qos", "constraint", "exclude", "reservation", "mail-user", "mail-type", "comment"})
    EXPECT_THAT(tests::refusal([&] { parse({"--" + name + "=x"}); }, core::ErrorKind::kInput),
                HasSubstr("give --sbatch=--" + name + "=VALUE"));
  parse({"x.toml", "--allocations", "2", "--partition=x", "--sbatch=--qos=x"});
  parse({"x.toml", "--sbatch", "--qos=x"});
}

TEST_F(SubmitOptions, the_least_asks_for_nodes_and_a_time_limit) {
  const auto request = read({"--nodes", "3", "--time", "2:00:00"});
  EXPECT_EQ(request.suite, "tiny");
  EXPECT_EQ(request.title, "Tiny");
  EXPECT_EQ(request.resources.nodes, 3);
  EXPECT_EQ(request.resources.time, std::chrono::hours(2));
  EXPECT_EQ(request.resources.gpus_per_node, 0);
  EXPECT_FALSE(request.resources.exclusive);
  EXPECT_EQ(request.launcher, "auto");
  EXPECT_EQ(request.continuation, slurm::Continuation::kArmed);
  EXPECT_EQ(request.notice, std::chrono::seconds(120));
  EXPECT_EQ(request.most_restarts, 1000);
  EXPECT_EQ(request.store, folder_ / "store");
  EXPECT_EQ(request.relative_to, folder_.path());
  EXPECT_EQ(request.working_folder, std::filesystem::current_path());
  EXPECT_EQ(request.resolute, std::filesystem::read_symlink("/proc/self/exe"));
  EXPECT_THAT(request.by, HasSubstr("@"));
  EXPECT_THAT(request.run_arguments, IsEmpty());
  EXPECT_THAT(request.plan_arguments, IsEmpty());
  EXPECT_THAT(request.variables, ElementsAre(Pair("RAIN_ROOT", "/data/rain")));
}

TEST_F(SubmitOptions, nodes_and_time_are_required) {
  const std::string either = " either); give it, or ", place = " in [slurm] of ~/.config/resolute/site.toml";
  EXPECT_EQ(refused({"--time", "5"}),
            "option --nodes is missing (no site file says 'nodes'" + either + "'nodes'" + place);
  EXPECT_EQ(refused({"--nodes", "5"}),
            "option --time is missing (no site file says 'time'" + either + "'time'" + place);
  EXPECT_THAT(refused({}), StartsWith("options --nodes and --time are missing (no site file says 'nodes' and 'time'"));
  write_site("[slurm]\nnodes = 2\ntime = \"90\"\n");
  const auto request = read({});
  EXPECT_EQ(request.resources.nodes, 2);
  EXPECT_EQ(request.resources.time, std::chrono::minutes(90));
}

TEST_F(SubmitOptions, every_option_arrives) {
  const auto request = read({"--nodes=2",
                             "--time=1-00:00:00",
                             "--gpus-per-node=4",
                             "--cpus-per-node=16",
                             "--partition=gpu",
                             "--account=reid",
                             "--gpu-type=a100",
                             "--memory=64G",
                             "--exclusive",
                             "--sbatch=--qos=high",
                             "--sbatch=--constraint=nvlink",
                             "--sbatch=--exclude=n[1-2]",
                             "--sbatch=--reservation=week",
                             "--sbatch=--licenses=x",
                             "--sbatch=--mail-user=a@b",
                             "--sbatch=--mail-type=END",
                             "--sbatch=--comment=project 7",
                             "--sbatch=--hold",
                             "--notice=300",
                             "--continue=chain",
                             "--most-restarts=7",
                             "--launcher=mpirun",
                             "--profile=quick",
                             "--dependency=afterok:3,after:4",
                             "--set=trials=1",
                             "--set=lanes=2",
                             "--from-scratch",
                             "--relative-to=/suites/../data"});
  const auto& resources = request.resources;
  EXPECT_EQ(resources.gpus_per_node, 4);
  EXPECT_EQ(resources.cpus_per_node, 16);
  EXPECT_EQ(resources.partition, "gpu");
  EXPECT_EQ(resources.account, "reid");
  EXPECT_EQ(resources.qos, "high");
  EXPECT_EQ(resources.constraint, "nvlink");
  EXPECT_EQ(resources.exclude, "n[1-2]");
  EXPECT_EQ(resources.reservation, "week");
  EXPECT_EQ(resources.gpu_type, "a100");
  EXPECT_EQ(resources.memory, "64G");
  EXPECT_EQ(resources.mail_user, "a@b");
  EXPECT_EQ(resources.mail_type, "END");
  EXPECT_TRUE(resources.exclusive);
  EXPECT_THAT(resources.options, ElementsAre("--licenses=x", "--hold"));
  EXPECT_EQ(request.notice, std::chrono::seconds(300));
  EXPECT_EQ(request.continuation, slurm::Continuation::kChain);
  EXPECT_EQ(request.most_restarts, 7);
  EXPECT_EQ(request.launcher, "mpirun");
  EXPECT_EQ(resources.comment, "project 7");
  EXPECT_EQ(request.dependency, "afterok:3,after:4");
  EXPECT_EQ(request.relative_to, "/data");
  EXPECT_THAT(request.plan_arguments,
              ElementsAre("--profile", "quick", "--set", "trials=1", "--set", "lanes=2", "--from-scratch"));
}

TEST_F(SubmitOptions, the_command_line_is_over_the_site_and_the_site_over_sbatchs_variables) {
  environment_["SBATCH_PARTITION"] = "from-variable";
  environment_["SBATCH_ACCOUNT"] = "from-variable";
  environment_["SBATCH_QOS"] = "from-variable";
  environment_["SBATCH_EXCLUSIVE"] = "1";
  write_site("[slurm]\npartition = \"from-site\"\naccount = \"from-site\"\nexclusive = true\noptions = [\"--hold\"]\n");
  environment_["SBATCH_CONSTRAINT"] = "from-variable";
  const auto request =
      read({"--nodes=1", "--time=5", "--partition=typed", "--sbatch=--nice", "--sbatch=--constraint=typed"});
  EXPECT_EQ(request.resources.constraint, "typed");
  EXPECT_EQ(request.resources.partition, "typed");
  EXPECT_EQ(request.resources.account, "from-site");
  EXPECT_EQ(request.resources.qos, "from-variable");
  EXPECT_THAT(request.resources.options, ElementsAre("--hold", "--nice"));
  EXPECT_TRUE(request.resources.exclusive);
}

TEST_F(SubmitOptions, one_cluster_is_typed_or_of_the_site_or_of_the_environment) {
  const Arguments least{"--nodes=1", "--time=5"};
  EXPECT_EQ(read(least).cluster, "");
  environment_["SLURM_CLUSTERS"] = "gpu,cpu";
  EXPECT_THAT(refused(least), StartsWith("SLURM_CLUSTERS: --cluster 'gpu,cpu' cannot"));
  environment_["SLURM_CLUSTERS"] = "gpu";
  EXPECT_EQ(read(least).cluster, "gpu");
  write_site("[slurm]\ncluster = \"from-site\"\n");
  EXPECT_EQ(read(least).cluster, "from-site");
  EXPECT_EQ(read({"--nodes=1", "--time=5", "--cluster=typed"}).cluster, "typed");
  write_site("[slurm]\ncluster = \"All\"\n");
  EXPECT_THAT(refused(least), StartsWith("site.toml:2:1: --cluster 'All' cannot"));
}

TEST_F(SubmitOptions, the_cluster_of_the_environment_is_that_of_sbatch) {
  const Arguments least{"--nodes=1", "--time=5"};
  environment_["SBATCH_CLUSTERS"] = "gpu";
  EXPECT_EQ(read(least).cluster, "gpu");
  EXPECT_EQ(cluster_here(files_, environment_), "gpu");
  environment_["SBATCH_CLUSTERS"] = "gpu,cpu";
  EXPECT_THAT(refused(least), StartsWith("SBATCH_CLUSTERS: --cluster 'gpu,cpu' cannot"));
  environment_["SLURM_CLUSTERS"] = "cpu";
  EXPECT_EQ(read(least).cluster, "cpu");
}

TEST_F(SubmitOptions, variables_that_ask_for_what_no_submission_hands_on_are_named) {
  for (const char* name : {"SBATCH_PARTITION", "SBATCH_RESERVATION", "SBATCH_CLUSTERS", "SBATCH_EXPORT",
                           "SBATCH_SIGNAL", "SLURM_HINT", "MY_SBATCH_WCKEY"})
    environment_[name] = "x";
  EXPECT_THAT(unheeded_variables(environment_), IsEmpty());
  environment_["SBATCH_WCKEY"] = environment_["SBATCH_MEM_PER_NODE"] = environment_["SBATCH_EXCLUSIVE"] = "1";
  environment_["SBATCH_GPUS"] = "";
  EXPECT_THAT(unheeded_variables(environment_), ElementsAre("SBATCH_EXCLUSIVE", "SBATCH_MEM_PER_NODE", "SBATCH_WCKEY"));
}

TEST_F(SubmitOptions, what_is_wrong_is_said_of_where_it_stands) {
  const Arguments least{"--nodes=1", "--time=5"};
  const std::vector<std::pair<Arguments, std::string>> wrong{
      {{"--nodes=1", "--time=5", "--partition=a b"}, "--partition 'a b' cannot"},
      {{"--nodes=0", "--time=5"}, "--nodes 0"},
      {{"--nodes=1", "--time=5", "--dependency=afterok"}, "--dependency 'afterok'"},
      {{"--nodes=1", "--time=soon"}, "--time 'soon'"},
      {{"--nodes=1", "--time=5", "--gpu-type=a100"}, "--gpu-type 'a100'"},
      {{"--nodes=1", "--time=5", "--notice=0"}, "--notice 0"},
      {{"--nodes=1", "--time=5", "--launcher=mpiexec"}, "--launcher: "},
      {{"--nodes=2", "--time=5", "--launcher=none"}, "--launcher: "},
      {{"--nodes=1", "--time=5", "--sbatch=--array=1"}, "--sbatch '--array=1'"},
      {{"--nodes=1", "--time=5", "--sbatch=--qos=a b"}, "--qos 'a b'"},
      {{"--nodes=1", "--time=5", "--sbatch=--qos"}, "--sbatch '--qos'"},
      {{"--nodes=1", "--time=5", "--sbatch=--const=x"}, "--sbatch '--const=x'"},
      {{"--nodes=1", "--time=5", "--sbatch=--mem=1"}, "--sbatch '--mem=1'"},
      {{"--nodes=1", "--time=5", "--most-restarts=-1"}, "--most-restarts -1"}};
  for (const auto& [arguments, words] : wrong) EXPECT_THAT(refused(arguments), StartsWith(words));
  EXPECT_THAT(refused({"--nodes=1", "--time=5", "--continue=x"}), HasSubstr("'x'"));
  environment_["SBATCH_QOS"] = "a b";
  EXPECT_THAT(refused(least), StartsWith("SBATCH_QOS: --qos 'a b'"));
  environment_.erase("SBATCH_QOS");
  write_site("[slurm]\n\nmemory = \"lots\"\n");
  EXPECT_THAT(refused(least), StartsWith("site.toml:3:1: --memory 'lots'"));
  write_site("[slurm]\noptions = [\"--array=3\"]\n");
  EXPECT_THAT(refused(least), StartsWith("site.toml:2:1: --sbatch '--array=3'"));
  write_site("[slurm]\ntime = \"soon\"\n");
  EXPECT_THAT(refused({"--nodes=1"}), StartsWith("site.toml:2:1: time 'soon'"));
  write_site("[slurm]\npartitoin = \"x\"\n");
  EXPECT_THAT(refused(least), StartsWith("site.toml:2:1: key 'partitoin' is unknown"));
}

TEST_F(SubmitOptions, a_launcher_of_one_process_is_refused_with_several_nodes_wherever_they_are_asked_for) {
  const std::string refusal = "launcher 'none' starts one process (of 2 nodes)";
  const std::string none = "[environment]\nlauncher = \"none\"\n";
  const std::vector<std::string> one{"--nodes=1", "--time=60"};
  write_site(none);
  EXPECT_EQ(refused(one), "");
  EXPECT_THAT(refused({"--nodes=2", "--time=60"}), HasSubstr(refusal));
  write_site(none + "[resources.training]\nnodes = 2\n");
  EXPECT_THAT(refused(one), HasSubstr(refusal));
  write_site(none + "[[slurm.shapes]]\nnodes = 2\n");
  EXPECT_THAT(refused({"--nodes=1", "--time=60", "--allocations=1..4"}), HasSubstr(refusal));
}

TEST_F(SubmitOptions, a_site_file_that_is_named_must_be_there_and_the_users_own_need_not) {
  EXPECT_EQ(refused({"--nodes=1", "--time=5"}), "");
  EXPECT_THAT(refused({"--nodes=1", "--time=5", "--site", (folder_ / "none").string()}), HasSubstr("none"));
  environment_["RESOLUTE_SITE"] = (folder_ / "none").string();
  EXPECT_THAT(refused({"--nodes=1", "--time=5"}),
              HasSubstr("RESOLUTE_SITE: cannot open '" + (folder_ / "none").string()));
  environment_["RESOLUTE_SITE"] = folder_.path().string();
  EXPECT_THAT(refused({"--nodes=1", "--time=5"}), HasSubstr("RESOLUTE_SITE: cannot read '"));
}

TEST_F(SubmitOptions, a_sites_shell_container_and_launcher_arrive) {
  write_site(
      "[environment]\nmodules = [\"a/1\"]\ncommands = [\"x\"]\nlauncher = \"srun\"\n[container]\ncommand = "
      "[\"apptainer\", \"exec\"]\nprogram = \"/bin/resolute\"\n");
  const auto request = read({"--nodes=1", "--time=5"});
  EXPECT_THAT(request.site.modules, ElementsAre("a/1"));
  EXPECT_THAT(request.site.commands, ElementsAre("x"));
  EXPECT_EQ(request.launcher, "srun");
  EXPECT_THAT(request.container.command, ElementsAre("apptainer", "exec"));
  EXPECT_EQ(request.container.program, "/bin/resolute");
}

TEST_F(SubmitOptions, a_sites_ways_of_asking_and_launching_arrive) {
  write_site(
      "[slurm]\ngpu_request = \"gpus\"\ncomment = \"project 7\"\n[environment]\nlauncher = "
      "\"srun\"\nlauncher_options = [\"--network=x\"]\nmpi = \"cray_shasta\"\ninterface = \"hsn0\"\n");
  const auto request = read({"--nodes=2", "--time=5"});
  EXPECT_EQ(request.resources.gpu_request, slurm::GpuRequest::kGpus);
  EXPECT_EQ(request.resources.comment, "project 7");
  EXPECT_EQ(request.launch, (slurm::LaunchOptions{"cray_shasta", {"--network=x"}}));
  EXPECT_THAT(request.run_arguments, ElementsAre("--interface", "hsn0"));
  EXPECT_THAT(read({"--nodes=2", "--time=5", "--interface=ib0"}).run_arguments, ElementsAre("--interface", "ib0"));
  EXPECT_THAT(read({"--nodes=2", "--time=5", "--launcher=mpirun"}).launch.words, IsEmpty()) << "they are srun's";
  write_site("[environment]\nmpi = \"none\"\n");
  EXPECT_THAT(refused({"--nodes=2", "--time=5"}), StartsWith("site.toml:2:1: mpi 'none'"));
}

TEST_F(SubmitOptions, who_hears_of_the_end_is_typed_or_of_the_site) {
  EXPECT_EQ(read({"--nodes=1", "--time=5"}).notify, "");
  write_site("[environment]\nnotify = \"kim@example.org\"\n");
  EXPECT_EQ(read({"--nodes=1", "--time=5"}).notify, "kim@example.org");
  EXPECT_EQ(read({"--nodes=1", "--time=5", "--notify=wall done"}).notify, "wall done");
  EXPECT_THAT(refused({"--nodes=1", "--time=5", "--notify=a\nb"}), StartsWith("--notify is neither"));
}

TEST_F(SubmitOptions, every_site_file_of_the_manual_is_taken) {
  const auto site_files = tests::fenced_blocks(tests::page_text("clusters.md"), "toml");
  for (const std::string& text : site_files) {
    write_site(text);
    EXPECT_EQ(refused({"--nodes=2", "--time=2:00:00"}), "") << text;
  }
  EXPECT_GE(site_files.size(), 6U);
}

TEST_F(SubmitOptions, the_kind_of_gpu_of_a_site_is_for_suites_that_take_gpus) {
  write_site("[slurm]\ngpu_type = \"a100\"\n");
  EXPECT_EQ(read({"--nodes=1", "--time=5"}).resources.gpu_type, "");
  EXPECT_EQ(read({"--nodes=1", "--time=5", "--gpus-per-node=2"}).resources.gpu_type, "a100");
}

TEST_F(SubmitOptions, options_of_the_run_are_checked_here_and_passed_on_as_given) {
  const auto request = read({"--nodes=1", "--time=5", "--slots=3", "--gpus=-1", "--jobs-per-gpu=4",
                             "--memory-per-rank=500", "--bind=cores", "--interface=ib0", "--no-progress-limit=0",
                             "--checkpoint-every=10", "--evaluate-every=2", "--first=abcd", "--through-host"});
  EXPECT_EQ(request.slots, 3);
  EXPECT_EQ(request.jobs_per_gpu, 4);
  EXPECT_THAT(request.run_arguments, ElementsAre("--gpus", "-1", "--memory-per-rank", "500", "--no-progress-limit", "0",
                                                 "--checkpoint-every", "10", "--evaluate-every", "2", "--through-host",
                                                 "--first", "abcd", "--bind", "cores", "--interface", "ib0"));
  EXPECT_THAT(refused({"--nodes=1", "--time=5", "--slots=-1"}), StartsWith("--slots -1 is too small"));
  EXPECT_THAT(refused({"--nodes=1", "--time=5", "--slots=100001"}),
              StartsWith("--slots 100001 is too large (100000 is"));
  EXPECT_THAT(refused({"--nodes=1", "--time=5", "--no-progress-limit=2147483647"}), HasSubstr("is too large"));
  EXPECT_THAT(refused({"--nodes=1", "--time=5", "--jobs-per-gpu=9"}),
              StartsWith("--jobs-per-gpu 9 is too large (8 is"));
  EXPECT_THAT(refused({"--nodes=1", "--time=5", "--jobs-per-gpu=0"}), StartsWith("--jobs-per-gpu 0 is too small"));
  EXPECT_THAT(refused({"--nodes=1", "--time=5", "--gpus=-2"}), StartsWith("--gpus -2 is too small"));
  EXPECT_THAT(refused({"--nodes=1", "--time=5", "--bind=x"}), StartsWith("option --bind has the value 'x'"));
  EXPECT_THAT(refused({"--nodes=1", "--time=5", "--first=nothing"}), HasSubstr("nothing"));
}

TEST_F(SubmitOptions, a_short_allocation_is_not_all_notice) {
  EXPECT_EQ(read({"--nodes=1", "--time=6"}).notice, std::chrono::seconds(90));
  EXPECT_EQ(read({"--nodes=1", "--time=2"}).notice, std::chrono::seconds(30));
  EXPECT_EQ(read({"--nodes=1", "--time=1:30"}).notice, std::chrono::seconds(30))
      << "of the two minutes that SLURM gives";
  EXPECT_EQ(read({"--nodes=1", "--time=6", "--notice=200"}).notice, std::chrono::seconds(200));
}

TEST_F(SubmitOptions, a_time_limit_with_nothing_left_to_work_in_is_refused_with_the_sum) {
  EXPECT_EQ(
      refused({"--nodes=1", "--time=1"}),
      "--time is too short to work in (SLURM gives 60 s, the run stops 30 s before their end, and SLURM may have it "
      "stop up to 60 s earlier: nothing is left to work in); give --time 2 or more, or a shorter --notice");
  EXPECT_THAT(refused({"--nodes=1", "--time=0:45"}), HasSubstr("SLURM gives 60 s for 45 s, in whole minutes, the run"));
  EXPECT_THAT(refused({"--nodes=1", "--time=3", "--notice=100"}),
              HasSubstr("20 s are left to work in); give --time 4"));
  EXPECT_EQ(refused({"--nodes=1", "--time=4", "--notice=100"}), "");
  write_site("[slurm]\nnotice = 600\n");
  EXPECT_EQ(refused({"--nodes=1", "--time=2"}), "") << "a site's notice is at most a quarter of the limit";
}

TEST_F(SubmitOptions, no_allocation_is_none) {
  EXPECT_THAT(refused({"--nodes=1", "--time=5", "--allocations=0"}),
              StartsWith("--allocations '0' is not a number of allocations"));
}

}  // namespace
}  // namespace resolute::cli::submit_options_test
