#pragma once
//! \file
//! One start of a batch script, from inside: what SLURM's variables say, the start's record in the store, and what
//! follows when its run has ended. Pure but for the records' files.

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

//! The values of SLURM_JOB_ID, SLURM_RESTART_COUNT, SLURM_JOB_NUM_NODES and SLURM_JOB_NODELIST.
struct AllocationEnvironment {
  SlurmJobId job = 0;
  int restart = 0;
  int nodes = 1;
  std::string node_list;
};
//! \throws RuntimeError (kInput) outside of an allocation, or where a variable is no number
AllocationEnvironment read_allocation_environment(const std::map<std::string, std::string>& environment);

//! Why a start's run ended, as far as signals and SLURM tell.
enum class EndCause {
  kComplete,
  kIncomplete,  //!< ended by itself, with jobs that failed for good
  kIdle,        //!< ended by itself: other allocations do what is left, or nothing could be started for idle_limit
  kWalltime,
  kPreempted,
  kCancelled,   //!< by scancel or `suite cancel`
  kRequeued,    //!< by somebody's scontrol requeue
  kTerminated,  //!< SLURM ended it and did not answer why: scancel or a requeue
  kNodeLost,    //!< one of its nodes is down
  kAnotherRun,  //!< no run began: the run of an earlier start, on a node that SLURM gave up, was at work all the time
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

//! Results and checkpointed steps of the suite at some moment.
struct Achieved {
  std::int64_t results = 0;
  std::optional<std::int64_t> steps = 0;  //!< nothing: the journal could not be read
};

//! run-JOB-RRR.json: written when the script begins and again when it ends.
struct ScriptStart {
  SlurmJobId job = 0;
  int restart = 0;
  int repeat = 0;  //!< 1, 2, …: an earlier start had the same id and restart count, of a job that SLURM lost
  int generation = 0;
  std::string node_list;
  Time begin{};
  std::optional<Time> end{};  //!< nothing: it runs, or it ended without writing its end
  std::string launcher;       //!< name_of() of the launcher that worked; empty: not known yet
  Achieved before, after;
  std::optional<EndCause> cause{};  //!< of its end
  bool given_up = false;  //!< the batch was given up after this start: only `suite resume` goes on, and counts anew
  std::string verdict;    //!< what followed, one sentence: "requeued", …
  //! Begin by the controller's clock; nothing if SLURM did not say. `begin` and `end` are by the nodes' clocks, which
  //! need not agree.
  std::optional<Time> slurm_begin{};
};
//! The time by which starts are ordered: SLURM's time of the begin if it is known, else the node's.
Time order_of(const ScriptStart& run);
//! "run-12-003.json", "run-12-003-1.json" with a repeat.
std::string run_file_name(const ScriptStart& run);
core::Json to_json(const ScriptStart& run);
//! \throws RuntimeError (kCorrupt) that opens with `where`
ScriptStart run_from_json(const core::Json& json, const std::string& where);
void write_run(core::FileSystem& files, const std::filesystem::path& batch_folder, const ScriptStart& run);
//! In the order of order_of(). A file that is torn is left out, with a warning in the log.
//! \throws RuntimeError of storage: what follows a start depends on all before it
std::vector<ScriptStart> read_runs(core::FileSystem& files, const std::filesystem::path& batch_folder);

//! The facts when the launcher has ended.
struct AllocationEnding {
  bool complete = false;  //!< every job of the suite has its result
  bool given_up = false;  //!< the run ended by itself with failed jobs: nothing that it could still do
  bool idle = false;      //!< the run ended by itself for want of anything to do
  //! Some of these jobs failed for the store alone, or the store does not say how the run ended
  bool store_failed = false;
  bool began = false;          //!< a run took the suite
  bool wrong_usage = false;    //!< no run began: it refused to, with exit code 2
  bool asked_to_stop = false;  //!< the run ended because `suite cancel` asked it to
  bool another_run = false;    //!< no run began: another run was still at work
  int restart = 0;             //!< SLURM's restart count of this start
  bool noticed = false;        //!< SIGUSR1 came
  bool terminated = false;     //!< SIGTERM came
  bool killed = false;         //!< the process of this start was killed; another process decides what follows
  //! SLURM's answer on this job now; nothing: no answer
  std::optional<std::variant<ShownJob, AnotherJob, Gone>> job{};
  std::optional<Time> ends_at{};  //!< end by the time limit, as read at the begin
  Time now{};
  std::chrono::seconds notice{120};  //!< SubmissionRequest::notice
};
EndCause cause_of(const AllocationEnding& ending);
//! The cause of an end without a record. \param state of the start's job, which has ended; nothing: SLURM forgot it
EndCause cause_of(const std::optional<JobState>& state);
//! True if SLURM takes this start's nodes for another job. A job keeps its PreemptTime until it starts again, so the
//! time of an earlier start does not count.
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

//! How long an agent that has lost its coordinator waits until it requeues the job. The first agent does so at once,
//! and SLURM then ends those that still wait. \param before agents of lower rank, each of which may be dead. The wait
//! is 10 s for each of the first 12; the others ask one after another within 10 minutes more. \param agents number of
//! agents that outlive the coordinator
std::chrono::milliseconds requeue_turn(int before, int agents);

//! Starts in a row that finish no job and write no checkpoint, after which a batch is given up.
inline constexpr int kMostFruitless = 3;

//! \param earlier starts of this batch before this one; those after the last start that was given up
//! count \param reason why the run stopped, in its journal's words; empty: the journal does not say
NextStep next_step(EndCause cause, const Achieved& before, const Achieved& after,
                   const std::vector<ScriptStart>& earlier, const SubmissionRequest& request,
                   const std::string& reason = {});

}  // namespace resolute::slurm
