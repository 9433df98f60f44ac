#include "workers/ddp/gloo.h"

// The wheel holds Gloo but not its headers: Debian's are of another version. So gloo's objects are only passed on as
// opaque pointers, and this is the only file that sees them.
#define USE_C10D_GLOO 1
#include <fmt/ranges.h>
#include <linux/filter.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>
#include <utility>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/hash/sha256.h"
#include "core/log.h"
#include "core/process/secret.h"
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

class GlooCommunicator final : public Communicator {
 public:
  GlooCommunicator(std::unique_ptr<RollCall> roll_call, c10::intrusive_ptr<c10d::ProcessGroupGloo> group,
                   std::vector<int> machines)
      : roll_call_(std::move(roll_call)), group_(std::move(group)), machines_(std::move(machines)) {}
  int process_rank() const override { return group_->getRank(); }
  int process_ranks() const override { return group_->getSize(); }
  std::vector<int> machines() const override { return machines_; }

  void all_to_all(at::Tensor& to, const at::Tensor& from, const std::vector<std::int64_t>& receive_counts,
                  const std::vector<std::int64_t>& send_counts) override {
    exchange("all-to-all", [&] {
      at::Tensor source = from;
      auto receive = receive_counts;
      auto send = send_counts;
      group_->alltoall_base(to, source, receive, send)->wait();
    });
  }
  // By the pairs that are connected and proven already: a group of their own would need another rendezvous.
  void deliver(const std::vector<Parcel>& in, const std::vector<Parcel>& out) override {
    exchange("delivery", [&] {
      constexpr int kTag = 0;
      std::vector<c10::intrusive_ptr<c10d::Work>> works;
      const auto begin = [&](const Parcel& parcel, auto call) {
        std::vector<at::Tensor> tensors{parcel.elements};
        works.push_back(((*group_).*call)(tensors, parcel.process_rank, kTag));
      };
      for (const Parcel& parcel : in) begin(parcel, &c10d::ProcessGroupGloo::recv);
      for (const Parcel& parcel : out) begin(parcel, &c10d::ProcessGroupGloo::send);
      for (const auto& work : works) work->wait();
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
  std::vector<int> machines_;
};

// Gloo's own notes (each rank's addresses) travel by the rendezvous. Functions that Gloo never calls are missing.
class NotesOfGloo final : public c10d::Store {
 public:
  explicit NotesOfGloo(std::shared_ptr<RendezvousMember> member) : member_(std::move(member)) {}
  c10::intrusive_ptr<c10d::Store> clone() override { return c10::make_intrusive<NotesOfGloo>(member_); }
  using c10d::Store::set;
  void set(const std::string& key, const std::vector<std::uint8_t>& value) override {
    member_->set(kPrefix + key, std::string(value.begin(), value.end()));
  }
  std::vector<std::uint8_t> get(const std::string& key) override {
    const std::string value = member_->get(kPrefix + key, timeout_);
    return {value.begin(), value.end()};
  }
  bool check(const std::vector<std::string>& keys) override {
    member_->listen(core::monotonic_clock().now());
    return std::all_of(keys.begin(), keys.end(),
                       [&](const std::string& key) { return member_->look(kPrefix + key).has_value(); });
  }
  void wait(const std::vector<std::string>& keys) override { wait(keys, timeout_); }
  void wait(const std::vector<std::string>& keys, const std::chrono::milliseconds& limit) override {
    for (const std::string& key : keys) member_->get(kPrefix + key, limit);
  }
  std::int64_t add(const std::string&, std::int64_t) override { refuse(); }
  bool deleteKey(const std::string&) override { refuse(); }
  std::int64_t getNumKeys() override { refuse(); }

 private:
  static inline const std::string kPrefix = "gloo/";
  [[noreturn]] static void refuse() {
    throw core::RuntimeError(core::ErrorKind::kEnvironment,
                             "Gloo asked the rendezvous for an operation that it does not offer");
  }
  std::shared_ptr<RendezvousMember> member_;
};

// The contacts of all ranks. A rank that sees who is missing leaves their numbers, so that all say the same.
// \throws RuntimeError naming whoever did not come
std::vector<std::string> gather_contacts(RendezvousMember& member, const Rendezvous& rendezvous, int process_rank,
                                         int process_ranks, const std::string& contact, core::MonotonicTime deadline) {
  constexpr std::chrono::milliseconds kLook{50};
  const std::string absentees = "absentees";
  const auto contact_key = [](int rank) { return fmt::format("contact/{}", rank); };
  const auto absent = [&](const std::string& ranks) -> core::RuntimeError {
    const bool one = ranks.find(',') == std::string::npos;
    return {
        core::ErrorKind::kTransient,
        fmt::format("process rank{} {} did not come to {}:{}", one ? "" : "s", ranks, rendezvous.host, rendezvous.port),
        fmt::format("process rank {} waited {} s for {} ranks", process_rank,
                    std::chrono::duration_cast<std::chrono::seconds>(rendezvous.connect_limit).count(), process_ranks),
        one ? "look at its log" : "look at their logs"};
  };
  member.set(contact_key(process_rank), contact);
  while (true) {
    std::vector<int> missing;
    for (int rank = 0; rank < process_ranks; ++rank)
      if (!member.look(contact_key(rank))) missing.push_back(rank);
    if (missing.empty()) break;
    const bool open = member.listen(std::min(deadline, core::monotonic_clock().now() + kLook));
    if (const auto absence = member.look(absentees)) throw absent(*absence);
    if (!open) throw member.silence("it closed the connection");
    if (core::monotonic_clock().now() > deadline) {
      const std::string numbers = fmt::format("{}", fmt::join(missing, ", "));
      member.set(absentees, numbers);
      throw absent(numbers);
    }
  }
  std::vector<std::string> contacts;
  for (int rank = 0; rank < process_ranks; ++rank) contacts.push_back(*member.look(contact_key(rank)));
  return contacts;
}

// The sockets of this process that listen.
std::set<int> listening_sockets() {
  std::set<int> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int descriptor = std::stoi(entry.path().filename());
    int listens = 0;
    socklen_t size = sizeof listens;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0)
      found.insert(descriptor);
  }
  return found;
}

// Gloo listens as long as it lives, lets everybody in, and ends the process when there is no descriptor left for the
// next one. A filter that takes no packet shuts that door and leaves the connections that it was opened for.
void shut(const std::set<int>& listening) {
  sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{1, &nothing};
  for (const int socket : listening)
    if (::setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
      core::log_warning("strangers may connect to Gloo's socket ({}); they cannot take part", std::strerror(errno));
}

// libtorch's flight recorder enters a group in a map at the group's first exchange, and takes no lock for it. Groups
// that one process begins at a time, as the tests' ranks do, would break that map: they begin one after another. The
// second exchange of a group begins after the first of each rank.
template <class Call>
auto begin_exchange(Call call) {
  static std::mutex one_at_a_time;
  const std::lock_guard lock(one_at_a_time);
  return call();
}

// Gloo takes the first that connects with a rank's number for that rank, and anybody can guess a number. So each rank
// sends each other a random question and wants it back under the attempt's secret.
void prove_pairs(c10d::ProcessGroupGloo& group, const std::string& secret) {
  constexpr std::int64_t kBytes = 32;
  const int process_ranks = group.getSize();
  const auto exchange = [&](const std::string& from) {
    at::Tensor sent = at::empty({process_ranks * kBytes}, at::kByte);
    at::Tensor received = at::zeros_like(sent);
    std::memcpy(sent.data_ptr(), from.data(), from.size());
    std::vector<std::int64_t> counts(static_cast<std::size_t>(process_ranks), kBytes);
    std::vector<std::int64_t> same = counts;
    begin_exchange([&] { return group.alltoall_base(received, sent, counts, same); })->wait();
    return std::string(static_cast<const char*>(received.data_ptr()), from.size());
  };
  const auto part = [](const std::string& whole, int rank) {
    return whole.substr(static_cast<std::size_t>(rank) * kBytes, kBytes);
  };
  const auto proof_of = [&](int from, int to, const std::string& question) {
    const auto digest = core::hmac_sha256(secret, fmt::format("resolute pair 1 {} {} ", from, to) + question);
    return std::string(core::as_text(digest));
  };
  std::string questions;
  for (int rank = 0; rank < process_ranks; ++rank) questions += core::random_token(kBytes / 2);
  const std::string asked = exchange(questions);
  std::string answers;
  for (int rank = 0; rank < process_ranks; ++rank) answers += proof_of(group.getRank(), rank, part(asked, rank));
  const std::string answered = exchange(answers);
  for (int rank = 0; rank < process_ranks; ++rank)
    if (!core::same_secret(part(answered, rank), proof_of(rank, group.getRank(), part(questions, rank))))
      throw core::RuntimeError(core::ErrorKind::kTransient,
                               fmt::format("a stranger took the place of process rank {}", rank));
}

// The machine of each rank: the first rank of it.
std::vector<int> gather_machines(c10d::ProcessGroupGloo& group, const Rendezvous& rendezvous) {
  const auto digest = core::hmac_sha256(rendezvous.secret, "resolute machine 1 " + rendezvous.machine);
  at::Tensor sent = at::empty({static_cast<std::int64_t>(digest.size())}, at::kByte);
  std::memcpy(sent.mutable_data_ptr(), digest.data(), digest.size());
  at::Tensor all = at::empty({group.getSize(), sent.numel()}, at::kByte);
  at::Tensor flat = all.view(-1);
  group._allgather_base(flat, sent)->wait();
  std::vector<int> machines;
  for (int rank = 0; rank < group.getSize(); ++rank) {
    int first = 0;
    while (!at::equal(all[first], all[rank])) ++first;
    machines.push_back(first);
  }
  return machines;
}

}  // namespace

std::unique_ptr<Communicator> connect_gloo(const Rendezvous& rendezvous, int process_rank, int process_ranks) {
  RESOLUTE_EXPECT(process_ranks >= 2 && process_rank >= 0 && process_rank < process_ranks, "a group needs two ranks");
  RESOLUTE_EXPECT(!rendezvous.secret.empty(), "the ranks of a group have a secret");
  const core::MonotonicTime deadline = core::monotonic_clock().now() + rendezvous.connect_limit;
  std::optional<RendezvousHost> host;
  if (process_rank == 0) host.emplace(rendezvous);
  const auto member = std::make_shared<RendezvousMember>(rendezvous);
  auto roll_call = std::make_unique<RollCall>(member->address(), rendezvous.secret, process_rank, process_ranks);
  roll_call->begin(gather_contacts(*member, rendezvous, process_rank, process_ranks, roll_call->contact(), deadline));
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group;
  std::vector<int> machines;
  attend(*roll_call, process_rank, "connecting", [&] {
    auto options = c10d::ProcessGroupGloo::Options::create(rendezvous.connect_limit);
    const std::set<int> before = listening_sockets();
    options->devices.push_back(c10d::ProcessGroupGloo::createDeviceForHostname(member->address(), false));
    std::set<int> of_gloo = listening_sockets();
    std::erase_if(of_gloo, [&](int socket) { return before.contains(socket); });
    auto notes = c10::make_intrusive<NotesOfGloo>(member);
    notes->setTimeout(rendezvous.connect_limit);
    group = c10::make_intrusive<c10d::ProcessGroupGloo>(notes, process_rank, process_ranks, options);
    prove_pairs(*group, rendezvous.secret);
    shut(of_gloo);
    machines = gather_machines(*group, rendezvous);
    group->setTimeout(rendezvous.collective_limit);
  });
  // Every rank that has proven its pairs has read all notes: the rendezvous ends here.
  member->leave();
  return std::make_unique<GlooCommunicator>(std::move(roll_call), std::move(group), std::move(machines));
}

}  // namespace resolute::workers
