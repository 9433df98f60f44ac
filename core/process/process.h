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

//! To be called first of all in main(). Opens /dev/null on those of the descriptors 0 to 2 that are closed, so that no
//! file or socket gets the number of standard error and reads what was meant for people. Ignores SIGXFSZ, so that a
//! limit on the size of files is an error of a write.
void set_up_process();

//! To be called last of all in main(): ends the process with this exit code once what stands in the standard streams is
//! written, and runs no destructor of a static object. libtorch's take 80 ms, which the job's slot would wait for.
//! Under a sanitizer it is std::exit(), which looks for leaks.
[[noreturn]] void leave_process(int exit_code);

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

//! How a child left.
struct Exited {
  int code;
};
struct Killed {
  int signal;
};
using ExitStatus = std::variant<Exited, Killed>;
//! "exit code 2", "killed by signal 9".
std::string describe(const ExitStatus& status);
//! Translates waitpid's word.
ExitStatus to_exit_status(int wait_status);

struct SpawnRequest {
  std::vector<std::string> arguments;                   //!< [0] is the program: a path, or a name looked up on PATH
  std::map<std::string, std::string> environment = {};  //!< the whole environment of the child
  std::map<int, int> descriptors = {};  //!< child's number → our descriptor; 0, 1, 2 not named are /dev/null
  std::optional<std::filesystem::path> working_folder = {};
  std::vector<int> processors = {};              //!< logical processors that it may run on; empty: those of its parent
  std::optional<int> oom_score_adjustment = {};  //!< -1000 … 1000 (proc(5)): more is killed sooner when memory runs out
  //! A folder of cgroup v2, opened with O_PATH: the child starts in that group, or, where the kernel refuses, in its
  //! parent's. -1: its parent's.
  int control_group = -1;
  bool new_process_group = true;  //!< the child leads a group of its own, to be killed as one
  bool die_with_parent = true;    //!< SIGKILL to the child when the spawning thread's process ends
};

//! Starts a child; the calling thread stands still until the program has been loaded. \return its process id. \throws
//! RuntimeError (kInput) if the program cannot be executed, with errno as seen by the child; nothing is left behind
//! then.
pid_t spawn_process(const SpawnRequest& request);

struct CommandOutput {
  ExitStatus status;
  std::string out;
  std::string err;
  bool timed_out = false;  //!< killed because it ran longer than allowed
};
//! Runs a child to its end and captures both outputs, at most 64 MiB each.
CommandOutput run_command(SpawnRequest request, std::chrono::milliseconds limit);

//! This process's environment.
std::map<std::string, std::string> current_environment();
//! The value of one of its variables; empty where it is not set.
std::string variable_in(const std::map<std::string, std::string>& environment, const std::string& name);

//! What this machine calls itself.
std::string host_name();

//! Whether `path` is a file that this process may execute.
bool is_executable(const std::filesystem::path& path);
//! The program of a name on the PATH of `environment`, or, where that has none, in /usr/bin and /bin; nothing if it is
//! not there or may not be executed.
std::optional<std::filesystem::path> program_on_path(const std::map<std::string, std::string>& environment,
                                                     const std::string& name);

}  // namespace resolute::core
