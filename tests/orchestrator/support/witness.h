#pragma once
//! \file
//! Holds every event against promises that must never break, by a ledger of its own: it shares no code with apply() or
//! decide() and looks only at what the event touches. check_invariants() sees one state in full; the witness sees what
//! two states in a row must not do, such as a job that succeeds twice.

#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "orchestrator/decisions/state.h"

namespace resolute::tests {

namespace witness {

using namespace orchestrator;

class Witness {
 public:
  //! To be called for every event, `state` being the one after it. No slot, GPU or memory is given twice or kept, none
  //! on an agent that is gone, leaving, drained or excluded; a gang is placed whole, on one numeric class, when all it
  //! needs is there; an attempt number is used once; an attempt ends when all its ranks have; budgets are respected;
  //! what finishes finishes once. \throws ContractError naming the event
  void check(const State& state, const Event& event);

 private:
  struct Free {
    int slots = 0, gpus = 0;
    std::int64_t memory_mib = 0;
    bool operator==(const Free&) const = default;
  };
  struct Agent {
    std::string host;
    Free all, free;
    bool counts_memory = false;
    std::string numeric_class;
    bool leaving = false;
    std::set<std::string> gpus_aside{};
    int jobs_per_gpu = 1;
  };
  struct Attempt {
    int number = 0;
    Placement placement;
    std::vector<int> alive;  // ranks that have not ended, by share
    std::set<int> ended;     // process ranks
    bool progressed = false;
  };
  struct Job {
    std::vector<JobIndex> after;
    int ranks = 0;
    bool gpus = false;
    std::int64_t memory_mib = 0;
    bool wanted = false;
    bool succeeded = false;  // in this run, or before it
    bool ever_succeeded = false;
    bool given_up = false;
    int last_attempt = 0;
    std::int64_t checkpoint = -1;
    std::array<int, kCauses> ends{};
    std::vector<std::pair<Cause, std::set<std::string>>> ended_on;  // hosts of each end that counts
    int fruitless = 0;
    bool running = false;
    Attempt attempt;
  };

  void on(const State& state, const RunStarted& event);
  void on(const State& state, const JobAdded& event);
  void on(const State& state, const JobsKept& event);
  void on(const State& state, const AgentJoined& event);
  void on(const State& state, const AgentLost& event);
  void on(const State& state, const Placed& event);
  void on(const State& state, const Progressed& event);
  void on(const State& state, const RankExited& event);
  void on(const State& state, const AttemptEnded& event);
  void on(const State& state, const JobSucceeded& event);
  void on(const State& state, const JobFailed& event);
  void on(const State& state, const JobCancelled& event);
  void on(const State& state, const HeldElsewhere& event);
  void on(const State& state, const AgentLeaving& event);
  void on(const State& state, const HostDrained& event);
  void on(const State& state, const HostExcluded& event);
  void on(const State& state, const StopRequested& event);
  void on(const State& state, const RunEnded& event);
  // What decides nothing by itself.
  void on(const State&, const Started&) {}
  void on(const State&, const ResultMissing&) {}
  void on(const State&, const AttemptStopped&) {}
  void on(const State& state, const RanksGivenUp& event);
  void on(const State&, const Stalled&) {}
  void on(const State&, const ClaimLost&) {}
  void on(const State&, const BurnedIn&) {}
  void on(const State&, const Repeated&) {}
  void on(const State&, const CancelRequested&) {}
  void on(const State& state, const GpusShared& event);
  void on(const State& state, const GpuSetAside& event);
  void on(const State& state, const GpuReturned& event);
  void give_back(const std::string& host);  // its ends, to the budgets
  void on(const State& state, const HostSetAside& event);
  void on(const State& state, const HostReturned& event);

  void require(bool holds, std::string_view promise) const;
  Job& job(JobIndex number);
  Job* running(JobIndex number, int attempt);
  void take(const Job& job, const Share& share, int sign);
  void release(const State& state, Job& job);
  void give_up(JobIndex number);
  void compare(const State& state, AgentNumber number) const;
  int alive(const Job& job) const;

  std::vector<Job> jobs_;
  std::map<AgentNumber, Agent> agents_;
  std::set<std::string> drained_, excluded_, hosts_aside_;
  int next_agent_ = 0;
  bool stopped_ = false, ended_ = false;
  const Event* event_ = nullptr;
};

}  // namespace witness

using witness::Witness;

}  // namespace resolute::tests
