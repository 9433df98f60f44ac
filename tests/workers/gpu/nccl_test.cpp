// The communicator over NCCL without a GPU: NCCL and CUDA are stand-ins below that record what they are asked for and
// answer as the real ones do where calls do not block. What is tested is ours: who is sent what, that an exchange has
// ended when it returns, and how one that does not ends.

#include "workers/ddp/nccl.h"

#include <arpa/inet.h>
#include <c10/core/impl/FakeGuardImpl.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <nccl.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/process/process.h"
#include "tests/support/refusal.h"
#include "workers/ddp/roll_call.h"

namespace {

struct Stage {
  std::vector<std::string> calls;
  int polls_until_settled = 0;   // of a call that answers "in progress"
  int polls_until_finished = 0;  // of an event
  bool peer_is_lost = false;
  bool ranks_apart = false;  // each on a machine of its own
  ncclResult_t next_state = ncclSuccess;
  int settling = 0, finishing = 0;
  cudaError_t last_error = cudaSuccess;
  bool aborted = false;
};
Stage stage;

// A thread works on GPU 0 unless it says otherwise.
void expect_own_gpu() { EXPECT_EQ(1, c10::impl::FakeGuardImpl<c10::DeviceType::CUDA>::getDeviceIndex()); }

ncclResult_t answer(std::string call) {
  stage.calls.push_back(std::move(call));
  stage.settling = stage.polls_until_settled;
  return stage.polls_until_settled > 0 ? ncclInProgress : ncclSuccess;
}

const auto kCommunicator = reinterpret_cast<ncclComm_t>(0x10);

}  // namespace

extern "C" {

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  std::memset(id, 7, sizeof(*id));
  return ncclSuccess;
}
ncclResult_t ncclCommInitRankConfig(ncclComm_t* made, int ranks, ncclUniqueId id, int rank, ncclConfig_t* config) {
  expect_own_gpu();
  EXPECT_EQ(0, config->blocking);
  EXPECT_EQ(7, id.internal[127]);
  *made = kCommunicator;
  return answer("connect " + std::to_string(rank) + " of " + std::to_string(ranks));
}
ncclResult_t ncclCommGetAsyncError(ncclComm_t, ncclResult_t* state) {
  *state = stage.settling-- > 0 ? ncclInProgress : stage.next_state;
  return ncclSuccess;
}
ncclResult_t ncclCommAbort(ncclComm_t communicator) {
  EXPECT_EQ(kCommunicator, communicator);
  EXPECT_FALSE(stage.aborted);
  stage.aborted = true;
  return ncclSuccess;
}
ncclResult_t ncclGroupStart() {
  stage.calls.push_back("begin");
  return ncclSuccess;
}
ncclResult_t ncclGroupEnd() { return answer("end"); }
ncclResult_t ncclSend(const void* data, std::size_t count, ncclDataType_t type, int rank, ncclComm_t, cudaStream_t) {
  expect_own_gpu();
  EXPECT_EQ(ncclUint8, type);
  stage.calls.push_back("send " + std::to_string(count) + " at " +
                        std::to_string(reinterpret_cast<std::uintptr_t>(data)) + " to " + std::to_string(rank));
  return ncclSuccess;
}
ncclResult_t ncclRecv(void* data, std::size_t count, ncclDataType_t, int rank, ncclComm_t, cudaStream_t) {
  stage.calls.push_back("receive " + std::to_string(count) + " at " +
                        std::to_string(reinterpret_cast<std::uintptr_t>(data)) + " from " + std::to_string(rank));
  return ncclSuccess;
}
ncclResult_t ncclAllGather(const void*, void*, std::size_t count, ncclDataType_t, ncclComm_t, cudaStream_t) {
  expect_own_gpu();
  return answer("gather " + std::to_string(count));
}
ncclResult_t ncclBroadcast(const void*, void*, std::size_t count, ncclDataType_t, int root, ncclComm_t, cudaStream_t) {
  expect_own_gpu();
  return answer("broadcast " + std::to_string(count) + " from " + std::to_string(root));
}
const char* ncclGetErrorString(ncclResult_t) { return "remote process exited"; }
const char* ncclGetLastError(ncclComm_t) { return "socket closed\nand more"; }

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  std::memset(&properties->uuid, 1, sizeof(properties->uuid));
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  *value = attribute == cudaDevAttrPciBusId ? 2 : 0;
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  expect_own_gpu();
  EXPECT_EQ(cudaEventDisableTiming, flags);
  *event = reinterpret_cast<cudaEvent_t>(0x20);
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t) { return cudaSuccess; }
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) {
  expect_own_gpu();
  stage.calls.push_back("mark");
  stage.finishing = stage.polls_until_finished;
  return cudaSuccess;
}
cudaError_t cudaEventQuery(cudaEvent_t) {
  stage.last_error = stage.peer_is_lost || stage.finishing-- > 0 ? cudaErrorNotReady : cudaSuccess;
  return stage.last_error;
}
cudaError_t cudaGetLastError() { return std::exchange(stage.last_error, cudaSuccess); }
const char* cudaGetErrorString(cudaError_t) { return "a CUDA error"; }

}  // extern "C"

cudaStream_t c10::cuda::CUDAStream::stream() const { return nullptr; }
C10_REGISTER_GUARD_IMPL(CUDA, c10::impl::FakeGuardImpl<c10::DeviceType::CUDA>)

namespace resolute::workers::nccl_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto kLimit = std::chrono::seconds(1);      // of what never comes
constexpr auto kPatience = std::chrono::seconds(60);  // with what comes, however busy the machine is
const at::Device kGpu(at::kCUDA, 1);                  // not a thread's first one

// The ranks before and after number 1 have this: a GPU of their own, rank 1's, or another slice of rank 1's.
enum class Gpus { kOwn, kSame, kSlices };

// Process rank 1 of some, the others' answers made up.
class Host final : public Communicator {
 public:
  Host(int ranks, Gpus gpus, RollCall* roll_call) : ranks_(ranks), gpus_(gpus), roll_call_(roll_call) {}
  int process_rank() const override { return 1; }
  int process_ranks() const override { return ranks_; }
  void all_to_all(at::Tensor&, const at::Tensor&, const std::vector<std::int64_t>&,
                  const std::vector<std::int64_t>&) override {
    stage.calls.push_back("host all-to-all");
  }
  std::vector<int> machines() const override {
    std::vector<int> of_ranks(static_cast<std::size_t>(ranks_), 7);
    of_ranks[0] = 0;
    of_ranks[1] = stage.ranks_apart ? 3 : 0;
    return of_ranks;
  }
  void deliver(const std::vector<Parcel>&, const std::vector<Parcel>&) override {
    stage.calls.push_back("host delivery");
  }
  void all_gather(at::Tensor& to, const at::Tensor& from) override {
    at::Tensor rows = to.view({ranks_, from.numel()});
    for (int rank = 0; rank < ranks_; ++rank) {
      rows[rank].copy_(from);
      if (rank != 1 && gpus_ != Gpus::kSame) rows[rank].slice(0, 0, sizeof(cudaUUID_t)).add_(rank + 1);
      if (rank != 1 && gpus_ == Gpus::kOwn) rows[rank].slice(0, sizeof(cudaUUID_t)).add_(rank + 1);
    }
  }
  void broadcast(at::Tensor& tensor) override { tensor.fill_(7); }
  void barrier() override { stage.calls.push_back("host barrier"); }
  RollCall* roll_call() override { return roll_call_; }

 private:
  int ranks_;
  Gpus gpus_;
  RollCall* roll_call_;
};

class NcclTest : public testing::Test {
 protected:
  NcclTest() { stage = {}; }
  void connect(int ranks, Gpus gpus = Gpus::kOwn, RollCall* roll_call = nullptr) {
    communicator_ = connect_nccl(std::make_unique<Host>(ranks, gpus, roll_call), kGpu, limit_);
  }
  // A tensor that says it lies on the GPU, at an address.
  static at::Tensor on_gpu(std::uintptr_t address, std::int64_t elements) {
    return at::for_blob(reinterpret_cast<void*>(address), {elements})
        .options(at::TensorOptions(at::kFloat).device(kGpu))
        .target_device(kGpu)
        .make_tensor();
  }
  core::RuntimeError failure_of_a_gather() {
    at::Tensor to = on_gpu(4096, 20);
    try {
      communicator_->all_gather(to, on_gpu(8192, 10));
    } catch (const core::RuntimeError& error) {
      return error;
    }
    throw std::logic_error("it did not fail");
  }
  std::chrono::milliseconds limit_ = kPatience;
  std::unique_ptr<Communicator> communicator_;
};

TEST_F(NcclTest, connects_without_blocking_and_waits_itself) {
  stage.polls_until_settled = 5;
  connect(3);
  EXPECT_THAT(stage.calls, ElementsAre("connect 1 of 3"));
  EXPECT_LT(stage.settling, 0);
  EXPECT_EQ(3, communicator_->process_ranks());
  communicator_.reset();
  EXPECT_TRUE(stage.aborted);
}

TEST_F(NcclTest, all_to_all_sends_each_rank_its_part_in_one_group) {
  connect(3);
  stage.calls.clear();
  at::Tensor to = on_gpu(0x10000, 9);
  communicator_->all_to_all(to, on_gpu(0x20000, 6), {2, 3, 4}, {5, 0, 1});
  const auto at = [](std::uintptr_t begin, int elements) {
    return std::to_string(begin + sizeof(float) * static_cast<std::size_t>(elements));
  };
  EXPECT_THAT(
      stage.calls,
      ElementsAre("begin", "send 20 at " + at(0x20000, 0) + " to 0", "receive 8 at " + at(0x10000, 0) + " from 0",
                  "receive 12 at " + at(0x10000, 2) + " from 1", "send 4 at " + at(0x20000, 5) + " to 2",
                  "receive 16 at " + at(0x10000, 5) + " from 2", "end", "mark"));
}

TEST_F(NcclTest, a_delivery_goes_to_its_ranks_alone_in_one_group) {
  connect(5);
  stage.calls.clear();
  communicator_->deliver({{0, on_gpu(0x1000, 2)}, {3, on_gpu(0x2000, 3)}}, {{3, on_gpu(0x3000, 4)}});
  EXPECT_THAT(stage.calls, ElementsAre("begin", "send 16 at 12288 to 3", "receive 8 at 4096 from 0",
                                       "receive 12 at 8192 from 3", "end", "mark"));
}

TEST_F(NcclTest, machines_are_those_of_the_host) {
  connect(3);
  EXPECT_THAT(communicator_->machines(), ElementsAre(0, 0, 7));
}

TEST_F(NcclTest, an_exchange_has_ended_when_it_returns) {
  connect(2);
  stage.calls.clear();
  stage.polls_until_settled = 3;
  stage.polls_until_finished = 2100;  // some more than it makes without sleeping
  at::Tensor to = on_gpu(4096, 20);
  communicator_->all_gather(to, on_gpu(8192, 10));
  EXPECT_THAT(stage.calls, ElementsAre("gather 40", "mark"));
  EXPECT_LT(stage.finishing, 0);
  EXPECT_EQ(cudaSuccess, stage.last_error) << "\"not ready\" was left behind";
  communicator_->broadcast(to);
  EXPECT_THAT(stage.calls, ElementsAre("gather 40", "mark", "broadcast 80 from 0", "mark"));
}

TEST_F(NcclTest, tensors_on_the_cpu_and_barriers_go_through_the_host) {
  connect(2);
  stage.calls.clear();
  at::Tensor to = at::zeros({2});
  communicator_->all_to_all(to, at::zeros({2}), {1, 1}, {1, 1});
  communicator_->deliver({{0, to}}, {{0, at::zeros({2})}});
  communicator_->barrier();
  EXPECT_THAT(stage.calls, ElementsAre("host all-to-all", "host delivery", "host barrier"));
}

TEST_F(NcclTest, a_peer_that_never_comes_ends_the_exchange_and_frees_the_gpu) {
  limit_ = kLimit;
  connect(2);
  stage.peer_is_lost = true;
  const core::RuntimeError error = failure_of_a_gather();
  EXPECT_EQ(core::ErrorKind::kTransient, error.kind());
  EXPECT_THAT(error.what(), HasSubstr("all-gather: not done within 1 s"));
  EXPECT_TRUE(stage.aborted);
  // And no other exchange is tried.
  stage.calls.clear();
  EXPECT_THAT(failure_of_a_gather().what(), HasSubstr("an exchange before it did"));
  EXPECT_TRUE(stage.calls.empty());
}

TEST_F(NcclTest, who_is_missing_is_named) {
  limit_ = kLimit;
  RollCall roll_call("127.0.0.1", "secret", 1, 2);
  roll_call.begin({"127.0.0.1 9", roll_call.contact()});
  connect(2, Gpus::kOwn, &roll_call);
  stage.peer_is_lost = true;
  EXPECT_THAT(failure_of_a_gather().what(), HasSubstr("process rank 0"));
}

TEST_F(NcclTest, nccl_uses_the_interface_by_which_ranks_met_unless_the_user_names_one) {
  RollCall roll_call("127.0.0.1", "secret", 1, 2);
  ::unsetenv("NCCL_SOCKET_IFNAME");
  connect(2, Gpus::kOwn, &roll_call);
  EXPECT_STREQ("=lo", std::getenv("NCCL_SOCKET_IFNAME"));
  communicator_.reset();
  stage = {};
  ::setenv("NCCL_SOCKET_IFNAME", "ib0", 1);
  connect(2, Gpus::kOwn, &roll_call);
  EXPECT_STREQ("ib0", std::getenv("NCCL_SOCKET_IFNAME"));
  ::unsetenv("NCCL_SOCKET_IFNAME");
}

// The words of `from` to a socket of the test's own are passed on to `to`: `count` datagrams, as of a rank that is
// killed then.
class Relay {
 public:
  Relay() {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    EXPECT_EQ(0, ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address_), size));
    EXPECT_EQ(0, ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address_), &size));
  }
  std::string contact() const { return fmt::format("127.0.0.1 {}", ntohs(address_.sin_port)); }
  void pass_on(int count, const RollCall& to) const {
    sockaddr_in target = address_;
    const std::string contact = to.contact();
    target.sin_port = htons(static_cast<std::uint16_t>(std::stoi(contact.substr(contact.find(' ') + 1))));
    std::array<char, 100> buffer{};
    for (int passed = 0; passed < count; ++passed) {
      const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      ASSERT_EQ(size, ::sendto(socket_.get(), buffer.data(), static_cast<std::size_t>(size), 0,
                               reinterpret_cast<const sockaddr*>(&target), sizeof target));
    }
  }

 private:
  core::FileDescriptor socket_{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address_{};
};

// Long before the exchange's limit of a minute. On a machine that does other things one try may take longer.
TEST_F(NcclTest, a_peer_that_is_gone_ends_the_exchange_within_five_seconds) {
  limit_ = std::chrono::minutes(1);
  const auto seconds_of_a_gather = [&](bool says_so) {
    stage = {};
    RollCall own("127.0.0.1", "secret", 1, 2);
    std::optional<RollCall> peer;
    peer.emplace("127.0.0.1", "secret", 0, 2);
    const Relay relay;
    peer->begin({peer->contact(), says_so ? own.contact() : relay.contact()});
    own.begin({peer->contact(), own.contact()});
    connect(2, Gpus::kOwn, &own);
    stage.peer_is_lost = true;
    // Who is killed does not say so.
    if (!says_so) relay.pass_on(3, own);
    peer.reset();
    const auto begun = std::chrono::steady_clock::now();
    EXPECT_THAT(failure_of_a_gather().what(), HasSubstr("process rank 0 did not arrive"));
    EXPECT_TRUE(stage.aborted);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  };
  for (const bool says_so : {true, false}) {
    double shortest = seconds_of_a_gather(says_so);
    for (int again = 0; again < 2 && shortest >= 5; ++again)
      shortest = std::min(shortest, seconds_of_a_gather(says_so));
    EXPECT_LT(shortest, 5) << says_so;
  }
}

TEST_F(NcclTest, what_nccl_reports_ends_the_exchange_at_once) {
  connect(2);
  stage.peer_is_lost = true;
  stage.next_state = ncclRemoteError;
  EXPECT_THAT(failure_of_a_gather().what(), HasSubstr("remote process exited: socket closed"));
  EXPECT_TRUE(stage.aborted);
}

TEST_F(NcclTest, ranks_on_one_gpu_are_refused_before_nccl_is_asked) {
  EXPECT_THAT([&] { connect(2, Gpus::kSame); },
              tests::fails(core::ErrorKind::kEnvironment, HasSubstr("process ranks 0 and 1 have the same GPU")));
  EXPECT_TRUE(stage.calls.empty());
}

TEST_F(NcclTest, slices_of_one_gpu_are_refused_on_one_machine_alone) {
  EXPECT_THAT([&] { connect(3, Gpus::kSlices); },
              tests::fails(core::ErrorKind::kEnvironment, HasSubstr("process ranks 0 and 1 have slices of one GPU")));
  EXPECT_TRUE(stage.calls.empty());
  // Rank 2 is on another machine, where a GPU may have the same address.
  stage.ranks_apart = true;
  connect(3, Gpus::kSlices);
  EXPECT_THAT(stage.calls, ElementsAre("connect 1 of 3"));
}

}  // namespace
}  // namespace resolute::workers::nccl_test
