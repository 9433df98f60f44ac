#include "orchestrator/agent/spawner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <thread>

#include "core/clock.h"
#include "core/files/file_system.h"
#include "orchestrator/agent/child.h"
#include "orchestrator/agent/control_groups.h"
#include "orchestrator/agent/log_keeper.h"
#include "orchestrator/agent/logs.h"
#include "orchestrator/agent/processes.h"
#include "orchestrator/decisions/failure.h"
#include "tests/orchestrator/support/processes.h"
#include "tests/support/equal.h"
#include "tests/support/hanging_folder.h"
#include "tests/support/memory_group.h"
#include "tests/support/temporary_folder.h"

namespace resolute::tests::spawner_test {
namespace {

using namespace orchestrator;
using testing::HasSubstr;
using testing::Not;
namespace fs = std::filesystem;

const AttemptKey kKey{std::string(64, 'd'), 1};

// Other children of a process than `but`.
std::vector<pid_t> children_of(pid_t process, pid_t but) {
  std::vector<pid_t> children;
  std::ifstream numbers(fmt::format("/proc/{}/task/{}/children", process, process));
  for (pid_t child = 0; numbers >> child;)
    if (child != but) children.push_back(child);
  return children;
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
      for (Message& message : spawner.reports()) waiting_.push_back(std::move(message));
      while (!found && !waiting_.empty()) {
        if (const auto* wanted = std::get_if<M>(&waiting_.front())) found = *wanted;
        seen_.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
      }
      return found.has_value();
    }));
    return found.value_or(M{});
  }
  // Without what it took of the machine.
  RankEnded await_end(Spawner& spawner) {
    auto ended = await<RankEnded>(spawner);
    ended.peak_mib = ended.cpu_ms = 0;
    return ended;
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
  std::deque<Message> waiting_;  // not yet asked for
};

TEST_F(SpawnerTest, runs_a_rank_with_logs_progress_and_exit_code) {
  ::setenv("OMPI_TEST_VARIABLE", "1", 1);
  ::setenv("PMIX_RANK", "1", 1);
  ::setenv("OPENBLAS_CORETYPE", "Haswell", 1);
  Spawner spawner = Spawner::start();
  spawner.command(
      Launch{kKey, {shell("echo hello; env; echo '{\"step\": 1}' >&3; echo 'worker: it broke' >&2; exit 7")}});
  auto ended = await_end(spawner);
  EXPECT_EQ(ended, (RankEnded{kKey, 0, 7, 0, "worker: it broke"}));
  EXPECT_EQ(seen_.at(0), (Message{RankStarted{kKey, 0}}));
  EXPECT_EQ(seen_.at(1), (Message{ProgressLine{kKey, "{\"step\": 1}"}}));
  EXPECT_THAT(text("out-0"), HasSubstr("hello"));
  EXPECT_THAT(text("out-0"), HasSubstr("OMP_NUM_THREADS=1"));
  EXPECT_THAT(text("out-0"), HasSubstr("\nRESOLUTE_ATTEMPT=" + kKey.job + "/1\n"));
  EXPECT_THAT(text("out-0"), HasSubstr("\nCUDA_VISIBLE_DEVICES=\n"));
  for (const char* hidden : {"\nOMPI_", "\nPMIX_", "\nOPENBLAS_"}) EXPECT_THAT(text("out-0"), Not(HasSubstr(hidden)));
}

TEST(RankEnvironment, neither_threads_nor_orders_are_those_of_who_started_the_agent) {
  const std::map<std::string, std::string> plain = rank_environment({{"PATH", "/bin"}});
  EXPECT_EQ("1", plain.at("OMP_NUM_THREADS"));
  EXPECT_EQ("0", plain.at("PYTHONHASHSEED"));
  EXPECT_EQ("1", plain.at("PYTHONUTF8"));
  for (const char* name : {"PYTHONHASHSEED", "PYTHONUTF8", "GOTO_NUM_THREADS", "GOTOBLAS_MAIN_FREE", "BLIS_NUM_THREADS",
                           "BLIS_ARCH_TYPE", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "MALLOC_PERTURB_"})
    EXPECT_EQ(plain, rank_environment({{"PATH", "/bin"}, {name, "7"}})) << name;
  EXPECT_NE(plain, rank_environment({{"PATH", "/bin"}, {"PYTHONPATH", "/packages"}}));
}

TEST_F(SpawnerTest, says_what_a_rank_took_of_the_machine) {
  Spawner spawner = Spawner::start();
  const char* idle = "sleep 0.3";
  // 64 MiB in one of its processes, and some time in a loop.
  const char* busy =
      "head -c 67108864 /dev/zero | tail -c 67108864 >/dev/null; i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
  spawner.command(Launch{kKey, {shell(idle, 0)}});
  const auto idled = await<RankEnded>(spawner);
  spawner.command(Launch{kKey, {shell(busy, 1)}});
  const auto computed = await<RankEnded>(spawner);
  EXPECT_GT(idled.peak_mib, 0);
  EXPECT_LT(idled.peak_mib, 32);
  EXPECT_LT(idled.cpu_ms, 200);
  EXPECT_GE(computed.peak_mib, 64);
  EXPECT_LT(computed.peak_mib, 256);
  EXPECT_GT(computed.cpu_ms, idled.cpu_ms);
}

TEST_F(SpawnerTest, a_rank_that_cannot_be_started_here_may_be_tried_elsewhere) {
  Spawner spawner = Spawner::start();
  core::write_atomic(core::real_file_system(), folder_ / "plain", "no program");
  RankCommand missing = shell("", 0);
  missing.arguments = {"/no/such/worker"};
  RankCommand plain = shell("", 1);
  plain.arguments = {(folder_ / "plain").string()};
  RankCommand unbound = shell("", 2);
  unbound.processors = {CPU_SETSIZE - 1};
  spawner.command(Launch{kKey, {missing, plain, unbound}});
  for (int rank = 0; rank < 3; ++rank) {
    auto ended = await<RankEnded>(spawner);
    EXPECT_EQ(ended.process_rank, rank);
    EXPECT_EQ(ended.code, 1) << "2 would be the configuration's fault, and the job given up";
    EXPECT_THAT(ended.evidence, testing::StartsWith("cannot be started: "));
    EXPECT_THAT(ended.evidence, HasSubstr(rank == 0 ? "/no/such/worker" : ""));
  }
}

TEST_F(SpawnerTest, a_rank_that_writes_nothing_leaves_no_log) {
  Spawner spawner = Spawner::start();
  spawner.command(Launch{kKey, {shell("exit 0", 0), shell("exit 3", 1), shell("kill -9 $$", 2), shell("echo x", 3)}});
  for (int rank = 0; rank < 4; ++rank) await<RankEnded>(spawner);
  EXPECT_EQ(core::real_file_system().list(folder_.path()), std::vector<std::string>{"out-3"});
}

TEST_F(SpawnerTest, what_a_store_does_not_take_is_said_all_the_same_and_kept_when_it_does) {
  Spawner spawner = Spawner::start({.log_check = std::chrono::milliseconds(20), .interface = {}});
  RankCommand lost = shell("echo why >&2; exit 3", 0);
  lost.err = (folder_ / "missing" / "err").string();
  RankCommand late = shell("echo first; sleep 0.2; mkdir " + (folder_ / "late").string() + "; sleep 0.2; echo last", 1);
  late.out = (folder_ / "late" / "out").string();
  spawner.command(Launch{kKey, {lost, late}});
  EXPECT_EQ(await_end(spawner), (RankEnded{kKey, 0, 3, 0, "why"}));
  EXPECT_EQ(await_end(spawner), (RankEnded{kKey, 1, 0, 0, {}}));
  EXPECT_EQ(text("late/out"), "first\nlast\n");
}

// The folder of a mount that has gone, one that takes nothing, and words of all kinds.
TEST_F(SpawnerTest, a_rank_that_fails_while_its_store_does_is_told_from_one_that_fails) {
  Spawner spawner = Spawner::start({.log_check = std::chrono::milliseconds(20), .interface = {}});
  const auto end_in = [&](const std::string& folder, const std::string& script) {
    RankCommand command = shell(script);
    command.out = (folder_ / folder / "out").string();
    command.err = (folder_ / folder / "err").string();
    spawner.command(Launch{kKey, {command}});
    return await_end(spawner);
  };
  fs::create_directories(folder_ / "well");
  for (const char* script : {"exit 1", "echo 'no space left on device' >&2; exit 2", "kill -ABRT $$", "kill -BUS $$"}) {
    EXPECT_FALSE(end_in("well", script).store_failed) << script;
    const RankEnded failed = end_in("gone", script);
    EXPECT_TRUE(failed.store_failed) << script;
    EXPECT_THAT(failed.evidence, HasSubstr("gone")) << script;
    std::ofstream(folder_ / "file") << "no folder";
    EXPECT_TRUE(end_in("file", script).store_failed) << script;
  }
  for (const char* script : {"exit 0", "exit 75", "kill -SEGV $$"})
    EXPECT_FALSE(end_in("gone", script).store_failed) << script;
  EXPECT_THAT(core::real_file_system().list(folder_ / "well"), testing::ElementsAre("err"))
      << "what was written to ask is gone";
}

TEST_F(SpawnerTest, words_of_a_full_store_count_where_the_store_has_no_room) {
  const std::vector<std::string> all{"sqlite3.OperationalError: no space left on device",
                                     "OSError: Disk quota exceeded",
                                     "cp: error writing to a ramdisk: No space left on device"};
  const auto evidence_of = [&](Spawner& spawner, const std::string& words) {
    spawner.command(Launch{kKey, {shell("echo '" + words + "' >&2; exit 1")}});
    return await_end(spawner).evidence;
  };
  Spawner roomy = Spawner::start();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = LogKeeper::kRoomOfAJob / 2;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  Spawner full = Spawner::start();
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  for (const std::string& words : all) {
    EXPECT_EQ(evidence_of(roomy, words), std::string(kStoreHasRoom) + words);
    EXPECT_EQ(evidence_of(full, words), words);
  }
  EXPECT_EQ(evidence_of(full, "file too large"), "file too large") << "it is not asked for room";
  EXPECT_THAT(core::real_file_system().list(folder_.path()), testing::UnorderedElementsAre("err-0"));
}

TEST_F(SpawnerTest, the_last_words_of_ranks_are_kept_when_their_agent_goes) {
  const pid_t agent = ::fork();
  ASSERT_GE(agent, 0);
  if (agent == 0) {
    Spawner spawner = Spawner::start({.log_check = std::chrono::hours(1), .interface = {}});
    spawner.command(Launch{kKey, {shell("echo words >&2; echo > " + (folder_ / "said").string() + "; sleep 1000")}});
    while (true) ::pause();
  }
  EXPECT_TRUE(eventually([&] { return text("said") == "\n"; }));
  ::kill(agent, SIGKILL);
  ::waitpid(agent, nullptr, 0);
  EXPECT_TRUE(eventually([&] { return text("err-0") == "words\n"; }));
}

TEST_F(SpawnerTest, memory_of_a_log_that_is_kept_is_given_back) {
  const RankOutput output;
  LogFile log((folder_ / "log").string(), core::FileDescriptor(::dup(output.descriptor())));
  const std::string line = std::string(99, 'x') + "\n";
  std::string all;
  const auto held = [&] {
    struct stat status {};
    EXPECT_EQ(::fstat(output.descriptor(), &status), 0);
    return status.st_blocks * 512;
  };
  for (int piece = 0; piece < 100; ++piece) {
    for (int i = 0; i < 1000; ++i) {
      ASSERT_EQ(::write(output.descriptor(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
      all += line;
    }
    log.keep(std::uint64_t{1} << 30);
    EXPECT_LT(held(), 32 * 1024) << piece;
  }
  EXPECT_EQ(text("log"), all);
  EXPECT_EQ(output.last_words(), std::string(99, 'x'));
  // The end of words that cannot be kept stays, as far as a log may be long.
  fs::remove(folder_ / "log");
  fs::create_directory(folder_ / "log");
  for (int i = 0; i < 10000; ++i)
    ASSERT_EQ(::write(output.descriptor(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
  log.keep(100'000);
  EXPECT_LT(held(), 200 * 1024);
  fs::remove(folder_ / "log");
  log.keep(std::uint64_t{1} << 30);
  EXPECT_EQ(text("log"), all.substr(0, 100'000));
}

// It is shown to people, and the worker may be anybody's.
TEST(RankOutput, a_last_line_controls_no_terminal) {
  const RankOutput output;
  const std::string line = "before\n\x1b[31mred\x01gone\x7f \xc3\xa9\n";
  ASSERT_EQ(::write(output.descriptor(), line.data(), line.size()), static_cast<ssize_t>(line.size()));
  EXPECT_EQ(output.last_words(), "?[31mred?gone? \xc3\xa9");
}

TEST_F(SpawnerTest, ranks_ignore_no_signal_of_the_spawners) {
  const int of_real_time = SIGRTMIN + 3;
  ::signal(of_real_time, SIG_IGN);
  Spawner spawner = Spawner::start();
  ::signal(of_real_time, SIG_DFL);
  spawner.command(Launch{kKey, {shell("exec grep SigIgn /proc/self/status")}});
  EXPECT_EQ(await<RankEnded>(spawner).code, 0);
  EXPECT_EQ(text("out-0"), "SigIgn:\t0000000000000000\n");
}

TEST_F(SpawnerTest, a_spawner_that_does_not_end_holds_nobody_up) {
  SpawnerOptions options;
  options.end_limit = std::chrono::milliseconds(100);
  auto spawner = std::make_unique<Spawner>(Spawner::start(options));
  spawner->command(Launch{kKey, {shell("echo $$; exec sleep 1000")}});
  const pid_t rank = number_in("out-0");
  ::kill(parent_of(rank), SIGSTOP);
  const auto before = core::monotonic_clock().now();
  spawner.reset();
  EXPECT_LT(core::monotonic_clock().now() - before, std::chrono::seconds(5));
  EXPECT_TRUE(eventually([&] { return gone(rank); }));
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

TEST_F(SpawnerTest, each_rank_reads_the_secret_and_nobody_finds_it_in_arguments_or_environment) {
  Spawner spawner = Spawner::start();
  const std::string script = "cat <&5; tr '\\0' '\\n' < /proc/$$/cmdline >&2; env >&2";
  spawner.command(Launch{kKey, {shell(script, 0), shell(script, 1)}, "a secret"});
  for (int rank = 0; rank < 2; ++rank) EXPECT_EQ(await<RankEnded>(spawner).code, 0);
  for (const std::string rank : {"0", "1"}) {
    EXPECT_EQ(text("out-" + rank), "a secret");
    EXPECT_THAT(text("err-" + rank), HasSubstr("RESOLUTE_ATTEMPT"));
    EXPECT_THAT(text("err-" + rank), testing::Not(HasSubstr("a secret")));
  }
  spawner.command(Launch{kKey, {shell("[ ! -e /proc/self/fd/5 ]", 2)}});
  EXPECT_EQ(await<RankEnded>(spawner).code, 0);
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

// A daemon: in a session of its own, its parent gone. `settings` goes before it, `file` gets its number.
std::string daemon(const fs::path& file, const std::string& settings = "") {
  return "(" + settings + " setsid sh -c 'echo $$ > \"$0\"; exec sleep 1000' " + file.string() + " &)";
}

// The folders of control groups that this process has made.
std::vector<fs::path> groups_of_ours() {
  std::vector<fs::path> groups;
  std::error_code error;
  for (fs::directory_iterator at(own_control_group(), error), end; !error && at != end; at.increment(error))
    if (at->path().filename().string().starts_with(fmt::format("resolute-{}-", ::getpid())))
      groups.push_back(at->path());
  return groups;
}

TEST_F(SpawnerTest, in_a_control_group_daemons_that_nobody_can_tell_go_with_their_rank_too) {
  if (const std::string why = why_no_control_groups(); !why.empty()) GTEST_SKIP() << why;
  Spawner spawner = Spawner::start();
  spawner.command(Launch{{std::string(64, 'e'), 1}, {shell("echo $$; exec sleep 1000", 1)}});
  const pid_t older = number_in("out-1");
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // a start is known to 10 ms
  const std::string until_there = "; while [ ! -s " + (folder_ / "hidden").string() + " ]; do sleep 0.01; done";
  spawner.command(Launch{kKey, {shell(daemon(folder_ / "hidden", "env -i PATH=$PATH") + until_there)}});
  await<RankEnded>(spawner);
  const pid_t hidden = number_in("hidden");
  EXPECT_TRUE(eventually([&] { return gone(hidden); })) << "by its environment it may be the older rank's";
  EXPECT_FALSE(gone(older));
  // The same where a rank is told to end, at once or when its grace is over.
  for (const int grace : {0, 100}) {
    const AttemptKey key{kKey.job, grace + 2};
    fs::remove(folder_ / "hidden");
    spawner.command(Launch{
        key,
        {shell("trap '' TERM; " + daemon(folder_ / "hidden", "env -i PATH=$PATH") + "; while :; do sleep 1; done")}});
    const pid_t hidden = number_in("hidden");
    spawner.command(Kill{key, grace});
    EXPECT_TRUE(eventually([&] { return gone(hidden); }));
    await<RankEnded>(spawner);
  }
  // The kernel gives a group back once all that ran there is gone.
  EXPECT_TRUE(eventually([] { return groups_of_ours().size() == 1; }));
}

TEST_F(SpawnerTest, of_control_groups_nothing_is_left_whoever_is_killed) {
  if (const std::string why = why_no_control_groups(); !why.empty()) GTEST_SKIP() << why;
  for (const std::string killed : {"nobody", "spawner", "guard"}) {
    auto spawner = std::make_unique<Spawner>(Spawner::start());
    ASSERT_TRUE(eventually([] { return groups_of_ours().size() == 1; }));
    fs::remove(folder_ / "out-0");
    spawner->command(Launch{kKey, {shell("echo $$; exec sleep 1000")}});
    const pid_t rank = number_in("out-0");
    EXPECT_EQ(fs::exists(groups_of_ours().front() / "rank-1"), true);
    if (killed != "nobody") ::kill(killed == "guard" ? spawner->process() : parent_of(rank), SIGKILL);
    spawner.reset();
    EXPECT_TRUE(groups_of_ours().empty()) << killed;
    EXPECT_TRUE(gone(rank)) << killed;
  }
}

TEST(ControlGroup, of_a_dead_agent_is_removed_by_the_next) {
  if (const std::string why = why_no_control_groups(); !why.empty()) GTEST_SKIP() << why;
  const fs::path dead = own_control_group() / "resolute-999999999-0";  // no process has such a number
  const fs::path alive = own_control_group() / fmt::format("resolute-{}-0", ::getppid());
  for (const fs::path& group : {dead, dead / "rank-1", alive}) ASSERT_TRUE(make_control_group(group));
  { const Spawner spawner = Spawner::start(); }
  EXPECT_FALSE(fs::exists(dead));
  EXPECT_TRUE(fs::exists(alive));
  EXPECT_TRUE(remove_control_group(alive));
}

TEST(ControlGroup, of_this_process_is_found_by_what_the_kernel_says) {
  const auto group_in = [](const std::string& groups, const std::string& mounts) {
    const TemporaryFolder proc;
    core::write_atomic(core::real_file_system(), proc / "cgroup", groups);
    core::write_atomic(core::real_file_system(), proc / "mountinfo", mounts);
    return own_control_group(proc.path()).string();
  };
  const std::string tmpfs = "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n";
  const std::string whole = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
  EXPECT_EQ(group_in("0::/user.slice/job 7\n", whole), "/sys/fs/cgroup/user.slice/job 7");
  EXPECT_EQ(group_in("4:memory:/x\n0::/\n", tmpfs + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 none rw\n"),
            "/sys/fs/cgroup/unified/");
  EXPECT_EQ(group_in("0::/slurm/job 7/step\n", "9 8 0:3 /slurm/job\\0407 /mnt/c\\040g rw - cgroup2 none rw\n"),
            "/mnt/c g/step");
  EXPECT_EQ(group_in("0::/slurm/job 7\n", "9 8 0:3 /slurm/job /mnt/cg rw - cgroup2 none rw\n"), "") << "another's part";
  EXPECT_EQ(group_in("4:memory:/x\n", whole), "");
  EXPECT_EQ(group_in("0::/../other\n", whole), "") << "outside of a name space";
  EXPECT_EQ(group_in("0::/x\n", tmpfs), "");
  EXPECT_EQ(group_in("", ""), "");
}

TEST_F(SpawnerTest, daemons_go_with_their_rank_and_not_before) {
  Spawner spawner = Spawner::start({.control_groups = false, .interface = {}});
  const auto until_told = [&](int rank) {
    return "; while [ ! -e " + (folder_ / fmt::format("end-{}", rank)).string() + " ]; do sleep 0.01; done";
  };
  const AttemptKey other{std::string(64, 'e'), 1};
  spawner.command(Launch{kKey, {shell(daemon(folder_ / "first") + until_told(0), 0)}});
  const pid_t first = number_in("first");
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // a start is known to 10 ms
  spawner.command(Launch{other, {shell(daemon(folder_ / "second") + until_told(1), 1)}});
  const pid_t second = number_in("second");
  const std::string until_there = "; while [ ! -s " + (folder_ / "hidden").string() + " ]; do sleep 0.01; done";
  spawner.command(
      Launch{{std::string(64, 'f'), 1}, {shell(daemon(folder_ / "hidden", "env -i PATH=$PATH") + until_there, 2)}});
  const pid_t hidden = number_in("hidden");
  await<RankEnded>(spawner);
  EXPECT_FALSE(gone(first));
  EXPECT_FALSE(gone(hidden)) << "it may be that of a rank that still runs";
  core::write_atomic(core::real_file_system(), folder_ / "end-0", "");
  await<RankEnded>(spawner);
  EXPECT_TRUE(eventually([&] { return gone(first); }));
  EXPECT_FALSE(gone(second));
  core::write_atomic(core::real_file_system(), folder_ / "end-1", "");
  await<RankEnded>(spawner);
  for (pid_t process : {second, hidden}) EXPECT_TRUE(eventually([&] { return gone(process); })) << process;
}

TEST_F(SpawnerTest, nothing_survives_when_the_agent_is_killed_even_together_with_the_spawner) {
  for (const auto& [together, groups] : {std::pair(false, false), {false, true}, {true, false}, {true, true}}) {
    for (const char* file : {"out-0", "err-0", "daemon"}) fs::remove(folder_ / file);
    const pid_t agent = ::fork();
    ASSERT_GE(agent, 0);
    if (agent == 0) {
      Spawner spawner = Spawner::start({.control_groups = groups, .interface = {}});
      // A rank, its child, and a daemon that left the rank's group and session.
      spawner.command(Launch{kKey,
                             {shell("sleep 1000 & echo $! >&2; setsid sh -c 'echo $$ > \"$0\"; exec sleep 1000' " +
                                    (folder_ / "daemon").string() + " & echo $$; wait")}});
      while (true) ::pause();
    }
    const pid_t rank = number_in("out-0");
    const pid_t child = number_in("err-0");
    const pid_t daemon = number_in("daemon");
    const pid_t spawner = parent_of(rank);
    const pid_t guard = parent_of(spawner);
    EXPECT_EQ(parent_of(guard), agent);
    EXPECT_FALSE(gone(rank));
    EXPECT_FALSE(gone(daemon));
    ::kill(agent, SIGKILL);
    if (together) ::kill(spawner, SIGKILL);
    ::waitpid(agent, nullptr, 0);
    for (pid_t process : {rank, child, daemon, spawner, guard})
      EXPECT_TRUE(eventually([&] { return gone(process); })) << process << " of " << rank;
  }
}

TEST_F(SpawnerTest, each_killed_process_of_a_spawners_takes_all_of_its_ranks_along_and_is_reported) {
  for (const std::string killed : {"spawner", "guard", "log keeper"}) {
    for (const char* file : {"out-0", "err-0", "daemon"}) fs::remove(folder_ / file);
    Spawner spawner = Spawner::start();
    spawner.command(
        Launch{kKey, {shell(daemon(folder_ / "daemon") + "; sleep 1000 & echo $! >&2; echo $$; exec sleep 1000")}});
    const pid_t rank = number_in("out-0");
    const pid_t child = number_in("err-0");
    const pid_t daemon = number_in("daemon");
    const std::vector<pid_t> keepers = children_of(spawner.process(), parent_of(rank));
    ASSERT_EQ(keepers.size(), 1U);
    ::kill(killed == "guard" ? spawner.process() : killed == "spawner" ? parent_of(rank) : keepers.front(), SIGKILL);
    await<Leave>(spawner);
    for (pid_t process : {rank, child, daemon}) EXPECT_TRUE(eventually([&] { return gone(process); })) << process;
    EXPECT_THROW(spawner.command(Kill{kKey, 0}), core::RuntimeError);
    EXPECT_EQ(spawner.descriptor(), -1) << "readable for ever, it would make its waiters spin";
  }
}

TEST_F(SpawnerTest, a_log_over_its_limit_keeps_its_head_and_its_tail) {
  Spawner spawner = Spawner::start({.log_limit = 1000, .log_check = std::chrono::milliseconds(50), .interface = {}});
  spawner.command(Launch{kKey,
                         {shell("echo first; head -c 100000 /dev/zero | tr '\\0' x; echo last; "
                                "while ! grep -q 'were cut here' " +
                                (folder_ / "out-0").string() + "; do sleep 0.01; done; echo tail")}});
  EXPECT_EQ(await<RankEnded>(spawner).code, 0);
  EXPECT_LT(text("out-0").size(), 1000U);
  EXPECT_TRUE(text("out-0").starts_with("first\nxxx"));
  EXPECT_THAT(text("out-0"), HasSubstr("[resolute: 99511 bytes were cut here, the limit of a log is 1000]\nxxx"));
  EXPECT_TRUE(text("out-0").ends_with("xlast\ntail\n"));
}

TEST_F(SpawnerTest, a_log_that_grew_between_two_looks_is_cut_at_the_ranks_end) {
  Spawner spawner = Spawner::start({.log_limit = 1000, .log_check = std::chrono::hours(1), .interface = {}});
  spawner.command(Launch{kKey, {shell("head -c 100000 /dev/zero | tr '\\0' x; echo last >&2; exit 3")}});
  EXPECT_EQ(await<RankEnded>(spawner).evidence, "last");
  EXPECT_LT(text("out-0").size(), 1000U);
}

// A store that opens nothing: a log that is to be cut, and those of a rank that is to start.
TEST_F(SpawnerTest, a_store_that_hangs_holds_up_no_kill_and_no_progress) {
  for (const std::string held_up : {"cut", "start"}) {
    Spawner spawner = Spawner::start({.log_limit = 1000,
                                      .log_check = std::chrono::milliseconds(20),
                                      .log_wait = std::chrono::milliseconds(200),
                                      .store_wait = std::chrono::milliseconds(200),
                                      .interface = {}});
    const fs::path store = folder_ / held_up;
    fs::create_directories(store);
    const auto in_store = [&](const std::string& script, int rank) {
      RankCommand command = shell(script, rank);
      command.out = (store / fmt::format("out-{}", rank)).string();
      command.err = (store / fmt::format("err-{}", rank)).string();
      return command;
    };
    const AttemptKey other{std::string(64, 'e'), 1};
    const AttemptKey late{std::string(64, 'f'), 1};
    const std::string until_told = "while [ ! -e " + (folder_ / held_up).string() + "-now ]; do sleep 0.01; done; ";
    spawner.command(Launch{kKey, {in_store(until_told + "head -c 100000 /dev/zero; echo last >&2; exit 3", 0)}});
    await<RankStarted>(spawner);
    fs::remove(folder_ / "out-1");
    spawner.command(Launch{other, {shell("echo $$; " + until_told + "sleep 0.3; echo '{}' >&3; sleep 1000", 1)}});
    const pid_t rank = number_in("out-1");
    await<RankStarted>(spawner);
    HangingFolder hang(store);
    if (!hang.hangs()) GTEST_SKIP() << "no file can be made to hang here";
    core::write_atomic(core::real_file_system(), fmt::format("{}-now", (folder_ / held_up).string()), "");
    RankEnded unanswered{kKey, 0, 3, 0, "the store gives no answer; last"};
    unanswered.store_failed = true;
    EXPECT_EQ(await_end(spawner), unanswered);
    if (held_up == "start") spawner.command(Launch{late, {in_store("exit 0", 2)}});
    await<ProgressLine>(spawner);
    const auto before = core::monotonic_clock().now();
    spawner.command(Kill{other, 0});
    EXPECT_TRUE(eventually([&] { return gone(rank); })) << held_up;
    const auto killed = await<RankEnded>(spawner);
    EXPECT_EQ(killed.key, other);
    EXPECT_EQ(killed.signal, SIGKILL);
    EXPECT_LT(core::monotonic_clock().now() - before, std::chrono::seconds(10));
    if (held_up == "start") {
      spawner.command(Kill{late, 1000});
      EXPECT_EQ(await_end(spawner), (RankEnded{late, 2, 0, SIGTERM, ""})) << "nothing runs, nothing will";
    }
    hang.answer();
    spawner.command(Launch{late, {in_store("echo well", 3)}});
    EXPECT_EQ(await_end(spawner), (RankEnded{late, 3, 0, 0, ""}));
    EXPECT_LT(fs::file_size(store / "out-0"), 1000U);
  }
}

TEST_F(SpawnerTest, a_log_keeps_its_tail_where_the_disk_takes_nothing) {
  const fs::path log = folder_ / "log";
  const std::string whole = std::string(5000, 'x') + "why it failed\n";
  core::write_atomic(core::real_file_system(), log, whole);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 10;
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  cut_log(log.string(), 1000);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, handler);
  EXPECT_EQ(text("log"), whole);
  cut_log(log.string(), 1000);
  EXPECT_LT(text("log").size(), 1000U);
  EXPECT_TRUE(text("log").ends_with("xwhy it failed\n"));
}

TEST_F(SpawnerTest, what_a_daemon_of_a_rank_holds_is_the_ranks) {
  Spawner spawner = Spawner::start({.memory_check = std::chrono::milliseconds(20), .interface = {}});
  const fs::path script = folder_ / "script";
  core::write_atomic(core::real_file_system(), script,
                     "echo $$; x=$(head -c 100000000 /dev/zero | tr '\\0' x); sleep 1000");
  RankCommand command = shell("(setsid bash " + script.string() + " &); exec sleep 1000");
  command.memory_mib = 64;
  spawner.command(Launch{kKey, {command}});
  EXPECT_TRUE(await<RankEnded>(spawner).out_of_memory);
  const pid_t daemon = number_in("out-0");
  EXPECT_TRUE(eventually([&] { return gone(daemon); }));
}

TEST_F(SpawnerTest, a_rank_that_holds_more_memory_than_it_may_is_killed_with_all_it_started) {
  Spawner spawner = Spawner::start({.memory_check = std::chrono::milliseconds(20), .interface = {}});
  // Bash holds what it reads, here and in a child outside the rank's group; the sum of both is too much.
  const std::string hold = "x=$(head -c 40000000 /dev/zero | tr '\\0' x); sleep 1000";
  const fs::path script = folder_ / "script";
  core::write_atomic(core::real_file_system(), script, "echo $$; " + hold);
  RankCommand command = shell("setsid bash " + script.string() + " & " + hold);
  command.arguments[0] = "/bin/bash";
  command.memory_mib = 64;
  const fs::path go = folder_ / "go";
  RankCommand modest =
      shell("x=$(head -c 1000000 /dev/zero | tr '\\0' x); until [ -e " + go.string() + " ]; do sleep 0.05; done", 1);
  modest.memory_mib = 64;
  spawner.command(Launch{kKey, {command, modest}});
  auto ended = await<RankEnded>(spawner);
  EXPECT_EQ(ended.process_rank, 0);
  EXPECT_EQ(ended.signal, SIGKILL);
  EXPECT_TRUE(ended.out_of_memory);
  EXPECT_THAT(ended.evidence, testing::MatchesRegex("it held [0-9]+ MiB of memory, its limit is 64"));
  const pid_t child = number_in("out-0");
  EXPECT_TRUE(eventually([&] { return gone(child); }));
  core::write_atomic(core::real_file_system(), go, "");
  EXPECT_EQ(await_end(spawner), (RankEnded{kKey, 1, 0, 0, {}}));
}

TEST_F(SpawnerTest, memory_that_forked_processes_share_counts_once) {
  Spawner spawner = Spawner::start({.memory_check = std::chrono::milliseconds(20), .interface = {}});
  RankCommand command = shell(
      "x=$(head -c 40000000 /dev/zero | tr '\\0' x); "
      "for i in 1 2 3 4; do (read -t 1 y < <(sleep 1)) & done; wait; echo ${#x}");
  command.arguments[0] = "/bin/bash";
  command.memory_mib = 128;
  spawner.command(Launch{kKey, {command}});
  EXPECT_EQ(await_end(spawner), (RankEnded{kKey, 0, 0, 0, {}}));
  EXPECT_EQ(text("out-0"), "40000000\n");
}

TEST_F(SpawnerTest, a_rank_that_the_kernel_kills_for_memory_is_told_from_other_kills) {
  const MemoryGroup group(32'000'000);
  if (!group.made()) GTEST_SKIP() << "no control group can be made here";
  const std::string fill = "x=$(head -c 100000000 /dev/zero | tr '\\0' x); exec true";
  // A shell in between says it by its exit code.
  for (const std::string& text : {fill, fmt::format("({}); exit", fill)}) {
    Spawner spawner = Spawner::start();
    RankCommand command = shell("echo $$ > " + group.processes().string() + "; " + text);
    command.arguments[0] = "/bin/bash";
    spawner.command(Launch{kKey, {command}});
    auto ended = await<RankEnded>(spawner);
    EXPECT_TRUE(ended.signal == SIGKILL || ended.code == 128 + SIGKILL) << text;
    EXPECT_TRUE(ended.out_of_memory) << text;
    EXPECT_THAT(ended.evidence, HasSubstr("the machine was short of memory"));
  }
}

TEST_F(SpawnerTest, a_kill_that_nobody_here_sent_is_no_lack_of_memory) {
  Spawner spawner = Spawner::start();
  spawner.command(Launch{kKey, {shell("echo words >&2; kill -9 $$")}});
  EXPECT_EQ(await_end(spawner), (RankEnded{kKey, 0, 0, SIGKILL, "words"}));
}

TEST(RankReport, names_the_limit_of_processor_time_that_ends_a_rank_and_no_other_end) {
  constexpr rlim_t kMost = 1'000'000;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_CPU, &before), 0);
  const rlimit small{std::min(kMost, before.rlim_max), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_CPU, &small), 0);
  Rank rank;
  rank.kernel_kills = kernel_memory_kills();
  const auto evidence = [&](const core::ExitStatus& status, rlim_t seconds) {
    rusage used{};
    used.ru_utime.tv_sec = static_cast<time_t>(seconds);
    return report_of(rank, status, used).evidence;
  };
  for (const core::ExitStatus& ended :
       {core::ExitStatus(core::Killed{SIGXCPU}), core::ExitStatus(core::Killed{SIGKILL}),
        core::ExitStatus(core::Exited{128 + SIGXCPU})}) {
    EXPECT_THAT(evidence(ended, small.rlim_cur), HasSubstr("(`ulimit -t`, RLIMIT_CPU)"));
    EXPECT_EQ(evidence(ended, small.rlim_cur / 2), "");
  }
  EXPECT_EQ(evidence(core::Killed{SIGSEGV}, small.rlim_cur), "");
  EXPECT_EQ(evidence(core::Exited{1}, small.rlim_cur), "");
  rank.killed = true;
  EXPECT_EQ(evidence(core::Killed{SIGKILL}, small.rlim_cur), "");
  ASSERT_EQ(::setrlimit(RLIMIT_CPU, &before), 0);
}

TEST_F(SpawnerTest, ranks_run_where_they_are_bound_and_see_the_gpu_that_is_theirs) {
  Spawner spawner = Spawner::start();
  RankCommand command = shell("echo $CUDA_VISIBLE_DEVICES; grep Cpus_allowed_list /proc/self/status");
  command.visible_gpus = "GPU-1234";
  cpu_set_t usable;
  ASSERT_EQ(::sched_getaffinity(0, sizeof usable, &usable), 0);
  int last = CPU_SETSIZE - 1;
  while (!CPU_ISSET(last, &usable)) --last;
  command.processors = {last};
  spawner.command(Launch{kKey, {command, shell("grep Cpus_allowed_list /proc/self/status", 1)}});
  await<RankEnded>(spawner);
  await<RankEnded>(spawner);
  EXPECT_EQ(text("out-0"), fmt::format("GPU-1234\nCpus_allowed_list:\t{}\n", last));
  // The next rank does not get what one rank got.
  std::string ours;
  std::ifstream status("/proc/self/status");
  while (std::getline(status, ours) && !ours.starts_with("Cpus_allowed_list")) {
  }
  EXPECT_EQ(text("out-1"), ours + "\n");
}

TEST_F(SpawnerTest, an_agent_that_does_not_listen_holds_nothing_up) {
  Spawner spawner = Spawner::start();
  // 30 MB of progress, more than the spawner keeps for an agent: the rank waits, all else goes on.
  spawner.command(Launch{kKey, {shell("yes 123456789012345678901234567890 | head -c 30000000 >&3; echo written")}});
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  const AttemptKey other{std::string(64, 'e'), 1};
  spawner.command(Launch{other, {shell("echo $$; sleep 1000", 1)}});
  const pid_t second = number_in("out-1");
  spawner.command(Kill{other, 0});
  EXPECT_TRUE(eventually([&] { return gone(second); }));
  EXPECT_EQ(text("out-0"), "");
  std::size_t lines = 0;
  bool first_ended = false;
  EXPECT_TRUE(eventually(
      [&] {
        for (const Message& message : spawner.reports()) {
          if (std::holds_alternative<ProgressLine>(message)) ++lines;
          const auto* ended = std::get_if<RankEnded>(&message);
          if (ended != nullptr && ended->key == kKey) first_ended = true;
        }
        return first_ended;
      },
      std::chrono::seconds(30)));
  EXPECT_EQ(lines, 30'000'000U / 31);
}

}  // namespace
}  // namespace resolute::tests::spawner_test
