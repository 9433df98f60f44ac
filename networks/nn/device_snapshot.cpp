#include "networks/nn/device_snapshot.h"

#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <map>

#include "core/error.h"

namespace resolute::networks {
namespace {

bool alike(const at::Tensor& one, const at::Tensor& other) {
  return one.defined() && one.device() == other.device() && one.scalar_type() == other.scalar_type() &&
         one.sizes() == other.sizes() && one.strides() == other.strides();
}

c10::Stream current_stream(at::Device place) { return c10::impl::VirtualGuardImpl(place.type()).getStream(place); }

}  // namespace

void DeviceSnapshot::prepare(const std::vector<at::Tensor>& live) {
  copies_.resize(live.size());
  for (std::size_t i = 0; i < live.size(); ++i)
    if (!live[i].is_cpu() && !alike(copies_[i], live[i]))
      copies_[i] = at::empty_strided(live[i].sizes(), live[i].strides(), live[i].options().requires_grad(false));
}

void DeviceSnapshot::take(const std::vector<at::Tensor>& live) {
  const at::NoGradGuard no_grad;
  prepare(live);
  copied_.reset();
  std::map<at::ScalarType, std::pair<std::vector<at::Tensor>, std::vector<at::Tensor>>> of_types;
  for (std::size_t i = 0; i < live.size(); ++i) {
    if (live[i].is_cpu()) {
      copies_[i] = live[i].clone();
      continue;
    }
    auto& [to, from] = of_types[live[i].scalar_type()];
    to.push_back(copies_[i]);
    from.push_back(live[i]);
  }
  for (const auto& [type, tensors] : of_types) at::_foreach_copy_(tensors.first, tensors.second);
  if (of_types.empty()) return;
  const at::Device place = of_types.begin()->second.first.front().device();
  copied_.emplace(place.type());
  copied_->record(current_stream(place));
}

at::Tensor DeviceSnapshot::fetch(std::size_t i) const {
  const at::Tensor& copy = copies_.at(i);
  if (copy.is_cpu()) return copy;
  const at::NoGradGuard no_grad;
  const c10::impl::VirtualGuardImpl guard(copy.device().type());
  const c10::StreamGuard beside(guard.getStreamFromGlobalPool(copy.device()));
  copied_->block(beside.current_stream());
  at::Tensor host =
      at::empty_strided(copy.sizes(), copy.strides(), copy.options().device(at::kCPU).pinned_memory(true));
  host.copy_(copy, /*non_blocking=*/true);
  guard.synchronizeStream(beside.current_stream());
  return host;
}

}  // namespace resolute::networks
