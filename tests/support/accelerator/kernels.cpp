//! \file
//! Operators of the simulated accelerator: the CPU's kernels, queued on the stream that is current, over the memory
//! that tensors name. What only makes a tensor or a view happens at once; what has to know numbers waits for the
//! stream, as on a GPU.

#include "tests/support/accelerator/kernels.h"

#include <ATen/ATen.h>
#include <ATen/EmptyTensor.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <sys/mman.h>
#include <torch/library.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/accelerator/memory.h"
#include "tests/support/accelerator/streams.h"

namespace resolute::accelerator {

bool on_device(const at::Tensor& tensor) { return tensor.defined() && tensor.device().type() == kDevice; }

StreamKey current_stream(at::Device device) {
  return {device.index(), c10::impl::VirtualGuardImpl(kDevice).getStream(device).id()};
}

void wait_for_stream(at::Device device, const std::string& what) {
  streams().reach(streams().mark(current_stream(device)), what);
}

// The kernels' view of a tensor.
at::Tensor seen_by_kernels(const at::Tensor& tensor) {
  return at::from_blob(contents(tensor.const_data_ptr()), tensor.sizes(), tensor.strides(),
                       tensor.options().device(at::kCPU).requires_grad(false));
}

void resize_to(const at::Tensor& tensor, at::IntArrayRef sizes, at::IntArrayRef strides) {
  const c10::DeviceGuard guard(tensor.device());
  const std::size_t bytes = at::detail::computeStorageNbytes(sizes, strides, tensor.itemsize());
  tensor.unsafeGetTensorImpl()->set_sizes_and_strides(sizes, strides);
  if (tensor.storage().nbytes() >= bytes) return;
  tensor.storage().set_data_ptr_noswap(c10::GetAllocator(kDevice)->allocate(bytes));
  tensor.storage().set_nbytes(bytes);
}

namespace {

using Stack = torch::jit::Stack;
using c10::IValue;

// A tensor of the same shape and place in memory, for finding out what an operator returns. Small ones may be written
// to, as native_batch_norm does with running statistics without saying so; the others share pages of zeros.
at::Tensor stand_in(const at::Tensor& tensor, bool written) {
  constexpr std::size_t kZeros = std::size_t{1} << 32;
  constexpr std::size_t kSmall = 1 << 16;
  static void* const zeros =
      ::mmap(nullptr, kZeros, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, /*fd=*/-1, 0);
  const std::size_t bytes = at::detail::computeStorageNbytes(tensor.sizes(), tensor.strides(), tensor.itemsize());
  const at::TensorOptions options = tensor.options().device(at::kCPU).requires_grad(false);
  if (!written && bytes > kSmall) return at::from_blob(zeros, tensor.sizes(), tensor.strides(), options);
  if (tensor.numel() == 0) return at::empty(tensor.sizes(), options);
  at::Tensor whole = at::zeros({static_cast<std::int64_t>(bytes / tensor.itemsize())}, options);
  return whole.as_strided(tensor.sizes(), tensor.strides());
}

// What an operator takes and gives on the CPU: an argument with each tensor of the device replaced.
template <class Replace>
IValue replaced(const IValue& value, const Replace& replace) {
  if (value.isTensor()) return replace(value.toTensor());
  if (value.isTensorList()) {
    c10::List<at::Tensor> list;
    for (const at::Tensor& tensor : value.toTensorVector()) list.push_back(replace(tensor));
    return list;
  }
  if (value.isOptionalTensorList()) {
    c10::List<std::optional<at::Tensor>> list;
    for (const auto& element : value.toOptionalTensorList()) {
      const std::optional<at::Tensor> tensor = element;
      list.push_back(tensor ? std::optional(replace(*tensor)) : std::nullopt);
    }
    return list;
  }
  if (value.isDevice() && value.toDevice().type() == kDevice) return at::Device(at::kCPU);
  return value;
}

// As CUDA has it: numbers of the host are passed by value, its tensors are no argument of a kernel.
at::Tensor refuse_host_tensor(const at::Tensor& tensor, const std::string& name) {
  TORCH_CHECK(tensor.dim() == 0, "accelerator: ", name, " was given a tensor of the host, of shape ", tensor.sizes());
  return tensor.clone();
}

void call_on_host(const c10::OperatorHandle& op, Stack& stack) {
  // Of two `out`s the references are looked at once more after the stack has let go of them.
  const Stack kept = stack;
  op.callBoxed(stack);
}

// What stands for an operator that the CPU has under another name.
using HostCall = std::function<void(Stack&)>;

void convolution(Stack& stack) {
  const at::Tensor output = at::convolution(stack[0].toTensor(), stack[1].toTensor(), stack[2].toOptional<at::Tensor>(),
                                            stack[3].toIntVector(), stack[4].toIntVector(), stack[5].toIntVector(),
                                            stack[6].toBool(), stack[7].toIntVector(), stack[8].toInt());
  stack = {output};
}

void convolution_backward(Stack& stack) {
  const at::Tensor gradient = stack[0].toTensor();
  const c10::List<bool> asked = stack[9].toBoolList();
  const std::array<bool, 3> mask = {asked[0], asked[1], asked[2]};
  const std::vector<std::int64_t> bias = {gradient.size(1)};
  auto [input, weight, bias_gradient] = at::convolution_backward(
      gradient, stack[1].toTensor(), stack[2].toTensor(), bias, stack[3].toIntVector(), stack[4].toIntVector(),
      stack[5].toIntVector(), stack[6].toBool(), stack[7].toIntVector(), stack[8].toInt(), mask);
  stack = {input, weight, bias_gradient};
}

// libtorch makes its output as large as the images on the way.
void mean_squared_error(Stack& stack) {
  at::Tensor out = stack[3].toTensor();
  out.copy_(at::mse_loss(stack[0].toTensor(), stack[1].toTensor(), stack[2].toInt()));
  stack = {out};
}

HostCall host_call(const c10::OperatorHandle& op, const std::string& name) {
  HostCall call = [op](Stack& stack) { call_on_host(op, stack); };
  if (name == "aten::convolution_overrideable") call = convolution;
  if (name == "aten::convolution_backward_overrideable") call = convolution_backward;
  if (name == "aten::mse_loss.out") call = mean_squared_error;
  return [call, name](Stack& stack) {
    const at::NoGradGuard no_grad;
    const c10::impl::ExcludeDispatchKeyGuard guard(c10::autograd_dispatch_keyset | c10::autocast_dispatch_keyset |
                                                   c10::DispatchKeySet(c10::DispatchKey::ADInplaceOrView));
    try {
      call(stack);
    } catch (c10::Error& error) {
      error.add_context("in the accelerator's " + name);
      throw;
    }
  };
}

// A call of an operator, taken apart.
struct Call {
  std::string name;
  HostCall run;
  std::vector<IValue> arguments;
  at::Device device;
};

std::string name_of(const c10::OperatorHandle& op) {
  const c10::OperatorName& name = op.operator_name();
  return name.overload_name.empty() ? name.name : name.name + "." + name.overload_name;
}

at::Device device_of(const std::vector<IValue>& arguments, const std::string& name) {
  std::optional<at::Device> device;
  const auto look = [&](const at::Tensor& tensor) {
    if (!on_device(tensor)) return tensor;
    TORCH_CHECK(!device || *device == tensor.device(), "accelerator: ", name, " was given tensors of two devices");
    device = tensor.device();
    return tensor;
  };
  for (const IValue& argument : arguments) replaced(argument, look);
  for (const IValue& argument : arguments)
    if (argument.isDevice() && argument.toDevice().type() == kDevice && !device) device = argument.toDevice();
  TORCH_CHECK(device, "accelerator: ", name, " has no tensor of the device");
  return *device;
}

// The arguments as kernels see them.
Stack kernel_arguments(const Call& call) {
  Stack stack;
  for (const IValue& argument : call.arguments)
    stack.push_back(replaced(argument, [&](const at::Tensor& tensor) {
      if (on_device(tensor)) return seen_by_kernels(tensor);
      return tensor.defined() ? refuse_host_tensor(tensor, call.name) : tensor;
    }));
  return stack;
}

bool is_written(const c10::Argument& argument) {
  return argument.alias_info() != nullptr && argument.alias_info()->isWrite();
}

// What the operator would return: on the CPU, of zeros.
Stack stood_in_results(const c10::FunctionSchema& schema, const Call& call) {
  Stack stack;
  for (std::size_t i = 0; i < call.arguments.size(); ++i)
    stack.push_back(replaced(call.arguments[i], [&](const at::Tensor& tensor) {
      return on_device(tensor) ? stand_in(tensor, is_written(schema.arguments()[i])) : tensor;
    }));
  call.run(stack);
  return stack;
}

at::Tensor made_like(const at::Tensor& host, at::Device device) {
  if (!host.defined()) return {};
  return at::empty_strided(host.sizes(), host.strides(), host.options().device(device));
}

// Copies what a kernel returned to where its tensors were promised.
void deliver(const IValue& from, const IValue& to) {
  if (from.isTensor()) {
    if (from.toTensor().defined()) to.toTensor().copy_(from.toTensor());
    return;
  }
  const std::vector<at::Tensor> given = from.toTensorVector(), places = to.toTensorVector();
  for (std::size_t i = 0; i < given.size(); ++i) places[i].copy_(given[i]);
}

bool is_fresh(const c10::Argument& result) { return result.alias_info() == nullptr; }

// The argument that a result is: `add_`'s self, `add.out`'s out.
const IValue& aliased(const c10::FunctionSchema& schema, const Call& call, const c10::Argument& result) {
  for (std::size_t i = 0; i < call.arguments.size(); ++i)
    if (is_written(schema.arguments()[i]) && *schema.arguments()[i].alias_info() == *result.alias_info())
      return call.arguments[i];
  TORCH_CHECK(false, "accelerator: ", call.name, " returns a view; register it among the views");
}

// Sizes that depend on numbers, or a number itself.
bool has_to_know(const c10::OperatorHandle& op, const Call& call) {
  for (const c10::Argument& result : op.schema().returns()) {
    const auto kind = result.type()->kind();
    if (kind != c10::TypeKind::TensorType && kind != c10::TypeKind::ListType) return true;
  }
  if (call.name == "aten::index.Tensor") {
    for (const auto& element : call.arguments[1].toOptionalTensorList()) {
      const std::optional<at::Tensor> index = element;
      if (index && index->defined() && (index->scalar_type() == at::kBool || index->scalar_type() == at::kByte))
        return true;
    }
    return false;
  }
  return op.hasTag(at::Tag::dynamic_output_shape) || op.hasTag(at::Tag::data_dependent_output);
}

// Waits, computes, and puts the results on the device.
void run_now(const c10::OperatorHandle& op, const Call& call, Stack* stack) {
  wait_for_stream(call.device, call.name);
  Stack results = kernel_arguments(call);
  call.run(results);
  for (std::size_t i = 0; i < results.size(); ++i) {
    const c10::Argument& result = op.schema().returns()[i];
    if (!is_fresh(result))
      stack->push_back(aliased(op.schema(), call, result));
    else
      stack->push_back(replaced(results[i], [&](const at::Tensor& host) {
        const at::Tensor made = made_like(host, call.device);
        if (made.defined())
          streams().enqueue(current_stream(call.device), call.name,
                            [host, to = seen_by_kernels(made)] { to.copy_(host); });
        return made;
      }));
  }
}

// `add.out` of an empty out: the operator gives it its size.
bool is_to_be_sized(const c10::FunctionSchema& schema, const Call& call) {
  for (std::size_t i = 0; i < call.arguments.size(); ++i)
    if (is_written(schema.arguments()[i]) && call.arguments[i].isTensor() && call.arguments[i].toTensor().numel() == 0)
      return true;
  return false;
}

void run_late(const c10::OperatorHandle& op, const Call& call, Stack* stack) {
  const c10::FunctionSchema& schema = op.schema();
  const bool any_fresh = std::any_of(schema.returns().begin(), schema.returns().end(), is_fresh);
  const Stack shapes = any_fresh || is_to_be_sized(schema, call) ? stood_in_results(schema, call) : Stack();
  std::vector<IValue> places(schema.returns().size());
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (!is_fresh(schema.returns()[i])) {
      const IValue& written = aliased(schema, call, schema.returns()[i]);
      if (!shapes.empty() && written.isTensor() && written.toTensor().sizes() != shapes[i].toTensor().sizes())
        resize_to(written.toTensor(), shapes[i].toTensor().sizes(), shapes[i].toTensor().strides());
      stack->push_back(written);
      continue;
    }
    const IValue made = replaced(shapes[i], [&](const at::Tensor& host) { return made_like(host, call.device); });
    places[i] = replaced(
        made, [](const at::Tensor& tensor) { return tensor.defined() ? seen_by_kernels(tensor) : at::Tensor(); });
    stack->push_back(made);
  }
  streams().enqueue(current_stream(call.device), call.name,
                    [run = call.run, arguments = kernel_arguments(call), places = std::move(places)] {
                      Stack stack = arguments;  // a recording runs it again
                      run(stack);
                      for (std::size_t i = 0; i < places.size(); ++i)
                        if (!places[i].isNone()) deliver(stack[i], places[i]);
                    });
}

}  // namespace

void run_boxed(const c10::OperatorHandle& op, torch::jit::Stack* stack) {
  const std::size_t count = op.schema().arguments().size();
  Call call{name_of(op), {}, {stack->end() - static_cast<std::ptrdiff_t>(count), stack->end()}, at::kCPU};
  call.run = host_call(op, call.name);
  call.device = device_of(call.arguments, call.name);
  const c10::DeviceGuard guard(call.device);
  torch::jit::drop(*stack, count);
  if (has_to_know(op, call))
    run_now(op, call, stack);
  else
    run_late(op, call, stack);
}

}  // namespace resolute::accelerator

TORCH_LIBRARY_IMPL(_, PrivateUse1, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&resolute::accelerator::run_boxed>());
}
