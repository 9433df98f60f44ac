#pragma once
//! \file
//! The agents that are with a run, those that are expected, and when each was heard last. Pure: time is passed in.

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "orchestrator/messages/event.h"
#include "orchestrator/transport/transport.h"

namespace resolute::orchestrator {

class Peers {
 public:
  //! \param expected addresses from which a Join is expected
  explicit Peers(std::vector<Address> expected) : expected_(std::move(expected)) {}

  //! It is with the run or was.
  bool joined_once(Address address) const { return joined_once_.contains(address); }
  //! -1 if the agent is not with the run.
  Address address_of(AgentNumber number) const;
  //! \param address of none that is with the run
  void join(Address address, AgentNumber number, core::MonotonicTime now);
  //! Notes a sign of life. \return nothing if no such agent is with the run
  std::optional<AgentNumber> hear(Address address, core::MonotonicTime now);
  //! The agent is no longer with the run. \return nothing if it was not
  std::optional<AgentNumber> lose(Address address);
  //! This process stood still for so long, in which nobody could be heard.
  void forgive(core::MonotonicTime::duration away) {
    for (auto& [address, peer] : peers_) peer.heard += away;
  }
  //! Those that were not heard for more than `limit`.
  std::vector<Address> silent(core::MonotonicTime now, std::chrono::milliseconds limit) const;

  std::size_t expected() const { return expected_.size(); }
  //! Agents that have ever joined.
  std::size_t joined() const { return joined_once_.size(); }
  bool all_joined() const;
  //! Expected agents may still join.
  bool pending() const { return pending_; }
  //! \param late the time for joining is over \return true if it has just turned out that no more agents are waited for
  bool stop_waiting(bool late);
  //! No agent was lost, and none was waited for in vain.
  bool orderly() const { return orderly_; }

 private:
  struct Peer {
    AgentNumber number;
    core::MonotonicTime heard;
  };
  std::vector<Address> expected_;
  std::map<Address, Peer> peers_;
  std::map<AgentNumber, Address> addresses_;  //!< of peers_
  std::set<Address> joined_once_;
  bool pending_ = true;
  bool orderly_ = true;
};

}  // namespace resolute::orchestrator
