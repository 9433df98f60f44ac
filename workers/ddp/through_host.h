#pragma once
//! \file
//! A communicator that carries tensors of a device through the host's memory: where NCCL does not work, and where
//! several process ranks share one GPU, which NCCL refuses. It changes no bit, and is slower.

#include <memory>
#include <utility>

#include "workers/ddp/communicator.h"

namespace resolute::workers {

//! It has NCCL's contract: its input has been computed when it begins, and each exchange is complete when it returns.
class ThroughHost final : public Communicator {
 public:
  //! \param host connects the ranks, for tensors on the CPU
  explicit ThroughHost(std::unique_ptr<Communicator> host) : host_(std::move(host)) {}
  int process_rank() const override { return host_->process_rank(); }
  int process_ranks() const override { return host_->process_ranks(); }
  std::vector<int> machines() const override { return host_->machines(); }
  void all_to_all(at::Tensor& to, const at::Tensor& from, const std::vector<std::int64_t>& receive_counts,
                  const std::vector<std::int64_t>& send_counts) override {
    at::Tensor received = room_for(to);
    host_->all_to_all(received, on_host(from), receive_counts, send_counts);
    bring_back(received, to);
  }
  void deliver(const std::vector<Parcel>& in, const std::vector<Parcel>& out) override {
    std::vector<Parcel> received, sent;
    for (const auto& [rank, elements] : in) received.push_back({rank, room_for(elements)});
    for (const auto& [rank, elements] : out) sent.push_back({rank, on_host(elements)});
    host_->deliver(received, sent);
    for (std::size_t i = 0; i < in.size(); ++i) bring_back(received[i].elements, in[i].elements);
  }
  void all_gather(at::Tensor& to, const at::Tensor& from) override {
    at::Tensor received = room_for(to);
    host_->all_gather(received, on_host(from));
    bring_back(received, to);
  }
  void broadcast(at::Tensor& tensor) override {
    at::Tensor host = on_host(tensor);
    host_->broadcast(host);
    bring_back(host, tensor);
  }
  void barrier() override { host_->barrier(); }
  RollCall* roll_call() override { return host_->roll_call(); }

 private:
  // Page-locked memory of the host, for a tensor of a device: of a CPU it is that tensor.
  static at::Tensor room_for(const at::Tensor& tensor) {
    if (tensor.is_cpu()) return tensor;
    return at::empty(tensor.sizes(), tensor.options().device(at::kCPU).pinned_memory(true));
  }

  // Waits for what computes the tensor.
  static at::Tensor on_host(const at::Tensor& tensor) {
    const at::Tensor host = room_for(tensor);
    if (!host.is_same(tensor)) host.copy_(tensor);
    return host;
  }

  // Waits until it is there.
  static void bring_back(const at::Tensor& host, const at::Tensor& to) {
    if (!host.is_same(to)) to.copy_(host);
  }

  std::unique_ptr<Communicator> host_;
};

}  // namespace resolute::workers
