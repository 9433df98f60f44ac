#pragma once
//! \file
//! The launcher (srun, mpirun) of an allocation's run as a child: its start, the signals that are passed on to it, and
//! its end.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/process/process.h"
#include "core/process/signals.h"
#include "slurm/launcher.h"

namespace resolute::operations {

//! Signals to an allocation's script: SIGUSR1 (SLURM's notice) is passed on to the launcher, which hands it to every
//! process; SIGTERM is only noted, since SLURM sends it to the steps, and to what this process started, itself. While
//! it lives, neither ends this process. One at a time.
class AllocationSignals {
 public:
  bool noticed() const { return notices() > 0; }
  bool terminated() const { return caught_.count(SIGTERM) > 0; }
  //! How often SIGUSR1 has come.
  int notices() const { return caught_.count(SIGUSR1); }

 private:
  core::CaughtSignals caught_{SIGUSR1, SIGTERM};
};

//! slurm::launchers_to_try(), by what srun and mpirun say here. \param mpi slurm::LaunchOptions::mpi
//! \throws RuntimeError (kTransient) if none is known, and one of them has not answered: it may be there
std::vector<slurm::Launcher> launchers_here(int nodes, const std::map<std::string, std::string>& environment,
                                            const std::string& mpi);
//! The kind of the mpirun that is on PATH here.
slurm::Mpirun mpirun_here(const std::map<std::string, std::string>& environment);

struct LaunchedRun {
  core::ExitStatus status;
  bool killed = false;  //!< by us: it hung on after its run had ended, or could no longer begin
};

//! How long a launcher must have lived before a notice is passed on: until then it may have no handler, and die of it.
inline constexpr std::chrono::milliseconds kSettlingTime{3000};

//! Questions about the run that a launcher is to start.
struct RunQuestions {
  std::function<bool()> began;  //!< a while after srun has said that a process was killed
  std::function<bool()> ended;  //!< every few seconds
};

//! True for a line of srun's that says that a signal ended a process: "srun: error: n2: task 1: Segmentation fault".
//! Pure.
bool tells_of_a_killed_process(std::string_view line);

//! Runs the launcher to its end; output goes to ours. Notices that came before it are not passed on. It
//! is ended, by SIGTERM and, after `linger`, SIGKILL, where it outlives its run for `linger` (mpirun hangs on after a
//! lost node), and where a process was killed and the run has not begun a third of `linger` later: the others wait for
//! that process in MPI_Init, for ever. \throws RuntimeError (kInput) if the program cannot be started
LaunchedRun run_launcher(const std::vector<std::string>& command, const std::map<std::string, std::string>& environment,
                         const AllocationSignals& signals, const RunQuestions& run, const core::Clock& clock,
                         std::chrono::milliseconds linger, std::chrono::milliseconds settling = kSettlingTime);

}  // namespace resolute::operations
