#pragma once
//! \file
//! Endpoints inside one process: the local run's coordinator and agent, rank 0's own agent, and tests.

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

//! Rank 0's view when its own host has an agent inside the coordinator's process, and all others live behind MPI:
//! addresses 0 … remote.size() - 1 go to `remote`; address remote.size() is endpoint 1 of the two-endpoint hub whose
//! endpoint 0 is `local`.
class JoinedTransport final : public Transport {
 public:
  JoinedTransport(std::unique_ptr<Transport> remote, std::unique_ptr<Transport> local)
      : remote_(std::move(remote)), local_(std::move(local)) {}
  Address self() const override { return 0; }
  int size() const override { return remote_->size() + 1; }
  void send(Address to, std::string bytes) override {
    if (to == remote_->size())
      local_->send(1, std::move(bytes));
    else
      remote_->send(to, std::move(bytes));
  }
  std::optional<Delivery> receive() override {
    if (auto delivery = local_->receive()) {
      delivery->from = remote_->size();
      return delivery;
    }
    return remote_->receive();
  }
  void forget(Address peer) override {
    if (peer != remote_->size()) remote_->forget(peer);
  }
  bool flush(std::chrono::milliseconds limit) override { return remote_->flush(limit); }

 private:
  std::unique_ptr<Transport> remote_;
  std::unique_ptr<Transport> local_;
};

}  // namespace resolute::orchestrator
