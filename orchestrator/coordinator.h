#pragma once
//! \file
//! The shell around apply() and decide(): messages become events, events are journaled and applied, decisions are
//! journaled, applied and then, after the fsync, carried out.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/progress.h"
#include "orchestrator/decide.h"
#include "orchestrator/epoch.h"
#include "orchestrator/launch.h"
#include "orchestrator/run.h"
#include "orchestrator/transport/transport.h"

namespace resolute::orchestrator {

class Coordinator {
 public:
  //! Claims the suite's next epoch and reconciles. References outlive the coordinator.
  //! \param agents addresses from which a Join is expected
  Coordinator(core::FileSystem& files, const core::Clock& clock, Transport& transport, const experiments::Plan& plan,
              const RunOptions& options, std::vector<Address> agents);
  ~Coordinator();
  //! Does what there is to do without waiting. \return true if it did something
  bool step();
  bool finished() const { return finished_; }
  //! Ends the run in order; a second call kills what still runs.
  void request_stop(const std::string& why);
  //! No agent was lost and all expected ones joined: every peer will leave when told.
  bool orderly() const { return orderly_; }
  RunOutcome outcome() const;
  const State& state() const { return state_; }

 private:
  struct Peer {
    AgentNumber number;
    core::MonotonicTime heard;
  };
  Instant now() const;
  void record(Event event);
  //! \return false if more has arrived than one step takes
  bool receive();
  void handle(Address from, const Message& message);
  void handle(Address from, Peer& peer, const Message& message);
  void join(Address from, const Join& message);
  void lose(Address address, const std::string& why);
  void check_silence();
  void settle_results();
  void make_decisions();
  void act(const Event& decision);
  void start_attempt(const Placed& placed);
  void launch(JobNumber number, const Running& running, int port);
  void abandon_preparation(JobNumber number, int attempt, const std::string& evidence);
  void read_progress(JobNumber number, int attempt, const std::string& line);
  void say(const Event& event);
  AttemptKey key_of(JobNumber number, int attempt) const;
  Address address_of(AgentNumber number) const;
  void send(Address to, const Message& message) { transport_.send(to, encode(message)); }

  core::FileSystem& files_;
  const core::Clock& clock_;
  Transport& transport_;
  RunOptions options_;
  experiments::StoreLayout store_;
  WorkerCommands commands_;
  std::map<std::string, experiments::PlannedJob> jobs_;  //!< by id
  std::vector<Address> expected_;
  OwnedEpoch epoch_;
  State state_;
  std::map<Address, Peer> peers_;
  std::set<Address> joined_once_;
  std::set<std::pair<JobNumber, int>> preparing_;  //!< attempts whose gang waits for its port
  std::map<std::pair<JobNumber, int>, int> ranks_started_;
  std::map<JobNumber, core::MonotonicTime> awaited_results_;
  std::vector<JobNumber> to_settle_;
  std::vector<Event> to_record_;
  Instant wall_start_;
  core::MonotonicTime start_;
  core::MonotonicTime next_owner_renewal_;
  std::int64_t owner_counter_ = 0;
  core::Progress progress_;
  int skipped_ = 0;
  int done_ = 0;
  int total_ = 0;
  bool dirty_ = true;
  bool agents_pending_ = true;
  bool stop_hard_ = false;
  bool orderly_ = true;
  bool finished_ = false;
  std::string end_why_;
};

}  // namespace resolute::orchestrator
