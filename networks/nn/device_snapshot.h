#pragma once
//! \file
//! Tensors of a device as they were at a moment, brought to the host while the training changes them.

#include <c10/core/Event.h>

#include <optional>
#include <vector>

#include "networks/torch.h"

namespace resolute::networks {

//! Memory for a second copy on the device, kept from snapshot to snapshot. One thread at a time.
class DeviceSnapshot {
 public:
  //! Gets the device's memory that take() needs for such tensors.
  void prepare(const std::vector<at::Tensor>& live);
  //! Queues one copy of all, behind what the device computes them with: the host waits for nothing.
  void take(const std::vector<at::Tensor>& live);
  //! The copy of tensor `i` on the host, in its order in memory: waits for it, on a stream of this thread's own.
  //! Any thread, once take() has returned.
  at::Tensor fetch(std::size_t i) const;

 private:
  std::vector<at::Tensor> copies_;    // in the order of those taken
  std::optional<c10::Event> copied_;  // nothing where all are the CPU's
};

}  // namespace resolute::networks
