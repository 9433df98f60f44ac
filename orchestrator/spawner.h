#pragma once
//! \file
//! The process that starts an agent's ranks. It is forked before MPI starts, so that no rank inherits anything of MPI;
//! it is a session of its own and the reaper of all that its ranks leave behind. When the agent goes (end of the
//! socket), it kills every rank and ends; when it goes itself, the kernel kills the ranks (PR_SET_PDEATHSIG).

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "core/process.h"
#include "orchestrator/wire.h"

namespace resolute::orchestrator {

struct SpawnerOptions {
  std::uint64_t log_limit = std::uint64_t{64} << 20;  //!< bytes over which a rank's log file is cut to nothing
};

//! An agent's end. Not thread-safe.
class Spawner {
 public:
  //! Forks. Call it while the process has one thread, before MPI_Init. Ranks get this process's environment without the
  //! variables of MPI launchers and of OpenBLAS, and with OMP_NUM_THREADS=1, MKL_NUM_THREADS=1. \throws RuntimeError
  static Spawner start(const SpawnerOptions& options = {});
  Spawner(Spawner&&) noexcept = default;
  Spawner& operator=(Spawner&&) noexcept;
  //! Ends the spawner and with it every rank; waits for that.
  ~Spawner();

  //! Prepare, Launch or Kill. \throws RuntimeError (kTransient) if the spawner is gone
  void command(const Message& message);
  //! Prepared, RankStarted, ProgressLine, RankEnded that have come; a Leave at the end if the spawner is gone. Never
  //! waits.
  std::vector<Message> reports();
  //! Readable when reports() has something.
  int descriptor() const { return socket_.get(); }
  pid_t process() const { return process_; }

 private:
  Spawner(core::FileDescriptor socket, pid_t process) : socket_(std::move(socket)), process_(process) {}
  void stop();
  core::FileDescriptor socket_;
  pid_t process_ = -1;
  std::string incoming_;
  bool gone_ = false;
};

//! The environment of ranks, made from that of the agent.
std::map<std::string, std::string> rank_environment(std::map<std::string, std::string> environment);

}  // namespace resolute::orchestrator
