#pragma once
//! \file
//! The events of a suite run. They alone change orchestrator::State, and the journal holds them
//! (docs/inside/formats/journal.md), the members of each in the order of their declaration. Decisions are events too
//! and carry the reason they were taken for. A new event needs a row and a line in event.cpp, and apply().

#include <chrono>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/bytes.h"
#include "core/files/json.h"
#include "experiments/specification/specification.h"
#include "settings/choice.h"

namespace resolute::orchestrator {

//! Wall-clock time passed in by the shell; milliseconds since 1970 UTC. The shell never lets it go back within a run.
using Instant = std::chrono::sys_time<std::chrono::milliseconds>;
using Milliseconds = std::chrono::milliseconds;

//! The latest time since 1970, and the longest time, that is believed of a file: 30,000 years. Far beyond any run, and
//! far from where sums overflow.
inline constexpr Milliseconds kLongestTime{1'000'000'000'000'000};

//! A job's place in State::jobs; given out by JobAdded in ascending order and kept over epochs.
struct JobIndex {
  int value = 0;
  auto operator<=>(const JobIndex&) const = default;
};

//! One agent's stay in a run, never given out twice in a journal.
struct AgentNumber {
  int value = 0;
  auto operator<=>(const AgentNumber&) const = default;
};

//! Why an attempt ended without a result: the closed set from which budgets are chosen (failure.h). Stored by
//! number: new ones stand last.
enum class Cause {
  kExitCode,         //!< another exit code than the contract's, or exit 0 without a result
  kSignal,           //!< killed by a signal that nobody here sent
  kOutOfMemory,      //!< by the kernel, by our limit, or a device that had no more
  kDeviceError,      //!< CUDA, cuDNN or NCCL said so
  kPeerLost,         //!< it waited in vain for another process rank; that one's own end is the better evidence
  kNoProgress,       //!< no sign of life for too long
  kStorageFull,      //!< the store took no more bytes
  kConfiguration,    //!< exit code 2: the same again would fail the same way
  kInterrupted,      //!< exit code 75, stopped after writing a checkpoint; or a signal that asks a program to end
  kPreempted,        //!< its machine was taken away with notice
  kWalltime,         //!< the allocation came to its end
  kAgentLost,        //!< an agent that ran a part of the gang stopped answering
  kCoordinatorLost,  //!< the run that started it ended without a word
  kUnplaceable,      //!< more slots than the run has, none of its agents missing; or its folder is closed to the user
  kCancelled,        //!< the user wanted it so
  kUnkillable,       //!< ranks that were to end did not, not even by SIGKILL
  kStoreError,       //!< the store failed: under a rank, or before anything of it was started
  kClaimLost,        //!< this run stood still, and another one works on the job now
};
inline constexpr std::size_t kCauses = 18;
std::string_view name_of(Cause cause);

//! Slots of one agent given to one gang; GPUs where the job needs them (JobAdded::gpus). Which core and which GPU a
//! rank gets is the agent's choice (bindings.h). The ranks of a gang are numbered through its shares in order.
struct Share {
  AgentNumber agent;
  int slots = 0;
  auto operator<=>(const Share&) const = default;
};
using Placement = std::vector<Share>;

//! Jobs that one GPU may have at once.
inline constexpr int kMostJobsAGpu = 8;
//! The most that one agent or one job may say of itself: far beyond any machine, and far from where sums overflow.
inline constexpr int kMostSlots = 100'000;  //!< also GPUs
//! Agents that a run can have: so many times kMostSlots fits into an int.
inline constexpr std::size_t kMostAgents = 20'000;
inline constexpr std::int64_t kMostMemoryMib = 1'000'000'000'000;
//! The highest number of an attempt that is believed of a folder in the store: nothing of ours made a higher one.
inline constexpr int kMostAttempts = 1'000'000;

//! Jobs with numbers in a row, both ends included.
struct JobRange {
  JobIndex least, most;
};
//! Adds a job behind the last one, to its range where the number follows it.
void append(std::vector<JobRange>& ranges, JobIndex job);
bool contains(const std::vector<JobRange>& ranges, JobIndex job);
std::int64_t count(const std::vector<JobRange>& ranges);

//! A coordinator took over: agents are forgotten, running attempts are over, no job is wanted until JobAdded or
//! JobsKept says so.
struct RunStarted {
  std::int64_t epoch = 0;
  std::string run;  //!< random token of this run
  std::string host;
  std::int64_t process = 0;
  int max_jobs = -1;  //!< different jobs that this run may start; -1: no limit
  Instant ends_at{};  //!< end of the allocation; the epoch of the clock: none known
};
//! A job of this run's plan, with the attempts that the store has seen. A failed or cancelled job gets a new budget.
struct JobAdded {
  JobIndex job;
  experiments::JobId id;
  std::string kind;
  std::string label;
  std::vector<JobIndex> after;
  int slots = 1;
  int attempts = 0;
  bool gpus = false;               //!< each rank takes a GPU of its agent instead of a slot
  std::int64_t memory_mib = 0;     //!< that each rank may use; 0: not limited, not counted
  int priority = 0;                //!< higher first, before any other order
  std::int64_t steps = 0;          //!< of a training: its last checkpoint's number; 0: no checkpoints
  std::int64_t expected_ms = 0;    //!< whole duration as learned (durations.h); 0: unknown
  std::int64_t path_ms = 0;        //!< expected_ms and the longest chain of those that need it: longest path first
  std::int64_t checkpoint_ms = 0;  //!< from its start until something is kept: a checkpoint, or its end; 0: unknown
  bool elsewhere = false;          //!< of a kind that other allocations run: its result is waited for, it is not placed
  int row = -1;  //!< with its like, the trials of a row, in one numeric class where that costs nothing
  std::string numeric_class = {};  //!< AgentJoined's, of the machines that made its result; empty: none, or unknown
  int compared_with = -1;  //!< row beside which this one begins, in one class where that costs nothing; -1: none
};
struct AgentJoined {
  AgentNumber agent;
  std::string host;
  int slots = 0;                //!< process ranks without a GPU that may run at once
  int gpus = 0;                 //!< process ranks with one
  std::int64_t memory_mib = 0;  //!< for all its ranks; 0: unknown, not counted
  std::string numeric_class;    //!< digest (docs/inside/worker.md); empty: unknown, taken for the same as any
};
struct AgentLost {
  AgentNumber agent;
  std::string why;
};
//! Decision: start this attempt there. All ranks or none.
struct Placed {
  JobIndex job;
  int attempt = 0;
  Placement placement;
  int past = -1;  //!< job before it in the order that waits for more slots and loses patience by this; -1: none
  std::string why;
  Instant at{};  //!< when it was decided: the expected end is counted from here
};
//! Every rank of the attempt runs.
struct Started {
  JobIndex job;
  int attempt = 0;
};
//! A checkpoint was written: the attempt made progress.
struct Progressed {
  JobIndex job;
  int attempt = 0;
  std::int64_t checkpoint = 0;  //!< training step
};
//! One process rank ended.
struct RankExited {
  JobIndex job;
  int attempt = 0;
  int process_rank = 0;
  int code = 0;                //!< exit code; 0 if killed by a signal
  int signal = 0;              //!< 0 if it exited
  std::string evidence;        //!< last line on its standard error, where it failed
  bool out_of_memory = false;  //!< killed for memory: by the kernel, or over its limit
  std::string gpu = {};        //!< that it had, as CUDA_VISIBLE_DEVICES names it; empty: none, or unknown
  bool store_failed = false;   //!< its agent asked the store then, which failed
};
//! All ranks said 0, but the store has no result of the job.
struct ResultMissing {
  JobIndex job;
  int attempt = 0;
};
//! Decision: the rest of a gang has to go; or, of an attempt whose ranks have all ended, that what it left is no
//! result. `grace`: time from SIGTERM to SIGKILL; zero is SIGKILL at once.
struct AttemptStopped {
  JobIndex job;
  int attempt = 0;
  Cause cause{};
  Milliseconds grace{};
  std::string why;
  Instant at{};  //!< when it was decided: what has not ended by the end of the grace and a while is given up
};
//! Decision about an attempt whose ranks have all ended: run the job again (not before `not_before`) or give it up.
struct AttemptEnded {
  JobIndex job;
  int attempt = 0;
  Cause cause{};
  std::string evidence;
  bool retry = false;
  Instant not_before{};
  std::string why;
};
//! The store has the job's result. `attempt` 0: it was there before this run.
struct JobSucceeded {
  JobIndex job;
  int attempt = 0;
};
//! Decision: the job cannot be run at all.
struct JobFailed {
  JobIndex job;
  Cause cause{};
  std::string why;
};
//! Decision: something it needs has failed.
struct JobCancelled {
  JobIndex job;
  std::string why;
};
//! The user, the machine or the allocation wants the run to end soon.
struct StopRequested {
  std::string why;
  Cause cause = Cause::kInterrupted;  //!< of the attempts that it ends: also kPreempted, kWalltime
};
//! The words of a StopRequested or CancelRequested that somebody wished (`suite cancel`). \param user "kim@login1"
std::string cancelled_by(std::string_view user);
//! True if `why` is such words.
bool is_cancelled_by_somebody(std::string_view why);
//! True if somebody cancels for good what stops already, for another reason (`before`): it shall not go on later.
bool cancels_more(std::string_view before, std::string_view why);
//! How a run ended. Stored by number: new ones stand last.
enum class RunEnd {
  kComplete,
  kIncomplete,
  kInterrupted,
  kLimited,
  kIdle,  //!< what is left is other allocations' to do, or waits for them
};
constexpr auto words_of(RunEnd) { return settings::words("complete", "incomplete", "interrupted", "limited", "idle"); }
constexpr std::string_view name_of(RunEnd end) { return settings::word(end); }
//! Decision: nothing runs and nothing more can be started.
struct RunEnded {
  RunEnd end{};
  std::string why;
};

//! No sign of life of a running attempt for longer than the limit.
struct Stalled {
  JobIndex job;
  int attempt = 0;
  std::string evidence;
};
//! Another run on the store has the job's claim (claim.h): the placement is taken back, nothing of it was started, its
//! attempt number is free again.
struct HeldElsewhere {
  JobIndex job;
  int attempt = 0;
  Instant until{};  //!< not to be tried again before
  std::string why;
};
//! An agent will be taken away: nothing more is placed on it, what runs there has the grace period to checkpoint.
struct AgentLeaving {
  AgentNumber agent;
  std::string why;
};
//! The user wants nothing more to be started on a host (`on`), or allows it again; also lifts an exclusion.
struct HostDrained {
  std::string host;
  bool on = true;
  std::string why;
};
//! Decision: nothing more is placed on a host that ends jobs which live elsewhere, or on which ranks cannot be ended;
//! `why` names the jobs.
struct HostExcluded {
  std::string host;
  std::string why;
};
//! The user does not want this job any more; what needs it is cancelled with it.
struct CancelRequested {
  JobIndex job;
  std::string why;
};
//! Decision: the ranks of an attempt that was stopped long ago and have not ended count as ended. Nothing more is
//! placed on their hosts: a HostExcluded for each of them stands before it.
struct RanksGivenUp {
  JobIndex job;
  int attempt = 0;
  std::string why;
};

//! Attempts end on an agent's GPU in a row without a sign of life, and others hold what is left to do: a decision; or
//! the run before had set it aside. Nothing is placed on it until then.
struct GpuSetAside {
  AgentNumber agent;
  std::string gpu;
  Instant until{};
  std::string why;
};
//! Decision: a GPU that was set aside is given out again, for one job as a trial.
struct GpuReturned {
  AgentNumber agent;
  std::string gpu;
};

//! Attempts end on a host in a row without a sign of life, and others hold what is left to do: a decision; or the run
//! before had set it aside. Nothing is placed there until then; what runs there goes on.
struct HostSetAside {
  std::string host;
  Instant until{};
  std::string why;
};
//! Decision: a host that was set aside is given out again; the next such end sets it aside again.
struct HostReturned {
  std::string host;
};
//! Another run took the job's claim while this one stood still (SIGSTOP, a suspended allocation): its ranks are ended.
struct ClaimLost {
  JobIndex job;
  int attempt = 0;
};
//! A GPU of an agent, or all its processors, trained for a while with known bits before any job (burn_in.h).
struct BurnedIn {
  AgentNumber agent;
  std::string gpu;                   //!< empty: the processors
  std::string digest;                //!< of the weights in the end; empty: there were none, or of two kinds
  std::string problem;               //!< why there is no digest
  std::int64_t images_a_minute = 0;  //!< that it trained on
  std::int64_t free_mib = 0;         //!< of the GPU's memory, before; 0: unknown
  Milliseconds took{};
};
//! Another place did the first steps of a training again (coordinator/place_checks.h). With a problem there are no
//! digests; unlike digests make the training's result doubtful.
struct Repeated {
  JobIndex job;
  AgentNumber agent;     //!< that did them again
  std::string gpu;       //!< on which; empty: the processors
  std::string recorded;  //!< digest of the steps as the training logged them
  std::string digest;    //!< of the steps there
  std::string problem;   //!< why they could not be compared
  Milliseconds took{};
};
//! Jobs of this run's plan of which an earlier JobAdded of the journal holds still, in the plan's order.
struct JobsKept {
  std::vector<JobRange> jobs;
  std::vector<JobRange> done;  //!< those of them whose result was there before this run
};

//! An agent that joined just now gives each of its GPUs to so many jobs at once; to one each where nothing says so.
struct GpusShared {
  AgentNumber agent;
  int jobs = 1;
  std::vector<std::string> gpus;  //!< their names; AgentJoined has their number
};

using Event =
    std::variant<RunStarted, JobAdded, AgentJoined, AgentLost, Placed, Started, Progressed, RankExited, ResultMissing,
                 AttemptStopped, AttemptEnded, JobSucceeded, JobFailed, JobCancelled, StopRequested, RunEnded, Stalled,
                 HeldElsewhere, AgentLeaving, HostDrained, HostExcluded, CancelRequested, RanksGivenUp, GpuSetAside,
                 GpuReturned, HostSetAside, HostReturned, ClaimLost, BurnedIn, JobsKept, Repeated, GpusShared>;

//! The steps were compared and have other bits.
inline bool is_doubted(const Repeated& event) { return event.problem.empty() && event.digest != event.recorded; }

//! The number of an event's type in journals, from 1, in the order of the variant. Stored: append only.
std::uint32_t type_number(const Event& event);
std::string_view type_name(const Event& event);
//! For people and programs (`suite log --json`).
core::Json to_json(const Event& event);
//! The first member that holds a number which no run writes, as "slots is -1"; empty: none.
std::string out_of_range(const Event& event);
//! The payload of a record: the members in their order, little-endian (docs/inside/formats/journal.md).
//! Appends.
void append_binary(core::Bytes& to, const Event& event);
//! The inverse, strict. \throws RuntimeError (kCorrupt) that opens with `where`
Event event_from_binary(std::uint32_t type, std::span<const std::byte> bytes, std::string_view where);
//! One line for people, without the time.
std::string describe(const Event& event);

}  // namespace resolute::orchestrator
