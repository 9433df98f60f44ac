#pragma once
//! \file
//! Endpoints inside one process: the local run's coordinator and agent, and tests.

#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "orchestrator/transport/transport.h"

namespace resolute::orchestrator {

//! `size` mailboxes. The hub lives as long as any of its endpoints.
class InProcessHub : public std::enable_shared_from_this<InProcessHub> {
 public:
  static std::shared_ptr<InProcessHub> create(int size);
  std::unique_ptr<Transport> endpoint(Address self);

 private:
  friend class InProcessTransport;
  explicit InProcessHub(int size) : boxes_(static_cast<std::size_t>(size)) {}
  std::mutex mutex_;
  std::vector<std::deque<Delivery>> boxes_;
};

}  // namespace resolute::orchestrator
