#include "workers/ddp/gloo.h"

// The wheel holds Gloo but not its headers: Debian's are of another version. So gloo's objects are only passed on as
// opaque pointers, and this is the only file that sees them.
#define USE_C10D_GLOO 1
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <utility>

#include "core/error.h"
#include "core/process.h"

namespace resolute::workers {
namespace {

// libtorch's texts carry a C++ stack after the first line.
std::string first_line(const char* text) {
  std::string_view view(text);
  return std::string(view.substr(0, view.find('\n')));
}

core::RuntimeError peer_error(std::string_view what, const std::exception& error) {
  return core::RuntimeError(core::ErrorKind::kTransient, what, first_line(error.what()),
                            "look at the other process ranks' logs");
}

// The address of this host that the rendezvous is reached from: on a node with several networks Gloo must use the same
// one. No packet is sent: connecting a datagram socket only asks the routing table.
std::string local_address_towards(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); code != 0)
    throw core::input_error(fmt::format("rendezvous host '{}' has no address", host), ::gai_strerror(code));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> release(found, &::freeaddrinfo);
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const core::FileDescriptor socket(::socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket.valid() || ::connect(socket.get(), address->ai_addr, address->ai_addrlen) != 0) continue;
    sockaddr_storage local{};
    socklen_t size = sizeof(local);
    char text[NI_MAXHOST] = {};
    if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&local), &size) == 0 &&
        ::getnameinfo(reinterpret_cast<sockaddr*>(&local), size, text, sizeof(text), nullptr, 0, NI_NUMERICHOST) == 0)
      return text;
  }
  throw core::RuntimeError(core::ErrorKind::kTransient, fmt::format("no route to rendezvous host '{}'", host));
}

class GlooCommunicator final : public Communicator {
 public:
  explicit GlooCommunicator(c10::intrusive_ptr<c10d::ProcessGroupGloo> group) : group_(std::move(group)) {}
  int process_rank() const override { return group_->getRank(); }
  int process_ranks() const override { return group_->getSize(); }

  void all_to_all(at::Tensor& to, const at::Tensor& from, const std::vector<std::int64_t>& receive_counts,
                  const std::vector<std::int64_t>& send_counts) override {
    guarded("all-to-all", [&] {
      at::Tensor source = from;
      auto receive = receive_counts;
      auto send = send_counts;
      group_->alltoall_base(to, source, receive, send)->wait();
    });
  }
  void all_gather(at::Tensor& to, const at::Tensor& from) override {
    guarded("all-gather", [&] {
      at::Tensor source = from;
      group_->_allgather_base(to, source)->wait();
    });
  }
  void broadcast(at::Tensor& tensor) override {
    guarded("broadcast", [&] {
      std::vector<at::Tensor> tensors{tensor};
      group_->broadcast(tensors)->wait();
    });
  }
  void barrier() override {
    guarded("barrier", [&] { group_->barrier()->wait(); });
  }

 private:
  template <class Call>
  void guarded(std::string_view what, Call call) {
    try {
      call();
    } catch (const std::exception& error) {
      throw peer_error(fmt::format("{} of process rank {} failed", what, process_rank()), error);
    }
  }

  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
};

}  // namespace

std::unique_ptr<Communicator> connect_gloo(const Rendezvous& rendezvous, int process_rank, int process_ranks) {
  RESOLUTE_EXPECT(process_ranks >= 2 && process_rank >= 0 && process_rank < process_ranks, "a group needs two ranks");
  const std::string address = local_address_towards(rendezvous.host, rendezvous.port);
  try {
    c10d::TCPStoreOptions options;
    options.port = rendezvous.port;
    options.isServer = process_rank == 0;
    options.numWorkers = static_cast<std::size_t>(process_ranks);
    options.timeout = rendezvous.connect_limit;
    if (process_rank == 0 && rendezvous.listen_descriptor >= 0) options.masterListenFd = rendezvous.listen_descriptor;
    auto tcp = c10::make_intrusive<c10d::TCPStore>(rendezvous.host, options);
    auto store = c10::make_intrusive<c10d::PrefixStore>(rendezvous.store_prefix, tcp);
    store->setTimeout(rendezvous.connect_limit);

    auto group_options = c10d::ProcessGroupGloo::Options::create(rendezvous.connect_limit);
    group_options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(address, false));
    auto group = c10::make_intrusive<c10d::ProcessGroupGloo>(store, process_rank, process_ranks, group_options);
    group->setTimeout(rendezvous.collective_limit);
    return std::make_unique<GlooCommunicator>(std::move(group));
  } catch (const std::exception& error) {
    throw core::RuntimeError(core::ErrorKind::kTransient,
                             fmt::format("process rank {} of {} did not meet the others at {}:{}", process_rank,
                                         process_ranks, rendezvous.host, rendezvous.port),
                             first_line(error.what()), "look at the other process ranks' logs");
  }
}

}  // namespace resolute::workers
