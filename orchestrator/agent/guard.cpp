#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "orchestrator/agent/child.h"
#include "orchestrator/agent/control_groups.h"
#include "orchestrator/agent/log_keeper.h"
#include "orchestrator/agent/processes.h"

namespace resolute::orchestrator {
namespace {

// mpirun waits for whoever holds the outputs that it gave to its ranks; every other inherited descriptor goes too.
void drop_inherited(int keep) {
  int null_device = ::open("/dev/null", O_RDWR);
  for (int standard = 0; standard <= 2; ++standard) ::dup2(null_device, standard);
  if (null_device > 2) ::close(null_device);
  if ((keep == 3 || ::close_range(3, static_cast<unsigned>(keep) - 1, 0) == 0) &&
      ::close_range(static_cast<unsigned>(keep) + 1, ~0U, 0) == 0)
    return;
  const long limit = std::min<long>(::sysconf(_SC_OPEN_MAX), 65536);  // a kernel without that call
  for (int descriptor = 3; descriptor < limit; ++descriptor)
    if (descriptor != keep) ::close(descriptor);
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
    drop_inherited(socket);
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
