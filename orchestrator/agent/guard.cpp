#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "orchestrator/agent/child.h"
#include "orchestrator/agent/control_groups.h"
#include "orchestrator/agent/log_keeper.h"
#include "orchestrator/agent/processes.h"

namespace resolute::orchestrator {
namespace {

// mpirun waits for whoever holds the outputs that it gave to its ranks; every other inherited descriptor goes too.
// \return `keep`, as another number
int drop_inherited(int keep) {
  const int null_device = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int standard = 0; standard <= 2; ++standard) ::dup2(null_device, standard);
  const int kept = ::dup2(keep, 3);
  core::drop_descriptors(kept + 1, /*at_exec=*/false);
  return kept;
}

// \return whether this is the child, which dies with its parent
bool fork_child(pid_t& child) {
  const pid_t parent = ::getpid();
  child = ::fork();
  if (child < 0) throw core::system_error("cannot fork the spawner", errno);
  if (child > 0) return false;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  return true;
}

// The process behind the spawner. Nobody else is there to end the processes of ranks if spawner and agent are killed
// together.
[[noreturn]] void guard(pid_t spawner, pid_t log_keeper, const std::filesystem::path& groups,
                        std::chrono::milliseconds limit) {
  int word = 0;
  pid_t ended = 0;
  do ended = ::waitpid(-1, &word, 0);
  while (ended != spawner && (ended > 0 || errno == EINTR));
  kill_control_group(groups);
  end_children(limit, log_keeper);  // which keeps the ranks' last words
  end_control_group(groups, limit);
  ::_exit(WIFEXITED(word) ? WEXITSTATUS(word) : 1);
}

}  // namespace

void run_spawner(int socket, const SpawnerOptions& options, const std::filesystem::path& groups) {
  try {
    ::setsid();
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    // Ends are for the agent to decide: a signal to its whole job must not take the ranks' checkpoints.
    // And a limit on the size of files must fail a cut of a log, not this process.
    for (int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGXFSZ}) ::signal(number, SIG_IGN);
    socket = drop_inherited(socket);
    LogKeeperSockets logs = make_log_keeper_sockets();
    pid_t log_keeper = 0;
    if (fork_child(log_keeper)) {
      // The agent takes the end of its socket for the spawner's: nobody else may hold it.
      ::close(socket);
      logs.spawners.reset();
      run_log_keeper(std::move(logs.keepers), options.log_limit, options.log_check);
    }
    logs.keepers.reset();
    pid_t spawner = 0;
    if (!fork_child(spawner)) {
      ::close(socket);
      logs.spawners.reset();
      guard(spawner, log_keeper, groups, options.end_limit);
    }
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::_exit(serve_ranks(socket, std::move(logs.spawners), options, groups));
  } catch (...) {
    ::_exit(1);
  }
}

}  // namespace resolute::orchestrator
