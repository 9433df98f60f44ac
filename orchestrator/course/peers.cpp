#include "orchestrator/course/peers.h"

#include <algorithm>

namespace resolute::orchestrator {

Address Peers::address_of(AgentNumber number) const {
  const auto found = addresses_.find(number);
  return found == addresses_.end() ? -1 : found->second;
}

void Peers::join(Address address, AgentNumber number, core::MonotonicTime now) {
  peers_[address] = {number, now};
  addresses_[number] = address;
  joined_once_.insert(address);
}

std::optional<AgentNumber> Peers::hear(Address address, core::MonotonicTime now) {
  const auto peer = peers_.find(address);
  if (peer == peers_.end()) return std::nullopt;
  peer->second.heard = now;
  return peer->second.number;
}

std::optional<AgentNumber> Peers::lose(Address address) {
  const auto peer = peers_.find(address);
  if (peer == peers_.end()) return std::nullopt;
  const AgentNumber number = peer->second.number;
  peers_.erase(peer);
  addresses_.erase(number);
  orderly_ = false;
  return number;
}

std::vector<Address> Peers::silent(core::MonotonicTime now, std::chrono::milliseconds limit) const {
  std::vector<Address> silent;
  for (const auto& [address, peer] : peers_)
    if (now - peer.heard > limit) silent.push_back(address);
  return silent;
}

bool Peers::all_joined() const {
  return std::all_of(expected_.begin(), expected_.end(), [&](Address address) { return joined_once(address); });
}

bool Peers::stop_waiting(bool late) {
  if (!pending_ || !(late || all_joined())) return false;
  pending_ = false;
  if (!all_joined()) orderly_ = false;
  return true;
}

}  // namespace resolute::orchestrator
