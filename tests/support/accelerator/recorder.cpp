#include "tests/support/accelerator/recorder.h"

#include <c10/core/StreamGuard.h>

#include <atomic>

#include "tests/support/accelerator/kernels.h"
#include "tests/support/accelerator/memory.h"
#include "tests/support/accelerator/streams.h"

namespace resolute::accelerator {
namespace {

// Streams that record have these numbers and more: each a pool of memory.
constexpr std::int64_t kFirstPool = 1 << 20;

struct SimulatedRecording final : networks::Recording {
  SimulatedRecording(at::Device where, std::int64_t stream) : device(where), pool(stream) {
    join_pool({device.index(), pool});
  }
  ~SimulatedRecording() override { leave_pool({device.index(), pool}); }
  void play() override {
    streams().enqueue(current_stream(device), "recording", [kernels = kernels] {
      for (const auto& kernel : *kernels) kernel();
    });
  }

  const at::Device device;
  const std::int64_t pool;
  std::shared_ptr<const std::vector<std::function<void()>>> kernels;
};

class SimulatedRecorder final : public networks::Recorder {
 public:
  SimulatedRecorder(at::Device place, int most) : place_(place), left_(most) {}

  std::unique_ptr<networks::Recording> record(const std::function<void()>& work,
                                              const networks::Recording* beside) override {
    static std::atomic<std::int64_t> next = kFirstPool;
    const std::int64_t pool = beside == nullptr ? next++ : static_cast<const SimulatedRecording*>(beside)->pool;
    auto recording = std::make_unique<SimulatedRecording>(place_, pool);
    const StreamKey key{place_.index(), pool};
    const std::uint64_t refused_before = memory_use().refusals;
    const c10::StreamGuard guard(c10::Stream(c10::Stream::UNSAFE, place_, pool));
    streams().begin_recording(key);
    try {
      TORCH_CHECK_WITH(OutOfMemoryError, left_-- > 0, "accelerator: no memory for a recording");
      work();
    } catch (...) {
      streams().end_recording(key);
      if (memory_use().refusals == refused_before + 1) add_refusal();
      throw;
    }
    recording->kernels = std::make_shared<std::vector<std::function<void()>>>(streams().end_recording(key));
    return recording;
  }
  double free_memory() const override {
    const MemoryUse use = memory_use();
    return 1 - static_cast<double>(use.taken) / static_cast<double>(use.limit);
  }

 private:
  at::Device place_;
  int left_;
};

}  // namespace

std::unique_ptr<networks::Recorder> make_recorder(at::Device place, int most_recordings) {
  return std::make_unique<SimulatedRecorder>(place, most_recordings);
}

}  // namespace resolute::accelerator
