#include "core/process/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <iostream>
#include <thread>

#include "core/error.h"
#include "tests/support/program_role.h"
#include "tests/support/refusal.h"
#include "tests/support/temporary_folder.h"

namespace resolute::core::process_test {
namespace {

using namespace std::chrono_literals;

// Removes the file of the running program, as an installation of a newer one does, and says where it takes it to be.
int say_own_program(int, char**) {
  std::filesystem::remove(own_program());
  std::cout << own_program().string();
  return 0;
}
const tests::ProgramRole kReplaced("replaced program", say_own_program);

// Starts a child on a kernel without close_range() and clone3(), as Linux 4.18 is, with many descriptors that libraries
// left open.
int start_on_an_old_kernel(int, char**) {
  std::array<sock_filter, 5> refusal{{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                                      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 1, 0),
                                      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
                                      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
                                      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}};
  const sock_fprog filter{refusal.size(), refusal.data()};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) return 1;
  if (syscall(SYS_close_range, 3U, ~0U, 0) == 0) return 2;
  for (int i = 0; i < 300; ++i) open("/dev/null", O_RDONLY);  // NOLINT: deliberately without O_CLOEXEC
  std::cout << run_command({.arguments = {"/bin/ls", "/proc/self/fd"}, .environment = {}}, 10s).out;
  drop_descriptors(10, /*at_exec=*/false);
  for (const int descriptor : {9, 10, 290}) std::cout << (fcntl(descriptor, F_GETFD) >= 0);
  return 0;
}
const tests::ProgramRole kOldKernel("old kernel", start_on_an_old_kernel);

CommandOutput shell(const std::string& script, std::chrono::milliseconds limit = 10s) {
  return run_command({.arguments = {"sh", "-c", script}, .environment = {{"PATH", "/usr/bin:/bin"}}}, limit);
}

TEST(ProcessTest, captures_both_outputs_and_the_code) {
  auto output = shell("echo out; echo err >&2; exit 3");
  EXPECT_EQ(output.out, "out\n");
  EXPECT_EQ(output.err, "err\n");
  EXPECT_EQ(std::get<Exited>(output.status).code, 3);
  EXPECT_FALSE(output.timed_out);
}

TEST(ProcessTest, the_last_line_of_errors_is_without_its_end) {
  EXPECT_EQ(shell("printf 'one\\ntwo\\n\\n' >&2").last_error_line(), "two");
  EXPECT_EQ(shell("printf 'one\\ntwo' >&2").last_error_line(), "two");
  EXPECT_EQ(shell("printf 'one' >&2; echo out").last_error_line(), "one");
  for (const char* none : {"true", "echo >&2"}) EXPECT_EQ(shell(none).last_error_line(), "") << none;
}

TEST(ProcessTest, what_a_process_was_born_with_is_not_what_it_has_now) {
  ::setenv("RESOLUTE_SET_LATER", "1", 1);
  EXPECT_EQ(variable_in(current_environment(), "RESOLUTE_SET_LATER"), "1");
  const auto born = environment_at_birth(::getpid());
  ::unsetenv("RESOLUTE_SET_LATER");
  EXPECT_EQ(born.count("RESOLUTE_SET_LATER"), 0U);
  EXPECT_EQ(variable_in(born, "PATH"), variable_in(current_environment(), "PATH"));
  EXPECT_TRUE(environment_at_birth(-1).empty());
}

TEST(ProcessTest, own_program_is_the_running_file_and_what_has_replaced_it) {
  EXPECT_TRUE(std::filesystem::equivalent(own_program(), "/proc/self/exe"));
  const tests::TemporaryFolder folder;
  const std::filesystem::path copy = folder.path() / "copy";
  std::filesystem::copy_file("/proc/self/exe", copy);
  std::vector<std::string> arguments = kReplaced.command();
  arguments[0] = copy.string();
  EXPECT_EQ(copy.string(), run_command({.arguments = arguments, .environment = current_environment()}, 10s).out);
}

TEST(ProcessTest, gives_exactly_the_environment_asked_for) {
  auto output = run_command({.arguments = {"/usr/bin/env"}, .environment = {{"ONLY", "this"}}}, 10s);
  EXPECT_EQ(output.out, "ONLY=this\n");
}

TEST(ProcessTest, kills_the_whole_group_after_the_limit) {
  auto output = shell("sleep 100 & sleep 100", 200ms);
  EXPECT_TRUE(output.timed_out);
  EXPECT_EQ(std::get<Killed>(output.status).signal, SIGKILL);
}

TEST(ProcessTest, a_child_that_closes_its_outputs_is_held_to_the_limit) {
  auto output = shell("exec >&- 2>&-; sleep 100", 200ms);
  EXPECT_TRUE(output.timed_out);
  EXPECT_EQ(std::get<Killed>(output.status).signal, SIGKILL);
}

TEST(ProcessTest, large_outputs_do_not_block) {
  auto output = shell("head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2");
  EXPECT_EQ(output.out.size(), 1000000U);
  EXPECT_EQ(output.err.size(), 1000000U);
}

TEST(ProcessTest, a_missing_program_is_named) {
  EXPECT_THAT(
      [] {
        run_command({.arguments = {"no-such-program-here"}, .environment = {{"PATH", "/usr/bin"}}}, 1s);
      },
      tests::fails(ErrorKind::kInput, testing::HasSubstr("'no-such-program-here' is not on PATH")));
  EXPECT_THROW(run_command({.arguments = {"/etc/passwd"}, .environment = {}}, 1s), RuntimeError);
}

TEST(ProcessTest, a_program_that_is_just_being_written_is_waited_for) {
  const tests::TemporaryFolder folder;
  const std::filesystem::path program = folder / "true";
  std::filesystem::copy_file("/bin/true", program);
  const int writing = open(program.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  ASSERT_GE(writing, 0);
  std::thread writer([&] {
    std::this_thread::sleep_for(250ms);
    close(writing);
  });
  EXPECT_EQ(std::get<Exited>(run_command({.arguments = {program.string()}, .environment = {}}, 10s).status).code, 0);
  writer.join();
}

TEST(ProcessTest, descriptors_arrive_under_their_numbers_and_no_others) {
  int leaked = open("/dev/null", O_RDONLY);  // NOLINT: deliberately without O_CLOEXEC
  Pipe pipe = make_pipe();
  pid_t child = spawn_process({.arguments = {"ls", "/proc/self/fd"},
                               .environment = {{"PATH", "/usr/bin:/bin"}},
                               .descriptors = {{1, pipe.write_end.get()}, {7, pipe.write_end.get()}}});
  pipe.write_end.reset();
  std::string text;
  char buffer[256];
  ssize_t count = 0;
  while ((count = read(pipe.read_end.get(), buffer, sizeof buffer)) > 0)
    text.append(buffer, static_cast<std::size_t>(count));
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  close(leaked);
  EXPECT_EQ(text, "0\n1\n2\n3\n7\n");  // 3 is the folder that ls reads
}

TEST(ProcessTest, descriptors_arrive_alone_where_the_kernel_is_old) {
  const auto output = run_command({.arguments = kOldKernel.command(), .environment = current_environment()}, 10s);
  EXPECT_EQ(output.out, "0\n1\n2\n3\n100") << describe(output.status) << output.err;
}

TEST(ProcessTest, from_a_folder_that_is_gone_children_start_in_the_root) {
  const std::filesystem::path before = std::filesystem::current_path();
  const tests::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "a/b");
  std::filesystem::current_path(folder / "a/b");
  EXPECT_EQ(shell("pwd -P").out, (folder / "a/b").string() + "\n");
  std::filesystem::rename(folder / "a", folder / "moved");
  EXPECT_EQ(shell("pwd -P").out, (folder / "moved/b").string() + "\n");
  std::filesystem::remove_all(folder / "moved");
  EXPECT_EQ(shell("pwd -P").out, "/\n");
  std::filesystem::current_path(before);
}

TEST(ProcessTest, what_is_no_control_group_keeps_no_child_from_starting) {
  const FileDescriptor folder(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const auto output = run_command({.arguments = {"/bin/echo", "well"}, .control_group = folder.get()}, 10s);
  EXPECT_EQ(output.out, "well\n");
}

TEST(ProcessTest, children_die_with_their_parent) {
  Pipe pipe = make_pipe();
  pid_t parent = fork();
  ASSERT_GE(parent, 0);
  if (parent == 0) {
    pid_t child = spawn_process({.arguments = {"sleep", "100"}, .environment = {{"PATH", "/usr/bin:/bin"}}});
    if (write(pipe.write_end.get(), &child, sizeof child) != sizeof child) _exit(1);
    kill(getpid(), SIGKILL);
  }
  pid_t grandchild = 0;
  ASSERT_EQ(read(pipe.read_end.get(), &grandchild, sizeof grandchild), static_cast<ssize_t>(sizeof grandchild));
  ASSERT_EQ(waitpid(parent, nullptr, 0), parent);
  for (int i = 0; i < 200 && kill(grandchild, 0) == 0; ++i) {
    // An orphan that nobody reaps stays visible as a zombie: that counts as dead.
    std::string path = "/proc/" + std::to_string(grandchild) + "/stat";
    char text[512] = {};
    FileDescriptor file(open(path.c_str(), O_RDONLY));
    if (file.valid() && read(file.get(), text, sizeof text - 1) > 0 &&
        std::string(text).find(") Z") != std::string::npos)
      return;
    usleep(10000);
  }
  EXPECT_NE(kill(grandchild, 0), 0);
}

TEST(ProcessTest, a_child_runs_where_it_is_put_and_is_first_to_go_when_memory_runs_out) {
  cpu_set_t usable;
  ASSERT_EQ(sched_getaffinity(0, sizeof usable, &usable), 0);
  int last = CPU_SETSIZE - 1;
  while (!CPU_ISSET(last, &usable)) --last;
  const CommandOutput output =
      run_command({.arguments = {"sh", "-c", "grep Cpus_allowed_list: /proc/self/status; cat /proc/self/oom_score_adj"},
                   .environment = {{"PATH", "/usr/bin:/bin"}},
                   .processors = {last},
                   .oom_score_adjustment = 500},
                  10s);
  EXPECT_EQ(output.out, "Cpus_allowed_list:\t" + std::to_string(last) + "\n500\n");
  // A processor that no machine has: the reason comes back, and no child is left.
  EXPECT_THROW(spawn_process({.arguments = {"/bin/true"}, .environment = {}, .processors = {100'000}}), RuntimeError);
  EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(ProcessTest, a_process_leaves_with_what_it_said_and_without_destructors_of_static_objects) {
  const auto leave = [] {
    dup2(2, 1);
    std::atexit([] { std::fputs("too late", stderr); });
    std::printf("said");
    leave_process(3);
  };
  EXPECT_EXIT(leave(), testing::ExitedWithCode(3), "^said$");
}
#endif

TEST(ProcessTest, closed_standard_descriptors_are_opened_and_a_limit_of_files_is_no_signal) {
  const pid_t child = fork();
  if (child == 0) {
    const int kept = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dup2(kept, 1);
    for (int closed : {0, 2}) close(closed);
    set_up_process();
    struct stat null_device {
    }, folder{}, standard{};
    stat("/dev/null", &null_device);
    stat("/", &folder);
    int wrong = 0;
    for (int opened : {0, 2})
      if (fstat(opened, &standard) != 0 || standard.st_rdev != null_device.st_rdev) wrong |= 1;
    if (write(2, "x", 1) != 1) wrong |= 2;
    if (fstat(1, &standard) != 0 || standard.st_ino != folder.st_ino) wrong |= 4;  // what was open stays
    struct sigaction now {};
    sigaction(SIGXFSZ, nullptr, &now);
    if (now.sa_handler != SIG_IGN) wrong |= 8;
    _exit(wrong);
  }
  int word = 0;
  ASSERT_EQ(waitpid(child, &word, 0), child);
  EXPECT_EQ(describe(to_exit_status(word)), "exit code 0");
}

TEST(ProcessTest, a_process_hears_the_signals_that_its_parent_blocked_and_waits_for_children_that_it_ignored) {
  const pid_t child = fork();
  if (child == 0) {
    sigset_t blocked;
    sigemptyset(&blocked);
    for (int number : {SIGQUIT, SIGALRM, SIGRTMIN + 3}) sigaddset(&blocked, number);
    sigprocmask(SIG_BLOCK, &blocked, nullptr);
    signal(SIGCHLD, SIG_IGN);
    set_up_process();
    sigset_t now;
    sigprocmask(SIG_BLOCK, nullptr, &now);
    int wrong = sigisemptyset(&now) ? 0 : 1;
    const CommandOutput output = run_command({.arguments = {"/bin/sh", "-c", "exit 7"}, .environment = {}}, 60s);
    if (describe(output.status) != "exit code 7") wrong |= 2;
    _exit(wrong);
  }
  int word = 0;
  ASSERT_EQ(waitpid(child, &word, 0), child);
  EXPECT_EQ(describe(to_exit_status(word)), "exit code 0");
}

TEST(ProcessTest, a_process_may_open_all_files_that_it_could_and_its_children_as_many_as_it_did) {
  const pid_t child = fork();
  if (child == 0) {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = std::min<rlim_t>(60, files.rlim_max);
    setrlimit(RLIMIT_NOFILE, &files);
    set_up_process();
    set_up_process();
    rlimit now{};
    getrlimit(RLIMIT_NOFILE, &now);
    const std::string limit = run_command({.arguments = {"/bin/sh", "-c", "ulimit -n"}, .environment = {}}, 60s).out;
    _exit((now.rlim_cur == files.rlim_max ? 0 : 1) + (limit == std::to_string(files.rlim_cur) + "\n" ? 0 : 2));
  }
  int word = 0;
  ASSERT_EQ(waitpid(child, &word, 0), child);
  EXPECT_EQ(describe(to_exit_status(word)), "exit code 0");
}

TEST(ProcessTest, threads_may_start_children_at_the_same_time) {
  std::vector<std::thread> threads;
  std::atomic<int> right = 0;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const std::string word = std::to_string(100 * t + i);
        if (run_command({.arguments = {"/bin/echo", word}, .environment = {}}, 10s).out == word + "\n") ++right;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 80);
}

TEST(ProcessTest, statuses_read_as_people_say_them) {
  EXPECT_EQ(describe(Exited{2}), "exit code 2");
  EXPECT_EQ(describe(Killed{9}), "killed by signal 9");
}

}  // namespace
}  // namespace resolute::core::process_test
