#include "workers/ddp/rendezvous.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "core/bytes.h"
#include "core/files/file_system.h"
#include "core/hash/sha256.h"
#include "core/process/secret.h"

namespace resolute::workers {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kNonce = 32;
constexpr std::size_t kMac = 32;
constexpr std::size_t kLongestKey = 1 << 10;
constexpr std::size_t kLongestValue = 1 << 20;
// Strangers hold no more descriptors of process rank 0 than these; whoever comes next takes the place of the oldest. A
// rank that is pushed out by a crowd comes again.
constexpr std::size_t kMostGuests = 64;
constexpr auto kFarewellLimit = 1s;
constexpr auto kBetweenTries = 50ms;
constexpr auto kConnectTry = 1s;

core::MonotonicTime rendezvous_now() { return core::monotonic_clock().now(); }

std::string random_nonce() { return std::string(core::as_text(core::random_bytes(kNonce))); }

// The proof that `who` alone can make in this meeting of two: each side draws half of its bytes.
std::string proof(const std::string& secret, std::string_view who, const std::string& nonces) {
  return std::string(
      core::as_text(core::hmac_sha256(secret, std::string("resolute rendezvous 1 ").append(who).append(" ") + nonces)));
}

bool set_non_blocking(int socket) { return ::fcntl(socket, F_SETFL, ::fcntl(socket, F_GETFL) | O_NONBLOCK) == 0; }

// \return false once the other end is closed
bool receive_into(int socket, std::string& incoming, std::size_t limit) {
  std::array<char, 65536> block;
  while (incoming.size() < limit) {
    const ssize_t count = ::recv(socket, block.data(), std::min(block.size(), limit - incoming.size()), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    incoming.append(block.data(), static_cast<std::size_t>(count));
  }
  return true;
}

using Addresses = std::unique_ptr<addrinfo, void (*)(addrinfo*)>;

Addresses addresses_of(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); code != 0)
    throw core::input_error(fmt::format("rendezvous host '{}' has no address", host), ::gai_strerror(code));
  return {found, &::freeaddrinfo};
}

core::FileDescriptor listener_of(const Rendezvous& rendezvous) {
  if (rendezvous.listen_descriptor >= 0) {
    core::FileDescriptor given(rendezvous.listen_descriptor);
    if (!set_non_blocking(given.get())) throw core::input_error("the descriptor of the rendezvous is no socket");
    return given;
  }
  const Addresses found = addresses_of(rendezvous.host, rendezvous.port);
  for (const addrinfo* each = found.get(); each != nullptr; each = each->ai_next) {
    core::FileDescriptor socket(::socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(socket.get(), each->ai_addr, each->ai_addrlen) == 0 && ::listen(socket.get(), SOMAXCONN) == 0)
      return socket;
  }
  throw core::system_error(fmt::format("cannot listen at {}:{}", rendezvous.host, rendezvous.port), errno);
}

std::string address_of_this_end(int socket) {
  sockaddr_storage local{};
  socklen_t size = sizeof local;
  std::array<char, NI_MAXHOST> text{};
  auto* generic = reinterpret_cast<sockaddr*>(&local);
  if (::getsockname(socket, generic, &size) != 0 ||
      ::getnameinfo(generic, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0)
    throw core::system_error("a connection has no address", errno);
  return text.data();
}

template <class Integer>
void append_integer(std::string& to, Integer value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof value);
}

}  // namespace

std::string this_machine() {
  // A machine without /proc is told by its name alone.
  const auto boot = core::read_text_if_exists(core::real_file_system(), "/proc/sys/kernel/random/boot_id");
  return core::host_name() + " " + boot.value_or("");
}

std::string SealedStream::seal(Side sender, std::uint64_t number, std::string_view note) const {
  std::string sealed(sender == Side::kHost ? "h" : "m");
  append_integer(sealed, number);
  return std::string(core::as_text(core::hmac_sha256(session_, sealed.append(note))));
}

void SealedStream::put(std::string_view key, std::string_view value) {
  RESOLUTE_EXPECT(key.size() <= kLongestKey && value.size() <= kLongestValue, "a note is short");
  std::string note;
  append_integer(note, static_cast<std::uint32_t>(key.size()));
  append_integer(note, static_cast<std::uint32_t>(value.size()));
  note.append(key).append(value);
  unsent_ += note + seal(side_, put_++, note);
}

bool SealedStream::write(int socket) {
  while (!unsent_.empty()) {
    const ssize_t count = ::send(socket, unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
    unsent_.erase(0, static_cast<std::size_t>(count));
  }
  return true;
}

bool SealedStream::read(int socket) { return receive_into(socket, incoming_, 2 * (kLongestKey + kLongestValue)); }

std::optional<std::pair<std::string, std::string>> SealedStream::take() {
  std::array<std::uint32_t, 2> sizes{};
  if (incoming_.size() < sizeof sizes) return std::nullopt;
  std::memcpy(sizes.data(), incoming_.data(), sizeof sizes);
  if (sizes[0] > kLongestKey || sizes[1] > kLongestValue)
    throw core::RuntimeError(core::ErrorKind::kTransient, "a note of the rendezvous is too long");
  const std::size_t end = sizeof sizes + sizes[0] + sizes[1];
  if (incoming_.size() < end + kMac) return std::nullopt;
  const Side sender = side_ == Side::kHost ? Side::kMember : Side::kHost;
  if (!core::same_secret(seal(sender, taken_++, std::string_view(incoming_).substr(0, end)),
                         std::string_view(incoming_).substr(end, kMac)))
    throw core::RuntimeError(core::ErrorKind::kTransient, "a note of the rendezvous has another's seal");
  std::pair<std::string, std::string> note{incoming_.substr(sizeof sizes, sizes[0]),
                                           incoming_.substr(sizeof sizes + sizes[0], sizes[1])};
  incoming_.erase(0, end + kMac);
  return note;
}

struct RendezvousHost::Connection {
  core::FileDescriptor socket;
  std::string nonce;                   // ours
  std::string incoming;                // a guest's proof, as far as it has come
  std::optional<SealedStream> stream;  // once it is a member
};

RendezvousHost::RendezvousHost(const Rendezvous& rendezvous)
    : secret_(rendezvous.secret),
      listener_(listener_of(rendezvous)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this](const std::stop_token& stop) { serve(stop); }) {}

RendezvousHost::~RendezvousHost() {
  thread_.request_stop();
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = ::write(wake_.get(), &one, sizeof one);
}

void RendezvousHost::serve(const std::stop_token& stop) {
  std::optional<core::MonotonicTime> end;
  while (true) {
    if (stop.stop_requested() && !end) {
      end = rendezvous_now() + kFarewellLimit;
      listener_.reset();
      std::erase_if(connections_, [](const auto& each) { return !each->stream; });
    }
    std::vector<pollfd> polled{{end ? -1 : wake_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    bool all_sent = true;
    for (const auto& each : connections_) {
      const bool unsent = each->stream && each->stream->has_unsent();
      all_sent = all_sent && !unsent;
      polled.push_back({each->socket.get(), static_cast<short>(unsent ? POLLIN | POLLOUT : POLLIN), 0});
    }
    const int ready = ::poll(polled.data(), polled.size(), end ? 10 : -1);
    if (end && ((ready == 0 && all_sent) || rendezvous_now() > *end)) break;
    for (std::size_t i = 0; i + 2 < polled.size(); ++i)
      if (polled[i + 2].revents != 0 && !attend(*connections_[i], polled[i + 2].revents))
        connections_[i]->socket.reset();
    std::erase_if(connections_, [](const auto& each) { return !each->socket.valid(); });
    if (polled[1].revents != 0) admit();
  }
  connections_.clear();
}

// Some of those who wait at the door; the others wait until those who are in have been heard.
void RendezvousHost::admit() {
  for (std::size_t i = 0; i < kMostGuests; ++i) {
    core::FileDescriptor socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    const bool full = !socket.valid() && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM);
    if (!socket.valid() && !full) return;
    const auto is_guest = [](const auto& each) { return !each->stream; };
    const auto oldest = std::find_if(connections_.begin(), connections_.end(), is_guest);
    if (full && oldest == connections_.end()) {
      std::this_thread::sleep_for(kBetweenTries);
      return;
    }
    const auto guests = static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(), is_guest));
    if (full || guests >= kMostGuests) connections_.erase(oldest);
    if (full) return;
    auto connection = std::make_unique<Connection>();
    connection->nonce = random_nonce();
    // An empty socket takes them at once.
    if (::send(socket.get(), connection->nonce.data(), kNonce, MSG_NOSIGNAL) != static_cast<ssize_t>(kNonce)) continue;
    connection->socket = std::move(socket);
    connections_.push_back(std::move(connection));
  }
}

bool RendezvousHost::attend(Connection& connection, short events) {
  if (!connection.stream) {
    const bool open = receive_into(connection.socket.get(), connection.incoming, kNonce + kMac);
    return open && (connection.incoming.size() < kNonce + kMac || try_proof(connection));
  }
  const bool open = (events & ~POLLOUT) == 0 || connection.stream->read(connection.socket.get());
  try {
    pass_on(connection);
  } catch (const core::RuntimeError&) {
    return false;
  }
  return connection.stream->write(connection.socket.get()) && open;
}

bool RendezvousHost::try_proof(Connection& connection) {
  const std::string nonces = connection.nonce + connection.incoming.substr(0, kNonce);
  if (!core::same_secret(proof(secret_, "member", nonces), connection.incoming.substr(kNonce))) return false;
  const std::string answer = proof(secret_, "host", nonces);
  if (::send(connection.socket.get(), answer.data(), answer.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(answer.size()))
    return false;
  connection.stream.emplace(SealedStream::Side::kHost, proof(secret_, "session", nonces));
  for (const auto& [key, value] : notes_) connection.stream->put(key, value);
  return connection.stream->write(connection.socket.get());
}

void RendezvousHost::pass_on(Connection& from) {
  // Its own notes are known to it.
  while (auto note = from.stream->take()) {
    for (const auto& each : connections_)
      if (each.get() != &from && each->stream && each->socket.valid()) each->stream->put(note->first, note->second);
    notes_.insert_or_assign(std::move(note->first), std::move(note->second));
  }
}

RendezvousMember::RendezvousMember(const Rendezvous& rendezvous)
    : host_(rendezvous.host), port_(rendezvous.port), deadline_(rendezvous_now() + rendezvous.connect_limit) {
  const Addresses found = addresses_of(host_, port_);
  std::string reason;
  while (true) {
    const core::MonotonicTime begun = rendezvous_now();
    const std::string why = try_to_join(found.get(), rendezvous.secret);
    if (why.empty()) break;
    // A last try that had no time says nothing.
    if (reason.empty() || rendezvous_now() < deadline_ || rendezvous_now() - begun > kConnectTry) reason = why;
    if (rendezvous_now() > deadline_) throw silence(reason);
    std::this_thread::sleep_for(kBetweenTries);
  }
  address_ = address_of_this_end(socket_.get());
}

core::RuntimeError RendezvousMember::silence(const std::string& why) const {
  return {core::ErrorKind::kTransient, fmt::format("process rank 0 did not answer at {}:{}", host_, port_), why,
          "look at its log"};
}

bool RendezvousMember::wait_for(short events, core::MonotonicTime until) const {
  pollfd polled{socket_.get(), events, 0};
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - rendezvous_now()).count();
  return ::poll(&polled, 1, static_cast<int>(std::clamp<std::int64_t>(left + 1, 0, 60'000))) > 0;
}

std::string RendezvousMember::try_to_join(const addrinfo* addresses, const std::string& secret) {
  std::string why = "nobody listens there";
  for (const addrinfo* each = addresses; each != nullptr; each = each->ai_next) {
    socket_ = core::FileDescriptor(::socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket_.valid()) continue;
    int error = 0;
    socklen_t size = sizeof error;
    if (::connect(socket_.get(), each->ai_addr, each->ai_addrlen) != 0) {
      error = errno;
      if (error == EINPROGRESS && wait_for(POLLOUT, std::min(deadline_, rendezvous_now() + kConnectTry)))
        ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == 0) return exchange_proofs(secret);
    if (error != EINPROGRESS) why = std::strerror(error);
  }
  return why;
}

std::string RendezvousMember::exchange_proofs(const std::string& secret) {
  std::string incoming;
  const auto receive = [&](std::size_t size) -> std::string {
    while (incoming.size() < size) {
      if (!wait_for(POLLIN, deadline_) && rendezvous_now() > deadline_)
        return "it took the connection and never answered";
      if (!receive_into(socket_.get(), incoming, size) && incoming.size() < size) return "it closed the connection";
    }
    return {};
  };
  if (std::string why = receive(kNonce); !why.empty()) return why;
  const std::string nonce = random_nonce();
  const std::string nonces = incoming + nonce;
  const std::string answer = nonce + proof(secret, "member", nonces);
  if (::send(socket_.get(), answer.data(), answer.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(answer.size()))
    return "it closed the connection";
  if (std::string why = receive(kNonce + kMac); !why.empty()) return why;
  if (!core::same_secret(proof(secret, "host", nonces), incoming.substr(kNonce))) return "it does not know the secret";
  stream_.emplace(SealedStream::Side::kMember, proof(secret, "session", nonces));
  return {};
}

bool RendezvousMember::listen(core::MonotonicTime until) {
  if (!socket_.valid()) return false;
  wait_for(static_cast<short>(stream_->has_unsent() ? POLLIN | POLLOUT : POLLIN), until);
  const bool written = stream_->write(socket_.get());
  const bool open = stream_->read(socket_.get()) && written;
  while (auto note = stream_->take()) notes_.insert_or_assign(std::move(note->first), std::move(note->second));
  if (!open) socket_.reset();
  return open;
}

void RendezvousMember::set(const std::string& key, const std::string& value) {
  if (!socket_.valid()) throw silence("it closed the connection");
  notes_.insert_or_assign(key, value);
  stream_->put(key, value);
  // A note that says who is missing is written when the time is over.
  const core::MonotonicTime until = std::max(deadline_, rendezvous_now() + kConnectTry);
  stream_->write(socket_.get());
  while (stream_->has_unsent()) {
    if (rendezvous_now() > until) throw silence("it takes no more");
    if (!listen(rendezvous_now() + kBetweenTries)) throw silence("it closed the connection");
  }
}

std::optional<std::string> RendezvousMember::look(const std::string& key) const {
  const auto found = notes_.find(key);
  return found == notes_.end() ? std::nullopt : std::optional(found->second);
}

std::string RendezvousMember::get(const std::string& key, std::chrono::milliseconds limit) {
  const core::MonotonicTime until = rendezvous_now() + limit;
  bool open = true;
  while (true) {
    if (auto value = look(key)) return *value;
    if (!open) throw silence("it closed the connection");
    if (rendezvous_now() > until) throw silence(fmt::format("'{}' did not come", key));
    open = listen(until);
  }
}

}  // namespace resolute::workers
