#include "tests/support/accelerator/norm_kernels.h"

#include <array>
#include <atomic>
#include <barrier>
#include <bit>
#include <cmath>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "networks/kernels/norm_arguments.h"
#include "tests/support/accelerator/kernels.h"
#include "tests/support/accelerator/memory.h"
#include "tests/support/accelerator/streams.h"

// CUDA's words, as far as the text uses them.
namespace {

struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
struct BlockIndex {
  unsigned x = 0, y = 0;
};
thread_local BlockIndex threadIdx;
BlockIndex blockIdx, blockDim, gridDim;
std::barrier<>* block_meeting = nullptr;

void __syncthreads() { block_meeting->arrive_and_wait(); }
void __threadfence() {}
unsigned atomicAdd(unsigned* to, unsigned value) { return std::atomic_ref(*to).fetch_add(value); }
float __uint_as_float(unsigned bits) { return std::bit_cast<float>(bits); }
unsigned __float_as_uint(float value) { return std::bit_cast<unsigned>(value); }

}  // namespace

#define __device__
#define __global__
#define __shared__ static
#include "networks/kernels/norm_kernels.cu"
#undef __device__
#undef __global__
#undef __shared__

namespace resolute::accelerator {
namespace {

using networks::NormArguments;
using networks::NormGrid;
using Kernel = void (*)(NormArguments);

constexpr int kThreads = 8;

std::atomic<bool> blocks_reversed = false;

void run_blocks(Kernel kernel, const NormGrid& grid, const NormArguments& arguments) {
  static std::mutex one_kernel;
  const std::lock_guard lock(one_kernel);
  const auto columns = static_cast<unsigned>(grid.columns), slices = static_cast<unsigned>(grid.slices);
  const unsigned blocks = columns * slices;
  gridDim = {columns, slices};
  blockDim = {static_cast<unsigned>(grid.threads), 1};
  std::barrier<> meeting(grid.threads);
  block_meeting = &meeting;
  const auto run_thread = [&](unsigned thread) {
    threadIdx = {thread, 0};
    for (unsigned i = 0; i < blocks; ++i) {
      const unsigned block = blocks_reversed ? blocks - 1 - i : i;
      if (thread == 0) blockIdx = {block % columns, block / columns};
      meeting.arrive_and_wait();
      kernel(arguments);
      meeting.arrive_and_wait();
    }
  };
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < blockDim.x; ++thread) threads.emplace_back(run_thread, thread);
  for (std::thread& thread : threads) thread.join();
}

template <class Pointer>
void move_to_contents(Pointer& pointer) {
  pointer = reinterpret_cast<Pointer>(contents(pointer));
}

// The addresses by which kernels reach what the arguments name.
NormArguments with_contents(NormArguments a) {
  move_to_contents(a.input), move_to_contents(a.summand), move_to_contents(a.output);
  move_to_contents(a.output_gradient), move_to_contents(a.input_gradient), move_to_contents(a.summand_gradient);
  move_to_contents(a.weight), move_to_contents(a.bias), move_to_contents(a.mean), move_to_contents(a.inverse);
  move_to_contents(a.weight_gradient), move_to_contents(a.bias_gradient);
  move_to_contents(a.running_mean), move_to_contents(a.running_variance);
  move_to_contents(a.partial), move_to_contents(a.finished);
  return a;
}

class SimulatedNormKernels final : public networks::NormKernels {
 public:
  explicit SimulatedNormKernels(at::Device place) : place_(place) {}
  void launch(networks::NormKernel kernel, bool bfloat16, const NormGrid& grid,
              const NormArguments& arguments) override {
    static constexpr std::array<std::array<Kernel, 2>, networks::kNormKernelNames.size()> kKernels = {
        {{resolute_norm_statistics_f32, resolute_norm_statistics_bf16},
         {resolute_norm_normalise_f32, resolute_norm_normalise_bf16},
         {resolute_norm_reduce_f32, resolute_norm_reduce_bf16},
         {resolute_norm_apply_f32, resolute_norm_apply_bf16}}};
    const auto number = static_cast<std::size_t>(kernel);
    streams().enqueue(
        current_stream(place_), std::string("norm_") + networks::kNormKernelNames[number],
        [run = kKernels[number][bfloat16], grid, seen = with_contents(arguments)] { run_blocks(run, grid, seen); });
  }
  at::DeviceType device() const override { return kDevice; }
  int threads() const override { return kThreads; }

 private:
  at::Device place_;
};

}  // namespace

std::unique_ptr<networks::NormKernels> make_norm_kernels(at::Device place) {
  return std::make_unique<SimulatedNormKernels>(place);
}

void set_blocks_reversed(bool reversed) { blocks_reversed = reversed; }

}  // namespace resolute::accelerator
