#pragma once
//! \file
//! The attempts of a suite's jobs, where and when they ran, told from its journals. For reports.

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/files/file_system.h"
#include "experiments/store/store_layout.h"
#include "orchestrator/decisions/state.h"
#include "orchestrator/messages/event.h"

namespace resolute::operations {

//! One run of the suite by one coordinator.
struct TimelineRun {
  orchestrator::Instant begin{};
  orchestrator::Instant end{};  //!< of its last record where it did not say that it ended
  bool going_on = false;
  std::string words;  //!< how it ended, for people; empty while it goes on
  int nodes = 0;      //!< different hosts whose agents joined it
  double burn_in_gpu_seconds = 0;
  double repeat_gpu_seconds = 0;  //!< within its attempts: first steps of other trainings, done again (Repeated)
  double aside_gpu_seconds = 0;   //!< of GPUs that were set aside, by themselves or with their host, and free
  int gpus_aside = 0;             //!< so many are at the last record
};

struct AttemptRuns {};
struct AttemptDone {};
struct AttemptHeldElsewhere {};  //!< another run has the job; the last alone of a job's
//! The outcome of an attempt; a cause where it ended without a result.
using AttemptOutcome = std::variant<AttemptRuns, AttemptDone, AttemptHeldElsewhere, orchestrator::Cause>;
//! "running", "done", "held elsewhere" or name_of(Cause)
std::string_view name_of(const AttemptOutcome& outcome);
//! The kind of outcome, for colours: "running", "done", "elsewhere" (another run has the job), "stopped" (by somebody's
//! wish or the machine's end; a checkpoint goes on) or "failed".
std::string_view kind_of(const AttemptOutcome& outcome);

//! One attempt's part on one host.
struct TimelineAttempt {
  experiments::JobId job;
  int attempt = 0;
  std::size_t node = 0;                        //!< index into Timeline::hosts
  int slots = 0;                               //!< process ranks there
  int gpus = 0;                                //!< GPUs there: as many as slots, or 0
  double share = 1;                            //!< of the time of each of these GPUs, where several jobs share it
  orchestrator::Instant begin{};               //!< when it was placed: the slots are its own from then on
  std::optional<orchestrator::Instant> end{};  //!< nothing while it may be running
  AttemptOutcome outcome{};
  std::string words{};  //!< why, for people; empty for what runs or is done
  std::optional<orchestrator::Instant>
      kept{};  //!< when it last kept something: a checkpoint, or its end where it is done
};

struct Timeline {
  std::vector<std::string> hosts;         //!< of all agents, in the order in which they joined first; the others behind
  std::vector<TimelineRun> runs;          //!< by begin
  std::vector<TimelineAttempt> attempts;  //!< by begin, then job, attempt and node
};

//! Makes a timeline of the records of one allocation, which it takes in their order.
class TimelineOfRecords {
 public:
  //! \param known the state behind all records: jobs and agents that came before the first
  explicit TimelineOfRecords(const orchestrator::State& known);
  //! \param run_epoch in which the record's run began
  void take(std::int64_t run_epoch, orchestrator::Instant at, const orchestrator::Event& event);
  //! The timeline so far; what is open runs or, where the run is not live, was lost with its coordinator.
  Timeline finish(bool live) const;

 private:
  using Key = std::pair<orchestrator::JobIndex, int>;  // job, attempt
  void begin_run(orchestrator::Instant at);
  void place(orchestrator::Instant at, const orchestrator::Placed& placed);
  void close(const Key& key, orchestrator::Instant at, const AttemptOutcome& outcome, const std::string& words);
  void keep(const Key& key, orchestrator::Instant at);
  void lose_all();
  void set_aside(const orchestrator::Event& event);
  int free_gpus_aside() const;
  std::size_t node_of(const std::string& host);

  std::map<orchestrator::JobIndex, experiments::JobId> ids_;
  std::map<orchestrator::JobIndex, bool> gpus_;
  std::map<orchestrator::AgentNumber, std::string> hosts_;
  std::set<std::string> joined_;                         // hosts of the open run
  std::map<orchestrator::AgentNumber, int> agent_gpus_;  // of those that answer
  std::map<orchestrator::AgentNumber, int> sharers_;     // jobs at once on each GPU, where more than one
  std::set<orchestrator::JobIndex> alone_;               // that get their GPUs whole, as they ran out of memory
  std::map<std::string, int> held_gpus_;                 // of open_, by host
  std::set<std::string> hosts_aside_;
  std::set<std::pair<orchestrator::AgentNumber, std::string>> gpus_aside_;
  Timeline timeline_;
  std::map<Key, std::vector<std::size_t>> open_;  // indices into timeline_.attempts
  std::int64_t run_epoch_ = 0;
  bool run_open_ = false;         // the last of timeline_.runs
  bool taking_over_ = false;      // records that a run writes of its predecessor, before its own beginning
  orchestrator::Instant last_{};  // record of a run itself
};

//! One timeline of several allocations.
Timeline merged(const std::vector<Timeline>& allocations);

//! The timeline of all allocations of a suite; empty where the suite never ran. It begins behind the journals that
//! snapshots replaced. \throws RuntimeError as read_runs()
Timeline read_timeline(core::FileSystem& files, const experiments::StoreLayout& store, const std::string& suite);

//! GPUs that an attempt costs: of a shared one its share.
double gpus_of(const TimelineAttempt& attempt);
//! Seconds from begin to end of all runs together.
double run_seconds(const Timeline& timeline);
//! Seconds times slots of all attempts; of those that run up to the last instant of the timeline.
double slot_seconds(const Timeline& timeline);
//! The same of GPUs.
double gpu_seconds(const Timeline& timeline);

}  // namespace resolute::operations
