#pragma once
//! \file
//! A communicator over Gloo, its ranks brought together by a TCPStore on process rank 0. What fails names its culprit
//! (roll_call.h).

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "workers/ddp/communicator.h"

namespace resolute::workers {

struct Rendezvous {
  std::string host;  //!< where process rank 0's store listens: a name or an address without brackets
  std::uint16_t port = 0;
  int listen_descriptor = -1;  //!< process rank 0 only: a listening socket for the store; -1: the store binds `port`
  std::string store_prefix;    //!< an unguessable token of this attempt: keys of another attempt are never mixed in
  std::chrono::milliseconds connect_limit{60'000};      //!< until all ranks are there
  std::chrono::milliseconds collective_limit{300'000};  //!< for one exchange, the slowest rank's computing included
};

//! Waits until all ranks are connected. \pre 0 ≤ process_rank < process_ranks, process_ranks ≥ 2
//! \throws RuntimeError: kTransient if the store or a rank does not come within the limit, naming whoever did not;
//! kInput
//!         for a host that has no address
std::unique_ptr<Communicator> connect_gloo(const Rendezvous& rendezvous, int process_rank, int process_ranks);

}  // namespace resolute::workers
