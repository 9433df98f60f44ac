#pragma once
//! \file
//! What the accelerator is to libtorch: its type, the kernel behind every operator that has none of its own, and what
//! such kernels are made of.

#include <ATen/core/Tensor.h>
#include <ATen/core/boxing/KernelFunction.h>
#include <ATen/core/stack.h>
#include <c10/core/DeviceType.h>

#include <string>

#include "tests/support/accelerator/streams.h"

namespace resolute::accelerator {

inline constexpr auto kDevice = c10::DeviceType::PrivateUse1;

bool on_device(const at::Tensor& tensor);
//! Of this thread.
StreamKey current_stream(at::Device device);
//! \param what counted as a wait of the host
void wait_for_stream(at::Device device, const std::string& what);
//! The CPU's tensor over the same memory, as kernels reach it; it holds none of it.
at::Tensor seen_by_kernels(const at::Tensor& tensor);
//! Takes more memory where there is too little; what was in it is lost.
void resize_to(const at::Tensor& tensor, at::IntArrayRef sizes, at::IntArrayRef strides);

//! Queues the CPU's kernel of an operator; waits where it has to know numbers.
void run_boxed(const c10::OperatorHandle& op, torch::jit::Stack* stack);

}  // namespace resolute::accelerator
