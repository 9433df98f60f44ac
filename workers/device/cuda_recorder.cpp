#include "workers/device/cuda_recorder.h"

#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <cuda_runtime_api.h>

namespace resolute::workers {
namespace {

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

}  // namespace

std::uint64_t refused_allocations(at::Device place) {
  return static_cast<std::uint64_t>(c10::cuda::CUDACachingAllocator::getDeviceStats(place.index()).num_ooms);
}

std::unique_ptr<networks::Recorder> make_cuda_recorder(at::Device place) {
  return std::make_unique<CudaRecorder>(place);
}

}  // namespace resolute::workers
