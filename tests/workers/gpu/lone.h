#pragma once
//! \file
//! The group of one process rank, whose exchanges are copies. A single process trains without a communicator; with this
//! one it takes the path that several take, which is how one GPU alone can try that path.

#include <memory>

#include "workers/ddp/communicator.h"

namespace resolute::workers::gpu_test {

//! Takes tensors of any device.
class LoneCommunicator : public Communicator {
 public:
  int process_rank() const override { return 0; }
  int process_ranks() const override { return 1; }
  void all_to_all(at::Tensor& to, const at::Tensor& from, const std::vector<std::int64_t>&,
                  const std::vector<std::int64_t>&) override {
    to.copy_(from);
  }
  void deliver(const std::vector<Parcel>&, const std::vector<Parcel>&) override {}
  void all_gather(at::Tensor& to, const at::Tensor& from) override { to.copy_(from); }
  void broadcast(at::Tensor&) override {}
  void barrier() override {}
};

inline std::unique_ptr<Communicator> connect_alone() { return std::make_unique<LoneCommunicator>(); }

}  // namespace resolute::workers::gpu_test
