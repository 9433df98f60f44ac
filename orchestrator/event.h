#pragma once
//! \file
//! What happened in a suite run, one value an event: the only things that change orchestrator::State, and what the
//! journal holds (docs/formats/journal.md). Decisions are events too and carry the reason they were taken for.

#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/json.h"
#include "experiments/specification.h"

namespace resolute::orchestrator {

//! Wall-clock time passed in by the shell; milliseconds since 1970 UTC. The shell never lets it go back within a run.
using Instant = std::chrono::sys_time<std::chrono::milliseconds>;
using Milliseconds = std::chrono::milliseconds;

//! A job's place in State::jobs; given out by JobAdded in ascending order and kept over epochs.
struct JobNumber {
  int value = 0;
  auto operator<=>(const JobNumber&) const = default;
};

//! One agent's stay in a run, never given out twice in a journal.
struct AgentNumber {
  int value = 0;
  auto operator<=>(const AgentNumber&) const = default;
};

//! Why an attempt ended without a result. The closed set from which retry budgets are chosen. Stored by name: do not
//! rename.
enum class Cause {
  kCrash,            //!< another exit code, a signal, or exit 0 without a result
  kConfiguration,    //!< exit code 2: the same again would fail the same way
  kInterrupted,      //!< exit code 75: stopped after writing a checkpoint
  kAgentLost,        //!< an agent that ran a part of the gang stopped answering
  kCoordinatorLost,  //!< the run that started it ended without a word
  kUnplaceable,      //!< more slots than the run has ever had
};
std::string_view name_of(Cause cause);

//! Slots of one agent given to one gang. The ranks of a gang are numbered through its shares in order.
struct Share {
  AgentNumber agent;
  int slots = 0;
  auto operator<=>(const Share&) const = default;
};
using Placement = std::vector<Share>;

//! A coordinator took over: agents are forgotten, running attempts are over, no job is wanted until JobAdded says so.
struct RunStarted {
  std::int64_t epoch = 0;
  std::string run;  //!< random token of this run
  std::string host;
  std::int64_t process = 0;
  int max_jobs = -1;  //!< different jobs that this run may start; -1: no limit
  bool operator==(const RunStarted&) const = default;
};
//! A job of this run's plan, with the attempts that the store has seen. A failed or cancelled job gets a new budget.
struct JobAdded {
  JobNumber job;
  experiments::JobId id;
  std::string kind;
  std::string label;
  std::vector<JobNumber> after;
  int slots = 1;
  int attempts = 0;
  bool operator==(const JobAdded&) const = default;
};
struct AgentJoined {
  AgentNumber agent;
  std::string host;
  int slots = 0;
  bool operator==(const AgentJoined&) const = default;
};
struct AgentLost {
  AgentNumber agent;
  std::string why;
  bool operator==(const AgentLost&) const = default;
};
//! Decision: start this attempt there. All ranks or none.
struct Placed {
  JobNumber job;
  int attempt = 0;
  Placement placement;
  int past = -1;  //!< number of the job before it in the order that waits for more slots; -1: none
  std::string why;
  bool operator==(const Placed&) const = default;
};
//! Every rank of the attempt runs.
struct Started {
  JobNumber job;
  int attempt = 0;
  bool operator==(const Started&) const = default;
};
//! A checkpoint was written: the attempt made progress.
struct Progressed {
  JobNumber job;
  int attempt = 0;
  std::int64_t checkpoint = 0;  //!< training step
  bool operator==(const Progressed&) const = default;
};
//! One process rank ended.
struct RankExited {
  JobNumber job;
  int attempt = 0;
  int process_rank = 0;
  int code = 0;          //!< exit code; 0 if killed by a signal
  int signal = 0;        //!< 0 if it exited
  std::string evidence;  //!< last line on its standard error, where it failed
  bool operator==(const RankExited&) const = default;
};
//! All ranks said 0, but the store has no result of the job.
struct ResultMissing {
  JobNumber job;
  int attempt = 0;
  bool operator==(const ResultMissing&) const = default;
};
//! Decision: the rest of a gang has to go. `grace`: time from SIGTERM to SIGKILL; zero is SIGKILL at once.
struct AttemptStopped {
  JobNumber job;
  int attempt = 0;
  Cause cause{};
  Milliseconds grace{};
  std::string why;
  bool operator==(const AttemptStopped&) const = default;
};
//! Decision about an attempt whose ranks have all ended: run the job again (not before `not_before`) or give it up.
struct AttemptEnded {
  JobNumber job;
  int attempt = 0;
  Cause cause{};
  std::string evidence;
  bool retry = false;
  Instant not_before{};
  std::string why;
  bool operator==(const AttemptEnded&) const = default;
};
//! The store has the job's result. `attempt` 0: it was there before this run.
struct JobSucceeded {
  JobNumber job;
  int attempt = 0;
  bool operator==(const JobSucceeded&) const = default;
};
//! Decision: the job cannot be run at all.
struct JobFailed {
  JobNumber job;
  Cause cause{};
  std::string why;
  bool operator==(const JobFailed&) const = default;
};
//! Decision: something it needs has failed.
struct JobCancelled {
  JobNumber job;
  std::string why;
  bool operator==(const JobCancelled&) const = default;
};
//! The user, the machine or the allocation wants the run to end soon.
struct StopRequested {
  std::string why;
  bool operator==(const StopRequested&) const = default;
};
//! How a run ended. Stored by name: do not rename.
enum class RunEnd { kComplete, kIncomplete, kInterrupted, kLimited };
std::string_view name_of(RunEnd end);
//! Decision: nothing runs and nothing more can be started.
struct RunEnded {
  RunEnd end{};
  std::string why;
  bool operator==(const RunEnded&) const = default;
};

using Event =
    std::variant<RunStarted, JobAdded, AgentJoined, AgentLost, Placed, Started, Progressed, RankExited, ResultMissing,
                 AttemptStopped, AttemptEnded, JobSucceeded, JobFailed, JobCancelled, StopRequested, RunEnded>;

//! Overloads of lambdas for std::visit; without a generic one a new alternative fails to compile where it is not
//! handled.
template <class... Ts>
struct Overload : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overload(Ts...) -> Overload<Ts...>;

//! The number of an event's type in journals, from 1, in the order of the variant. Stored: append only.
std::uint32_t type_number(const Event& event);
std::string_view type_name(const Event& event);
//! The payload of a journal record.
core::Json to_json(const Event& event);
//! The inverse, strict. \throws RuntimeError (kCorrupt) that opens with `where`: an unknown type, a missing or wrong
//! key
Event event_from_json(std::uint32_t type, const core::Json& json, const std::string& where);
//! One line for people, without the time.
std::string describe(const Event& event);

}  // namespace resolute::orchestrator
