//! \file
//! What libtorch asks of a device: allocators, guard, streams, events, hooks; and the Device that the product opens.

#include <ATen/detail/PrivateUse1HooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <array>
#include <cstring>
#include <limits>

#include "core/error.h"
#include "networks/torch.h"
#include "tests/support/accelerator/accelerator.h"
#include "tests/support/accelerator/kernels.h"
#include "tests/support/accelerator/memory.h"
#include "tests/support/accelerator/norm_kernels.h"
#include "tests/support/accelerator/recorder.h"
#include "workers/ddp/through_host.h"
#include "workers/device/numeric_class.h"

namespace resolute::accelerator {
namespace {

constexpr std::int64_t kPool = 32;  // streams of a device, as CUDA has

thread_local c10::DeviceIndex current_device = 0;
thread_local std::array<c10::StreamId, kDevices> current_streams{};

c10::Stream stream_of(c10::DeviceIndex device, c10::StreamId id) {
  return c10::Stream(c10::Stream::UNSAFE, c10::Device(kDevice, device), id);
}

c10::DeviceIndex index_of(c10::Device device) { return device.has_index() ? device.index() : current_device; }

StreamKey key_of(const c10::Stream& stream) { return {stream.device_index(), stream.id()}; }

class DeviceAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    const auto stream = current_streams.at(static_cast<std::size_t>(current_device));
    void* address = take_device_memory(bytes, {current_device, stream});
    return {address, address, give_device_memory_back, c10::Device(kDevice, current_device)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return give_device_memory_back; }
  void copy_data(void*, const void*, std::size_t) const override {
    TORCH_CHECK(false, "accelerator: memory is copied by kernels");
  }
};

class PinnedAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    void* address = take_pinned_memory(bytes);
    return {address, address, give_pinned_memory_back, c10::DeviceType::CPU};
  }
  c10::DeleterFnPtr raw_deleter() const override { return give_pinned_memory_back; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { std::memcpy(to, from, bytes); }
};

DeviceAllocator device_allocator;
PinnedAllocator pinned_allocator;
REGISTER_ALLOCATOR(c10::DeviceType::PrivateUse1, &device_allocator)

// An event is the last mark that was recorded with it.
struct Event {
  MarkPointer mark;
};

struct Guard final : c10::impl::DeviceGuardImplInterface {
  c10::DeviceType type() const override { return kDevice; }
  c10::Device getDevice() const override { return {kDevice, current_device}; }
  void setDevice(c10::Device device) const override {
    if (streams().sets_device()) current_device = index_of(device);
  }
  void uncheckedSetDevice(c10::Device device) const noexcept override { current_device = index_of(device); }
  c10::Device exchangeDevice(c10::Device device) const override {
    const c10::Device before = getDevice();
    setDevice(device);
    return before;
  }
  c10::DeviceIndex deviceCount() const noexcept override { return kDevices; }

  c10::Stream getStream(c10::Device device) const override {
    return stream_of(index_of(device), current_streams.at(static_cast<std::size_t>(index_of(device))));
  }
  c10::Stream getDefaultStream(c10::Device device) const override { return stream_of(index_of(device), 0); }
  c10::Stream getStreamFromGlobalPool(c10::Device device, bool) const override {
    static std::atomic<std::int64_t> next = 0;
    return stream_of(index_of(device), 1 + next++ % kPool);
  }
  c10::Stream getNewStream(c10::Device device, int) const override { return getStreamFromGlobalPool(device, false); }
  c10::Stream exchangeStream(c10::Stream stream) const override {
    const c10::Stream before = getStream(stream.device());
    current_streams.at(static_cast<std::size_t>(stream.device_index())) = stream.id();
    return before;
  }
  bool queryStream(const c10::Stream& stream) const override { return streams().query(streams().mark(key_of(stream))); }
  void synchronizeStream(const c10::Stream& stream) const override {
    streams().reach(streams().mark(key_of(stream)), "synchronize stream");
  }
  void synchronizeDevice(const c10::DeviceIndex device) const override {
    streams().reach_all(device, "synchronize device");
  }

  void record(void** event, const c10::Stream& stream, const c10::DeviceIndex, const c10::EventFlag) const override {
    if (*event == nullptr) *event = new Event;
    static_cast<Event*>(*event)->mark = streams().mark(key_of(stream));
  }
  void block(void* event, const c10::Stream& stream) const override {
    if (event != nullptr) streams().wait(key_of(stream), static_cast<Event*>(event)->mark);
  }
  bool queryEvent(void* event) const override {
    return event == nullptr || streams().query(static_cast<Event*>(event)->mark);
  }
  void synchronizeEvent(void* event) const override {
    if (event != nullptr) streams().reach(static_cast<Event*>(event)->mark, "synchronize event");
  }
  void destroyEvent(void* event, const c10::DeviceIndex) const noexcept override { delete static_cast<Event*>(event); }
};
C10_REGISTER_GUARD_IMPL(PrivateUse1, Guard)

struct Hooks final : at::PrivateUse1HooksInterface {
  bool isBuilt() const override { return true; }
  bool isAvailable() const override { return true; }
  bool hasPrimaryContext(at::DeviceIndex) const override { return true; }
  at::DeviceIndex deviceCount() const override { return kDevices; }
  at::DeviceIndex getCurrentDevice() const override { return current_device; }
  void setCurrentDevice(at::DeviceIndex device) const override { current_device = device; }
  at::DeviceIndex exchangeDevice(at::DeviceIndex device) const override {
    return std::exchange(current_device, device);
  }
  at::DeviceIndex maybeExchangeDevice(at::DeviceIndex device) const override { return exchangeDevice(device); }
  bool isPinnedPtr(const void* data) const override { return is_pinned(data); }
  at::Allocator* getPinnedMemoryAllocator() const override { return &pinned_allocator; }
  at::Device getDeviceFromPtr(void*) const override { return {kDevice, current_device}; }
};

// From here on libtorch holds PrivateUse1 for the accelerator of the process, a GPU or not: its autograd engine then
// knows no streams of CUDA. So a process that opens a GPU must not come here.
void register_once() {
  static const bool registered = [] {
    c10::register_privateuse1_backend("accelerator");
    at::RegisterPrivateUse1HooksInterface(new Hooks);
    return true;
  }();
  static_cast<void>(registered);
}

class SimulatedDevice final : public workers::Device {
 public:
  SimulatedDevice(c10::DeviceIndex index, settings::Precision precision) : index_(index), precision_(precision) {}
  at::Device place() const override { return {kDevice, index_}; }
  workers::NumericParts numeric_parts() const override {
    workers::NumericParts parts = workers::cpu_numeric_parts();
    parts.front() = {"device", "simulated"};
    parts.emplace_back("tf32", precision_ == settings::Precision::kTf32 ? "on" : "off");
    if (norm_kernels_) parts.push_back(workers::fused_norm_part());
    return parts;
  }
  std::unique_ptr<workers::Communicator> connect(std::unique_ptr<workers::Communicator> host,
                                                 std::chrono::milliseconds) override {
    return std::make_unique<workers::ThroughHost>(std::move(host));
  }
  networks::Recorder* recorder() override { return recorder_.get(); }
  networks::NormKernels& norm_kernels() override {
    if (!norm_kernels_) norm_kernels_ = make_norm_kernels(place());
    return *norm_kernels_;
  }
  std::uint64_t memory_refusals() const override {
    return memory_use().refusals - refused_before_ - recorder_->refusals();
  }
  workers::DeviceMemory memory() const override {
    const MemoryUse use = memory_use();
    return {use.most, use.limit - use.taken, use.limit};
  }
  std::string pci_address() const override { return fmt::format("00000000:3b:{:02x}.0", index_); }

 private:
  c10::DeviceIndex index_;
  settings::Precision precision_;
  std::uint64_t refused_before_ = memory_use().refusals;  // of another device of this process
  std::unique_ptr<networks::Recorder> recorder_ = make_recorder(place(), std::numeric_limits<int>::max());
  std::unique_ptr<networks::NormKernels> norm_kernels_;
};

}  // namespace

std::unique_ptr<workers::Device> open(int process_rank, settings::Precision precision) {
  register_once();
  // The product knows which of oneDNN's kernels are wrong on a CPU (networks/nn/layers.cpp); here it thinks of a GPU.
  at::globalContext().setUserEnabledMkldnn(false);
  // Never device 0: there a thread is that does not say where.
  return std::make_unique<SimulatedDevice>(static_cast<c10::DeviceIndex>(1 + process_rank % (kDevices - 1)), precision);
}

}  // namespace resolute::accelerator
