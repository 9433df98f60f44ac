#include "workers/ddp/gloo.h"

// The wheel holds Gloo but not its headers: Debian's are of another version. So gloo's objects are only passed on as
// opaque pointers, and this is the only file that sees them.
#define USE_C10D_GLOO 1
#include <fmt/ranges.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <utility>

#include "core/clock.h"
#include "core/error.h"
#include "core/process.h"
#include "workers/ddp/roll_call.h"

namespace resolute::workers {
namespace {

// libtorch's texts carry a C++ stack after the first line.
std::string first_line(const char* text) {
  std::string_view view(text);
  return std::string(view.substr(0, view.find('\n')));
}

// One exchange: counted, and whoever is missing named when it fails.
template <class Call>
void attend(RollCall& roll_call, int process_rank, std::string_view what, Call call) {
  const std::uint64_t number = roll_call.enter();
  const core::MonotonicTime begun = core::monotonic_clock().now();
  try {
    call();
  } catch (const std::exception& error) {
    const double waited = std::chrono::duration<double>(core::monotonic_clock().now() - begun).count();
    throw absence_error(process_rank, number, waited, fmt::format("{}: {}", what, first_line(error.what())),
                        roll_call.look());
  }
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
  GlooCommunicator(std::unique_ptr<RollCall> roll_call, c10::intrusive_ptr<c10d::ProcessGroupGloo> group)
      : roll_call_(std::move(roll_call)), group_(std::move(group)) {}
  int process_rank() const override { return group_->getRank(); }
  int process_ranks() const override { return group_->getSize(); }

  void all_to_all(at::Tensor& to, const at::Tensor& from, const std::vector<std::int64_t>& receive_counts,
                  const std::vector<std::int64_t>& send_counts) override {
    exchange("all-to-all", [&] {
      at::Tensor source = from;
      auto receive = receive_counts;
      auto send = send_counts;
      group_->alltoall_base(to, source, receive, send)->wait();
    });
  }
  void all_gather(at::Tensor& to, const at::Tensor& from) override {
    exchange("all-gather", [&] {
      at::Tensor source = from;
      group_->_allgather_base(to, source)->wait();
    });
  }
  void broadcast(at::Tensor& tensor) override {
    exchange("broadcast", [&] {
      std::vector<at::Tensor> tensors{tensor};
      group_->broadcast(tensors)->wait();
    });
  }
  void barrier() override {
    exchange("barrier", [&] { group_->barrier()->wait(); });
  }
  RollCall* roll_call() override { return roll_call_.get(); }

 private:
  template <class Call>
  void exchange(std::string_view what, Call call) {
    attend(*roll_call_, process_rank(), what, call);
  }

  // The roll call ends last: until then the others may ask for this rank.
  std::unique_ptr<RollCall> roll_call_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
};

// Process rank 0 serves the store. A rank that sees who is missing leaves their numbers there, so that all say the
// same.
class Meeting {
 public:
  Meeting(const Rendezvous& rendezvous, int process_rank, int process_ranks)
      : rendezvous_(rendezvous),
        process_rank_(process_rank),
        process_ranks_(process_ranks),
        deadline_(core::monotonic_clock().now() + rendezvous.connect_limit) {}

  // Returns the contacts of all ranks. \throws RuntimeError naming whoever did not come
  std::vector<std::string> gather(const std::string& contact) {
    c10d::TCPStoreOptions options;
    options.port = rendezvous_.port;
    options.isServer = process_rank_ == 0;
    options.waitWorkers = false;  // it would not say who is missing
    options.timeout = rendezvous_.connect_limit;
    if (process_rank_ == 0 && rendezvous_.listen_descriptor >= 0)
      options.masterListenFd = rendezvous_.listen_descriptor;
    store_ = c10::make_intrusive<c10d::PrefixStore>(rendezvous_.store_prefix,
                                                    c10::make_intrusive<c10d::TCPStore>(rendezvous_.host, options));
    store_->setTimeout(rendezvous_.connect_limit);
    store_->set(contact_key(process_rank_), contact);
    while (true) {
      const std::vector<int> missing = missing_ranks();
      if (missing.empty()) break;
      if (store_->check({kAbsentees})) throw absent(store_->get_to_str(kAbsentees));
      if (core::monotonic_clock().now() > deadline_) {
        const std::string absentees = fmt::format("{}", fmt::join(missing, ", "));
        store_->set(kAbsentees, absentees);
        // The store goes when this process ends; the others look at it twenty times a second.
        if (process_rank_ == 0) std::this_thread::sleep_for(10 * kLook);
        throw absent(absentees);
      }
      std::this_thread::sleep_for(kLook);
    }
    std::vector<std::string> contacts;
    for (int rank = 0; rank < process_ranks_; ++rank) contacts.push_back(store_->get_to_str(contact_key(rank)));
    return contacts;
  }

  const c10::intrusive_ptr<c10d::PrefixStore>& store() const { return store_; }

 private:
  static constexpr std::chrono::milliseconds kLook{50};
  static constexpr const char* kAbsentees = "absentees";
  static std::string contact_key(int rank) { return fmt::format("contact/{}", rank); }

  std::vector<int> missing_ranks() {
    std::vector<int> missing;
    for (int rank = 0; rank < process_ranks_; ++rank)
      if (!store_->check({contact_key(rank)})) missing.push_back(rank);
    return missing;
  }

  core::RuntimeError absent(const std::string& ranks) const {
    const bool one = ranks.find(',') == std::string::npos;
    return {core::ErrorKind::kTransient,
            fmt::format("process rank{} {} did not come to {}:{}", one ? "" : "s", ranks, rendezvous_.host,
                        rendezvous_.port),
            fmt::format("process rank {} waited {} s for {} ranks", process_rank_,
                        std::chrono::duration_cast<std::chrono::seconds>(rendezvous_.connect_limit).count(),
                        process_ranks_),
            one ? "look at its log" : "look at their logs"};
  }

  Rendezvous rendezvous_;
  int process_rank_;
  int process_ranks_;
  core::MonotonicTime deadline_;
  c10::intrusive_ptr<c10d::PrefixStore> store_;
};

// The store's client waits without limit for a server that is stopped, so a thread that can be left behind does it.
std::vector<std::string> gather(const std::shared_ptr<Meeting>& meeting, const Rendezvous& rendezvous,
                                const std::string& contact) {
  constexpr std::chrono::seconds kMargin{3};
  std::packaged_task<std::vector<std::string>()> task([meeting, contact] { return meeting->gather(contact); });
  std::future<std::vector<std::string>> contacts = task.get_future();
  std::thread(std::move(task)).detach();
  std::string why;
  if (contacts.wait_for(rendezvous.connect_limit + kMargin) == std::future_status::ready) {
    try {
      return contacts.get();
    } catch (const core::RuntimeError&) {
      throw;
    } catch (const std::exception& error) {
      why = first_line(error.what());
    }
  } else {
    why = "it took the connection and never answered";
  }
  throw core::RuntimeError(core::ErrorKind::kTransient,
                           fmt::format("process rank 0 did not answer at {}:{}", rendezvous.host, rendezvous.port), why,
                           "look at its log");
}

}  // namespace

std::unique_ptr<Communicator> connect_gloo(const Rendezvous& rendezvous, int process_rank, int process_ranks) {
  RESOLUTE_EXPECT(process_ranks >= 2 && process_rank >= 0 && process_rank < process_ranks, "a group needs two ranks");
  const std::string address = local_address_towards(rendezvous.host, rendezvous.port);
  auto roll_call = std::make_unique<RollCall>(address, rendezvous.store_prefix, process_rank, process_ranks);
  const auto meeting = std::make_shared<Meeting>(rendezvous, process_rank, process_ranks);
  roll_call->begin(gather(meeting, rendezvous, roll_call->contact()));
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group;
  attend(*roll_call, process_rank, "connecting", [&] {
    auto options = c10d::ProcessGroupGloo::Options::create(rendezvous.connect_limit);
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(address, false));
    group = c10::make_intrusive<c10d::ProcessGroupGloo>(meeting->store(), process_rank, process_ranks, options);
    group->setTimeout(rendezvous.collective_limit);
  });
  return std::make_unique<GlooCommunicator>(std::move(roll_call), std::move(group));
}

}  // namespace resolute::workers
