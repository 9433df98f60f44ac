#include "slurm/sbatch_script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <functional>

#include "core/error.h"
#include "core/files/file_system.h"
#include "core/process/process.h"
#include "tests/slurm/script_example.h"
#include "tests/support/folders.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/wait.h"

namespace resolute::slurm::sbatch_script_test {
namespace {

using namespace testing;

// RESOLUTE_WRITE_GOLDEN=1 writes them anew: read the difference before it is kept.
void expect_golden(const std::string& name, const ScriptRequest& request) {
  const auto file = tests::source_folder() / "tests/golden/slurm" / name;
  const std::string script = sbatch_script(request);
  if (std::getenv("RESOLUTE_WRITE_GOLDEN") != nullptr) core::write_atomic(core::real_file_system(), file, script);
  EXPECT_EQ(core::read_text(core::real_file_system(), file), script) << name;
  EXPECT_TRUE(script.ends_with('\n'));
  EXPECT_THAT(script, Not(HasSubstr(" \n")));
}

core::CommandOutput bash(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "bash");
  return core::run_command({.arguments = std::move(arguments), .environment = core::current_environment()},
                           tests::kPatience);
}
void expect_good_bash(const std::string& script) {
  tests::TemporaryFolder folder;
  const auto file = folder / "script.sh";
  core::write_atomic(core::real_file_system(), file, script);
  const auto output = bash({"-n", file.string()});
  EXPECT_EQ(core::describe(output.status), "exit code 0") << output.err << script;
}

ScriptRequest full_request() {
  ScriptRequest request = plain_request();
  auto& resources = request.resources;
  resources.nodes = 4;
  resources.gpus_per_node = 8;
  resources.gpu_type = "a100";
  resources.cpus_per_node = 64;
  resources.memory = "0";
  resources.time = std::chrono::hours(24) + std::chrono::seconds(1);
  resources.partition = "gpu,gpu-long";
  resources.account = "reid";
  resources.qos = "high";
  resources.constraint = "[rack1|rack2]&nvlink";
  resources.exclude = "n[001-004],n017";
  resources.reservation = "week_12";
  resources.mail_user = "somebody@example.org";
  resources.mail_type = "END,FAIL,TIME_LIMIT_90";
  resources.exclusive = true;
  resources.options = {"--licenses=matlab:1,x", "--hold", "--switches=1@2:00:00"};
  request.site.modules = {"gcc/12.2", "openmpi/4.1.4-cuda"};
  request.site.commands = {"source /opt/site.sh", "ulimit -n 65536"};
  request.variables = {{"RAIN_ROOT", "/data/mlr images/it's 100 %"}, {"EMPTY", ""}};
  request.dependency = "afterany:12";
  request.notice = std::chrono::seconds(300);
  return request;
}

TEST(SbatchScript, the_least_request_prints_as_golden) { expect_golden("least.sh", plain_request()); }

TEST(SbatchScript, a_request_for_everything_prints_as_golden) { expect_golden("everything.sh", full_request()); }

TEST(SbatchScript, folders_of_all_signs_print_as_golden) {
  ScriptRequest request = plain_request();
  request.comment = "it's \"small\" #1 \\ $(id) ü";
  request.working_folder = "/home/user/My Suites/100 %j \"x\" $HOME";
  request.output = "/shared/it's 100 %j \"x\" #1 é `id`/log";
  request.command = {"/opt/my programs/resolute", "suite", "allocation", "--submission", "/shared/it's 100 %j", ""};
  expect_golden("signs.sh", request);
}

TEST(SbatchScript, bash_reads_every_golden) {
  const auto folder = tests::source_folder() / "tests/golden/slurm";
  int read = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    expect_good_bash(core::read_text(core::real_file_system(), entry.path()));
    ++read;
  }
  EXPECT_GE(read, 3);
}

TEST(SbatchScript, sbatch_lines_stand_before_any_command) {
  const std::string script = sbatch_script(full_request());
  const auto first_command = script.find("\ntrap ");
  ASSERT_NE(first_command, std::string::npos);
  EXPECT_GT(first_command, script.rfind("\n#SBATCH"));
}

TEST(SbatchScript, a_command_that_looks_like_an_option_is_none) {
  ScriptRequest request = plain_request();
  request.site.commands = {"#SBATCH --wrap=x", "true\n#SBATCH --array=0-9"};
  const std::string script = sbatch_script(request);
  EXPECT_GT(script.find("#SBATCH --wrap"), script.find("\ntrap "));
  expect_good_bash(script);
}

TEST(SbatchScript, a_time_limit_is_rounded_up_to_minutes) {
  ScriptRequest request = plain_request();
  request.resources.time = std::chrono::seconds(121);
  EXPECT_THAT(sbatch_script(request), HasSubstr("#SBATCH --time=3\n"));
}

TEST(SbatchScript, bash_reads_quoted_words_back) {
  for (const std::string text : {"", "plain", "it's", "a b", "$(id) `id` $HOME", "\"", "\\", "a\\'b", "*", "~", "#",
                                 "ü €", "-n", "a;b&c|d", "!x", "{a,b}", "'", "''", "line\nline"}) {
    const auto output = bash({"-c", "printf %s " + shell_quoted(text)});
    EXPECT_EQ(output.out, text);
  }
}

// What a change of the good request is refused with.
std::string refused(const std::function<void(ScriptRequest&)>& change) {
  ScriptRequest request = full_request();
  change(request);
  return tests::refusal([&] { sbatch_script(request); });
}

TEST(SbatchScript, hostile_values_are_refused_with_their_option) {
  const std::vector<std::pair<const char*, std::string Resources::*>> members{
      {"--partition", &Resources::partition},
      {"--account", &Resources::account},
      {"--qos", &Resources::qos},
      {"--constraint", &Resources::constraint},
      {"--exclude", &Resources::exclude},
      {"--reservation", &Resources::reservation},
      {"--gpu-type", &Resources::gpu_type},
      {"--memory", &Resources::memory},
      {"--mail-user", &Resources::mail_user},
      {"--mail-type", &Resources::mail_type}};
  EXPECT_THAT(refused([](ScriptRequest& request) { request.resources.comment = "a\nb"; }), StartsWith("--comment '"));
  for (const auto& [option, member] : members)
    for (const std::string value : {"a b", "a\"b", "a'b", "a\nb", "$(id)", "a\\b", "a#b", "é", "\xff", "-x", " ", "\t",
                                    "a\x7f", "`id`", "a;b", "a>b"}) {
      EXPECT_THAT(refused([&, m = member](ScriptRequest& request) { request.resources.*m = value; }),
                  StartsWith(std::string(option) + " '"))
          << value;
    }
}

TEST(SbatchScript, options_that_the_script_sets_itself_are_refused_in_any_spelling) {
  for (const char* option :
       {"--job-name=x", "--job=x", "--output=/x", "--out=x", "--array=0-3", "--requeue", "--no-requeue", "--wait",
        "--time=5", "--parsable", "--export=NONE", "--wrap=x", "--dependency=afterok:1", "--clusters=b", "--test"})
    EXPECT_THAT(refused([&](ScriptRequest& request) { request.resources.options = {option}; }),
                StartsWith(std::string("--sbatch '") + option + "'"));
  for (const char* option : {"licenses=x", "-p x", "-p", "--", "---x", "--a b=1", "--A=1", "--licenses=a\nb", ""})
    EXPECT_THAT(refused([&](ScriptRequest& request) { request.resources.options = {option}; }),
                StartsWith("--sbatch '"))
        << option;
  for (const char* option : {"--licenses=x", "--time-min=5", "--nodelist=n1", "--exclusive=user", "--wait-all-nodes=1",
                             "--comment-of-nothing", "--tmp=5G", "--nice", "--gres-flags=enforce-binding"})
    EXPECT_EQ(refused([&](ScriptRequest& request) { request.resources.options = {option}; }), "") << option;
}

// The lines of a script that ask for GPUs.
std::string gpu_lines(GpuRequest way, const std::string& type) {
  ScriptRequest request = plain_request();
  request.resources.nodes = 3;
  request.resources.gpus_per_node = 4;
  request.resources.gpu_type = type;
  request.resources.gpu_request = way;
  const std::string script = sbatch_script(request);
  std::string lines;
  for (std::size_t at = 0; at < script.size(); at = script.find('\n', at) + 1) {
    const std::string line = script.substr(at, script.find('\n', at) - at);
    if (line.find("gres") != std::string::npos || line.find("gpu") != std::string::npos) lines += line + "|";
  }
  return lines;
}

TEST(SbatchScript, gpus_are_asked_for_in_each_way_with_and_without_a_type) {
  EXPECT_EQ(gpu_lines(GpuRequest::kGres, ""), "#SBATCH --gres=gpu:4|");
  EXPECT_EQ(gpu_lines(GpuRequest::kGres, "a100"), "#SBATCH --gres=gpu:a100:4|");
  EXPECT_EQ(gpu_lines(GpuRequest::kGpusPerNode, ""), "#SBATCH --gpus-per-node=4|");
  EXPECT_EQ(gpu_lines(GpuRequest::kGpusPerNode, "a100"), "#SBATCH --gpus-per-node=a100:4|");
  EXPECT_EQ(gpu_lines(GpuRequest::kGpus, ""), "#SBATCH --gpus=12|");
  EXPECT_EQ(gpu_lines(GpuRequest::kGpus, "a100"), "#SBATCH --gpus=a100:12|");
}

TEST(SbatchScript, dependencies_on_others_are_lists_of_all_that_must_hold) {
  const auto refusal_of = [](const std::string& text) { return tests::refusal([&] { validate_dependency(text); }); };
  for (const char* good : {"afterok:123", "afterany:1:2:3", "after:5+10", "aftercorr:12", "afternotok:3,afterok:4_2",
                           "afterburstbuffer:9"})
    EXPECT_EQ(refusal_of(good), "") << good;
  for (const char* bad :
       {"", "123", "afterok", "afterok:", "afterok:1:", "afterok:1,", ",afterok:1", "afterok::1", "singleton",
        "expand:3", "afterok:x", "afterok:1 ", "-afterok:1", "afterok:1;x", " afterany:1"})
    EXPECT_THAT(refusal_of(bad), StartsWith("--dependency '")) << bad;
  EXPECT_THAT(refusal_of("afterok:1?afterok:2"), HasSubstr("the singleton of ours too, and waits for none"));
}

TEST(SbatchScript, memory_is_a_number_with_a_unit) {
  for (const char* good : {"", "0", "64", "64G", "1T", "512M", "9K"})
    EXPECT_EQ(refused([&](ScriptRequest& request) { request.resources.memory = good; }), "") << good;
  for (const char* bad : {"G", "64GB", "6.4G", "-1", "64 G", "1234567890123456", "64g"})
    EXPECT_THAT(refused([&](ScriptRequest& request) { request.resources.memory = bad; }), StartsWith("--memory '"));
}

TEST(SbatchScript, numbers_out_of_range_are_refused) {
  EXPECT_THAT(refused([](ScriptRequest& r) { r.resources.nodes = 0; }), StartsWith("--nodes 0"));
  EXPECT_THAT(refused([](ScriptRequest& r) { r.resources.gpus_per_node = -1; }), StartsWith("--gpus-per-node -1"));
  EXPECT_THAT(refused([](ScriptRequest& r) { r.resources.gpus_per_node = 0; }), StartsWith("--gpu-type"));
  EXPECT_THAT(refused([](ScriptRequest& r) { r.resources.cpus_per_node = -1; }), StartsWith("--cpus-per-node -1"));
  EXPECT_THAT(refused([](ScriptRequest& r) { r.resources.time = std::chrono::hours(24 * 400); }), StartsWith("--time"));
  EXPECT_THAT(refused([](ScriptRequest& r) { r.notice = std::chrono::seconds(0); }), StartsWith("--notice"));
  EXPECT_THAT(refused([](ScriptRequest& r) { r.resources.time = r.notice - std::chrono::seconds(1); }),
              StartsWith("--notice 300 is longer than the time limit"));
}

TEST(SbatchScript, folders_that_slurm_would_read_otherwise_are_refused) {
  for (const std::string folder : {"relative", "", "/a\nb", "/a\\b", "/\xff"}) {
    EXPECT_THAT(refused([&](ScriptRequest& r) { r.output = folder; }), StartsWith("folder of the logs '")) << folder;
    EXPECT_THAT(refused([&](ScriptRequest& r) { r.working_folder = folder; }), StartsWith("working folder '"));
  }
}

TEST(SbatchScript, hostile_parts_of_the_script_are_refused) {
  EXPECT_THAT(refused([](ScriptRequest& r) { r.job_name = "a b"; }), StartsWith("job name 'a b'"));
  EXPECT_THAT(refused([](ScriptRequest& r) { r.comment = "a\nb"; }), StartsWith("comment 'a?b'"));
  EXPECT_THAT(refused([](ScriptRequest& r) { r.comment = std::string(1001, 'x'); }), HasSubstr("1001 bytes"));
  EXPECT_THAT(refused([](ScriptRequest& r) { r.dependency = "afterok:1 --wrap"; }), StartsWith("dependency '"));
  EXPECT_THAT(refused([](ScriptRequest& r) { r.site.modules = {"a;b"}; }), StartsWith("module 'a;b'"));
  EXPECT_THAT(refused([](ScriptRequest& r) { r.site.modules = {""}; }), StartsWith("module ''"));
  EXPECT_THAT(refused([](ScriptRequest& r) { r.site.commands = {"a\r\n"}; }), StartsWith("command 'a?'"));
  EXPECT_THAT(refused([](ScriptRequest& r) { r.variables = {{"A B", "x"}}; }), StartsWith("variable 'A B'"));
  EXPECT_THAT(refused([](ScriptRequest& r) { r.variables = {{"A", "x\ny"}}; }), StartsWith("variable A 'x?y'"));
  EXPECT_THAT(refused([](ScriptRequest& r) { r.command = {"a", "b\nc"}; }), StartsWith("argument 'b?c'"));
  EXPECT_THAT(refused([](ScriptRequest& r) { r.command = {}; }), StartsWith("the script has no program"));
}

// The script as a plain bash script, where nothing is a SLURM's.
core::CommandOutput run_script(const ScriptRequest& request) {
  tests::TemporaryFolder folder;
  const auto file = folder / "script.sh";
  core::write_atomic(core::real_file_system(), file, sbatch_script(request));
  return bash({file.string()});
}

TEST(SbatchScript, the_script_runs_the_program_with_its_variables_and_folder) {
  tests::TemporaryFolder folder;
  ScriptRequest request = plain_request();
  request.working_folder = folder.path() / "it's 100 % $HOME";
  std::filesystem::create_directory(request.working_folder);
  request.variables = {{"ROOT", "a 'b' $(id) \" \\ ü"}};
  request.site.commands = {"greeting=hello", "export greeting"};
  request.command = {"/bin/sh", "-c", "printf '%s|' \"$PWD\" \"$ROOT\" \"$greeting\" \"$@\"", "sh", "it's", "", "$(x)"};
  const auto output = run_script(request);
  EXPECT_EQ(output.out, request.working_folder.string() + "|a 'b' $(id) \" \\ ü|hello|it's||$(x)|") << output.err;
}

// A script whose program is `body` of bash; "$1" is the folder in which it says what it does.
class LivingScript : public Test {
 protected:
  pid_t start(const std::string& body, const std::string& site = "true") {
    ScriptRequest request = plain_request();
    request.working_folder = folder_.path();
    request.site.commands = {site};
    core::write_atomic(core::real_file_system(), folder_ / "program.sh", body);
    request.command = {"/bin/bash", (folder_ / "program.sh").string(), folder_.path().string()};
    const auto file = folder_ / "script.sh";
    core::write_atomic(core::real_file_system(), file, sbatch_script(request));
    core::SpawnRequest spawned{.arguments = {"bash", file.string()}, .environment = core::current_environment()};
    return core::spawn_process(spawned);
  }
  bool waits_for(const std::string& name) const {
    return tests::wait_until([&] { return std::filesystem::exists(folder_ / name); }, tests::kPatience,
                             std::chrono::milliseconds(10));
  }
  std::string text_of(const std::string& name) const {
    return core::read_text_if_exists(core::real_file_system(), folder_ / name).value_or("");
  }
  static std::string end_of(pid_t process) {
    int word = 0;
    EXPECT_EQ(::waitpid(process, &word, 0), process);
    return core::describe(core::to_exit_status(word));
  }
  pid_t program() const { return std::stoi(text_of("program")); }

  tests::TemporaryFolder folder_;
};

// The program's part, which is called again with two more words. SLURM's notice may come before it listens then, too.
constexpr const char* kProgram =
    R"(if [ "$2" = --killed-by ]; then kill -USR1 $$; echo "settled $3" >>"$1/said"; exit 75; fi
echo $$ >"$1/program.part"; mv "$1/program.part" "$1/program"; )";

TEST_F(LivingScript, ends_with_the_code_of_its_program) {
  for (const int code : {0, 1, 3, 75})
    EXPECT_EQ(end_of(start(kProgram + fmt::format("exit {}", code), "set -eu")), fmt::format("exit code {}", code));
  EXPECT_EQ(text_of("said"), "");
}

// bash cannot catch what was ignored when it began, and the program is born deaf to USR1; ours is no shell.
TEST_F(LivingScript, passes_a_notice_on_and_waits_for_what_the_program_makes_of_it) {
  const pid_t script = start(std::string(kProgram) + R"(exec python3 -c '
import signal, sys, time, pathlib
def noticed(*_):
  time.sleep(0.3)
  pathlib.Path(sys.argv[1], "noticed").touch()
  sys.exit(75)
signal.signal(signal.SIGUSR1, noticed)
pathlib.Path(sys.argv[1], "ready").touch()
time.sleep(60)' "$1")");
  ASSERT_TRUE(waits_for("ready"));
  ::kill(script, SIGUSR1);
  EXPECT_EQ(end_of(script), "exit code 75");
  EXPECT_TRUE(std::filesystem::exists(folder_ / "noticed"));
  EXPECT_EQ(text_of("said"), "");
}

TEST_F(LivingScript, outlives_a_notice_that_comes_before_its_program_listens) {
  const pid_t script = start(std::string(kProgram) + "sleep 1; exit 3");
  ASSERT_TRUE(waits_for("program"));
  for (int i = 0; i < 3; ++i) ::kill(script, SIGUSR1);
  EXPECT_EQ(end_of(script), "exit code 3");
}

TEST_F(LivingScript, outlives_the_word_to_end_until_its_program_has_ended) {
  const pid_t script = start(std::string(kProgram) + R"(trap 'echo told >>"$1/said"' TERM; touch "$1/ready"
for ((i = 0; i < 10; i++)); do sleep 0.1; done; exit 75)");
  ASSERT_TRUE(waits_for("ready"));
  ::kill(script, SIGTERM);
  ::kill(program(), SIGTERM);
  EXPECT_EQ(end_of(script), "exit code 75");
  EXPECT_EQ(text_of("said"), "told\n");
}

// As the kernel does it when memory runs out.
TEST_F(LivingScript, has_a_program_that_was_killed_settle_what_follows) {
  for (const int signal : {SIGKILL, SIGSEGV}) {
    std::filesystem::remove(folder_ / "program");
    const pid_t script = start(std::string(kProgram) + "exec sleep 60", "set -e");
    ASSERT_TRUE(waits_for("program"));
    ::kill(program(), signal);
    EXPECT_EQ(end_of(script), "exit code 75");
  }
  EXPECT_EQ(text_of("said"), "settled 9\nsettled 11\n");
}

TEST(SbatchScript, a_missing_folder_or_program_ends_the_script_with_one_line) {
  ScriptRequest request = plain_request();
  request.working_folder = "/no/such/fol'der %s";
  auto output = run_script(request);
  EXPECT_EQ(core::describe(output.status), "exit code 2");
  const std::string time = "20[0-9][0-9]-[0-9-]+ [0-9:]+Z ";
  EXPECT_THAT(output.err,
              MatchesRegex(time + "resolute: node . has no folder '/no/such/fol'der %s' .it is where the suite was "
                                  "submitted.; submit from one that every node sees\n"));
  request.working_folder = "/";
  request.command = {"/no/such/resolute"};
  output = run_script(request);
  EXPECT_EQ(core::describe(output.status), "exit code 2");
  EXPECT_THAT(output.err, MatchesRegex(time + "resolute: node . has no program '/no/such/resolute'; install it where "
                                              "every node sees it\n"));
}

TEST(SbatchScript, a_module_that_does_not_load_ends_the_script_with_one_line) {
  ScriptRequest request = plain_request();
  request.working_folder = "/";
  request.site.modules = {"x/1"};
  request.site.commands = {};
  request.command = {"/bin/echo", "ran"};
  tests::TemporaryFolder folder;
  const auto file = folder / "script.sh";
  core::write_atomic(core::real_file_system(), file, sbatch_script(request));
  // As Lmod and Modules do it: a function, exported to the job.
  auto output = bash({"-c", "module() { [ \"$2\" != x/1 ]; }; export -f module; exec bash " + file.string()});
  EXPECT_EQ(core::describe(output.status), "exit code 2");
  EXPECT_THAT(output.err, HasSubstr("cannot load the module 'x/1' (see above)"));
  output = bash({"-c", "module() { [ \"$1 $2\" = 'load x/1' ]; }; export -f module; exec bash " + file.string()});
  EXPECT_EQ(output.out, "ran\n") << output.err;
}

}  // namespace
}  // namespace resolute::slurm::sbatch_script_test
