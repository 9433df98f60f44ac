//! \file
//! A GPU as a Device, and its Recorder: what libresolute_cuda.so shows to the worker that loads it (cuda_interface.h).

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/cuda/CUDAGraph.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <torch/version.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "core/error.h"
#include "settings/kernel_choices.h"
#include "workers/ddp/gpu_properties.h"
#include "workers/ddp/nccl.h"
#include "workers/device/cuda_driver.h"
#include "workers/device/cuda_interface.h"
#include "workers/device/cuda_norm_kernels.h"

namespace resolute::workers {
namespace {

// With this cuBLAS gives the same bits in every run, whatever streams are used; libtorch refuses matrix products in
// deterministic mode without it. Read when CUDA starts.
constexpr const char* kCublasWorkspace = ":4096:8";

core::RuntimeError not_available(std::string_view why, std::string_view suggestion) {
  return core::RuntimeError(core::ErrorKind::kEnvironment, "device 'cuda' is not available", why, suggestion);
}

core::RuntimeError not_available(std::string_view why) {
  return not_available(why, "run the job where nvidia-smi lists a GPU, or train with device = \"cpu\"");
}

// Versions of CUDA as the two functions give them, which need no GPU.
int runtime_version() {
  int version = 0;
  static_cast<void>(::cudaRuntimeGetVersion(&version));
  return version;
}
int version_served_by_driver() {
  int version = 0;
  static_cast<void>(::cudaDriverGetVersion(&version));
  return version;
}

core::RuntimeError not_available(cudaError_t result) {
  if (result == cudaErrorInsufficientDriver) return driver_error(runtime_version(), version_served_by_driver());
  return not_available(::cudaGetErrorString(result));
}

void make_deterministic(bool tf32) {
  ::setenv("CUBLAS_WORKSPACE_CONFIG", kCublasWorkspace, /*overwrite=*/1);
  // Has libtorch choose matrix products by how long they took.
  ::setenv("PYTORCH_TUNABLEOP_ENABLED", "0", /*overwrite=*/1);
  at::Context& context = at::globalContext();
  // Benchmarking chooses an algorithm by how long it took.
  context.setBenchmarkCuDNN(false);
  context.setDeterministicCuDNN(true);
  context.setDeterministicAlgorithms(true, false);
  // "f32" means float32: TF32 keeps 10 of 23 bits of the factors, and has to be asked for. The older switches are used
  // because libtorch refuses some calls when it finds them at odds with the newer ones.
  struct Quiet final : c10::WarningHandler {
    void process(const c10::Warning&) override {}
  } quiet;
  const c10::WarningUtils::WarningHandlerGuard guard(&quiet);
  context.setAllowTF32CuDNN(tf32);
  context.setFloat32MatmulPrecision(tf32 ? "high" : "highest");
}

int visible_gpus() {
  int count = 0;
  if (const cudaError_t result = ::cudaGetDeviceCount(&count); result != cudaSuccess) throw not_available(result);
  if (count < 1) throw not_available("no GPU is visible");
  return count;
}

// Only this allocator counts what it refused.
void expect_counting_allocator() {
  if (const std::string name = c10::cuda::CUDACachingAllocator::name(); name != "native")
    throw not_available(fmt::format("the allocator '{}' does not tell when memory runs short", name),
                        "leave 'backend' out of PYTORCH_CUDA_ALLOC_CONF and PYTORCH_ALLOC_CONF");
}

// cuBLAS has no version in libtorch's interface; its library is loaded already.
std::string cublas_version() {
  using Version = std::size_t (*)();
  const auto version = reinterpret_cast<Version>(::dlsym(RTLD_DEFAULT, "cublasLtGetVersion"));
  return version == nullptr ? "unknown" : std::to_string(version());
}

// How often CUDA had less memory than was asked for, even once libtorch had given back all that it kept for reuse. A
// plan of cuDNN's whose working memory is refused is replaced by another, for good, and nobody says so.
std::uint64_t refused_allocations(at::Device place) {
  return static_cast<std::uint64_t>(c10::cuda::CUDACachingAllocator::getDeviceStats(place.index()).num_ooms);
}

class CudaRecording final : public networks::Recording {
 public:
  void play() override { graph.replay(); }
  at::cuda::CUDAGraph graph;
  c10::MempoolId_t pool{0, 0};  // libtorch's for one of its own
};

class CudaRecorder final : public networks::Recorder {
 public:
  // CUDA does not record the default stream.
  explicit CudaRecorder(at::Device place)
      : place_(place), stream_(c10::impl::VirtualGuardImpl(place.type()).getStreamFromGlobalPool(place, false)) {}

  std::unique_ptr<networks::Recording> record(const std::function<void()>& work,
                                              const networks::Recording* beside) override {
    auto recording = std::make_unique<CudaRecording>();
    at::cuda::CUDAGraph& graph = recording->graph;
    // Memory that is kept for reuse cannot be turned to the recording's use while that is made.
    c10::cuda::CUDACachingAllocator::emptyCache();
    const std::uint64_t refused_before = refused_allocations(place_);
    const c10::StreamGuard guard(stream_);
    if (beside != nullptr) recording->pool = static_cast<const CudaRecording*>(beside)->pool;
    // Other threads load images and exchange gradients meanwhile: this thread's calls alone are watched.
    graph.capture_begin(recording->pool, cudaStreamCaptureModeThreadLocal);
    try {
      work();
    } catch (...) {
      try {
        graph.capture_end();
      } catch (const c10::Error&) {  // what broke the recording is thrown below
      }
      if (refused_allocations(place_) == refused_before + 1) add_refusal();
      throw;
    }
    graph.capture_end();
    recording->pool = graph.pool();
    return recording;
  }
  double free_memory() const override {
    c10::cuda::CUDACachingAllocator::emptyCache();
    std::size_t free = 0, total = 1;
    static_cast<void>(::cudaMemGetInfo(&free, &total));
    return static_cast<double>(free) / static_cast<double>(total);
  }

 private:
  at::Device place_;
  c10::Stream stream_;
};

class CudaDevice final : public Device {
 public:
  // Makes CUDA deterministic for this process, then takes GPU number process_rank modulo the visible ones.
  CudaDevice(int process_rank, settings::Precision precision) {
    make_deterministic(precision == settings::Precision::kTf32);
    const auto index = static_cast<c10::DeviceIndex>(process_rank % visible_gpus());
    if (!at::detail::getCUDAHooks().hasCUDA())
      throw not_available("libtorch was asked for CUDA before its CUDA libraries were loaded");
    c10::cuda::set_device(index);
    at::globalContext().lazyInitDevice(at::kCUDA);
    place_ = at::Device(at::kCUDA, index);
    expect_counting_allocator();
    read_properties(precision);
    recorder_ = std::make_unique<CudaRecorder>(place_);
  }

  at::Device place() const override { return place_; }
  NumericParts numeric_parts() const override { return parts_; }
  NumericParts remarks() const override {
    return {{"driver_needed", least_driver(runtime_version())},
            {"driver_serves", cuda_version(version_served_by_driver())},
            {"gpus", std::to_string(visible_gpus())}};
  }
  std::unique_ptr<Communicator> connect(std::unique_ptr<Communicator> host, std::chrono::milliseconds limit) override {
    return connect_nccl(std::move(host), place_, limit);
  }
  networks::Recorder* recorder() override { return recorder_.get(); }
  networks::NormKernels& norm_kernels() override {
    if (!norm_kernels_) {
      norm_kernels_ = load_norm_kernels(capability_, runtime_version());
      parts_.push_back(fused_norm_part());
    }
    return *norm_kernels_;
  }
  std::uint64_t memory_refusals() const override { return refused_allocations(place_) - recorder_->refusals(); }
  DeviceMemory memory() const override {
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(place_.index());
    constexpr auto kAll = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    std::size_t free = 0, total = 0;
    static_cast<void>(::cudaMemGetInfo(&free, &total));
    return {static_cast<std::uint64_t>(stats.allocated_bytes.at(kAll).peak), free, total};
  }
  std::string pci_address() const override { return address_; }

 private:
  void read_properties(settings::Precision precision) {
    const GpuProperties properties = gpu_properties(place_.index());
    expect_precision(properties.name, properties.capability, precision);
    capability_ = properties.capability;
    const auto& [domain, bus, device] = properties.address;
    address_ = fmt::format("{:08x}:{:02x}:{:02x}.0", domain, bus, device);
    std::string name = properties.name;
    std::replace(name.begin(), name.end(), ' ', '-');
    const at::Context& context = at::globalContext();
    const bool fused = __builtin_cpu_supports("fma");
    parts_ = {{"device", "cuda"},
              {"gpu", name},
              {"capability", fmt::format("{}.{}", properties.capability[0], properties.capability[1])},
              // A slice of a GPU has fewer, and kernels are chosen by their number.
              {"multiprocessors", std::to_string(properties.multiprocessors)},
              {"libtorch", TORCH_VERSION},
              {"cuda", cuda_version(runtime_version())},
              {"cudnn", std::to_string(at::detail::getCUDAHooks().versionRuntimeCuDNN())},
              {"cublas", cublas_version()},
              {"tf32", context.allowTF32CuDNN(at::Float32Op::CONV) && context.allowTF32CuBLAS() ? "on" : "off"},
              {"benchmark", context.benchmarkCuDNN() ? "on" : "off"},
              {"workspace", kCublasWorkspace},
              {"deterministic", context.deterministicAlgorithms() && context.deterministicCuDNN() ? "on" : "off"},
              // First weights are drawn on the CPU, where the C library's logarithm has two forms.
              {"host", fused ? "fma" : "plain"},
              {"threads", std::to_string(at::get_num_threads())}};
    // Only where one is set: classes of earlier versions stay what they were.
    if (std::string choices = settings::gpu_kernel_choices(); !choices.empty())
      parts_.emplace_back("kernels", std::move(choices));
  }

  at::Device place_{at::kCUDA, 0};
  std::string address_;
  std::array<int, 2> capability_{};
  NumericParts parts_;
  std::unique_ptr<networks::NormKernels> norm_kernels_;
  std::unique_ptr<CudaRecorder> recorder_;
};

}  // namespace

}  // namespace resolute::workers

#define RESOLUTE_SHOWN extern "C" __attribute__((visibility("default")))

RESOLUTE_SHOWN int resolute_cuda_interface_version() { return resolute::workers::kCudaInterfaceVersion; }

RESOLUTE_SHOWN resolute::workers::Device* resolute_open_cuda_device(int process_rank,
                                                                    resolute::settings::Precision precision) {
  return new resolute::workers::CudaDevice(process_rank, precision);
}
