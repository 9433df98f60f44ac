#pragma once
//! \file
//! One agent: joins the coordinator, passes its commands to the spawner and what comes back to the coordinator, and
//! gives a sign of life every second. It decides nothing.

#include <set>
#include <string>
#include <utility>

#include "core/clock.h"
#include "orchestrator/spawner.h"
#include "orchestrator/transport/transport.h"

namespace resolute::orchestrator {

struct AgentOptions {
  std::string host;
  int slots = 1;
  std::chrono::milliseconds heartbeat{1000};
  //! Silence of the coordinator after which the agent kills its ranks and ends. Longer than the coordinator's own
  //! limit.
  std::chrono::milliseconds coordinator_limit{120'000};
};

class Agent {
 public:
  //! References outlive the agent.
  Agent(Transport& transport, Spawner& spawner, const core::Clock& clock, AgentOptions options);
  //! Does what there is to do without waiting. \return true if it did something
  bool step();
  //! The run is over for this agent: leave.
  bool finished() const { return finished_; }
  //! The coordinator ended the run, and no agent was lost.
  bool orderly() const { return orderly_; }
  //! What this process ends with: the run's exit code, or 75 when the coordinator fell silent.
  int exit_code() const { return exit_code_; }

 private:
  void send(const Message& message);
  void handle(const Message& message);
  void finish_rejoin();
  Transport& transport_;
  Spawner& spawner_;
  const core::Clock& clock_;
  AgentOptions options_;
  std::set<std::pair<AttemptKey, int>> live_;  //!< process ranks sent to the spawner and not reported as ended
  core::MonotonicTime next_heartbeat_{};
  core::MonotonicTime heard_;
  bool joined_ = false;
  bool rejoining_ = false;
  bool finished_ = false;
  bool orderly_ = false;
  int exit_code_ = 75;
};

}  // namespace resolute::orchestrator
