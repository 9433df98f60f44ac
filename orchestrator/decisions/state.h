#pragma once
//! \file
//! Everything the orchestrator knows: the result of applying its events in order (apply.h). Plain values, no clock, no
//! I/O; equal events give equal states. Each job state has only its own data, so impossible combinations cannot be
//! written. A snapshot holds Facts with all its members, in the order of their declaration (core/members.h).

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "orchestrator/messages/event.h"

namespace resolute::orchestrator {

//! The job needs results that are not there yet.
struct Waiting {
  int unmet = 0;  //!< jobs of `after` without a result
};
//! The job may be placed from `not_before` on.
struct Ready {
  Instant not_before{};
};
//! Why an attempt ended, or is about to end.
struct AttemptEnding {
  Cause cause{};
  std::string evidence;
  std::string host;  //!< host where the failure began; empty: no host in particular
};
struct Running {
  int attempt = 0;
  Placement placement;
  std::vector<bool> ended;  //!< by process rank
  int alive = 0;            //!< ranks that have not ended
  bool started = false;     //!< every rank was seen to run
  bool progressed = false;  //!< a new checkpoint in this attempt
  Instant placed_at{};
  Instant expected_end{};               //!< expected end at the time of the placement; Instant{}: unknown
  bool stopping = false;                //!< AttemptStopped was decided
  std::optional<AttemptEnding> ending;  //!< the most telling thing that went wrong (weight_of)
  Instant stop_by{};                    //!< end of its grace, by which SIGKILL was sent; Instant{}: unknown
};
struct Succeeded {
  int attempt = 0;  //!< 0: before this run
};
struct Failed {
  Cause cause{};
  std::string evidence;
};
struct Cancelled {
  std::string why;
};
using JobState = std::variant<Waiting, Ready, Running, Succeeded, Failed, Cancelled>;
//! "waiting", "ready", "running", "succeeded", "failed", "cancelled".
std::string_view name_of(const JobState& state);

struct JobRow {
  int number = -1;  //!< JobAdded::row
  //! The class in which most of the row were made, or else the first was placed; empty: not known, or there was one
  //! class.
  std::string numeric_class;
  int compared_with = -1;  //!< JobAdded::compared_with
  //! Class of the row with which it is compared, or else of the first of those compared with the same. A row that has
  //! none itself begins there where that leaves no slot idle.
  std::string beside{};
};

struct Job {
  experiments::JobId id;
  std::string kind;
  std::string label;
  std::vector<JobIndex> after;
  std::vector<JobIndex> needed_by;
  int slots = 1;
  bool gpus = false;
  std::int64_t memory_mib = 0;
  int priority = 0;
  std::int64_t steps = 0;
  std::int64_t expected_ms = 0;
  std::int64_t path_ms = 0;
  std::int64_t checkpoint_ms = 0;
  bool wanted = false;  //!< in this run's plan
  JobState state = Waiting{};
  int attempts = 0;                 //!< number of the last attempt that the store or the journal has seen
  std::array<int, kCauses> ends{};  //!< attempts of this run that ended by each cause, of its budget (failure.h)
  int fruitless = 0;                //!< ends in a row without a new checkpoint, by causes that are no fault of the job
  std::int64_t checkpoint = -1;     //!< highest step seen; -1: none
  //! Numeric class of the agents that wrote that checkpoint; another class cannot go on from it. Without a checkpoint:
  //! of those that made its result last
  std::string numeric_class;
  //! Hosts where the job failed in this run, with the causes. It goes to others that hold it
  std::map<std::string, std::vector<Cause>> failed_on;
  std::optional<std::string> unwanted;  //!< why the user cancelled it
  int passed = 0;  //!< later jobs of unknown duration that were placed while this job waited for more slots
  //! Placements in this run without those taken back (RunStarted::max_jobs counts jobs with a placement)
  int placements = 0;
  bool elsewhere = false;  //!< JobAdded::elsewhere: never placed by this run, and in no index of ready jobs
  JobRow row{};
};

//! An attempt that ended on a host, or on a GPU, without a sign of life, of a job that has failed on no other.
struct PlaceEnd {
  JobIndex job;
  Cause cause{};
  std::string evidence;
  bool operator==(const PlaceEnd&) const = default;
};
//! Until then a GPU is set aside that computes wrongly (burn_in.h): for the whole run.
inline constexpr Instant kForGood{kLongestTime};
//! Attempts in a row that speak against a host, or an agent's GPU.
struct PlaceRecord {
  std::vector<PlaceEnd> ends;  //!< in a row
  int times_aside = 0;         //!< since a job lived there
  Instant aside_until{};       //!< set aside until then, or until others do not suffice; Instant{}: it is given out
  std::string why;             //!< it was set aside last
  bool is_aside() const { return aside_until != Instant{}; }
  bool operator==(const PlaceRecord&) const = default;
};

//! An agent that answers, with its slots, GPUs and memory and how much of them is free.
struct AgentSlots {
  std::string host;
  int slots = 0;
  int free = 0;
  int gpus = 0;  //!< without those that are set aside; where jobs share them, their places
  int free_gpus = 0;
  std::int64_t memory_mib = 0;  //!< 0: not counted
  std::int64_t free_memory_mib = 0;
  std::string numeric_class;
  bool leaving = false;
  std::map<std::string, PlaceRecord> gpu_records;  //!< by name; those with something to remember
};

//! This run's knowledge of a host, over all its agents. A new run begins without it; only what is set aside stays so,
//! with its time (coordinator/handover.h). A host that the user drained can be used again.
struct HostRecord {
  //! Jobs that failed first on this host (not for configuration, memory, a peer) and on no other. Cleared when a
  //! job succeeds or makes progress on this host alone.
  std::set<JobIndex> suspects;
  std::set<JobIndex> evidence;          //!< suspects that then succeeded or made progress on other hosts
  std::optional<std::string> drained;   //!< why, by the user
  std::optional<std::string> excluded;  //!< why, by HostExcluded
  PlaceRecord place{};                  //!< by jobs without GPUs, and by exit code 2 of all
  bool operator==(const HostRecord&) const = default;
};

//! The need of a Ready job for machines. Jobs with equal needs stand in one queue.
struct GangNeed {
  bool gpus = false;
  int slots = 1;
  std::int64_t memory_mib = 0;  //!< of each rank; 0: not counted
  std::string numeric_class;    //!< numeric class that its checkpoint needs; empty: any
  int priority = 0;
  bool fresh = true;                  //!< not placed in this run yet: RunStarted::max_jobs may bar it
  std::vector<std::string> not_on{};  //!< hosts where it failed (Job::failed_on), ascending
  //! It ran out of memory: nothing else is to run on its hosts or, with GPUs, on its GPUs
  bool alone = false;
  std::string row_class{};  //!< Job::row's, where it has no checkpoint: not without need elsewhere
  std::string beside{};     //!< JobRow::beside, where it has neither
  auto operator<=>(const GangNeed&) const = default;
};
GangNeed need_of(const Job& job);
//! JobAdded::priority. Jobs that a run is told to start first come before all others. Then come evaluations: they are
//! short and no job needs them, and tables fill while trainings go on. \param kind as experiments::kind_name() has it
int priority_of(std::string_view kind, bool told_first);
//! Expected duration of a new attempt of the job, which goes on from its checkpoint. 0: unknown.
std::int64_t expected_left(const Job& job);

//! The least need of a job that has not ended: ranks that must run at once, and MiB per rank.
struct LeastNeed {
  int slots = 1;
  bool gpus = false;
  std::int64_t memory_mib = 0;
  auto operator<=>(const LeastNeed&) const = default;
};

//! The Ready jobs of one need, in three orders.
struct Queue {
  std::set<std::pair<std::int64_t, JobIndex>>
      by_path;  //!< ~path_ms, the longest first, of any number: the order of equal priorities
  std::set<std::pair<std::int64_t, JobIndex>> by_left;        //!< expected_left()
  std::set<std::pair<std::int64_t, JobIndex>> by_checkpoint;  //!< checkpoint_ms
  bool operator==(const Queue&) const = default;
};
//! The agents of one host and one numeric class on which something may be placed.
struct Machine {
  std::set<AgentNumber> agents;
  std::array<int, 2> free{};  //!< slots, GPUs
  std::array<int, 2> fast{};  //!< of these, those that are not slow (Speeds)
  std::array<int, 2> slow{};  //!< slots, GPUs that are, free or not
  bool operator==(const Machine&) const = default;
};
struct FreePlaces {
  int free = 0;
  std::set<std::pair<int, AgentNumber>> machines;  //!< those with something free: how much, and the machine's number
  bool operator==(const FreePlaces&) const = default;
};
//! The machines of one numeric class, by slots or by GPUs.
struct MachineClass : FreePlaces {
  int capacity = 0;
  int width = 0;    //!< ranks that one gang could have there (width_of())
  int slow = 0;     //!< of the capacity; 0: `fast` is not kept
  FreePlaces fast;  //!< as if slow places were taken
  bool operator==(const MachineClass&) const = default;
};

//! Indexes over a State's facts, kept because every decision needs them. apply() keeps them up to date, build_indexes()
//! makes them anew, check_invariants() compares both. No snapshot has them. Arrays of two are slots and GPUs.
struct Indexes {
  std::map<std::string, JobIndex> numbers;         //!< by job id
  std::map<GangNeed, Queue> ready;                 //!< wanted Ready jobs whose back-off was over at last_placed
  std::map<int, int> beginning;                    //!< of these, how many have a GangNeed::beside, by row
  std::set<std::pair<Instant, JobIndex>> resting;  //!< wanted Ready jobs whose back-off is not over
  std::set<JobIndex> running;
  std::set<JobIndex> attention;                     //!< Running jobs about which there is something to decide
  std::set<JobIndex> doomed;                        //!< Waiting or Ready jobs that are to be cancelled
  std::set<std::pair<Instant, JobIndex>> stopping;  //!< Running jobs that are being stopped, by their stop_by
  //! Running jobs by agent, ascending; agents that are gone too
  std::map<AgentNumber, std::vector<JobIndex>> at_work;
  std::set<AgentNumber> alone_at_work;  //!< agents at work for a job whose need is GangNeed::alone; gone ones too
  std::array<std::map<std::pair<Instant, JobIndex>, int>, 2> ends;  //!< Running jobs' expected_end, and their slots
  std::map<std::string, std::set<AgentNumber>> on_host;             //!< every agent that answers
  std::map<AgentNumber, Machine> machines;                          //!< by the lowest of their agents
  std::map<AgentNumber, AgentNumber> machine_of;                    //!< of the agents on which something may be placed
  std::array<std::map<std::string, MachineClass>, 2> machine_classes;  //!< by numeric class
  std::set<std::string> accused;                                       //!< hosts with evidence that are not excluded
  std::set<std::string> failing_hosts;                                 //!< to be set aside where others suffice
  std::set<std::pair<Instant, std::string>> hosts_aside;               //!< by the end of that time
  std::set<std::string> hosts_on_trial;                                //!< were set aside, and nothing has lived there
  std::set<std::pair<AgentNumber, std::string>> accused_gpus;          //!< to be set aside where others suffice
  std::set<std::tuple<Instant, AgentNumber, std::string>> gpus_aside;  //!< by the end of that time
  std::array<std::map<std::string, std::vector<std::int64_t>>, 2> class_speeds;  //!< Speeds::speeds, ascending
  std::map<LeastNeed, int> unfinished;  //!< number of wanted jobs of this run's kinds that have not ended, by need
  bool operator==(const Indexes&) const = default;
};

//! The facts that follow from events only.
struct Facts {
  std::vector<Job> jobs;
  std::map<AgentNumber, AgentSlots> agents;  //!< those that answer
  std::map<std::string, HostRecord> hosts;   //!< by name; only those with something to remember
  int next_agent = 0;
  bool agents_gone = false;  //!< this run has lost an agent, or one is leaving
  RunStarted run;
  int placed_jobs = 0;              //!< different jobs placed in this run
  Instant last_placed{};            //!< Placed::at of the latest placement; back-offs up to then are over
  std::optional<std::string> stop;  //!< why the run is to end
  Cause stop_cause = Cause::kInterrupted;
  std::optional<RunEnd> end;
};

//! How fast the agents' places are (BurnedIn), and who works on slow ones. No snapshot has it where no GPU is shared: a
//! replay from one asks no decide() about these agents, and the next run has others.
struct Speeds {
  //! Images a minute, by GPU; "": the processors. Agents that do not answer, or have no known numeric class, have none
  std::map<AgentNumber, std::map<std::string, std::int64_t>> speeds;
  std::map<AgentNumber, std::map<JobIndex, int>> on_slow;  //!< slow GPUs that a Running job was given of an agent's
};

//! The GPUs of an agent on each of which several jobs run at once (GpusShared). apply() chooses which of them a job
//! gets, so that the ranks of a gang get different ones and a job that is to be alone gets an idle one.
struct SharedGpus {
  int jobs = 1;  //!< at once on each
  std::vector<std::string> names;
  //! By name the Running jobs there, and how many places each has: one, or all
  std::map<std::string, std::map<JobIndex, int>> at_work{};
  bool operator==(const SharedGpus&) const = default;
};
//! Agents that share their GPUs. A snapshot has it and Speeds behind the facts where there are any: by both apply()
//! chooses.
struct Sharing {
  std::map<AgentNumber, SharedGpus> shared;
};

struct State : Facts, Indexes, Speeds, Sharing {};
static_assert(sizeof(State) == sizeof(Facts) + sizeof(Indexes) + sizeof(Speeds) + sizeof(Sharing),
              "a member of State is a fact, follows from them, is a speed or tells of shared GPUs");

//! Makes State's Indexes from its other members.
void build_indexes(State& state);

const Job& job_of(const State& state, JobIndex number);
Job& job_of(State& state, JobIndex number);
//! True if it failed or was cancelled.
bool ended_badly(const Job& job);
//! True if it failed, was cancelled or succeeded.
bool has_ended(const Job& job);
//! The attempt's Running if the attempt is the current one, else nullptr: messages of older attempts are ignored.
const Running* current(const State& state, JobIndex job, int attempt);
//! The agent that runs a process rank of a placement.
AgentNumber agent_of(const Placement& placement, int process_rank);
//! Slots (or GPUs; where jobs share them, their places) of all agents on which jobs may be placed.
int capacity(const State& state, bool gpus = false, int MachineClass::*counted = &MachineClass::capacity);
//! Free slots (or GPUs; where jobs share them, their free places) of these agents.
int free_slots(const State& state, bool gpus = false);
//! True of an agent on which jobs may be placed: it is not leaving, and its host is neither drained, excluded nor set
//! aside.
bool usable(const State& state, const AgentSlots& agent);
//! An agent's GPUs that nothing is placed on for a while (GpuSetAside), by their names.
std::vector<std::string> gpus_aside(const AgentSlots& agent);

// gpu_record.cpp

//! Jobs that an agent's GPU may have at once: none while it is set aside, one as its trial.
int places_of(const State& state, AgentNumber agent, const std::string& gpu);
//! Ranks that one gang could have on an agent with nothing else there: its slots, or its GPUs that are not set aside.
int width_of(const State& state, AgentNumber agent, bool gpus);
//! Ranks of a gang for which an agent has free slots or GPUs. \param fast slow ones do not count
int room_for(const State& state, AgentNumber agent, const GangNeed& need, bool fast);
//! An agent's GPUs that are not set aside and on which nothing runs.
int idle_gpus(const State& state, AgentNumber agent);
//! Places of an agent's GPUs that are not set aside.
struct GpuPlaces {
  int all = 0, free = 0;
};
//! Nothing where its GPUs are not shared: each has one place then.
std::optional<GpuPlaces> count_places(const State& state, AgentNumber agent);
//! GPUs of an agent that a placed job is not to get: those that are set aside, and where jobs share them all but those
//! that were chosen for it.
std::vector<std::string> gpus_kept_from(const State& state, AgentNumber agent, JobIndex job);

//! True of a throughput below 0.7 times the median of its like.
bool is_slow(std::int64_t speed, std::int64_t median);
//! The upper one of two. \param ascending 0 where there are none
std::int64_t median_of(const std::vector<std::int64_t>& ascending);
//! True of an agent's GPU that is slow beside those of its numeric class.
bool is_slow_gpu(const State& state, AgentNumber agent, const std::string& gpu);
//! An agent's slots (or GPUs that are not set aside; where jobs share them, their places) that are slow beside those of
//! their numeric class.
int slow_count(const State& state, AgentNumber agent, bool gpus);
//! Free slots (or GPUs) of an agent but for the slow ones, which it gives last (agent/burn_ins.h).
int free_fast(const State& state, AgentNumber agent, bool gpus);
//! True if nothing more is started on a host because jobs fail there, or ranks could not be ended.
bool is_excluded(const State& state, const std::string& host);
//! The one host of a placement whose agents all answer; empty: several, or not known.
std::string host_of(const State& state, const Placement& placement);
//! The numeric class of a placement's agents; empty: unknown.
std::string numeric_class_of(const State& state, const Placement& placement);

struct Counts {
  int waiting = 0, ready = 0, running = 0, succeeded = 0, failed = 0, cancelled = 0;
};
//! Counts the wanted jobs.
Counts count(const State& state);

//! Asserts what must hold after every event: indexes equal to what the jobs say, no slot given twice, no gang half
//! placed, ready exactly when every need is met, nothing placed on an agent that is gone. \throws ContractError naming
//! the job or agent
void check_invariants(const State& state);

}  // namespace resolute::orchestrator
