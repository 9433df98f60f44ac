#pragma once
//! \file
//! The checks of `resolute doctor`. Each has a time limit, throws nothing for what it finds, and leaves nothing behind.

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/json.h"
#include "core/process/process.h"
#include "experiments/site.h"
#include "settings/choice.h"
#include "slurm/partitions.h"

namespace resolute::cli {

enum class Level { kOk, kWarn, kFail };
constexpr auto words_of(Level) { return settings::words("ok", "warn", "fail"); }
constexpr std::string_view name_of(Level level) { return settings::word(level); }

struct Finding {
  Level level = Level::kOk;
  std::string name;    //!< of the check: "mpi"
  std::string what;    //!< the finding
  std::string advice;  //!< what to do; empty: nothing
};
using Findings = std::vector<Finding>;
using Environment = std::map<std::string, std::string>;

//! A program's end and outputs; one that cannot be started counts as exit code 127 with the reason on its stderr.
core::CommandOutput run_briefly(std::vector<std::string> arguments, Environment environment,
                                std::chrono::milliseconds limit);
//! Why a program failed, one line: that it took too long, what it said, or how it ended.
std::string failure_text(const core::CommandOutput& output, std::chrono::milliseconds limit);

//! The worker starts, and says what device "cpu" is. \param submits SLURM is here: jobs may run elsewhere
Findings check_worker(bool submits);
//! GPUs of the driver; CUDA and NCCL libraries, loaded by the worker.
Findings check_gpus(const Environment& environment, bool submits);
//! mpirun and a message around two processes of this program.
Findings check_mpi(const Environment& environment);

//! How all that a rank has started is ended: by control groups (cgroup v2) or without.
Findings check_processes();

struct SiteCheck {
  Findings findings;
  experiments::Site site;  //!< empty where there is no file, or a wrong one
};
SiteCheck check_site(const Environment& environment);

//! The commands, the controller and how it is set up. slurm.cpp
Findings check_slurm(const Environment& environment, const experiments::Site& site);
//! Finds launchers that start several nodes, and says what to write into the site file. Pure. \param list `srun
//! --mpi=list`; empty: it does not say \param site_mpi `mpi` of the site file
Finding judge_mpi_kinds(std::string_view list, const std::optional<std::string>& site_mpi);
//! Kinds of nodes that a job of this site may get: with GPUs, or without if the site file asks for none. Pure.
Finding judge_node_kinds(const std::vector<slurm::Partition>& partitions, const Environment& environment,
                         const experiments::Site& site);
//! The nodes that a submission without options asks for: the site file goes before what is set for sbatch.
slurm::Resources asked_without_options(const Environment& environment, const experiments::Site::Asked& asked);
//! A message around the nodes of the allocation that we are in, by each launcher that a submission would use, and
//! whether the others outlive the loss of one. trial.cpp
Findings try_launchers(const Environment& environment, const experiments::Site& site);
//! The same in an allocation of `nodes` nodes, asked for here.
Findings try_allocation(const Environment& environment, const experiments::Site& site, int nodes);

//! The file system of a store: store.cpp. A missing folder's parent is looked at.
Findings check_store(const std::filesystem::path& store);

//! `resolute doctor --ring [--lose]`: under a launcher, sends a message around all processes and prints one line for
//! read_ring_report(). \param loses after that the last process kills itself, and a second line follows if the others
//! have passed messages on for 10 s more \return the exit code; under a launcher it does not return
int pass_around(bool loses);
struct RingReport {
  int processes = 1;
  std::vector<std::string> hosts;  //!< sorted, without repeats
  double microseconds = 0;         //!< of the fastest round
  std::string library;             //!< of MPI, as it calls itself: "Open MPI v4.1.4"
  bool loses = false;              //!< the last process was to be lost after it
  int survivors = 0;               //!< processes that went on without that one
};
//! Reads the output of one launched pass_around(). Several that did not find each other: the first.
std::optional<RingReport> read_ring_report(std::string_view output);
//! Launches pass_around(). \param command launcher and program \param hosts that it must reach; 0: any number,
//! and a launcher that refuses root is a warning
Finding try_ring(const std::string& name, const std::vector<std::string>& command, const Environment& environment,
                 int processes, int hosts, std::chrono::milliseconds limit);
//! `environment` with what lets Open MPI start two processes on one core, where the user has not set it.
Environment launcher_environment(Environment environment);

//! {"checks": [{"name", "level", "what", "advice"}], "ok"}: ok says that nothing failed.
core::Json findings_json(const Findings& findings);
//! \throws RuntimeError (kInput) for anything else
Findings findings_from_json(const core::Json& json);
bool nothing_failed(const Findings& findings);

}  // namespace resolute::cli
