#pragma once
//! \file
//! The process that starts an agent's ranks. It is forked before MPI starts, so that no rank inherits anything of MPI;
//! it is a session of its own and the reaper of all that its ranks leave behind: nothing of a rank outlives it. When
//! the agent goes (end of the socket), it kills every rank and ends; when it goes itself, the kernel kills the ranks
//! (PR_SET_PDEATHSIG) and its guard, a process between agent and spawner that does nothing else, what they leave. A
//! third process writes ranks' logs (spawner/log_keeper.h): the spawner itself never waits for the store.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "core/process/process.h"
#include "orchestrator/messages/wire.h"

namespace resolute::orchestrator {

struct SpawnerOptions {
  //! Bytes over which a rank's log file is cut to its first and its last quarter of them.
  std::uint64_t log_limit = std::uint64_t{64} << 20;
  std::chrono::milliseconds memory_check{500};  //!< between looks at the memory of ranks that have a limit
  std::chrono::milliseconds log_check{250};     //!< between looks at what ranks have written to their logs
  //! The report of a rank's end waits so long for the end of its logs: whoever reads them then finds them whole.
  std::chrono::milliseconds log_wait{1000};
  //! The same of a rank that failed, for what the store says when it is asked then; silence says that it fails.
  std::chrono::milliseconds store_wait{10'000};
  //! The spawner waits so long at its end for what it has killed: a process in a hanging system call (a lost NFS
  //! server's) outlives SIGKILL, and must not hold up the agent. The agent waits twice as long for the spawner, then
  //! kills it.
  std::chrono::milliseconds end_limit{5000};
  //! A control group (cgroup v2) for each rank, where they can be made: what a rank has started ends with it, wherever
  //! it has gone. Else process groups and the spawner as reaper do that, which a process with another parent escapes.
  bool control_groups = true;
  bool shares_gpus = false;  //!< ranks see the GPUs that this process sees, not those of RankCommand::visible_gpus
  std::string interface;     //!< by which gangs on several hosts meet, as "ib0"; empty: as core::Reach::kHost chooses
};

//! An agent's end. Not thread-safe.
class Spawner {
 public:
  //! Forks. Call it while the process has one thread, before MPI_Init. Ranks get rank_environment() of this process's,
  //! which becomes the reaper of orphans (PR_SET_CHILD_SUBREAPER). \throws RuntimeError
  static Spawner start(const SpawnerOptions& options = {});
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;
  Spawner(Spawner&&) noexcept = default;
  Spawner& operator=(Spawner&&) noexcept;
  //! Ends the spawner and with it every rank; waits for that, but for what cannot be killed
  //! (SpawnerOptions::end_limit).
  ~Spawner();

  //! Prepare, Launch or Kill. \throws RuntimeError (kTransient) if the spawner is gone
  void command(const Message& message);
  //! Prepared, RankStarted, ProgressLine, RankEnded that have come; a Leave at the end if the spawner is gone. Never
  //! waits.
  std::vector<Message> reports();
  //! Readable when reports() has something; -1 once the spawner is gone.
  int descriptor() const { return socket_.get(); }
  //! The guard's process, whose death is the spawner's; leader of the process group of both.
  pid_t process() const { return process_; }

 private:
  Spawner(core::FileDescriptor socket, pid_t process, std::chrono::milliseconds end_limit, std::filesystem::path groups)
      : socket_(std::move(socket)), process_(process), end_limit_(end_limit), groups_(std::move(groups)) {}
  void stop();
  void bury();
  core::FileDescriptor socket_;
  pid_t process_ = -1;  // the guard's
  std::chrono::milliseconds end_limit_;
  std::filesystem::path groups_;  // control groups of its ranks; empty: there are none
  std::string incoming_;
  bool gone_ = false;
};

//! The base of every rank's environment: the agent's without the variables of MPI launchers, OpenBLAS and BLIS, and
//! with OMP_NUM_THREADS=1, MKL_NUM_THREADS=1, PYTHONHASHSEED=0, PYTHONUTF8=1. A rank gets besides
//! RESOLUTE_ATTEMPT=JOB/ATTEMPT, by which what it leaves behind is told, and CUDA_VISIBLE_DEVICES, which names its GPU
//! or none.
std::map<std::string, std::string> rank_environment(std::map<std::string, std::string> environment);

}  // namespace resolute::orchestrator
