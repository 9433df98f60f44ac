#pragma once
//! \file
//! The shell around apply() and decide(): messages become events, events are journaled and applied, decisions are
//! journaled, applied and then, after the fsync, carried out. While the store fails nothing is started (StoreWatch);
//! while the journal takes nothing, nothing is decided either: messages are still received and answered.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/progress.h"
#include "orchestrator/decide.h"
#include "orchestrator/durations.h"
#include "orchestrator/run.h"
#include "orchestrator/run_store.h"
#include "orchestrator/store_watch.h"
#include "orchestrator/transport/transport.h"

namespace resolute::orchestrator {

class Coordinator {
 public:
  //! Claims the suite's next epoch and reconciles. References outlive the coordinator.
  //! \param agents addresses from which a Join is expected
  Coordinator(core::FileSystem& files, const core::Clock& clock, Transport& transport, const experiments::Plan& plan,
              const RunOptions& options, std::vector<Address> agents);
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;
  ~Coordinator();
  //! Does what there is to do without waiting. \return true if it did something
  bool step();
  bool finished() const { return finished_; }
  //! Ends the run in order. \param wish a user's, and no mere notice: a second one kills what still runs
  void request_stop(const StopRequested& stop, bool wish);
  //! No agent was lost and all expected ones joined: every peer will leave when told.
  bool orderly() const { return orderly_; }
  RunOutcome outcome() const;
  const State& state() const { return state_; }

 private:
  struct Peer {
    AgentNumber number;
    core::MonotonicTime heard;
  };
  //! What no decision needs to know of a running attempt.
  struct Attempt {
    int number = 0;
    core::MonotonicTime placed;
    core::MonotonicTime heard;         //!< last sign of life
    bool preparing = false;            //!< the gang waits for its listener, or with it for the store
    std::optional<Prepared> listener;  //!< of the gang's process rank 0, once it is known
    bool stalled = false;
    int ranks_started = 0;
    std::int64_t first_step = 0;  //!< of a training: it goes on from there
    std::optional<core::MonotonicTime> first_checkpoint;
    std::string line;  //!< last words about its progress
  };
  //! Due once an interval.
  class Chore {
   public:
    bool due(core::MonotonicTime now, std::chrono::milliseconds interval) {
      if (now < next_) return false;
      next_ = now + interval;
      return true;
    }

   private:
    core::MonotonicTime next_{};
  };
  Instant now() const;
  void record(Event event);
  void reconcile_plan(const experiments::Plan& plan);
  //! \return false if more has arrived than one step takes
  bool receive();
  void handle(Address from, const Message& message);
  void handle(Address from, AgentNumber agent, const Message& message);
  void join(Address from, const Join& message);
  void lose(Address address, const std::string& why);
  void check_silence();
  //! Does work of run_store.h. \return false if the store failed, from when on nothing is started: to be done again
  bool on_store(const std::function<void()>& work);
  //! While nothing is started: asks the store again when that is due.
  void probe_store();
  //! Syncs the journal. \return whether all that was recorded is on the disk
  bool keep_records();
  void settle_results();
  void make_decisions();
  //! Acts on the decisions that are on the disk.
  void carry_out();
  //! Results that came from elsewhere, of jobs that wait; `due`: only of those whose hold is over. \return if there
  //! were
  bool find_results(bool due);
  std::vector<JobNumber> numbers_to_look_for(bool due);
  void act(const Event& decision);
  void start_attempt(const Placed& placed);
  //! Claim, specification and folder. \return false if there is nothing to start, which is recorded then
  bool prepare_attempt(const Placed& placed);
  //! Starts the gangs whose listeners are known.
  void launch_prepared();
  //! \param prepared where process rank 0 of a gang will listen; nullptr for a job of one rank
  void launch(JobNumber number, const Running& running, const Prepared* prepared);
  void abandon_preparation(JobNumber number, int attempt, const std::string& evidence);
  //! Lets every rank of an attempt that was never started end.
  void end_unstarted(JobNumber number, int attempt, int code, const std::string& evidence);
  void stop_ranks(JobNumber number, const Running& running, std::chrono::milliseconds grace);
  void stop_all(std::chrono::milliseconds grace);
  void stop_undecided();
  void read_progress(JobNumber number, Attempt& attempt, const std::string& line);
  void finish_attempt(const Event& event);
  void say(const Event& event);
  //! The shell's part of the current attempt, or nullptr.
  Attempt* attempt_of(JobNumber number, int attempt);
  // coordinator_chores.cpp: what is due by the clock.
  void do_chores();
  //! Where one step takes long: a run that is at work must not look dead.
  void renew_owner_if_due();
  void take_requests();
  void take_request(const Request& request, const std::string& by);
  void check_signs_of_life();
  void write_live_status();
  void write_durations();
  double seconds_left() const;
  double seconds_left_of(JobNumber number, const Attempt& attempt, const LiveAttempt& live) const;
  LiveAttempt live_attempt(JobNumber number, const Attempt& attempt) const;
  AttemptKey key_of(JobNumber number, int attempt) const;
  Address address_of(AgentNumber number) const;
  std::size_t position_of(JobNumber number) const { return position_.at(static_cast<std::size_t>(number.value)); }
  const experiments::PlannedJob& planned(JobNumber number) const { return jobs_.at(position_of(number)); }
  void send(Address to, const Message& message) { transport_.send(to, encode(message)); }

  const core::Clock& clock_;
  Transport& transport_;
  RunOptions options_;
  WorkerCommands commands_;
  std::vector<experiments::PlannedJob> jobs_;
  std::vector<Workload> workloads_;    //!< of jobs_
  std::vector<JobNumber> numbers_;     //!< of jobs_
  std::vector<std::size_t> position_;  //!< in jobs_, by job number; those of earlier plans have none
  Durations durations_;
  std::vector<MeasuredDuration> measured_;  //!< not written yet
  std::vector<Address> expected_;
  RunStore store_;
  StoreWatch watch_;
  State state_;
  std::map<Address, Peer> peers_;
  std::map<AgentNumber, Address> addresses_;  //!< of peers_
  std::set<Address> joined_once_;
  std::map<JobNumber, Attempt> attempts_;
  std::map<JobNumber, core::MonotonicTime> awaited_results_;
  std::vector<JobNumber> to_settle_;
  std::map<JobNumber, Instant> held_;       //!< elsewhere, until then
  std::map<JobNumber, int> used_attempts_;  //!< numbers that other runs of the store have taken meanwhile
  std::vector<Event> to_record_;
  std::vector<Event> to_act_;                //!< decisions, recorded and not carried out
  std::vector<JobNumber> to_launch_;         //!< gangs whose listeners are known
  std::vector<std::string> taken_requests_;  //!< whose events are recorded
  Instant wall_start_;
  core::MonotonicTime start_;
  Chore silence_, owner_renewal_, requests_, live_, look_for_results_;
  core::Progress progress_;
  int skipped_ = 0;
  int done_ = 0;
  int total_ = 0;
  std::optional<Instant> wake_;  //!< next_wake() after the last decisions
  bool dirty_ = true;
  bool journal_fails_ = false;  //!< its last sync failed by the store's doing
  bool agents_pending_ = true;
  bool stop_wished_ = false;
  std::optional<Instant> stop_hard_;  //!< what still runs then is given up
  Instant attentive_since_{};         //!< Policy's
  core::MonotonicTime last_step_{};
  bool stop_undecided_ = false;  //!< ranks were told to stop, and the journal has not taken why
  bool orderly_ = true;
  bool finished_ = false;
  std::string end_why_;
};

}  // namespace resolute::orchestrator
