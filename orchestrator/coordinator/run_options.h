#pragma once
//! \file
//! The options of a run of a suite, and its outcome.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "experiments/specification/plan.h"
#include "orchestrator/decisions/decide.h"
#include "orchestrator/journal/epoch.h"
#include "orchestrator/messages/event.h"
#include "settings/job_kind.h"

namespace resolute::orchestrator {

//! kCores: each rank of a CPU job runs on a core of its own. kAuto: it does if the agent is alone on its host, was
//! started by a launcher and has no more slots than cores.
enum class BindRanks { kAuto, kNone, kCores };
constexpr auto words_of(BindRanks) { return settings::words("auto", "none", "cores"); }

//! Before its first job each GPU of an agent, or without GPUs each processor, trains for so long with known bits.
enum class BurnInLength { kOff, kQuick, kFull };
constexpr auto words_of(BurnInLength) { return settings::words("off", "quick", "full"); }
std::chrono::seconds length_of(BurnInLength length);
//! A burn-in may take so much longer: a driver and libtorch are loaded.
inline constexpr std::chrono::seconds kBurnInOverhead{120};

//! Exit codes of a run that is not complete: for good, and to be continued.
inline constexpr int kExitIncomplete = 3, kExitToBeContinued = 75;

struct RunOutcome;

struct RunOptions {
  std::filesystem::path store;
  std::vector<std::string> worker_command;  //!< program and leading arguments of resolute-worker
  int slots = 0;                            //!< of each agent; 0: default_slots() of bindings.h
  std::optional<std::string> only;   //!< a row's id, "TABLE/ROW", or the first digits of a job's id; with all it needs
  std::optional<std::string> first;  //!< named like `only`: started before all else
  std::optional<int> max_jobs;       //!< different jobs that this run may start
  int gpus = -1;                     //!< of each agent; -1: those that its machine shows
  int jobs_per_gpu = 1;              //!< at once, 1 to kMostJobsAGpu
  std::int64_t memory_per_rank_mib = 0;  //!< over which a rank is killed; 0: no limit
  std::optional<Instant> ends_at;        //!< end of the allocation
  std::set<settings::JobKind> kinds{};   //!< that are started here, others' results are waited for; empty: all
  //! Asked every minute, without waiting: why the suite has spent all that it may (`--most-gpu-hours`), and is to stop
  //! for good.
  std::function<std::optional<std::string>()> spent{};
  //! Asked when a run has ended in order, before its end is told: the plan that goes on from its results; nothing: that
  //! was all. Called where the plan was made, and may take long; while the storage fails again, for minutes.
  std::function<std::optional<experiments::Plan>(const RunOutcome& outcome)> next_plan{};
  //! Called once a plan is this run's: it has the suite's next epoch, or nothing is left to do. Where the plan was
  //! made.
  std::function<void()> begun{};
  bool follows = false;  //!< another plan of this process came before: it hands over (handover.h)
  int allocation = 1;    //!< of several runs that work on the suite side by side, each with a journal of its own
  //! The meaning of a signal (empty: meaning_of_signal()).
  std::function<StopRequested(int signal)> on_signal{};
  //! A second SIGTERM ends what still writes its checkpoint. Not under a batch system: it sends several of its own.
  bool sigterm_hastens = true;
  //! Called by an agent under MPI that ends because the coordinator fell silent; its ranks are gone then. \param before
  //! agents of lower rank, which may be alive and do the same \param agents all of them
  std::function<void(int before, int agents)> on_coordinator_lost{};
  BindRanks bind = BindRanks::kAuto;
  BurnInLength burn_in = BurnInLength::kOff;
  double repeat_share = 0;                  //!< of finished trainings, whose first steps another place does again
  std::vector<std::string> repeat_program;  //!< resolute, by which it does them (`resolute repro`)
  std::string interface;                    //!< SpawnerOptions::interface
  std::chrono::milliseconds no_progress_limit{std::chrono::minutes(30)};  //!< without a sign of life of a job; 0: none
  std::chrono::milliseconds coordinator_limit{120'000};                   //!< silence after which an agent ends itself
  std::map<std::string, experiments::RawRoot> raw_roots;                  //!< by pack name
  int checkpoint_every = 0;   //!< training steps; 0: the worker's own choice
  int evaluate_every = 0;     //!< training epochs between evaluations on the way; 0: none
  bool through_host = false;  //!< trainings exchange gradients of GPUs without NCCL
  bool quiet = false;         //!< no line for each job
  RecordChecks checks{};      //!< of what jobs leave; called from any thread
  Policy policy;
  // Only tests change the defaults below.
  std::chrono::milliseconds heartbeat{1000};             //!< of agents
  std::chrono::milliseconds agent_limit{10'000};         //!< silence after which an agent counts as lost
  std::chrono::milliseconds join_limit{30'000};          //!< for agents that have not joined yet
  bool coordinator_serves = false;                       //!< an agent beside the coordinator though its host has others
  std::chrono::milliseconds owner_watch{15'000};         //!< standstill of an owner file after which its run is over
  std::chrono::milliseconds hurry_limit{5'000};          //!< from a second signal until what still runs is given up
  std::chrono::milliseconds result_wait{2'000};          //!< for a result that another node has just published (NFS)
  std::chrono::milliseconds held_wait{5'000};            //!< for a job that another run works on
  std::chrono::milliseconds request_interval{1'000};     //!< between looks for requests.h and at signs of life
  std::chrono::milliseconds spent_interval{60'000};      //!< between two questions to `spent`
  std::chrono::milliseconds live_interval{2'000};        //!< between writings of live.h
  std::uint64_t epoch_length = std::uint64_t{64} << 20;  //!< bytes of its journal after which a run goes on in the next
};

//! Causes of jobs that did not run: given up with one that they need, or by the user.
inline constexpr std::string_view kNeedsFailed = "needs-failed", kCancelledByUser = "cancelled";

//! A job that has ended without a result.
struct Failure {
  experiments::JobId job;
  std::string label;
  std::string cause;  //!< name_of(Cause), or where the job was cancelled one of the two above
  std::string evidence;
  bool cancelled() const { return cause == kNeedsFailed || cause == kCancelledByUser; }
};

struct RunOutcome {
  int succeeded = 0;  //!< in this run
  int skipped = 0;    //!< had their result before
  int failed = 0;
  int cancelled = 0;
  int unfinished = 0;        //!< of its kinds, not done when the run ended (interrupted, idle, max_jobs)
  int elsewhere = 0;         //!< not done, and other allocations' to do
  bool interrupted = false;  //!< to be run again: exit code 75
  bool stopped = false;      //!< it was asked to end, maybe with its last result: nothing is planned any more
  std::string why;           //!< of the end
  std::vector<Failure> failures;
  //! 0 all of its kinds done, 3 some jobs failed or (with max_jobs, only) were left out, 75 interrupted.
  int exit_code() const;
};

//! The plan's jobs that `only` names with everything they need, as a plan. \throws RuntimeError (kInput) if it names
//! nothing
experiments::Plan select(const experiments::Plan& plan, const std::string& only);

}  // namespace resolute::orchestrator
