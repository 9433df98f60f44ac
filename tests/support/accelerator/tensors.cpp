//! \file
//! What of libtorch is no kernel of the CPU's: making tensors, views and copies, reading a number; which operators are
//! which; autocast.

#include <ATen/ATen.h>
#include <ATen/EmptyTensor.h>
#include <ATen/autocast_mode.h>
#include <c10/core/DeviceGuard.h>
#include <torch/library.h>

#include <cmath>

#include "tests/support/accelerator/kernels.h"
#include "tests/support/accelerator/memory.h"

namespace resolute::accelerator {
namespace {

at::Tensor empty(at::IntArrayRef size, std::optional<at::ScalarType> type, std::optional<at::Layout>,
                 std::optional<at::Device> device, std::optional<bool>, std::optional<at::MemoryFormat> format) {
  const c10::DeviceGuard guard(c10::device_or_default(device));
  return at::detail::empty_generic(size, c10::GetAllocator(kDevice), c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                   c10::dtype_or_default(type), format);
}

at::Tensor empty_strided(at::IntArrayRef size, at::IntArrayRef stride, std::optional<at::ScalarType> type,
                         std::optional<at::Layout>, std::optional<at::Device> device, std::optional<bool>) {
  const c10::DeviceGuard guard(c10::device_or_default(device));
  return at::detail::empty_strided_generic(size, stride, c10::GetAllocator(kDevice),
                                           c10::DispatchKeySet(c10::DispatchKey::PrivateUse1),
                                           c10::dtype_or_default(type));
}

void queue_copy(const at::Tensor& from, const at::Tensor& to, at::Device device, const char* name) {
  streams().enqueue(current_stream(device), name, [from, to] { to.copy_(from); });
}

// A copy from or to the host without a wait: from pinned memory, and only where the caller says that it does not wait.
// The host's memory is not held: it has to be there when the copy runs.
void copy_late(const at::Tensor& host, const at::Tensor& device_tensor, bool to_device) {
  const at::Tensor unowned = at::from_blob(host.mutable_data_ptr(), host.sizes(), host.strides(), host.options());
  const at::Tensor seen = seen_by_kernels(device_tensor);
  const at::Device device = device_tensor.device();
  if (to_device)
    queue_copy(unowned, seen, device, "copy to the device");
  else
    queue_copy(seen, unowned, device, "copy to the host");
  keep_pinned_until(host.storage().mutable_data(), streams().mark(current_stream(device)));
}

at::Tensor copy_from(const at::Tensor& from, const at::Tensor& to, bool non_blocking) {
  const at::NoGradGuard no_grad;
  const at::Device device = on_device(to) ? to.device() : from.device();
  const c10::DeviceGuard guard(device);
  if (on_device(from) && on_device(to)) {
    TORCH_CHECK(from.device() == to.device(), "accelerator: a copy between two devices");
    queue_copy(seen_by_kernels(from), seen_by_kernels(to), device, "aten::copy_");
    return to;
  }
  const bool to_device = on_device(to);
  const at::Tensor& host = to_device ? from : to;
  const auto bytes = static_cast<std::int64_t>(host.nbytes());
  streams().count_bytes(to_device ? bytes : 0, to_device ? 0 : bytes);
  if (!to_device && !streams().fetch()) return to.is_floating_point() ? to.fill_(NAN) : to.zero_();
  if (non_blocking && is_pinned(host.const_data_ptr())) {
    copy_late(host, to_device ? to : from, to_device);
    return to;
  }
  wait_for_stream(device, to_device ? "copy to the device" : "copy to the host");
  if (to_device)
    queue_copy(from.clone(), seen_by_kernels(to), device, "copy to the device");
  else
    to.copy_(seen_by_kernels(from));
  return to;
}

at::Scalar number_of(const at::Tensor& tensor) {
  wait_for_stream(tensor.device(), "aten::item");
  streams().count_bytes(0, static_cast<std::int64_t>(tensor.nbytes()));
  return seen_by_kernels(tensor).item();
}

void record_stream(at::Tensor& tensor, at::Stream stream) {
  use_on_stream(tensor.storage().mutable_data(), {stream.device_index(), stream.id()});
}

const at::Tensor& resize(const at::Tensor& tensor, at::IntArrayRef size, std::optional<at::MemoryFormat>) {
  const at::Tensor shape = at::empty(size, tensor.options().device(at::kMeta));
  resize_to(tensor, size, shape.strides());
  return tensor;
}

// A module's parameters move from the host to the device and back.
bool may_be_exchanged(const at::Tensor&, const at::Tensor&) { return true; }

}  // namespace
}  // namespace resolute::accelerator

TORCH_LIBRARY_IMPL(aten, PrivateUse1, m) {
  using namespace resolute::accelerator;
  m.impl("empty.memory_format", TORCH_FN(empty));
  m.impl("empty_strided", TORCH_FN(empty_strided));
  m.impl("_copy_from", TORCH_FN(copy_from));
  m.impl("_local_scalar_dense", TORCH_FN(number_of));
  m.impl("record_stream", TORCH_FN(record_stream));
  m.impl("_has_compatible_shallow_copy_type", TORCH_FN(may_be_exchanged));
  m.impl("resize_", TORCH_FN(resize));
  m.impl("as_strided", TORCH_FN(at::native::as_strided_tensorimpl));
  m.impl("view", TORCH_FN(at::native::view));
  m.impl("_reshape_alias", TORCH_FN(at::native::_reshape_alias));
  m.impl("unfold", TORCH_FN(at::native::unfold));
  // The first two are left to a device; of the others a GPU makes one kernel, or few.
  for (const char* name : {"convolution_overrideable", "convolution_backward_overrideable", "_foreach_norm.Scalar",
                           "_foreach_add_.List", "_foreach_copy_", "_foreach_mul_.Tensor", "_foreach_zero_"})
    m.impl(name, torch::CppFunction::makeFromBoxedFunction<&run_boxed>());
}

// As CUDA's: bfloat16 for matrix products and convolutions, float32 where numbers add up.
TORCH_LIBRARY_IMPL(_, AutocastPrivateUse1, m) { m.fallback(torch::CppFunction::makeFallthrough()); }

TORCH_LIBRARY_IMPL(aten, AutocastPrivateUse1, m) {
  using namespace at;  // libtorch's macros name its types so
#define RESOLUTE_LOWER(...) KERNEL_PRIVATEUSEONE(__VA_ARGS__, lower_precision_fp)
#define RESOLUTE_FP32(...) KERNEL_PRIVATEUSEONE(__VA_ARGS__, fp32)
#define RESOLUTE_FP32_TYPE(...) KERNEL_PRIVATEUSEONE(__VA_ARGS__, fp32_set_opt_dtype)
#define RESOLUTE_PROMOTE(...) KERNEL_PRIVATEUSEONE(__VA_ARGS__, promote)
  AT_FORALL_LOWER_PRECISION_FP(RESOLUTE_LOWER)
  AT_FORALL_FP32(RESOLUTE_FP32)
  AT_FORALL_FP32_SET_OPT_DTYPE(RESOLUTE_FP32_TYPE)
  AT_FORALL_DIFFERENT_REDISPATCH_SIGNATURE(KERNEL_DIFFERENT_REDISPATCH_SIGNATURE_PRIVATEUSEONE)
  AT_FORALL_PROMOTE(RESOLUTE_PROMOTE)
}
