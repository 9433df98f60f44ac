#pragma once
//! \file
//! A site's part of every submission, from `~/.config/resolute/site.toml` (docs/clusters.md): so that a suite
//! names none of it and a command line need not. Strict like a suite: an unknown key is an error with its place.
//!
//!     [slurm]
//!     partition = "gpu"          # account, qos, constraint, exclude, reservation, gpu_type, memory, time, mail_user,
//!     account = "reid"           # mail_type; nodes, gpus_per_node; exclusive
//!     cluster = "gpu"            # of a site that has several
//!     comment = "project 12"     # for squeue and sacct, instead of ours
//!     gpu_request = "gres"       # or "gpus", "gpus-per-node": by which option GPUs are asked for
//!     cpus_per_node = 32         # SLURM mostly gives one unless it or exclusive says more
//!     options = ["--licenses=x"]
//!     continue = "armed"         # or "requeue" without a job in waiting, or "chain", where the site allows no requeue
//!     notice = 120               # seconds before the time limit
//!     idle_limit = 120           # seconds without work after which an allocation on demand ends
//!     [[slurm.shapes]]           # allocations on demand may be so instead; what is not here is as above
//!     partition = "short"
//!     time = "1:00:00"
//!     [resources.training]       # or pack, evaluation: allocations of their own for one kind of job, on demand; what
//!     partition = "gpu"          # is not here is as in [slurm]; [[resources.training.shapes]] are its shapes
//!     gpus_per_node = 4
//!     allocations = "4"          # side by side, at most
//!     [environment]
//!     modules = ["openmpi/4.1"]
//!     commands = ["source /opt/site.sh"]
//!     launcher = "auto"          # srun, mpirun
//!     launcher_options = ["--x"] # more words to that one launcher
//!     mpi = "pmix"               # what follows srun's --mpi=: also "pmi2", "pmix_v4", "cray_shasta"
//!     notify = "a@b.org"         # or a command of sh: who hears of a suite's end
//!     interface = "ib0"          # by which gangs on several nodes meet
//!     [container]
//!     command = ["apptainer", "exec", "--nv", "/shared/resolute.sif"]
//!     program = "/usr/local/bin/resolute"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/files/file_system.h"
#include "settings/job_kind.h"

namespace resolute::experiments {

//! Nothing: the file does not say it.
struct Site {
  //! A request to SLURM for one allocation.
  struct Asked {
    std::optional<int> nodes, gpus_per_node, cpus_per_node;
    std::optional<std::string> partition, account, qos, constraint, exclude, reservation, gpu_type, memory, time;
    std::optional<std::string> mail_user, mail_type, comment;
    std::optional<bool> exclusive;
    std::vector<std::string> options;
  };
  struct Slurm : Asked {
    std::vector<Asked> shapes;  //!< each may stand in its place
    std::optional<int> notice, idle_limit;
    std::optional<std::string> cluster, continuation, gpu_request;
  } slurm;
  struct OfKind : Asked {
    std::vector<Asked> shapes;
    std::optional<std::string> allocations;  //!< as --allocations has it
  };
  std::map<settings::JobKind, OfKind> resources;
  std::vector<std::string> modules;
  std::vector<std::string> commands;
  std::optional<std::string> launcher, mpi, interface, notify;
  std::vector<std::string> launcher_options;
  std::vector<std::string> container;  //!< words before the program; empty: none
  std::optional<std::string> container_program;
  //! "slurm.time" → FILE:LINE:COLUMN, for what only its user can check.
  std::map<std::string, std::string> places;
};

//! $RESOLUTE_SITE, else $XDG_CONFIG_HOME/resolute/site.toml, else $HOME/.config/resolute/site.toml; nothing where no
//! variable says it.
std::optional<std::filesystem::path> site_file(const std::map<std::string, std::string>& environment);

//! The site file of what is submitted from here: one that $RESOLUTE_SITE names must be there, that of the user's folder
//! need not.
//! \return nothing where no variable says it, or none is in the user's folder
std::optional<std::filesystem::path> site_file_to_read(core::FileSystem& files,
                                                       const std::map<std::string, std::string>& environment);

//! \param environment names the variable in errors, where the file is $RESOLUTE_SITE's
//! \throws RuntimeError (kInput) opening with FILE:LINE:COLUMN; also if the file is missing
Site read_site(core::FileSystem& files, const std::filesystem::path& file,
               const std::map<std::string, std::string>& environment = {});

}  // namespace resolute::experiments
