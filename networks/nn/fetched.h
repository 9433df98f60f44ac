#pragma once
//! \file
//! Numbers that a device has computed, on their way to the host: losses, norms, digests. The other way: placed.h.

#include <c10/core/Event.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <optional>

#include "networks/torch.h"

namespace resolute::networks {

//! A tensor on its way to the host, which does other things until it needs the numbers. A tensor of the CPU stays the
//! same tensor.
class Fetched {
 public:
  Fetched() = default;
  //! Queues the copy behind what the device computes the tensor with. \param tensor dense
  explicit Fetched(const at::Tensor& tensor) : host_(tensor) {
    if (tensor.device().is_cpu()) return;
    host_ = at::empty(tensor.sizes(), tensor.options().device(at::kCPU).pinned_memory(true));
    host_.copy_(tensor, /*non_blocking=*/true);
    arrived_.emplace(tensor.device().type());
    arrived_->record(c10::impl::VirtualGuardImpl(tensor.device().type()).getStream(tensor.device()));
  }
  //! On the host, once it has arrived: here the host waits for the device.
  const at::Tensor& wait() {
    if (arrived_) arrived_->synchronize();
    arrived_.reset();
    return host_;
  }

 private:
  at::Tensor host_;
  std::optional<c10::Event> arrived_;
};

}  // namespace resolute::networks
