#pragma once
//! \file
//! The command lines of a job's processes (docs/inside/worker.md), and the places where they write.

#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/specification/plan.h"
#include "experiments/store/store_layout.h"
#include "orchestrator/messages/wire.h"

namespace resolute::orchestrator {

struct WorkerCommands {
  std::vector<std::string> worker;    //!< resolute-worker: shards, seals, and what no external worker takes
  std::string command = "run";        //!< what it is asked to do
  std::vector<std::string> external;  //!< of the suite, for trainings and evaluations; empty: none
  std::map<std::string, experiments::RawRoot> raw_roots;  //!< by pack name
  int checkpoint_every = 0;                               //!< steps; 0 leaves it to the worker
  int evaluate_every = 0;                                 //!< epochs; 0: none
  bool through_host = false;                              //!< gradients of GPUs are exchanged without NCCL
  std::int64_t memory_mib = 0;                            //!< RankCommand::memory_mib
};

//! The jobs whose process ranks take a GPU each: trainings on GPUs and what evaluates them there. Pure. \param jobs of
//! a plan
std::set<experiments::JobId> jobs_on_gpus(const std::vector<experiments::PlannedJob>& jobs);

//! The address at which the process ranks of a gang find each other.
struct Rendezvous {
  std::string host;
  int port = 0;
};

//! An attempt of a job.
struct AttemptOfJob {
  int number = 1;               //!< from 1
  bool in_less_memory = false;  //!< one before ran out of it: ours computes the same bits in less, more slowly
};

//! The command of one process rank; its `gpu` is the caller's to set. `rendezvous` is nullptr for a job of one rank.
RankCommand rank_command(const experiments::StoreLayout& store, const experiments::PlannedJob& job,
                         const AttemptOfJob& attempt, int process_rank, const Rendezvous* rendezvous,
                         const WorkerCommands& commands);

//! Words that stand before a rank's own command. By them it first does the first steps of a finished training again,
//! and tells of them in a line of progress (docs/inside/worker.md). \param not_on GPUs on which it leaves that out, and
//! says so \param program resolute, with leading arguments
std::vector<std::string> repeat_command(const experiments::StoreLayout& store, const experiments::JobId& training,
                                        int steps, const std::vector<std::string>& not_on,
                                        std::vector<std::string> program);

//! Makes jobs' folders ready for the attempts of one run, whose own files are made when there is something to be
//! written to them. Nothing is synced: after a power failure every process of the run is gone, and the next run finds
//! what is missing or torn and writes it again. Any thread, several at once.
class AttemptFolders {
 public:
  AttemptFolders(core::FileSystem& files, experiments::StoreLayout store) : files_(files), store_(std::move(store)) {}
  //! The job's folder with its spec.json, which is left alone if it says the same. Looks once a run. \return true if
  //! the folder was made now: nobody has left anything of the job
  bool prepare_job(const experiments::PlannedJob& job);
  //! The job's folder is not there any more: prepare_job() makes it anew.
  void forget(const experiments::JobId& job);

 private:
  bool create(const std::filesystem::path& path, const std::string& text);

  core::FileSystem& files_;
  experiments::StoreLayout store_;
  std::mutex mutex_;
  std::unordered_set<std::string> prepared_;  //!< by id; under mutex_
};

//! True if a program is there and may be executed. \param program a path, or a name on PATH
bool can_be_run(const std::map<std::string, std::string>& environment, const std::string& program);
//! \throws RuntimeError (kInput) unless the command's program is there and may be executed
void require_program(const std::vector<std::string>& command);

}  // namespace resolute::orchestrator
