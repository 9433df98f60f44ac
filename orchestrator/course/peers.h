#pragma once
//! \file
//! The agents that are with a run, those that are expected, and when each was heard last. Pure: time is passed in.

#include <algorithm>
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

  //! -1 if the agent is not with the run.
  Address address_of(AgentNumber number) const {
    const auto found = addresses_.find(number);
    return found == addresses_.end() ? -1 : found->second;
  }
  //! \param address of none that is with the run
  void join(Address address, AgentNumber number, core::MonotonicTime now) {
    peers_[address] = {number, now};
    addresses_[number] = address;
    joined_once_.insert(address);
  }
  //! Notes a sign of life. \return nothing if no such agent is with the run
  std::optional<AgentNumber> hear(Address address, core::MonotonicTime now) {
    const auto peer = peers_.find(address);
    if (peer == peers_.end()) return std::nullopt;
    peer->second.heard = now;
    return peer->second.number;
  }
  //! The agent is no longer with the run. \return nothing if it was not
  std::optional<AgentNumber> lose(Address address) {
    const auto peer = peers_.extract(address);
    if (peer.empty()) return std::nullopt;
    addresses_.erase(peer.mapped().number);
    orderly_ = false;
    return peer.mapped().number;
  }
  //! This process stood still for so long, in which nobody could be heard.
  void forgive(core::MonotonicTime::duration away) {
    for (auto& [address, peer] : peers_) peer.heard += away;
  }
  //! Those that were not heard for more than `limit`.
  std::vector<Address> silent(core::MonotonicTime now, std::chrono::milliseconds limit) const {
    std::vector<Address> silent;
    for (const auto& [address, peer] : peers_)
      if (now - peer.heard > limit) silent.push_back(address);
    return silent;
  }

  std::size_t expected() const { return expected_.size(); }
  //! Agents that have ever joined.
  std::size_t joined() const { return joined_once_.size(); }
  bool all_joined() const {
    return std::ranges::all_of(expected_, [&](Address address) { return joined_once_.contains(address); });
  }
  //! Expected agents may still join.
  bool pending() const { return pending_; }
  //! \param late the time for joining is over \return true if it has just turned out that no more agents are waited for
  bool stop_waiting(bool late) {
    if (!pending_ || !(late || all_joined())) return false;
    pending_ = false;
    if (!all_joined()) orderly_ = false;
    return true;
  }
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
