#pragma once
//! \file
//! A communicator over Gloo, its ranks brought together by a rendezvous on process rank 0. A failure names its culprit
//! (roll_call.h). Once it is connected nobody else can connect to it.

#include <memory>

#include "workers/ddp/communicator.h"
#include "workers/ddp/rendezvous.h"

namespace resolute::workers {

//! Waits until all ranks are connected. \pre 0 ≤ process_rank < process_ranks, process_ranks ≥ 2
//! \throws RuntimeError: kTransient if process rank 0 or another rank does not come within the limit, naming whoever
//! did not; kInput
//!         for a host that has no address
std::unique_ptr<Communicator> connect_gloo(const Rendezvous& rendezvous, int process_rank, int process_ranks);

}  // namespace resolute::workers
