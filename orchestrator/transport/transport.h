#pragma once
//! \file
//! Small messages between the coordinator and its agents, point to point, in order for each pair, and never waited for:
//! a dead peer is noticed by its silence alone (heartbeats), so nothing here may block on one.

#include <chrono>
#include <optional>
#include <string>

namespace resolute::orchestrator {

//! 0 is the coordinator, 1, 2, … are agents.
using Address = int;

struct Delivery {
  Address from = 0;
  std::string bytes;
};

//! Not thread-safe, except that each in-process endpoint may live in a thread of its own.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual Address self() const = 0;
  //! Number of endpoints.
  virtual int size() const = 0;
  //! Queues a message and returns at once. Messages to an address that was forgotten vanish.
  virtual void send(Address to, std::string bytes) = 0;
  //! The next message that has arrived, or nothing. Never waits.
  virtual std::optional<Delivery> receive() = 0;
  //! Drops what is still under way to a peer that was lost. Messages sent to it afterwards are new.
  virtual void forget(Address peer) = 0;
  //! Waits until everything sent has left, at most `limit`. \return true if it has
  virtual bool flush(std::chrono::milliseconds limit) = 0;
};

}  // namespace resolute::orchestrator
