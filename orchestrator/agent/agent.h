#pragma once
//! \file
//! One agent: joins the coordinator, passes its commands to the spawner and what comes back to the coordinator, and
//! gives a sign of life every second. It decides nothing. A GPU that a rank's last words accuse is asked first.

#include <future>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "orchestrator/agent/spawner.h"
#include "orchestrator/launch/bindings.h"
#include "orchestrator/transport/transport.h"

namespace resolute::orchestrator {

struct AgentOptions {
  std::string host;
  int slots = 1;                       //!< ranks without a GPU that may run at once
  Inventory inventory;                 //!< its part of the host (bindings.h)
  CpuBinding cpu = CpuBinding::kNone;  //!< of ranks to processors
  int jobs_per_gpu = 1;                //!< at once, as the coordinator has it
  std::string numeric_class;           //!< find_numeric_class(), where the run has several hosts; empty: unknown
  std::vector<BurnIn> burn_ins{};      //!< burn_ins.h; their time is told once
  std::chrono::milliseconds heartbeat{1000};
  //! Silence of the coordinator after which the agent kills its ranks and ends. Longer than the coordinator's own
  //! limit. After a word of the coordinator's that its store stalls it is Agent::kStallFactor times as long, until the
  //! next word: one that died in a stall is found out too.
  std::chrono::milliseconds coordinator_limit{120'000};
  //! The report of an end waits so long for the GPU that the rank's last words accuse (gpu_fault()).
  std::chrono::milliseconds gpu_limit{10'000};
};

//! A rank's end that is reported once its GPU has answered, or hangs.
struct AskedGpu {
  RankEnded ended;
  std::future<std::optional<std::string>> fault;  //!< of gpu_fault(), in a thread of its own
  core::MonotonicTime no_later;
};

class Agent {
 public:
  //! AgentOptions::coordinator_limit lasts so many times longer once the coordinator has told that its store stalls.
  static constexpr int kStallFactor = 5;
  //! References outlive the agent.
  Agent(Transport& transport, Spawner& spawner, const core::Clock& clock, AgentOptions options);
  //! Does what there is to do without waiting. \return true if it did something
  bool step();
  //! The run is over for this agent: leave.
  bool finished() const { return finished_; }
  //! The coordinator ended the run, and no agent was lost.
  bool orderly() const { return orderly_; }
  //! It ended because it heard nothing of the coordinator any more.
  bool coordinator_lost() const { return coordinator_lost_; }
  //! The exit code of this process: the run's exit code, or 75 when the coordinator fell silent.
  int exit_code() const { return exit_code_; }

 private:
  void send(const Message& message);
  void handle(const Message& message);
  void join();
  void launch(Launch message);
  bool pass_on_reports();
  std::vector<Message> reports();
  bool can_be_asked(const std::string& gpu) const;
  Transport& transport_;
  Spawner& spawner_;
  const core::Clock& clock_;
  AgentOptions options_;
  Bindings bindings_;
  //! The resources of each process rank that was sent to the spawner and was not reported as ended.
  std::map<std::pair<AttemptKey, int>, Binding> live_;
  std::vector<AskedGpu> asked_;
  core::MonotonicTime next_heartbeat_{};
  core::MonotonicTime heard_, last_step_;
  bool coordinator_stalls_ = false;  // it said so in its last answer
  bool joined_ = false;
  bool rejoining_ = false;
  bool finished_ = false;
  bool orderly_ = false;
  bool coordinator_lost_ = false;
  int exit_code_ = 75;
};

//! Digest of what `worker describe [cuda]` says of this machine (docs/inside/worker.md); empty, with a warning, if it
//! says nothing within 20 s. \param worker program and leading arguments of resolute-worker \param gpu of the agent, as
//! CUDA_VISIBLE_DEVICES names it; none: it has none
std::string find_numeric_class(const std::vector<std::string>& worker, const std::optional<std::string>& gpu);

}  // namespace resolute::orchestrator
