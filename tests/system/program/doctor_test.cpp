// `resolute doctor`, with what this machine has, with fakes in its place, and with nothing at all.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <set>

#include "core/files/json.h"
#include "tests/system/program.h"

namespace resolute::system_test::doctor_test {
namespace {

using testing::AllOf;
using testing::IsEmpty;
using Environment = std::map<std::string, std::string>;

//! No cluster and no site file, whatever the machine has.
Environment alone() {
  auto environment = program_environment();
  std::erase_if(environment, [](const auto& variable) { return variable.first.starts_with("SLURM"); });
  environment.erase("RESOLUTE_SITE");
  environment["XDG_CONFIG_HOME"] = "/nonexistent";
  return environment;
}

Environment with_path(const fs::path& path) {
  auto environment = alone();
  environment["PATH"] = path.string();
  return environment;
}

struct Diagnosis {
  int code = -1;
  core::Json checks = core::Json::array();
  const core::Json& check(const std::string& name) const {
    static const core::Json kNone = {{"level", "missing"}, {"what", ""}, {"advice", ""}};
    for (const core::Json& one : checks)
      if (one["name"] == name) return one;
    return kNone;
  }
  std::string level(const std::string& name) const { return check(name)["level"]; }
  std::string what(const std::string& name) const { return check(name)["what"]; }
  std::string advice(const std::string& name) const { return check(name)["advice"]; }
};

Diagnosis diagnose(const Environment& environment, std::vector<std::string> arguments = {}) {
  arguments.insert(arguments.begin(), {(kBin / "resolute").string(), "doctor", "--json"});
  const auto output = run_program(std::move(arguments), environment);
  Diagnosis diagnosis;
  diagnosis.code = code_of(output);
  const core::Json json = core::parse_json(output.out, "doctor");
  diagnosis.checks = json["checks"];
  bool failed = false;
  for (const core::Json& one : diagnosis.checks) {
    failed = failed || one["level"] == "fail";
    EXPECT_NE(one["what"], "") << one;
    EXPECT_TRUE(one["level"] != "fail" || one["advice"] != "") << one;
  }
  EXPECT_EQ(json["ok"], !failed);
  EXPECT_EQ(diagnosis.code, failed ? 1 : 0);
  return diagnosis;
}

void write_program(const fs::path& path, const std::string& body) {
  write(path, "#!/bin/sh\n" + body + "\n");
  fs::permissions(path, fs::perms::owner_all);
}

//! SLURM's commands, of a cluster whose `scontrol show config` prints `config`.
void write_fake_slurm(const fs::path& folder, const std::string& config) {
  for (const char* name : {"sbatch", "squeue", "scancel"}) write_program(folder / name, "exit 0");
  write(folder / "config", config);
  write_program(folder / "scontrol",
                "while IFS= read -r line; do echo \"$line\"; done < " + (folder / "config").string());
  write_program(folder / "sinfo",
                "case \"$*\" in\n"
                "*%G*) echo 'gpu*|1-00:00:00|1-infinite|4|64|512000|gpu:a100:4'\n"
                "  echo 'gpu*|1-00:00:00|1-infinite|4|64|512000|gpu:h100:4';;\n"
                "*) echo 'gpu*|up|1-00:00:00|8'; echo 'old|down|infinite|2';;\nesac");
  write_program(folder / "srun", "echo 'MPI plugin types are...\n\tnone\n\tpmi2' >&2");
}

TEST(Doctor, examines_this_machine_and_leaves_nothing_behind) {
  ScratchFolder store;
  const auto found = diagnose(alone(), {"--store", store.path().string()});
  EXPECT_EQ(found.level("worker"), "ok") << found.check("worker");
  EXPECT_THAT(found.what("worker"), HasSubstr("libtorch 2"));
  EXPECT_EQ(found.level("mpi"), "ok") << found.check("mpi");
  EXPECT_THAT(found.what("mpi"), HasSubstr("2 processes on 1 host; a message around them takes "));
  EXPECT_EQ(found.level("processes"), "ok");
  EXPECT_THAT(found.what("processes"), testing::StartsWith("a rank ends with "));
  EXPECT_EQ(found.level("site"), "ok");
  for (const char* check : {"store", "store names", "store sync", "store clock"})
    EXPECT_EQ(found.level(check), "ok") << found.check(check);
  EXPECT_THAT(found.what("store space"), HasSubstr("GiB left"));
  EXPECT_NE(found.what("store type"), "");
  EXPECT_TRUE(fs::is_empty(store.path()));
  EXPECT_THAT(processes_with({(kBin / "resolute").string(), "--ring"}), IsEmpty());
}

TEST(Doctor, says_a_line_a_check_without_colours_where_nobody_looks) {
  const auto output = run_program({(kBin / "resolute").string(), "doctor"}, with_path("/nonexistent"));
  EXPECT_THAT(output.out, Not(HasSubstr("\x1b")));
  EXPECT_EQ(output.err, "");
  for (const std::string& line : lines_of(output.out))
    EXPECT_THAT(line, testing::ContainsRegex("^(ok  |warn|fail)  [a-zA-Z ]+  [^ ]"));
  EXPECT_THAT(output.out, HasSubstr("warn  store             not looked at → give --store STORE\n"));
}

TEST(Doctor, says_what_is_missing_where_path_is_empty) {
  const auto found = diagnose(with_path("/nonexistent"));
  EXPECT_EQ(found.level("mpi"), "warn");
  EXPECT_THAT(found.what("mpi"), HasSubstr("no mpirun"));
  EXPECT_EQ(found.level("slurm"), "warn");
  EXPECT_THAT(found.what("slurm"), HasSubstr("not here"));
  EXPECT_EQ(found.code, 0) << "one machine needs neither";
}

TEST(Doctor, a_missing_worker_is_a_failure_but_not_where_jobs_are_only_submitted) {
  auto environment = with_path("/nonexistent");
  environment["RESOLUTE_WORKER"] = "/nonexistent/resolute-worker";
  const auto found = diagnose(environment);
  EXPECT_EQ(found.level("worker"), "fail");
  EXPECT_THAT(found.advice("worker"), HasSubstr("build it"));
  EXPECT_EQ(found.code, 1);
  ScratchFolder bin;
  write_fake_slurm(bin.path(), "SLURM_VERSION = 22.05.8\n");
  environment["PATH"] = bin.path().string();
  EXPECT_EQ(diagnose(environment).level("worker"), "warn");
}

TEST(Doctor, a_worker_that_cannot_start_is_told_with_its_own_words) {
  ScratchFolder bin;
  auto environment = with_path(bin.path());
  environment["RESOLUTE_WORKER"] = (bin / "worker").string();
  write_program(bin / "worker", "echo 'worker: error while loading shared libraries: libtorch_cpu.so' >&2; exit 127");
  EXPECT_THAT(diagnose(environment).what("worker"), HasSubstr("libtorch_cpu.so"));
  write_program(bin / "worker", "echo nonsense");
  EXPECT_THAT(diagnose(environment).what("worker"), HasSubstr("prints no JSON"));
  write_program(bin / "worker", "kill -11 $$");
  EXPECT_THAT(diagnose(environment).what("worker"), HasSubstr("killed by signal 11"));
}

TEST(Doctor, asks_the_worker_in_the_environment_of_a_rank) {
  ScratchFolder bin;
  auto environment = with_path(bin.path());
  environment["RESOLUTE_WORKER"] = (bin / "worker").string();
  for (const char* name : {"GOTO_NUM_THREADS", "MALLOC_PERTURB_", "OPENBLAS_CORETYPE"}) environment[name] = "7";
  write_program(bin / "worker",
                "echo \"{\\\"libtorch\\\":\\\"seen: $GOTO_NUM_THREADS$MALLOC_PERTURB_$OPENBLAS_CORETYPE\\\"}\"");
  EXPECT_THAT(diagnose(environment).what("worker"), HasSubstr("libtorch seen: ,"));
}

TEST(Doctor, the_driver_that_cuda_needs_is_named_with_a_gpu_and_without) {
  EXPECT_THAT(diagnose(with_path("/nonexistent")).what("cuda") + diagnose(with_path("/nonexistent")).advice("cuda"),
              AllOf(HasSubstr("580"), HasSubstr("525")))
      << "this machine has CUDA's libraries";
  ScratchFolder bin;
  auto environment = with_path(bin.path());
  environment["RESOLUTE_WORKER"] = (bin / "worker").string();
  write_program(bin / "worker",
                "echo '{\"gpu\":\"H100\",\"capability\":\"9.0\",\"cuda\":\"12.8\",\"driver_needed\":\"525\","
                "\"driver_serves\":\"13.1\",\"cudnn\":\"91000\",\"libtorch\":\"2.11.0\"}'");
  const auto found = diagnose(environment);
  EXPECT_EQ(found.level("cuda"), "ok");
  EXPECT_THAT(found.what("cuda"), HasSubstr("CUDA 12.8 (needs driver 525 or newer, this one serves CUDA 13.1)"));
}

TEST(Doctor, an_mpirun_that_fails_or_is_of_another_mpi_is_a_failure) {
  ScratchFolder bin;
  const auto environment = with_path(bin.path().string() + ":/usr/bin:/bin");
  write_program(bin / "mpirun",
                "echo --------------------------------------------------------- >&2\n"
                "echo 'There are not enough slots available in the system' >&2\nexit 1");
  auto found = diagnose(environment);
  EXPECT_EQ(found.level("mpi"), "fail");
  EXPECT_EQ(found.what("mpi"), "There are not enough slots available in the system");
  // Each a world of its own: no launcher's variables reach them.
  write_program(bin / "mpirun", "shift 2; \"$@\"; exec \"$@\"");
  found = diagnose(environment);
  EXPECT_EQ(found.level("mpi"), "fail");
  EXPECT_THAT(found.what("mpi"), HasSubstr("each found 1"));
  EXPECT_THAT(found.advice("mpi"), HasSubstr("another MPI, and resolute loads Open MPI v"));
  write_program(bin / "mpirun",
                "[ \"$1\" != --version ] || exec echo HYDRA build details:\nshift 2; \"$@\"; exec \"$@\"");
  EXPECT_THAT(diagnose(environment).advice("mpi"), HasSubstr("mpirun is MPICH's, and resolute loads Open MPI v"));
  write_program(bin / "mpirun", "echo '{\"ring\":{}}'; echo '{\"ring\":[1,2'");
  EXPECT_EQ(diagnose(environment).level("mpi"), "fail");
}

TEST(Doctor, a_missing_mpi_library_is_a_failure_that_says_what_to_do) {
  auto environment = alone();
  environment["RESOLUTE_MPI"] = "/nonexistent/libmpi.so.40";
  const auto found = diagnose(environment);
  EXPECT_EQ(found.level("mpi"), "fail");
  EXPECT_THAT(found.what("mpi"),
              AllOf(HasSubstr("/nonexistent/libmpi.so.40"), HasSubstr("load the module of Open MPI 4 or 5")));
  const auto ring = run_program({(kBin / "resolute").string(), "doctor", "--ring"}, environment);
  EXPECT_EQ(code_of(ring), 2);
  EXPECT_EQ(lines_of(ring.err).size(), 1U) << ring.err;
}

TEST(Doctor, tells_what_of_slurms_settings_matters) {
  ScratchFolder bin;
  const auto environment = with_path(bin.path());
  write_fake_slurm(bin.path(),
                   "AccountingStorageType   = accounting_storage/none\nJobRequeue              = 1\n"
                   "KillWait                = 30 sec\nSLURM_VERSION           = "
                   "23.11.4\n");
  write_program(bin / "srun", "echo 'MPI plugin types are...\n\tpmix'");
  auto found = diagnose(environment);
  for (const char* check : {"slurm", "slurm version", "slurm partitions", "slurm accounting", "slurm requeue",
                            "slurm KillWait", "slurm mpi"})
    EXPECT_EQ(found.level(check), "ok") << found.check(check);
  EXPECT_EQ(found.level("slurm nodes"), "warn");
  EXPECT_EQ(found.what("slurm nodes"), "partition 'gpu' has nodes with a100 and with h100");
  auto chosen = environment;
  chosen["SBATCH_CONSTRAINT"] = "h100";
  EXPECT_EQ(diagnose(chosen).level("slurm nodes"), "ok");
  EXPECT_EQ(found.what("slurm version"), "23.11.4");
  EXPECT_THAT(found.what("slurm partitions"), AllOf(HasSubstr("gpu* 8 × 1-00:00:00"), Not(HasSubstr("old"))));
  write_fake_slurm(bin.path(),
                   "AccountingStorageType = accounting_storage/slurmdbd\nJobRequeue = 0\nKillWait = 5 sec\n"
                   "SLURM_VERSION = 19.05.1\n");
  found = diagnose(environment);
  for (const char* check : {"slurm version", "slurm accounting", "slurm requeue", "slurm KillWait", "slurm mpi"})
    EXPECT_EQ(found.level(check), "warn") << found.check(check);
  EXPECT_THAT(found.advice("slurm requeue"), HasSubstr("chain"));
  EXPECT_THAT(found.what("slurm accounting"), HasSubstr("no sacct"));
  EXPECT_THAT(found.advice("slurm mpi"), HasSubstr("mpirun"));
}

TEST(Doctor, a_controller_that_is_away_is_a_failure_and_no_cluster_is_none) {
  ScratchFolder bin;
  const auto environment = with_path(bin.path());
  write_fake_slurm(bin.path(), "");
  write_program(bin / "scontrol",
                "echo 'slurm_load_ctl_conf error: Unable to contact slurm controller (connect failure)' >&2; exit 1");
  auto found = diagnose(environment);
  EXPECT_EQ(found.level("slurm"), "fail");
  EXPECT_THAT(found.what("slurm"), HasSubstr("Unable to contact slurm controller"));
  EXPECT_EQ(found.level("slurm KillWait"), "missing") << "nothing is said of what nobody told";
  write_program(bin / "scontrol",
                "echo 'scontrol: error: resolve_ctls_from_dns_srv: res_nsearch error: Unknown host' >&2\n"
                "echo 'scontrol: fatal: Could not establish a configuration source' >&2; exit 1");
  found = diagnose(environment);
  EXPECT_EQ(found.level("slurm"), "warn");
  EXPECT_THAT(found.what("slurm"), HasSubstr("Could not establish a configuration source"));
  fs::remove(bin / "scancel");
  found = diagnose(environment);
  EXPECT_EQ(found.level("slurm"), "fail");
  EXPECT_THAT(found.what("slurm"), HasSubstr("scancel"));
}

TEST(Doctor, nonsense_from_slurms_commands_harms_nothing) {
  ScratchFolder bin;
  write_fake_slurm(bin.path(), "=\n = = \n\x01\xff\xfe\x80 = \x1b[31m\nKillWait = many\n");
  write_program(bin / "sinfo", "echo '|||'; echo 'a|up'; printf '\\033[2J\\377\\n'");
  const auto found = diagnose(with_path(bin.path()));
  EXPECT_EQ(found.level("slurm"), "ok");
  EXPECT_EQ(found.level("slurm partitions"), "fail");
  EXPECT_EQ(found.what("slurm nodes"), "their kinds are not known");
  EXPECT_EQ(found.level("slurm version"), "warn");
  EXPECT_EQ(found.what("slurm KillWait"), "not known");
}

TEST(Doctor, a_site_file_with_an_error_is_a_failure_that_names_its_line) {
  ScratchFolder folder;
  auto environment = with_path("/nonexistent");
  environment["RESOLUTE_SITE"] = (folder / "site.toml").string();
  write(folder / "site.toml", "[slurm]\npartitoin = \"gpu\"\n");
  auto found = diagnose(environment);
  EXPECT_EQ(found.level("site"), "fail");
  EXPECT_THAT(found.what("site"), AllOf(HasSubstr("site.toml:2"), HasSubstr("partitoin")));
  write(folder / "site.toml", "[container]\ncommand = [\"apptainer\", \"exec\"]\n");
  found = diagnose(environment);
  EXPECT_EQ(found.level("site"), "warn");
  EXPECT_THAT(found.what("site"), HasSubstr("apptainer"));
}

TEST(Doctor, a_site_file_that_is_named_must_be_there) {
  auto environment = with_path("/nonexistent");
  EXPECT_EQ(diagnose(environment).what("site"), "no site file (/nonexistent/resolute/site.toml)");
  environment["RESOLUTE_SITE"] = "/nonexistent/mine.toml";
  const auto found = diagnose(environment);
  EXPECT_EQ(found.level("site"), "fail");
  EXPECT_THAT(found.what("site"), HasSubstr("/nonexistent/mine.toml"));
}

TEST(Doctor, tries_the_launchers_that_a_submission_would_use) {
  ScratchFolder bin;
  auto environment = with_path(bin.path());
  write_program(bin / "srun", "echo 'MPI plugin types are...\n\tpmix'");
  write_program(bin / "mpirun", "echo \"$@\" >>" + (bin / "words").string() + "; [ \"$1\" = --version ] && echo 4.1");
  environment.insert({{"SLURM_JOB_ID", "1"}, {"SLURM_JOB_NUM_NODES", "2"}});
  environment["RESOLUTE_SITE"] = (bin / "site.toml").string();
  const auto launched = [&](const std::string& site) {
    write(bin / "site.toml", site);
    std::set<std::string> names;
    for (const core::Json& check : diagnose(environment).checks)
      if (check["name"].get<std::string>().starts_with("launch")) names.insert(check["name"]);
    return names;
  };
  EXPECT_THAT(launched(""), testing::ElementsAre("launch mpirun", "launch srun"));
  EXPECT_THAT(launched("[environment]\nlauncher = \"mpirun\"\nlauncher_options = [\"--mine\"]\n"),
              testing::ElementsAre("launch mpirun"));
  EXPECT_THAT(text_of(bin / "words"), HasSubstr("--mine"));
  EXPECT_THAT(launched("[environment]\nlauncher = \"none\"\n"), testing::ElementsAre("launch"));
}

// One process a node of an allocation, by the real mpirun with the words it is given but for where the processes run:
// all nodes are this machine. \param words in place of --enable-recovery
core::Json launch_by_mpirun(int nodes, const std::string& words) {
  ScratchFolder bin;
  write_program(bin / "mpirun", fmt::format("[ \"$1\" = --version ] && echo 4.1 && exit\n"
                                            "[ \"$5\" = --enable-recovery ] || exit 1\n"
                                            "shift 5; unset SLURM_JOB_ID SLURM_JOB_NUM_NODES; PATH=${{PATH#*:}}\n"
                                            "exec mpirun -np {} {} sh -c "
                                            "'SLURMD_NODENAME=n$OMPI_COMM_WORLD_RANK exec \"$@\"' sh \"$@\"",
                                            nodes, words));
  auto environment = with_path(bin.path().string() + ":" + alone()["PATH"]);
  environment.insert({{"SLURM_JOB_ID", "1"}, {"SLURM_JOB_NUM_NODES", std::to_string(nodes)}});
  environment["RESOLUTE_SITE"] = (bin / "site.toml").string();
  write(bin / "site.toml", "[environment]\nlauncher = \"mpirun\"\n");
  return diagnose(environment).check("launch mpirun");
}

TEST(Doctor, the_others_outlive_a_lost_process_under_mpirun_as_it_is_called) {
  for (const int nodes : {2, 3}) {
    const core::Json launch = launch_by_mpirun(nodes, "--enable-recovery");
    EXPECT_EQ(launch["level"], "ok") << launch;
    EXPECT_THAT(launch["what"].get<std::string>(), AllOf(StartsWith(fmt::format("{0} processes on {0} hosts", nodes)),
                                                         testing::EndsWith("; the loss of one leaves the others")));
  }
  EXPECT_THAT(processes_with({(kBin / "resolute").string(), "--ring"}), IsEmpty());
}

TEST(Doctor, an_mpirun_that_ends_all_with_a_lost_process_is_warned_of) {
  const core::Json launch = launch_by_mpirun(3, "");
  EXPECT_EQ(launch["level"], "warn") << launch;
  EXPECT_THAT(launch["what"].get<std::string>(),
              AllOf(StartsWith("3 processes on 3 hosts"), testing::EndsWith("; the loss of one ends the others")));
  EXPECT_THAT(launch["advice"].get<std::string>(), HasSubstr("OMPI_MCA_pml=ob1"));
  EXPECT_THAT(processes_with({(kBin / "resolute").string(), "--ring"}), IsEmpty());
}

TEST(Doctor, a_store_is_looked_at_before_it_is_there_and_is_not_made) {
  ScratchFolder folder;
  const auto found = diagnose(with_path("/nonexistent"), {"--store", (folder / "a/b").string()});
  EXPECT_EQ(found.level("store"), "ok");
  EXPECT_THAT(found.what("store"), HasSubstr("not there yet"));
  EXPECT_EQ(found.level("store names"), "ok");
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Doctor, a_store_that_cannot_be_written_is_a_failure) {
  ScratchFolder folder;
  write(folder / "file", "");
  const auto found = diagnose(with_path("/nonexistent"), {"--store", (folder / "file/store").string()});
  EXPECT_EQ(found.level("store"), "fail");
  EXPECT_EQ(found.code, 1);
}

TEST(Doctor, a_trial_without_salloc_or_without_free_nodes_is_told) {
  ScratchFolder bin;
  write_fake_slurm(bin.path(), "SLURM_VERSION = 22.05.8\n");
  const auto environment = with_path(bin.path());
  EXPECT_THAT(diagnose(environment, {"--allocation-trial"}).what("launch"), HasSubstr("no salloc"));
  write_program(bin / "salloc", "echo 'salloc: error: Unable to allocate resources: Connection refused' >&2; exit 1");
  const auto found = diagnose(environment, {"--allocation-trial"});
  EXPECT_EQ(found.level("launch"), "fail");
  EXPECT_THAT(found.what("launch"), HasSubstr("Unable to allocate resources: Connection refused"));
}

TEST(Doctor, a_trial_asks_for_what_a_submission_would) {
  ScratchFolder bin;
  auto environment = with_path(bin.path());
  write_fake_slurm(bin.path(), "SLURM_VERSION = 22.05.8\n");
  write_program(bin / "salloc", "echo \"$@\" >" + (bin / "asked").string() + "; exit 1");
  write(bin / "site.toml", "[slurm]\npartition = \"gpu\"\naccount = \"lab\"\n");
  environment["RESOLUTE_SITE"] = (bin / "site.toml").string();
  environment["SBATCH_ACCOUNT"] = "mine";
  environment["SBATCH_QOS"] = "short";
  diagnose(environment, {"--allocation-trial", "--nodes", "3"});
  EXPECT_THAT(text_of(bin / "asked"),
              AllOf(HasSubstr(" -N 3 "), HasSubstr(" --partition=gpu --account=lab --qos=short ")));
}

TEST(Doctor, a_wrong_option_is_refused) {
  expect_refusal(resolute({"doctor", "--stoer", "x"}), 2, "--stoer");
  expect_refusal(resolute({"doctor", "--nodes", "0"}), 2, "--nodes");
}

}  // namespace
}  // namespace resolute::system_test::doctor_test
