#pragma once
//! \file
//! Small tensors of the host where a device computes with them: labels, rows, levels. The host knows them and branches
//! on them; a copy that it waited for would cost it all that it could have queued meanwhile.

#include "networks/torch.h"

namespace resolute::networks {

//! The tensor on `device`, without a wait of the host: through pinned memory, which libtorch keeps until the copy has
//! run. A tensor that lies there already, or none, comes back as it is. \param tensor on the CPU or on `device`
inline at::Tensor placed(const at::Tensor& tensor, at::Device device) {
  if (!tensor.defined() || tensor.device() == device || device.is_cpu()) return tensor;
  return tensor.pin_memory().to(device, tensor.scalar_type(), /*non_blocking=*/true);
}

}  // namespace resolute::networks
