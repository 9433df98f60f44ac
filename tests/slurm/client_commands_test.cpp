#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "core/error.h"
#include "slurm/client.h"
#include "tests/support/folders.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::slurm::client_commands_test {
namespace {

using namespace std::chrono_literals;
using core::ErrorKind;
using testing::AllOf;
using testing::AnyOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using tests::error_of;

constexpr const char* kQueueLine =
    "17|17|N/A|RUNNING|2026-01-31T12:00:00|2026-01-31T12:00:01|2026-01-31T13:00:01|2|n[1-2]|job|None";

// Real processes: links to tests/slurm/fake/command in a folder that alone is on PATH.
class ClientWithCommandsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(folder_ / "bin");
    set("PATH", (folder_ / "bin").string());
    set("FAKE_FOLDER", folder_.path().string());
  }
  void TearDown() override {
    for (const auto& [name, value] : before_) {
      if (value)
        ::setenv(name.c_str(), value->c_str(), 1);
      else
        ::unsetenv(name.c_str());
    }
  }
  void set(const std::string& name, const std::string& value) {
    const char* old = ::getenv(name.c_str());
    before_.emplace(name, old == nullptr ? std::nullopt : std::optional<std::string>(old));
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  // \param does shell text; nothing is on its PATH
  void command(const std::string& name, const std::string& does) {
    const std::filesystem::path link = folder_ / "bin" / name;
    if (!std::filesystem::exists(link))
      std::filesystem::create_symlink(tests::source_folder().string() + "/tests/slurm/fake/command", link);
    std::ofstream(folder_ / (name + ".does")) << does << "\n";
  }
  // Of the last call.
  std::vector<std::string> noted(const std::string& name, const std::string& what) const {
    std::ifstream file(folder_ / (name + "." + what), std::ios::binary);
    std::vector<std::string> words;
    for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
    return words;
  }
  std::size_t calls(const std::string& name) const {
    std::ifstream file(folder_ / (name + ".calls"));
    std::stringstream text;
    text << file.rdbuf();
    return text.str().size();
  }
  static Client impatient() {
    return Client(real_effects(), {.command_limit = 2s, .patience = 0ms, .first_pause = 1ms, .longest_pause = 10ms});
  }

  tests::TemporaryFolder folder_;
  std::map<std::string, std::optional<std::string>> before_;
};

TEST_F(ClientWithCommandsTest, answers_of_real_processes_are_read) {
  command("sbatch", "echo 17");
  command("squeue", std::string("echo '") + kQueueLine + "'");
  command("scancel", "exit 0");
  EXPECT_EQ(std::get<Accepted>(impatient().submit(folder_ / "script.sh")).id, 17);
  EXPECT_EQ(impatient().find({"job"}).size(), 1U);
  impatient().cancel("job");
  EXPECT_EQ(calls("scancel"), 1U);
}

TEST_F(ClientWithCommandsTest, the_cluster_is_a_submissions_and_not_that_of_the_moment) {
  command("squeue", "exit 0");
  set("SLURM_CLUSTERS", "other");
  set("SLURM_CONF", "/etc/here");
  impatient().find({"job"});
  EXPECT_THAT(noted("squeue", "environment"),
              AllOf(Contains("SLURM_CONF=/etc/here"), Not(Contains(HasSubstr("SLURM_CLUSTERS")))));
  EXPECT_THAT(noted("squeue", "arguments"), Not(Contains("-M")));
}

TEST_F(ClientWithCommandsTest, jobs_inherit_what_they_are_to_and_no_other_command_does) {
  command("sbatch", "echo 17");
  command("squeue", "exit 0");
  set("LOADED", "here");
  set("SLURM_CONF", "/etc/here");
  const std::string fake = "FAKE_FOLDER=" + folder_.path().string();
  Client client(real_effects(job_environment({{"LOADED", "before"},
                                              {"CUDA_VISIBLE_DEVICES", "0"},
                                              {"SLURM_JOB_ID", "7"},
                                              {"FAKE_FOLDER", folder_.path().string()},
                                              {"PATH", "/nonexistent"}},
                                             core::current_environment())));
  client.submit(folder_ / "script.sh");
  const auto inherited = noted("sbatch", "environment");
  EXPECT_THAT(inherited, AllOf(Contains("LOADED=before"), Contains("SLURM_CONF=/etc/here"), Contains(fake)));
  EXPECT_THAT(inherited, Not(Contains(AnyOf(HasSubstr("CUDA_VISIBLE_DEVICES"), HasSubstr("SLURM_JOB_ID")))));
  client.find({"job"});
  EXPECT_THAT(noted("squeue", "environment"), Contains("LOADED=here"));
}

TEST_F(ClientWithCommandsTest, a_command_that_hangs_is_ended_with_all_that_it_started) {
  const std::string hang = "trap '' TERM INT HUP\n/bin/sleep 600 & echo $! >$FAKE_FOLDER/child\nwait\nwait";
  command("sbatch", hang);
  command("squeue", hang);
  const auto begin = std::chrono::steady_clock::now();
  Client client(real_effects(), {.command_limit = 300ms, .patience = 100ms, .first_pause = 50ms});
  const auto answer = client.submit(folder_ / "script.sh");
  ASSERT_TRUE(std::holds_alternative<Unclear>(answer));
  EXPECT_EQ(std::get<Unclear>(answer).why, "no answer in time");
  EXPECT_EQ(error_of([&] { client.find({"job"}); })->kind(), ErrorKind::kTransient);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  int child = 0;
  std::ifstream(folder_ / "child") >> child;
  ASSERT_GT(child, 1);
  // Dead, or a zombie until whoever inherits it looks.
  std::string state = "gone";
  for (int i = 0; i < 200; ++i) {
    std::ifstream stat("/proc/" + std::to_string(child) + "/stat");
    std::string text;
    if (!std::getline(stat, text) || text.find(") Z") != std::string::npos) break;
    state = text;
    ::usleep(10'000);
    if (i < 199) state = "gone";
  }
  EXPECT_EQ(state, "gone");
}

TEST_F(ClientWithCommandsTest, a_hundred_megabytes_of_output_are_survived_and_believed_in_nothing) {
  command("squeue", std::string("/usr/bin/yes '") + kQueueLine + "' | /usr/bin/head -c 100000000");
  Client client(real_effects(), {.command_limit = 60s, .patience = 0ms});
  const auto error = error_of([&] { client.find({"job"}); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind(), ErrorKind::kTransient);
  EXPECT_THAT(error->what(), HasSubstr("bytes of output"));
  command("sbatch",
          "/usr/bin/yes 'sbatch: error: noise' | /usr/bin/head -c 30000000 >&2\n"
          "echo >&2\necho 'sbatch: error: Batch job submission failed: Invalid partition name specified' >&2\nexit 1");
  const auto refused = client.submit(folder_ / "script.sh");
  ASSERT_TRUE(std::holds_alternative<Refused>(refused));
  EXPECT_EQ(std::get<Refused>(refused).why, "Batch job submission failed: Invalid partition name specified");
}

TEST_F(ClientWithCommandsTest, garbage_is_no_answer) {
  for (const char* does :
       {"echo '17|17|'", "printf '\\0\\377\\n'", "echo CLUSTER: far", "/usr/bin/head -c 5000 /dev/urandom"}) {
    command("squeue", does);
    EXPECT_EQ(error_of([&] { impatient().find({"job"}); })->kind(), ErrorKind::kTransient) << does;
    command("sbatch", does);
    EXPECT_TRUE(std::holds_alternative<Unclear>(impatient().submit(folder_ / "script.sh"))) << does;
    command("scontrol", does);
    EXPECT_EQ(error_of([&] { impatient().show(17, "job"); })->kind(), ErrorKind::kTransient) << does;
  }
}

TEST_F(ClientWithCommandsTest, without_slurm_the_user_is_told_what_to_do) {
  for (const auto& error :
       {error_of([&] { impatient().submit(folder_ / "script.sh"); }), error_of([&] { impatient().find({"job"}); }),
        error_of([&] { impatient().show(1, "job"); }), error_of([&] { impatient().cancel("job"); })}) {
    ASSERT_TRUE(error);
    EXPECT_EQ(error->kind(), ErrorKind::kInput);
    EXPECT_THAT(error->what(), HasSubstr("cannot be used (it is not on PATH); use a submission node"));
  }
  // A program that cannot be run is as good as none.
  std::ofstream(folder_ / "bin" / "sbatch") << "#!/no/such/interpreter\n";
  std::filesystem::permissions(folder_ / "bin" / "sbatch", std::filesystem::perms::owner_all);
  EXPECT_EQ(error_of([&] { impatient().submit(folder_ / "script.sh"); })->kind(), ErrorKind::kInput);
}

TEST_F(ClientWithCommandsTest, commands_see_a_clean_environment) {
  for (const char* name : {"SBATCH_PARTITION", "SBATCH_ACCOUNT", "SQUEUE_FORMAT", "SQUEUE_STATES", "SACCT_FORMAT",
                           "SCANCEL_STATE", "SLURM_TIME_FORMAT", "SLURM_JOB_ID", "SLURM_EXIT_ERROR"})
    set(name, "danger");
  set("SLURM_CONF", "/etc/of/mine");
  set("TZ", "Asia/Tokyo");
  set("LC_ALL", "de_DE.UTF-8");
  command("squeue", "exit 0");
  command("sbatch", "echo 1");
  impatient().find({"job"});
  impatient().submit(folder_ / "script.sh");
  for (const char* name : {"squeue", "sbatch"}) {
    const std::vector<std::string> seen = noted(name, "environment");
    EXPECT_THAT(seen, testing::Each(testing::Not(HasSubstr("danger"))));
    EXPECT_THAT(seen, testing::Contains("SLURM_CONF=/etc/of/mine"));
    // The job inherits what sbatch has.
    const bool inherited = std::string_view(name) == "sbatch";
    EXPECT_THAT(seen, testing::Contains(inherited ? "TZ=Asia/Tokyo" : "TZ=UTC0"));
    EXPECT_THAT(seen, testing::Contains(inherited ? "LC_ALL=de_DE.UTF-8" : "LC_ALL=C"));
  }
}

TEST_F(ClientWithCommandsTest, no_shell_ever_reads_an_argument) {
  command("sbatch", "echo 17");
  const std::string mark = (folder_ / "mark").string();
  for (const char* name :
       {"$(touch mark)", "`touch mark`", "'; touch mark; '", "a\nb", "\"& touch mark &\"", "*", " "}) {
    const std::filesystem::path script = folder_ / fmt::format("a script {}.sh", name);
    EXPECT_EQ(std::get<Accepted>(impatient().submit(script)).id, 17);
    EXPECT_EQ(noted("sbatch", "arguments"), (std::vector<std::string>{"--parsable", script.string()}));
  }
  EXPECT_FALSE(std::filesystem::exists(mark));
}

}  // namespace
}  // namespace resolute::slurm::client_commands_test
