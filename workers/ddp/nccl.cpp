#include "workers/ddp/nccl.h"

#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <nccl.h>

#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "core/error.h"
#include "core/process/listener.h"
#include "workers/ddp/gpu_properties.h"
#include "workers/ddp/roll_call.h"

namespace resolute::workers {
namespace {

using Clock = std::chrono::steady_clock;

void check_cuda(std::string_view what, cudaError_t result) {
  if (result == cudaSuccess) return;
  throw core::RuntimeError(core::ErrorKind::kEnvironment, fmt::format("{} failed", what), ::cudaGetErrorString(result),
                           "look at the GPU with nvidia-smi");
}

// A copy as a tensor on the CPU, as `host` exchanges it.
at::Tensor bytes_of(const void* data, std::size_t size) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(size)}, at::kByte);
  std::memcpy(tensor.mutable_data_ptr(), data, size);
  return tensor;
}

class NcclCommunicator final : public Communicator {
 public:
  NcclCommunicator(std::unique_ptr<Communicator> host, at::Device place, std::chrono::milliseconds limit)
      : host_(std::move(host)), place_(place), limit_(limit) {
    const c10::DeviceGuard guard(place_);
    expect_a_gpu_each();
    take_interface_of_host();
    check_cuda("making an event", ::cudaEventCreateWithFlags(&finished_, cudaEventDisableTiming));
    try {
      initialise();
    } catch (...) {
      release();
      throw;
    }
  }
  NcclCommunicator(const NcclCommunicator&) = delete;
  NcclCommunicator& operator=(const NcclCommunicator&) = delete;
  ~NcclCommunicator() override { release(); }

  int process_rank() const override { return host_->process_rank(); }
  int process_ranks() const override { return host_->process_ranks(); }
  std::vector<int> machines() const override { return host_->machines(); }

  void all_to_all(at::Tensor& to, const at::Tensor& from, const std::vector<std::int64_t>& receive_counts,
                  const std::vector<std::int64_t>& send_counts) override {
    if (from.is_cpu()) return host_->all_to_all(to, from, receive_counts, send_counts);
    const auto element = static_cast<std::size_t>(from.element_size());
    run("all-to-all", [&](cudaStream_t stream) {
      Group group(communicator_, stream);
      const char* source = static_cast<const char*>(from.const_data_ptr());
      char* target = static_cast<char*>(to.mutable_data_ptr());
      for (int rank = 0; rank < process_ranks(); ++rank) {
        const auto index = static_cast<std::size_t>(rank);
        const std::size_t sent = static_cast<std::size_t>(send_counts[index]) * element;
        const std::size_t received = static_cast<std::size_t>(receive_counts[index]) * element;
        if (sent > 0) group.send(source, sent, rank);
        if (received > 0) group.receive(target, received, rank);
        source += sent;
        target += received;
      }
      return group.end();
    });
  }
  // All use the one communicator: a split one for each machine and rail would take the GPU's memory and change no byte.
  void deliver(const std::vector<Parcel>& in, const std::vector<Parcel>& out) override {
    if (const auto& any = in.empty() ? out : in; any.empty() || any.front().elements.is_cpu())
      return host_->deliver(in, out);
    run("delivery", [&](cudaStream_t stream) {
      Group group(communicator_, stream);
      for (const auto& [rank, elements] : out) group.send(elements.const_data_ptr(), elements.nbytes(), rank);
      for (const auto& [rank, elements] : in) group.receive(elements.mutable_data_ptr(), elements.nbytes(), rank);
      return group.end();
    });
  }
  void all_gather(at::Tensor& to, const at::Tensor& from) override {
    if (from.is_cpu()) return host_->all_gather(to, from);
    run("all-gather", [&](cudaStream_t stream) {
      return ::ncclAllGather(from.const_data_ptr(), to.mutable_data_ptr(), from.nbytes(), ncclUint8, communicator_,
                             stream);
    });
  }
  void broadcast(at::Tensor& tensor) override {
    if (tensor.is_cpu()) return host_->broadcast(tensor);
    run("broadcast", [&](cudaStream_t stream) {
      void* data = tensor.mutable_data_ptr();
      return ::ncclBroadcast(data, data, tensor.nbytes(), ncclUint8, 0, communicator_, stream);
    });
  }
  // No exchange on the GPU is under way between two calls.
  void barrier() override { host_->barrier(); }

 private:
  // A communicator that does not block answers "in progress" where another would make its caller wait.
  static bool going(ncclResult_t result) { return result == ncclSuccess || result == ncclInProgress; }

  // Bytes between pairs of ranks, under way together.
  class Group {
   public:
    Group(ncclComm_t communicator, cudaStream_t stream)
        : communicator_(communicator), stream_(stream), result_(::ncclGroupStart()) {}
    void send(const void* data, std::size_t bytes, int rank) {
      if (going(result_)) result_ = ::ncclSend(data, bytes, ncclUint8, rank, communicator_, stream_);
    }
    void receive(void* data, std::size_t bytes, int rank) {
      if (going(result_)) result_ = ::ncclRecv(data, bytes, ncclUint8, rank, communicator_, stream_);
    }
    // Ends the group even where a call in it failed: the next group must not begin inside this one.
    ncclResult_t end() {
      const ncclResult_t end = ::ncclGroupEnd();
      return going(result_) ? end : result_;
    }

   private:
    ncclComm_t communicator_;
    cudaStream_t stream_;
    ncclResult_t result_;
  };

  // The identity of a rank's GPU: slices of one (MIG) have identities of their own and one address.
  struct Gpu {
    std::array<char, 16> identity{};
    std::array<int, 3> address{};  // on its machine
  };

  std::vector<Gpu> gpus_of_ranks() {
    const GpuProperties properties = gpu_properties(place_.index());
    const Gpu gpu{properties.identity, properties.address};
    at::Tensor all = at::empty({process_ranks() * static_cast<std::int64_t>(sizeof(Gpu))}, at::kByte);
    host_->all_gather(all, bytes_of(&gpu, sizeof(gpu)));
    std::vector<Gpu> gpus(static_cast<std::size_t>(process_ranks()));
    std::memcpy(gpus.data(), all.const_data_ptr(), all.nbytes());
    return gpus;
  }

  // NCCL refuses two ranks on one GPU too, and on two slices of one, in words that do not say so.
  void expect_a_gpu_each() {
    const std::vector<Gpu> gpus = gpus_of_ranks();
    const std::vector<int> machine = machines();
    for (std::size_t second = 1; second < gpus.size(); ++second)
      for (std::size_t first = 0; first < second; ++first) {
        const bool same = gpus[first].identity == gpus[second].identity;
        const bool slices =
            !machine.empty() && machine.at(first) == machine.at(second) && gpus[first].address == gpus[second].address;
        if (same || slices)
          throw core::RuntimeError(core::ErrorKind::kEnvironment,
                                   fmt::format("process ranks {} and {} have {}", first, second,
                                               same ? "the same GPU" : "slices of one GPU"),
                                   "NCCL needs a whole GPU per rank",
                                   "start no more ranks on a node than it has GPUs, or set CUDA_VISIBLE_DEVICES for "
                                   "each; lanes give the same bits on fewer ranks");
      }
  }

  // NCCL takes an interface by rules of its own; Gloo's is the one by which ranks have met. A user's choice stands.
  void take_interface_of_host() {
    constexpr const char* kVariable = "NCCL_SOCKET_IFNAME";
    RollCall* const roll_call = host_->roll_call();
    if (roll_call == nullptr || std::getenv(kVariable) != nullptr) return;
    const std::string& contact = roll_call->contact();
    // "=": this name, not names that begin so.
    if (const auto name = core::interface_with(contact.substr(0, contact.find(' '))))
      ::setenv(kVariable, ("=" + *name).c_str(), /*overwrite=*/0);
  }

  void initialise() {
    const Exchange exchange = enter("connecting with NCCL");
    ncclUniqueId id{};
    if (process_rank() == 0) settle(exchange, ::ncclGetUniqueId(&id));
    at::Tensor shared = bytes_of(&id, sizeof(id));
    host_->broadcast(shared);
    std::memcpy(&id, shared.const_data_ptr(), sizeof(id));
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;  // so that every wait is ours, with a limit
    settle(exchange, ::ncclCommInitRankConfig(&communicator_, process_ranks(), id, process_rank(), &config));
  }

  // One exchange as all ranks count them.
  struct Exchange {
    std::string_view what;
    std::uint64_t number = 0;
    Clock::time_point begun = Clock::now();
  };

  Exchange enter(std::string_view what) {
    RollCall* const roll_call = host_->roll_call();
    return {what, roll_call == nullptr ? 0 : roll_call->enter()};
  }

  template <class Enqueue>
  void run(std::string_view what, Enqueue enqueue) {
    const Exchange exchange = enter(what);
    if (communicator_ == nullptr) fail(exchange, "an exchange before it did");
    const c10::DeviceGuard guard(place_);
    const c10::Stream current = c10::impl::VirtualGuardImpl(at::kCUDA).getStream(place_);
    const cudaStream_t stream = c10::cuda::CUDAStream(current).stream();
    settle(exchange, enqueue(stream));
    check_cuda(what, ::cudaEventRecord(finished_, stream));
    wait(exchange, [&] {
      ncclResult_t state = ncclSuccess;
      if (const ncclResult_t asked = ::ncclCommGetAsyncError(communicator_, &state); !going(asked)) state = asked;
      if (!going(state)) fail(exchange, text_of(state));
      const cudaError_t query = ::cudaEventQuery(finished_);
      if (query != cudaErrorNotReady) check_cuda(what, query);
      // "Not ready" must not stay behind as the last error, which libtorch looks at after its own kernels.
      if (query == cudaErrorNotReady) static_cast<void>(::cudaGetLastError());
      return query == cudaSuccess;
    });
  }

  // Waits until NCCL has done what a call began.
  void settle(const Exchange& exchange, ncclResult_t result) {
    if (!going(result)) fail(exchange, text_of(result));
    if (result == ncclSuccess) return;
    wait(exchange, [&] {
      ncclResult_t state = ncclInProgress;
      if (const ncclResult_t asked = ::ncclCommGetAsyncError(communicator_, &state); !going(asked)) state = asked;
      if (!going(state)) fail(exchange, text_of(state));
      return state == ncclSuccess;
    });
  }

  template <class Done>
  void wait(const Exchange& exchange, Done done) {
    constexpr int kEagerPolls = 2000;     // some tenths of a millisecond: most exchanges end sooner
    constexpr int kRollCallPolls = 2000;  // a tenth of a second
    for (int polls = 0; !done(); ++polls) {
      if (Clock::now() - exchange.begun > limit_)
        fail(exchange, fmt::format("not done within {} s", std::chrono::duration<double>(limit_).count()));
      // NCCL does not see that a process has gone; the roll call does.
      if (RollCall* const roll_call = host_->roll_call(); roll_call != nullptr && polls % kRollCallPolls == 1)
        if (const std::optional<int> rank = roll_call->gone())
          fail(exchange, fmt::format("process rank {} is gone", *rank));
      if (polls < kEagerPolls)
        std::this_thread::yield();
      else
        std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
  }

  std::string text_of(ncclResult_t result) const {
    const char* last = ::ncclGetLastError(communicator_);
    const std::string detail = last == nullptr ? "" : last;
    const std::string text = ::ncclGetErrorString(result);
    const std::string line = detail.substr(0, detail.find('\n'));
    // A container's is 64 MB where nobody asks for more.
    const std::string hint =
        line.find("/dev/shm") == std::string::npos ? "" : "; start the container with --shm-size=1g";
    return line.empty() ? text : text + ": " + line + hint;
  }

  // The culprit, as far as the signs of life tell.
  [[noreturn]] void fail(const Exchange& exchange, const std::string& why) {
    release();
    const std::string cause = fmt::format("{}: {}", exchange.what, why);
    const double waited = std::chrono::duration<double>(Clock::now() - exchange.begun).count();
    if (RollCall* const roll_call = host_->roll_call(); roll_call != nullptr)
      throw absence_error(process_rank(), exchange.number, waited, cause, roll_call->look());
    throw core::RuntimeError(core::ErrorKind::kTransient, fmt::format("process rank {} failed", process_rank()), cause);
  }

  // Ends what still runs on the GPU, waiting for no peer: a destructor that waited could wait for ever.
  void release() noexcept {
    if (communicator_ != nullptr) ::ncclCommAbort(std::exchange(communicator_, nullptr));
    if (finished_ != nullptr) ::cudaEventDestroy(std::exchange(finished_, nullptr));
  }

  std::unique_ptr<Communicator> host_;
  at::Device place_;
  std::chrono::milliseconds limit_;
  ncclComm_t communicator_ = nullptr;  // null once an exchange has failed
  cudaEvent_t finished_ = nullptr;
};

}  // namespace

std::unique_ptr<Communicator> connect_nccl(std::unique_ptr<Communicator> host, at::Device place,
                                           std::chrono::milliseconds limit) {
  return std::make_unique<NcclCommunicator>(std::move(host), place, limit);
}

}  // namespace resolute::workers
