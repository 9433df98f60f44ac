#pragma once
//! \file
//! The shell around apply() and decide(). Messages become events, and events are journaled and applied. Decisions are
//! journaled and applied, and carried out after the fsync. This class makes no call of the store: RunStore makes the
//! calls on threads of its own, and work that depends on a call goes on when its answer is taken. So messages are
//! answered whatever the store does. While the store fails nothing is started (StoreWatch). While the journal takes
//! nothing, nothing is decided.

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/clock.h"
#include "orchestrator/coordinator/announcer.h"
#include "orchestrator/coordinator/place_checks.h"
#include "orchestrator/coordinator/run_options.h"
#include "orchestrator/course/attention.h"
#include "orchestrator/course/chore.h"
#include "orchestrator/course/elsewhere.h"
#include "orchestrator/course/forecast.h"
#include "orchestrator/course/jobs_at_work.h"
#include "orchestrator/course/journal_progress.h"
#include "orchestrator/course/occasion.h"
#include "orchestrator/course/peers.h"
#include "orchestrator/course/planned_jobs.h"
#include "orchestrator/course/run_clock.h"
#include "orchestrator/course/stopping.h"
#include "orchestrator/decisions/decide.h"
#include "orchestrator/launch/launch.h"
#include "orchestrator/store/run_store.h"
#include "orchestrator/store/store_watch.h"
#include "orchestrator/transport/transport.h"

namespace resolute::orchestrator {

class Coordinator {
 public:
  //! Claims the suite's next epoch and compares the plan with the store, which may take long. The references must
  //! outlive the coordinator. `files` and `clock` must outlive the process if the store may hang at the coordinator's
  //! end.
  //! \param agents addresses from which a Join is expected \param lanes where the store's calls are made
  Coordinator(core::FileSystem& files, const core::Clock& clock, Transport& transport, const experiments::Plan& plan,
              const RunOptions& options, std::vector<Address> agents,
              std::unique_ptr<StoreLanes> lanes = std::make_unique<StoreThreads>());
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;
  ~Coordinator();
  //! Does what can be done now, without waiting. \return true if it did something
  bool step();
  bool finished() const { return stopping_.ended(); }
  //! Ends the run in order. \param wish a user asked for it, and not only a notice: a second wish kills what still runs
  void request_stop(const StopRequested& stop, bool wish);
  //! True if no agent was lost and all expected agents joined: every peer will leave when told.
  bool orderly() const { return peers_.orderly(); }
  RunOutcome outcome() const;
  const State& state() const { return state_; }
  //! True if the store fails, or has not answered a call for seconds: callers should wait longer then.
  bool stalls() const;
  //! A descriptor that is readable when step() has something to do that no message tells of; -1: there is none.
  int descriptor() const { return store_.descriptor(); }

 private:
  //! Calls of the store that are made one at a time; named like the members of RunStore.
  enum class StoreCall { kSync, kProbe, kRenewOwner, kWriteLive, kRequireNoSuccessor, kReadRequests };
  //! Results that one call of the store looks for.
  static constexpr std::size_t kJobsALook = 32;
  Instant now() const { return clock_.instant(); }
  void record(const Event& event);
  void reconcile_plan(const experiments::Plan& plan);
  std::vector<FoundJob> look_back();
  //! \return false if more has arrived than one step takes
  bool receive();
  void handle(Address from, const Message& message);
  void handle(Address from, AgentNumber agent, const Message& message);
  void join(Address from, const Join& message);
  void lose(Address address, const std::string& why);
  //! Leaves the time out in which this process stood still.
  void allow_for_absence();
  void check_silence();
  //! Does `work`, which acts on an answer of run_store.h. \return false if the store failed: nothing is started from
  //! then on, and the store must be asked again
  bool on_store(const std::function<void()>& work);
  //! While nothing is started: asks the store again when that is due.
  void probe_store();
  void end_pause();
  void tell_of_stall();
  //! Has the journal synced if something must be kept. \param again also after a sync that failed
  void keep_records(bool again = false);
  void kept(Answer<Kept>& answer);
  void settle_results();
  void looked(JobIndex number, int attempt, Answer<std::vector<std::optional<std::string>>>& answer);
  void make_decisions();
  //! Acts on the decisions that are on the disk.
  void carry_out();
  //! Looks for the results of jobs that another run holds, before the hold is over.
  void look_for_held();
  //! Looks for results of jobs that other allocations run and something here waits for.
  void look_elsewhere();
  //! Asks for all results that came from elsewhere. \return true if the answer has just come
  bool looked_everywhere();
  void look_for(std::vector<JobIndex> numbers, bool everywhere);
  void act(const Event& decision);
  void start_attempt(const Placed& placed);
  //! RunStore has made claim, specification and folder, or has failed. \param asked when it was asked
  void prepared(const Placed& placed, core::MonotonicTime asked, Answer<Preparation>& answer);
  //! The store has failed what was to be made. \param paused it had failed something else before
  void take_back(const Placed& placed, bool paused);
  //! \param lost one of its agents is lost
  void fail_preparation(const Placed& placed, const core::RuntimeError& error, bool lost);
  //! The attempt has its files. \param has_result another run has finished the job \param asked for the files
  void go_on_with(const Placed& placed, bool has_result, core::MonotonicTime asked);
  void put_off(JobIndex number, int attempt, Instant until, std::string why);
  //! True if an attempt is being started.
  bool starts_something() const;
  //! Starts the attempts that are queued once it is known that no other run has taken over.
  void launch_prepared();
  void launch_now(JobIndex number);
  //! \param prepared where process rank 0 of a gang will listen; nothing for a job of one rank
  void launch(JobIndex number, const Running& running, const std::optional<Prepared>& prepared);
  void abandon_preparation(JobIndex number, int attempt, const std::string& evidence, int code = 1);
  //! Lets every rank of an attempt that was never started end.
  void end_unstarted(JobIndex number, int attempt, int code, const std::string& evidence);
  void stop_ranks(JobIndex number, const Running& running, std::chrono::milliseconds grace);
  void stop_all(std::chrono::milliseconds grace);
  void stop_undecided();
  void read_progress(JobIndex number, AttemptAtWork& attempt, const std::string& line);
  //! Sets aside the places that compute wrongly, as far as the checks tell.
  void judge_places();
  //! \param events of places that were set aside before
  void keep_aside(const std::vector<Event>& events);
  void finish_attempt(const Event& event);
  // coordinator_chores.cpp: what is due by the clock.
  void do_chores();
  void note_idleness();
  void renew_owner_if_due();
  void look_at_claims();
  void take_requests();
  void discard_requests();
  void take_request(const Request& request, const std::string& by);
  void check_signs_of_life();
  void write_live_status();
  AttemptKey key_of(JobIndex number, int attempt) const;
  void send(Address to, const Message& message) { transport_.send(to, encode(message)); }
  //! Nothing if the agent is not with the run.
  void send(AgentNumber agent, const Message& message) {
    if (const Address to = peers_.address_of(agent); to >= 0) send(to, message);
  }

  Transport& transport_;
  RunOptions options_;
  WorkerCommands commands_;
  PlannedJobs jobs_;
  Forecast forecast_;
  RunStore store_;
  RunClock clock_;  //!< from the claim on, for which store_ may wait long
  StoreWatch watch_;
  std::set<StoreCall> under_way_;
  JournalProgress journal_;
  State state_;
  Peers peers_;
  PlaceChecks place_checks_;
  JobsAtWork at_work_;
  Elsewhere elsewhere_;
  Duties duties_;
  Attention attention_;
  Occasion occasion_;
  Stopping stopping_;
  Announcer announcer_;
};

}  // namespace resolute::orchestrator
