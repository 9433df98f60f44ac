#pragma once
//! \file
//! Child processes: an argument vector (never a shell), a given environment, descriptors placed by number.

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace resolute::core {

//! Call it first in main(). Opens /dev/null on those of the descriptors 0 to 2 that are closed; otherwise a file or
//! socket could get the number of standard error, and messages would be written into it. Ignores SIGXFSZ, so that a
//! limit on the size of files makes a write fail. Lets in every signal, and hears of the ends of its children: who
//! started this process may have had them blocked or ignored, as launchers of MPI do. Raises the number of files that
//! may be open to the most that is allowed: login nodes allow 1024 at first, and a run has a socket for each agent.
//! Children that it spawns have what it had.
void set_up_process();
//! Before this process becomes another program: gives back the limit of files.
void undo_set_up();

//! Call it last in main(). Writes what is left in the standard streams, and ends the process with this exit code
//! without running destructors of static objects: libtorch's take 80 ms, for which the job's slot would wait. Under a
//! sanitizer it is std::exit(), which looks for leaks.
[[noreturn]] void leave_process(int exit_code);

//! Closes the descriptors of this process from `first` on, or, `at_exec`, keeps them from a program that it becomes. A
//! child that borrows its parent's memory may call it.
void drop_descriptors(int first, bool at_exec);

//! An owned file descriptor; -1 is none.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int value) : value_(value) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  FileDescriptor(FileDescriptor&& other) noexcept : value_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor() { reset(); }
  int get() const { return value_; }
  bool valid() const { return value_ >= 0; }
  int release() { return std::exchange(value_, -1); }
  void reset();

 private:
  int value_ = -1;
};

struct Pipe {
  FileDescriptor read_end;
  FileDescriptor write_end;
};
//! A close-on-exec pipe. \throws RuntimeError
Pipe make_pipe();

//! How a child ended.
struct Exited {
  int code;
};
struct Killed {
  int signal;
};
using ExitStatus = std::variant<Exited, Killed>;
//! "exit code 2", "killed by signal 9".
std::string describe(const ExitStatus& status);
//! From the status of waitpid().
ExitStatus to_exit_status(int wait_status);

struct SpawnRequest {
  std::vector<std::string> arguments;                   //!< [0] is the program: a path, or a name looked up on PATH
  std::map<std::string, std::string> environment = {};  //!< the whole environment of the child
  std::map<int, int> descriptors = {};           //!< child's number → our descriptor; 0, 1, 2 not named are /dev/null
  std::vector<int> processors = {};              //!< logical processors that it may run on; empty: those of its parent
  std::optional<int> oom_score_adjustment = {};  //!< -1000 … 1000 (proc(5)): more is killed sooner when memory runs out
  //! A folder of cgroup v2, opened with O_PATH: the child starts in that group, or, where the kernel refuses, in its
  //! parent's. -1: its parent's.
  int control_group = -1;
  bool new_process_group = true;  //!< the child leads a group of its own, to be killed as one
  bool die_with_parent = true;    //!< SIGKILL to the child when the spawning thread's process ends
};

//! Starts a child. The calling thread waits until the program has been loaded. \return its process id. \throws
//! RuntimeError (kInput) if the program cannot be executed, with errno as seen by the child; nothing is left behind
//! then.
pid_t spawn_process(const SpawnRequest& request);

struct CommandOutput {
  ExitStatus status;
  std::string out;
  std::string err;
  bool timed_out = false;  //!< killed because it ran longer than allowed

  //! It ended by itself, in time and with 0.
  bool succeeded() const;
  //! The last line of `err`, without its end; empty where it has none.
  std::string last_error_line() const;
};
//! Runs a child to its end and captures both outputs, at most 64 MiB each.
CommandOutput run_command(SpawnRequest request, std::chrono::milliseconds limit);

//! This process's environment.
std::map<std::string, std::string> current_environment();
//! The environment that another process was born with, whatever it has changed since; empty if /proc does not tell.
std::map<std::string, std::string> environment_at_birth(pid_t process);
//! The value of one of its variables; empty where it is not set.
std::string variable_in(const std::map<std::string, std::string>& environment, const std::string& name);

//! The file of the running program, whatever its name. \throws RuntimeError if /proc does not tell
std::filesystem::path own_program();

//! The name of this machine.
std::string host_name();

//! True if `path` is a file that this process may execute.
bool is_executable(const std::filesystem::path& path);
//! Finds a program by name on the PATH of `environment`, or in /usr/bin and /bin if there is no PATH; nothing if there
//! is none or it may not be executed.
std::optional<std::filesystem::path> program_on_path(const std::map<std::string, std::string>& environment,
                                                     const std::string& name);

}  // namespace resolute::core
