#pragma once
//! \file
//! The device of a job: the CPU, or a GPU. The worker links libtorch's CPU libraries alone; what it needs of CUDA
//! stands behind this interface in libresolute_cuda.so, which is loaded when a job says device = "cuda"
//! (docs/inside/gpu.md).

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/error.h"
#include "networks/kernels/fused_norm.h"
#include "networks/nn/recorder.h"
#include "networks/torch.h"
#include "settings/training.h"
#include "workers/ddp/communicator.h"

namespace resolute::workers {

//! Keys and values of a numeric class, in the order in which they are printed.
using NumericParts = std::vector<std::pair<std::string, std::string>>;

//! The part of a device that computes by Device::norm_kernels().
inline NumericParts::value_type fused_norm_part() {
  return {"norm", fmt::format("fused-{}", networks::kNormKernelsRevision)};
}

//! Bytes of a device's memory.
struct DeviceMemory {
  std::uint64_t most = 0;  //!< that this process's tensors took at once, so far
  std::uint64_t free = 0, total = 0;
};

//! One process rank's device, entered: what the bits of a result depend on is fixed for this process.
class Device {
 public:
  virtual ~Device() = default;

  //! The place of parameters and batches.
  virtual at::Device place() const = 0;
  //! The properties that bits depend on here besides the specification; never the number of process ranks, a host or a
  //! path.
  virtual NumericParts numeric_parts() const = 0;
  //! More properties for `resolute-worker describe`; no bit depends on them.
  virtual NumericParts remarks() const { return {}; }
  //! A communicator for tensors at place() and on the CPU. \param host carries what lies on the CPU, and is how ranks
  //! on GPUs find each other \param limit for one exchange of tensors at place(), the slowest rank's computing
  //! included \throws RuntimeError: kEnvironment if two ranks have one GPU; kTransient for a lost peer
  virtual std::unique_ptr<Communicator> connect(std::unique_ptr<Communicator> host,
                                                std::chrono::milliseconds limit) = 0;
  //! Null: it records nothing.
  virtual networks::Recorder* recorder() { return nullptr; }
  //! Its kernels for a trunk's batch norms, made when they are first asked for: numeric_parts() name them from then on.
  //! \throws RuntimeError: kInput: it has none; kEnvironment: they cannot be compiled
  virtual networks::NormKernels& norm_kernels() {
    throw core::input_error("--fused-norm asks for kernels of a GPU", "the training's device is another",
                            "leave it out, or train with device = \"cuda\"");
  }
  //! How often it had too little memory for what was asked, but for recordings that were given up for it. Where a
  //! library asked, it may have computed by other kernels, of other bits, and said nothing.
  virtual std::uint64_t memory_refusals() const { return 0; }
  virtual DeviceMemory memory() const { return {}; }
  //! "00000000:3b:00.0" of a GPU on its machine's PCI bus; empty: it is none.
  virtual std::string pci_address() const { return {}; }

 protected:
  Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
};

//! Opens a device and makes what it computes deterministic: call after enter_numeric_class() and before the first
//! tensor of a job; it lives as long as the process computes. \param name "cpu" or "cuda"
//! \param process_rank chooses the GPU: this number modulo the visible ones. A launcher that gives each rank its own
//! sets CUDA_VISIBLE_DEVICES
//! \param precision of a training: with TF32 a GPU forms products of float32 from factors of 10 bits; a CPU has no such
//! thing and passes over it
//! \throws RuntimeError: kInput for another name; kEnvironment where there is no GPU, or no CUDA libraries beside
//! libtorch, or a GPU that does not compute in this precision
std::unique_ptr<Device> open_device(const std::string& name, int process_rank,
                                    settings::Precision precision = settings::Precision::kF32);

//! \throws RuntimeError (kEnvironment) "the GPU is out of memory (…)" if it has refused any (Device::memory_refusals):
//! what was computed since may have other bits than the same job has elsewhere
void expect_memory(const Device& device);

//! Runs `work` on the device and hands on what it returns. \throws what `work` throws; as expect_memory()
template <class Work>
auto within_memory(const Device& device, const Work& work) {
  try {
    auto done = work();
    expect_memory(device);
    return done;
  } catch (const c10::Error&) {
    expect_memory(device);  // says what to do, which libtorch does not
    throw;
  }
}

//! How many threads load a rank's images: where the CPU computes its cores are busy with that, beside a GPU they have
//! nothing better to do. No byte depends on it. \return 1 to 4
int loading_threads(at::Device place);

}  // namespace resolute::workers
