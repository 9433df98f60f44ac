#include "orchestrator/spawner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <thread>

#include "core/clock.h"
#include "core/file_system.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests {
namespace {

using namespace orchestrator;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

const AttemptKey kKey{std::string(64, 'd'), 1};

bool eventually(const std::function<bool()>& holds, std::chrono::seconds limit = std::chrono::seconds(10)) {
  const auto deadline = core::monotonic_clock().now() + limit;
  while (!holds()) {
    if (core::monotonic_clock().now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// Dead, or a zombie that its reaper has not collected.
bool gone(pid_t process) {
  std::ifstream status(fmt::format("/proc/{}/stat", process));
  std::string text;
  if (!std::getline(status, text)) return true;
  return text.find(") Z") != std::string::npos;
}

class SpawnerTest : public testing::Test {
 protected:
  RankCommand shell(const std::string& script, int rank = 0) const {
    RankCommand command;
    command.process_rank = rank;
    command.arguments = {"/bin/sh", "-c", script};
    command.out = (folder_ / fmt::format("out-{}", rank)).string();
    command.err = (folder_ / fmt::format("err-{}", rank)).string();
    command.progress = true;
    return command;
  }
  // Reports up to and with the first of type M.
  template <class M>
  M await(Spawner& spawner) {
    std::optional<M> found;
    EXPECT_TRUE(eventually([&] {
      for (Message& message : spawner.reports()) {
        if (auto* wanted = std::get_if<M>(&message); wanted != nullptr && !found) found = *wanted;
        seen_.push_back(std::move(message));
      }
      return found.has_value();
    }));
    return found.value_or(M{});
  }
  std::string text(const std::string& name) {
    return core::read_text_if_exists(core::real_file_system(), folder_ / name).value_or("");
  }
  // The number that a script wrote to a file with its final newline.
  pid_t number_in(const std::string& name) {
    EXPECT_TRUE(eventually([&] { return text(name).ends_with("\n"); })) << name;
    return std::stoi(text(name));
  }

  TemporaryFolder folder_;
  std::vector<Message> seen_;
};

TEST_F(SpawnerTest, runs_a_rank_with_logs_progress_and_exit_code) {
  ::setenv("OMPI_TEST_VARIABLE", "1", 1);
  ::setenv("PMIX_RANK", "1", 1);
  ::setenv("OPENBLAS_CORETYPE", "Haswell", 1);
  Spawner spawner = Spawner::start();
  spawner.command(
      Launch{kKey, {shell("echo hello; env; echo '{\"step\": 1}' >&3; echo 'worker: it broke' >&2; exit 7")}});
  auto ended = await<RankEnded>(spawner);
  EXPECT_EQ(ended, (RankEnded{kKey, 0, 7, 0, "worker: it broke"}));
  EXPECT_EQ(seen_.at(0), (Message{RankStarted{kKey, 0}}));
  EXPECT_EQ(seen_.at(1), (Message{ProgressLine{kKey, "{\"step\": 1}"}}));
  EXPECT_THAT(text("out-0"), HasSubstr("hello"));
  EXPECT_THAT(text("out-0"), HasSubstr("OMP_NUM_THREADS=1"));
  for (const char* hidden : {"\nOMPI_", "\nPMIX_", "\nOPENBLAS_"}) EXPECT_THAT(text("out-0"), Not(HasSubstr(hidden)));
}

TEST_F(SpawnerTest, a_missing_program_is_a_configuration_error) {
  Spawner spawner = Spawner::start();
  RankCommand command = shell("");
  command.arguments = {"/no/such/worker"};
  spawner.command(Launch{kKey, {command}});
  auto ended = await<RankEnded>(spawner);
  EXPECT_EQ(ended.code, 2);
  EXPECT_THAT(ended.evidence, HasSubstr("/no/such/worker"));
}

TEST_F(SpawnerTest, prepared_socket_listens_and_reaches_rank_0) {
  Spawner spawner = Spawner::start();
  spawner.command(Prepare{kKey, false});
  const auto prepared = await<Prepared>(spawner);
  EXPECT_GT(prepared.port, 0);
  RankCommand command = shell("ls -l /proc/self/fd/4");
  command.listener = true;
  spawner.command(Launch{kKey, {command}});
  EXPECT_EQ(await<RankEnded>(spawner).code, 0);
  EXPECT_THAT(text("out-0"), HasSubstr("socket:"));
}

TEST_F(SpawnerTest, kill_is_a_request_first_and_a_command_when_the_grace_is_over) {
  Spawner spawner = Spawner::start();
  spawner.command(Launch{kKey,
                         {shell("trap 'exit 75' TERM; echo up; while :; do sleep 0.01; done", 0),
                          shell("trap '' TERM; echo up; while :; do sleep 0.01; done", 1)}});
  ASSERT_TRUE(eventually([&] { return text("out-0") == "up\n" && text("out-1") == "up\n"; }));
  spawner.command(Kill{kKey, 300});
  EXPECT_EQ(await<RankEnded>(spawner).code, 75);
  EXPECT_EQ(await<RankEnded>(spawner).signal, SIGKILL);
}

TEST_F(SpawnerTest, what_a_rank_leaves_in_its_group_goes_with_it) {
  Spawner spawner = Spawner::start();
  spawner.command(Launch{kKey, {shell("sleep 1000 & echo $!")}});
  await<RankEnded>(spawner);
  const pid_t orphan = number_in("out-0");
  EXPECT_TRUE(eventually([&] { return gone(orphan); }));
}

TEST_F(SpawnerTest, nothing_survives_when_the_agent_is_killed) {
  const pid_t agent = ::fork();
  ASSERT_GE(agent, 0);
  if (agent == 0) {
    Spawner spawner = Spawner::start();
    // A rank, its child, and a daemon that left the rank's group and session.
    spawner.command(Launch{kKey,
                           {shell("sleep 1000 & echo $! >&2; setsid sh -c 'echo $$ > \"$0\"; exec sleep 1000' " +
                                  (folder_ / "daemon").string() + " & echo $$; wait")}});
    while (true) ::pause();
  }
  const pid_t rank = number_in("out-0");
  const pid_t child = number_in("err-0");
  const pid_t daemon = number_in("daemon");
  EXPECT_FALSE(gone(rank));
  EXPECT_FALSE(gone(daemon));
  ::kill(agent, SIGKILL);
  ::waitpid(agent, nullptr, 0);
  for (pid_t process : {rank, child, daemon}) EXPECT_TRUE(eventually([&] { return gone(process); })) << process;
}

TEST_F(SpawnerTest, a_killed_spawner_takes_its_ranks_along_and_is_reported) {
  Spawner spawner = Spawner::start();
  spawner.command(Launch{kKey, {shell("echo $$; exec sleep 1000")}});
  const pid_t rank = number_in("out-0");
  ::kill(spawner.process(), SIGKILL);
  EXPECT_TRUE(eventually([&] { return gone(rank); }));
  await<Leave>(spawner);
  EXPECT_THROW(spawner.command(Kill{kKey, 0}), core::RuntimeError);
}

TEST_F(SpawnerTest, a_log_over_its_limit_is_cut) {
  Spawner spawner = Spawner::start({.log_limit = 1000});
  spawner.command(Launch{kKey, {shell("head -c 100000 /dev/zero; sleep 6; echo tail")}});
  EXPECT_EQ(await<RankStarted>(spawner).process_rank, 0);
  ASSERT_TRUE(eventually(
      [&] {
        spawner.reports();
        return text("out-0").ends_with("tail\n");
      },
      std::chrono::seconds(20)));
  EXPECT_LT(text("out-0").size(), 1000U);
  EXPECT_THAT(text("out-0"), HasSubstr("100000 bytes were cut here"));
}

}  // namespace
}  // namespace resolute::tests
