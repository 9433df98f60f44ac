#pragma once
//! \file
//! Everything the orchestrator knows: the fold of its events (apply.h). Plain values, no clock, no I/O; equal events
//! give equal states. Each job state carries only its own data, so that combinations that cannot be cannot be written.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "orchestrator/event.h"

namespace resolute::orchestrator {

//! Needs results that are not there yet.
struct Waiting {
  int unmet = 0;  //!< jobs of `after` without a result
  bool operator==(const Waiting&) const = default;
};
//! May be placed from `not_before` on.
struct Ready {
  Instant not_before{};
  bool operator==(const Ready&) const = default;
};
//! What ended, or is to end, an attempt.
struct Ending {
  Cause cause{};
  std::string evidence;
  bool operator==(const Ending&) const = default;
};
struct Running {
  int attempt = 0;
  Placement placement;
  std::vector<bool> ended;       //!< by process rank
  int alive = 0;                 //!< ranks that have not ended
  bool started = false;          //!< every rank was seen to run
  bool progressed = false;       //!< a new checkpoint in this attempt
  bool stopping = false;         //!< AttemptStopped was decided
  std::optional<Ending> ending;  //!< the first thing that went wrong
  bool operator==(const Running&) const = default;
};
struct Succeeded {
  int attempt = 0;  //!< 0: before this run
  bool operator==(const Succeeded&) const = default;
};
struct Failed {
  Cause cause{};
  std::string evidence;
  bool operator==(const Failed&) const = default;
};
struct Cancelled {
  std::string why;
  bool operator==(const Cancelled&) const = default;
};
using JobState = std::variant<Waiting, Ready, Running, Succeeded, Failed, Cancelled>;
//! "waiting", "ready", "running", "succeeded", "failed", "cancelled".
std::string_view name_of(const JobState& state);

struct Job {
  experiments::JobId id;
  std::string kind;
  std::string label;
  std::vector<JobNumber> after;
  std::vector<JobNumber> needed_by;
  int slots = 1;
  bool wanted = false;  //!< in this run's plan
  JobState state = Waiting{};
  int attempts = 0;              //!< number of the last attempt that the store or the journal has seen
  int crashes = 0;               //!< attempts that ended by kCrash, of this run's budget
  int fruitless = 0;             //!< ends by lost agents or interruption in a row without a new checkpoint
  std::int64_t checkpoint = -1;  //!< highest step seen; -1: none
  int passed = 0;                //!< placements of later jobs while it waited for more slots
  bool counted = false;          //!< placed in this run (RunStarted::max_jobs)
  bool operator==(const Job&) const = default;
};

//! An agent that answers, and what is left of it.
struct AgentSlots {
  std::string host;
  int slots = 0;
  int free = 0;
  bool operator==(const AgentSlots&) const = default;
};

struct State {
  std::vector<Job> jobs;
  std::map<std::string, JobNumber> numbers;  //!< by job id
  std::map<AgentNumber, AgentSlots> agents;  //!< those that answer
  int next_agent = 0;
  int largest_capacity = 0;  //!< most slots that this run has had at once
  RunStarted run;
  int placed_jobs = 0;              //!< different jobs placed in this run
  std::optional<std::string> stop;  //!< why the run is to end
  std::optional<RunEnd> end;

  // Indexes over `jobs`, kept by apply() and compared with it by check_invariants().
  std::map<int, std::set<JobNumber>> ready;         //!< wanted Ready jobs without a back-off, by slots
  std::set<std::pair<Instant, JobNumber>> resting;  //!< wanted Ready jobs with one
  std::set<JobNumber> running;
  std::set<JobNumber> attention;  //!< Running jobs that have an ending
  std::set<JobNumber> doomed;     //!< wanted Waiting jobs that need a failed or cancelled one
  bool operator==(const State&) const = default;
};

const Job& job_of(const State& state, JobNumber number);
//! The attempt's Running if it is the current one, else nullptr: messages from older attempts are ignored.
const Running* current(const State& state, JobNumber job, int attempt);
//! The agent that runs a process rank of a placement.
AgentNumber agent_of(const Placement& placement, int process_rank);
int capacity(const State& state);

struct Counts {
  int waiting = 0, ready = 0, running = 0, succeeded = 0, failed = 0, cancelled = 0;
  bool operator==(const Counts&) const = default;
};
//! Of the wanted jobs.
Counts count(const State& state);

//! Asserts what must hold after every event: indexes equal to what the jobs say, no slot given twice, no gang half
//! placed, ready exactly when every need is met, nothing placed on an agent that is gone. \throws ContractError naming
//! the job or agent
void check_invariants(const State& state);

}  // namespace resolute::orchestrator
