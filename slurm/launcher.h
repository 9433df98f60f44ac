#pragma once
//! \file
//! How one process per node is started inside an allocation. Pure.

#include <string>
#include <string_view>
#include <vector>

#include "settings/choice.h"

namespace resolute::slurm {

//! kSrun: `srun --mpi=…`, which survives the loss of a node and ends by itself. kMpirun: `mpirun` with the option that
//! lets the other processes live, for a SLURM without MPI. kNone: one node, no launcher, no MPI. On one node kSrun
//! needs no --mpi; it makes the run a step, and only a step hears of a preemption.
enum class Launcher { kSrun, kMpirun, kNone };
constexpr auto words_of(Launcher) { return settings::words("srun", "mpirun", "none"); }
constexpr std::string_view name_of(Launcher launcher) { return settings::word(launcher); }
//! \throws RuntimeError (kInput) unless "srun", "mpirun" or "none"
Launcher parse_launcher(const std::string& text);

//! Makers of mpirun, which take different options. kOpenMpi: version 4 or older, and an unknown maker. kPrrte: Open MPI
//! 5 and later.
enum class Mpirun { kOpenMpi, kPrrte, kMpich, kIntel };
constexpr auto words_of(Mpirun) { return settings::words("Open MPI 4", "Open MPI 5", "MPICH", "Intel MPI"); }
//! \param version what `mpirun --version` prints
Mpirun mpirun_of(std::string_view version);

//! How a site has its launchers called.
struct LaunchOptions {
  std::string mpi = "pmix";          //!< what follows srun's --mpi=, is_mpi_kind()
  std::vector<std::string> words{};  //!< more words to srun or mpirun, behind ours: the last of two counts

  bool operator==(const LaunchOptions&) const = default;
};
//! One that srun may know and that lets processes find each other: 1 to 32 of [a-z0-9_], not "none".
bool is_mpi_kind(std::string_view text);
//! The kinds that `srun --mpi=list` names, in its order, each once: "pmix", "pmi2", and versions as "pmix_v4". \param
//! list its standard output and error
std::vector<std::string> mpi_kinds(std::string_view list);

//! The order in which "auto" tries them. \param srun_mpi_list output of `srun --mpi=list`, whichever of its outputs had
//! it; empty: there is no srun \param mpirun_there mpirun is on PATH \param mpi LaunchOptions::mpi: srun is of no use
//! where the list does not name it \return empty: several nodes cannot be used
std::vector<Launcher> launchers_to_try(int nodes, const std::string& srun_mpi_list, bool mpirun_there,
                                       std::string_view mpi = "pmix");

//! \param launcher "auto", or parse_launcher()'s \throws RuntimeError (kInput) for one of one process with several
//! nodes
void require_launcher(const std::string& launcher, int nodes);

//! The launcher's command. It names no number of processors: the step has all of the node's. \param program what each
//! node runs, with a container's command before it \param mpirun whose it is, for kMpirun
std::vector<std::string> launch_command(Launcher launcher, int nodes, const std::vector<std::string>& program,
                                        const LaunchOptions& options = {}, Mpirun mpirun = Mpirun::kOpenMpi);

}  // namespace resolute::slurm
