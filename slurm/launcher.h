#pragma once
//! \file
//! How one process a node is started inside an allocation. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "settings/choice.h"

namespace resolute::slurm {

//! kSrun: `srun --mpi=pmix`, which survives the loss of a node and ends by itself; kMpirun: `mpirun
//! --enable-recovery`, where SLURM has no PMIx; kNone: one node, no launcher, no MPI. On one node kSrun needs no PMIx:
//! the run is a step then, and only a step hears of a preemption.
enum class Launcher { kSrun, kMpirun, kNone };
constexpr auto words_of(Launcher) { return settings::words("srun", "mpirun", "none"); }
constexpr std::string_view name_of(Launcher launcher) { return settings::word(launcher); }
//! \throws RuntimeError (kInput) unless "srun", "mpirun" or "none"
Launcher parse_launcher(const std::string& text);

//! The order in which "auto" tries them. \param srun_mpi_list output of `srun --mpi=list`, whichever of its outputs had
//! it; empty: there is no srun \param mpirun_there mpirun is on PATH \return empty: several nodes cannot be used
std::vector<Launcher> launchers_to_try(int nodes, const std::string& srun_mpi_list, bool mpirun_there);

//! The launcher's command. Nothing says how many processors a node has: a step that names none has them all.
//! \param program what each node runs, with a container's command before it
std::vector<std::string> launch_command(Launcher launcher, int nodes, const std::vector<std::string>& program);

}  // namespace resolute::slurm
