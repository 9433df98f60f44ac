#pragma once
//! \file
//! One start of a batch script, from inside: what SLURM's variables say of it, its record in the store, and what is to
//! follow when the run in it has ended. Pure but for the records' files.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/files/file_system.h"
#include "core/files/json.h"
#include "slurm/job_record.h"
#include "slurm/launcher.h"
#include "slurm/submission.h"

namespace resolute::slurm {

//! Of SLURM_JOB_ID, SLURM_RESTART_COUNT, SLURM_JOB_NUM_NODES, SLURM_CPUS_ON_NODE, SLURM_ARRAY_TASK_ID and others.
struct AllocationEnvironment {
  JobNumber job = 0;
  JobNumber array = 0;  //!< equal to job where that is no array's
  int restart = 0;
  int nodes = 1;
  int cpus_per_node = 0;         //!< 0: unknown
  std::optional<int> element{};  //!< of an array
  std::string node_list;
};
//! \throws RuntimeError (kInput) outside of an allocation, or where a variable is no number
AllocationEnvironment read_allocation_environment(const std::map<std::string, std::string>& environment);

//! Why the run in the allocation came to its end, as far as the signals and SLURM tell.
enum class EndCause {
  kComplete,
  kIncomplete,  //!< ended by itself, with jobs that failed for good
  kIdle,        //!< ended by itself: what is left is others' to do, or nothing could be started for idle_limit
  kWalltime,
  kPreempted,
  kCancelled,       //!< by scancel or `suite cancel`
  kRequeued,        //!< by somebody's scontrol requeue
  kTerminated,      //!< SLURM ended it and did not answer why: scancel or a requeue
  kNodeLost,        //!< one of its nodes is down
  kAnotherRun,      //!< none began: one of an earlier start, on a node that SLURM gave up, was at work all the time
  kLauncherFailed,  //!< no run ever began
  kStoreError,      //!< jobs were given up, or nothing could be read in the end, because the store failed
  kConfiguration,   //!< the run refused to begin: the same again would fail the same way
  kInterrupted,     //!< nothing of the above: a crash, an unknown signal
};
//! Stored by name.
constexpr auto words_of(EndCause) {
  return settings::words("complete", "incomplete", "idle", "walltime", "preempted", "cancelled", "requeued",
                         "terminated", "node-lost", "another-run", "launcher-failed", "store-error", "configuration",
                         "interrupted");
}
constexpr std::string_view name_of(EndCause cause) { return settings::word(cause); }

//! What had been achieved when the script began and when it ended: results and checkpointed steps of the suite.
struct Achieved {
  std::int64_t results = 0;
  std::optional<std::int64_t> steps = 0;  //!< nothing: the journal could not be read
};

//! run-JOB-RRR.json, version 1: written when the script begins and again when it ends.
struct AllocationRun {
  JobNumber job = 0;
  int restart = 0;
  int repeat = 0;  //!< 1, 2, …: this id and restart count had a start before, of a job that SLURM lost
  int generation = 0;
  std::optional<int> element{};
  std::string node_list;
  Time begin{};
  std::optional<Time> end{};  //!< nothing: it runs, or was ended without a word
  std::string launcher;       //!< name_of(Launcher) of the one that worked; empty: not known yet
  Achieved before, after;
  std::optional<EndCause> cause{};  //!< of its end
  bool given_up = false;            //!< the batch was, after it: only `suite resume` goes on, and counts anew
  std::string verdict;              //!< what followed, one sentence: "requeued", …
  //! By the controller's clock; nothing where SLURM did not say. The nodes' clocks, of which begin and end are, need
  //! not agree with each other.
  std::optional<Time> slurm_begin{};
};
//! By which starts are ordered: SLURM's time of the begin where it is known, else the node's.
Time order_of(const AllocationRun& run);
//! "run-12-003.json", "run-12-003-1.json" with a repeat.
std::string run_file_name(const AllocationRun& run);
core::Json to_json(const AllocationRun& run);
//! \throws RuntimeError (kCorrupt) that opens with `where`
AllocationRun run_from_json(const core::Json& json, const std::string& where);
void write_run(core::FileSystem& files, const std::filesystem::path& batch_folder, const AllocationRun& run);
//! In the order of order_of(). A file that cannot be read is left out, with a warning in the log.
std::vector<AllocationRun> read_runs(core::FileSystem& files, const std::filesystem::path& batch_folder);

//! What is known when the launcher has ended.
struct Ending {
  bool complete = false;       //!< every job of the suite (or of the element) has its result
  bool given_up = false;       //!< the run ended by itself with failed jobs: nothing that it could still do
  bool idle = false;           //!< the run ended by itself for want of anything to do
  bool store_failed = false;   //!< of those some for the store alone, or the store does not say how the run ended
  bool began = false;          //!< a run took the suite
  bool wrong_usage = false;    //!< no run began: it refused to, with exit code 2
  bool asked_to_stop = false;  //!< the run ended because `suite cancel` asked it to
  bool another_run = false;    //!< no run began: another's was still at work
  int restart = 0;             //!< SLURM's restart count of this start
  bool noticed = false;        //!< SIGUSR1 came
  bool terminated = false;     //!< SIGTERM came
  bool killed = false;         //!< the process that saw to this start was killed; another settles what follows
  std::optional<std::variant<ShownJob, AnotherJob, Gone>> job{};  //!< what SLURM says of us now; nothing: no answer
  std::optional<Time> ends_at{};                                  //!< of the time limit, as read at the begin
  Time now{};
  std::chrono::seconds notice{120};  //!< SubmissionRequest::notice
};
EndCause cause_of(const Ending& ending);
//! SLURM takes this start's nodes for another job: its PreemptTime is not of an earlier start. It stays with a job
//! until that starts again.
bool is_preempted(const ShownJob& job);

struct Leave {};   //!< exit: SLURM or the user has already decided
struct Finish {};  //!< exit with the run's code: complete, or as complete as it gets
struct GoOn {
  Continuation way = Continuation::kRequeue;
};
struct GiveUp {
  std::string why;
};
using NextStep = std::variant<Leave, Finish, GoOn, GiveUp>;

//! How long one of the `agents` that outlive their coordinator waits until it has the job requeued. The first does so
//! at once, and SLURM ends those that still wait. \param before agents of lower rank, each of which may be dead: 10 s
//! for each of the first 12; the others ask one after another within 10 minutes more.
std::chrono::milliseconds requeue_turn(int before, int agents);

//! \param earlier runs of this batch (this element), this one not among them: those after the last that was given up
//! count \param reason why the run stopped, in its journal's words; empty: it says nothing
NextStep next_step(EndCause cause, const Achieved& before, const Achieved& after,
                   const std::vector<AllocationRun>& earlier, const SubmissionRequest& request,
                   const std::string& reason = {});

}  // namespace resolute::slurm
