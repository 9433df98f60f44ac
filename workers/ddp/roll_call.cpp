#include "workers/ddp/roll_call.h"

#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "core/bytes.h"
#include "core/hash/sha256.h"

namespace resolute::workers {
struct SocketAddress {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

namespace {

using namespace std::chrono_literals;

constexpr auto kBeat = 100ms;
// A datagram that was under way when an exchange failed proves nothing: only one of two beats later does.
constexpr auto kSettle = 2 * kBeat;
// How long a process that is alive may be kept from a beat on a machine with more ranks than cores.
constexpr auto kPatience = 1500ms;
constexpr auto kLeastLook = 500ms;
// Signs that this rank sends without an answer before a peer is taken for gone.
constexpr auto kMostMissed = 3s / kBeat;

// The first half of an HMAC behind what it seals.
constexpr std::size_t kSeal = 16;
constexpr std::size_t kDatagram = 24 + kSeal;
// Taken in between two beats at most, so that a flood of datagrams keeps nobody from its own.
constexpr int kMostTaken = 1000;

// Numbers only: nobody is asked for a name.
std::optional<SocketAddress> parse_address(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return std::nullopt;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> release(found, &::freeaddrinfo);
  SocketAddress address;
  std::memcpy(&address.bytes, found->ai_addr, found->ai_addrlen);
  address.size = found->ai_addrlen;
  return address;
}

double seconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double>(duration).count(); }

std::string where(const PeerSign& peer) {
  switch (peer.state) {
    case PeerSign::State::kEnded:
      return fmt::format("ended after exchange {} on {}", peer.exchange, peer.host);
    case PeerSign::State::kSilent:
      if (!peer.silent_for) return fmt::format("never heard from {}", peer.host);
      return fmt::format("last seen in exchange {} on {}, silent for {:.1f} s", peer.exchange, peer.host,
                         *peer.silent_for);
    case PeerSign::State::kRunning:
    case PeerSign::State::kFailed:
      break;
  }
  return fmt::format("alive, but still in exchange {} on {}", peer.exchange, peer.host);
}

}  // namespace

core::RuntimeError absence_error(int process_rank, std::uint64_t exchange, double waited, std::string_view cause,
                                 const std::vector<PeerSign>& peers) {
  std::vector<const PeerSign*> missing;
  for (const PeerSign& peer : peers)
    if (peer.state == PeerSign::State::kEnded || peer.state == PeerSign::State::kSilent) missing.push_back(&peer);
  const bool gone = !missing.empty();
  if (!gone)
    for (const PeerSign& peer : peers)
      if (peer.state == PeerSign::State::kRunning && peer.exchange < exchange) missing.push_back(&peer);
  const std::string here =
      fmt::format("process rank {} waited {:.1f} s in exchange {}", process_rank, waited, exchange);
  if (missing.empty())
    return {core::ErrorKind::kTransient, fmt::format("exchange {} of process rank {} failed", exchange, process_rank),
            fmt::format("{}; all process ranks are there", cause), "look at the other process ranks' logs"};

  std::string who;
  std::string why;
  for (const PeerSign* peer : missing) {
    who += fmt::format("{}{}", who.empty() ? "" : ", ", peer->process_rank);
    const std::string number = missing.size() > 1 ? fmt::format("{} ", peer->process_rank) : "";
    why += fmt::format("{}{}; ", number, where(*peer));
  }
  const bool one = missing.size() == 1;
  std::string advice = one ? "look at its log" : "look at their logs";
  if (!gone) advice += ", or allow a longer wait with --exchange-timeout";
  if (gone && !one && missing.size() == peers.size()) advice += ", and at the network of this one's host";
  return {core::ErrorKind::kTransient, fmt::format("process rank{} {} did not arrive", one ? "" : "s", who), why + here,
          advice};
}

struct RollCall::Peer {
  std::string host;
  int missed = 0;  // signs that this rank sent since the peer was heard of
  SocketAddress address;
  std::optional<core::MonotonicTime> heard;
  std::uint64_t beat = 0;
  std::uint64_t exchange = 0;
  PeerSign::State state = PeerSign::State::kRunning;
};

RollCall::RollCall(const std::string& address, std::string_view secret, int process_rank, int process_ranks)
    : process_rank_(process_rank),
      key_(core::as_text(core::hmac_sha256(secret, "resolute roll call 1"))),
      peers_(static_cast<std::size_t>(process_ranks)) {
  const std::optional<SocketAddress> given = parse_address(address, "0");
  RESOLUTE_EXPECT(given, fmt::format("'{}' is no numeric address", address));
  socket_ = core::FileDescriptor(::socket(given->bytes.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  wake_ = core::FileDescriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  SocketAddress bound;
  bound.size = sizeof bound.bytes;
  char port[NI_MAXSERV] = {};
  if (!socket_.valid() || !wake_.valid() ||
      ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&given->bytes), given->size) != 0 ||
      ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&bound.bytes), &bound.size) != 0 ||
      ::getnameinfo(reinterpret_cast<const sockaddr*>(&bound.bytes), bound.size, nullptr, 0, port, sizeof port,
                    NI_NUMERICSERV) != 0)
    throw core::system_error(fmt::format("cannot open a datagram socket at '{}'", address), errno);
  contact_ = fmt::format("{} {}", address, port);
}

RollCall::~RollCall() {
  thread_.request_stop();
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = ::write(wake_.get(), &one, sizeof one);
  if (thread_.joinable()) thread_.join();
  {
    const std::lock_guard lock(mutex_);
    if (state_ == PeerSign::State::kRunning) state_ = PeerSign::State::kEnded;
  }
  send();
}

void RollCall::begin(const std::vector<std::string>& contacts) {
  RESOLUTE_EXPECT(contacts.size() == peers_.size() && !thread_.joinable(), "one contact per rank, and only once");
  for (std::size_t rank = 0; rank < contacts.size(); ++rank) {
    const auto blank = contacts[rank].find(' ');
    Peer& peer = peers_[rank];
    peer.host = contacts[rank].substr(0, blank);
    const auto address =
        blank == std::string::npos ? std::nullopt : parse_address(peer.host, contacts[rank].substr(blank + 1));
    if (!address)
      throw core::RuntimeError(core::ErrorKind::kTransient,
                               fmt::format("'{}' is no contact of process rank {}", contacts[rank], rank));
    peer.address = *address;
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
}

std::uint64_t RollCall::enter() { return ++exchange_; }

std::optional<int> RollCall::gone() {
  RESOLUTE_EXPECT(thread_.joinable(), "nobody is called before begin()");
  const std::lock_guard lock(mutex_);
  for (std::size_t rank = 0; rank < peers_.size(); ++rank) {
    if (static_cast<int>(rank) == process_rank_) continue;
    // The network may carry no datagrams from a peer that was never heard: the exchange's own limit is left.
    const Peer& peer = peers_[rank];
    if (peer.state != PeerSign::State::kRunning || (peer.heard && peer.missed > kMostMissed))
      return static_cast<int>(rank);
  }
  return std::nullopt;
}

std::vector<PeerSign> RollCall::look() {
  RESOLUTE_EXPECT(thread_.joinable(), "nobody is called before begin()");
  const core::MonotonicTime failed = core::monotonic_clock().now();
  {
    const std::lock_guard lock(mutex_);
    state_ = PeerSign::State::kFailed;
  }
  send();
  while (true) {
    std::this_thread::sleep_for(kBeat / 5);
    const core::MonotonicTime now = core::monotonic_clock().now();
    std::vector<PeerSign> signs;
    const bool certain = now - failed > kPatience;
    bool open = false;
    const std::lock_guard lock(mutex_);
    for (std::size_t rank = 0; rank < peers_.size(); ++rank) {
      if (static_cast<int>(rank) == process_rank_) continue;
      const Peer& peer = peers_[rank];
      PeerSign sign{static_cast<int>(rank), peer.host, peer.state, peer.exchange, std::nullopt};
      if (peer.heard) sign.silent_for = seconds(now - *peer.heard);
      if (peer.state == PeerSign::State::kRunning && !(peer.heard && *peer.heard > failed + kSettle)) {
        sign.state = PeerSign::State::kSilent;
        const bool long_silent = peer.heard && now - *peer.heard > kPatience && now - failed > kLeastLook;
        open = open || !long_silent;
      }
      signs.push_back(std::move(sign));
    }
    if (certain || !open) return signs;
  }
}

void RollCall::serve(const std::stop_token& stop) {
  core::MonotonicTime next = core::monotonic_clock().now();
  while (!stop.stop_requested()) {
    const core::MonotonicTime now = core::monotonic_clock().now();
    if (now >= next) {
      send();
      next = now + kBeat;
    }
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(next - now).count();
    std::array<pollfd, 2> polled{pollfd{socket_.get(), POLLIN, 0}, pollfd{wake_.get(), POLLIN, 0}};
    ::poll(polled.data(), polled.size(), static_cast<int>(std::clamp<std::int64_t>(left + 1, 1, 1000)));
    receive();
  }
}

// A datagram that does not get through is what the others are to notice: no error here.
void RollCall::send() {
  const std::lock_guard lock(mutex_);
  core::Bytes datagram;
  core::append_little_endian(datagram, static_cast<std::uint32_t>(process_rank_));
  core::append_little_endian(datagram, static_cast<std::uint32_t>(state_));
  core::append_little_endian(datagram, exchange_.load());
  core::append_little_endian(datagram, ++beat_);
  const core::Sha256Digest seal = core::hmac_sha256(key_, core::as_text(datagram));
  core::append_bytes(datagram, std::span(seal).first(kSeal));
  for (std::size_t rank = 0; rank < peers_.size(); ++rank) {
    Peer& peer = peers_[rank];
    if (static_cast<int>(rank) == process_rank_ || peer.address.size == 0) continue;
    ++peer.missed;
    ::sendto(socket_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&peer.address.bytes), peer.address.size);
  }
}

void RollCall::receive() {
  std::array<std::byte, kDatagram + 1> buffer;
  for (int taken = 0; taken < kMostTaken; ++taken) {
    const ssize_t count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    // An earlier datagram may have met a closed port. The error is reported here once; the next may be a good one.
    if (count < 0 && (errno == ECONNREFUSED || errno == EINTR)) continue;
    if (count < 0) return;
    if (count != kDatagram) continue;
    const std::string_view text = core::as_text(std::span(buffer).first(kDatagram));
    const core::Sha256Digest seal = core::hmac_sha256(key_, text.substr(0, kDatagram - kSeal));
    if (!core::same_secret(core::as_text(std::span(seal).first(kSeal)), text.substr(kDatagram - kSeal))) continue;
    core::ByteReader reader(buffer, "datagram");
    const auto rank = reader.take<std::uint32_t>();
    const auto state = reader.take<std::uint32_t>();
    const auto exchange = reader.take<std::uint64_t>();
    const auto beat = reader.take<std::uint64_t>();
    if (rank >= peers_.size() || state > static_cast<std::uint32_t>(PeerSign::State::kEnded)) continue;
    const std::lock_guard lock(mutex_);
    Peer& peer = peers_[rank];
    if (beat <= peer.beat) continue;  // overtaken on its way
    peer.beat = beat;
    peer.exchange = exchange;
    peer.state = static_cast<PeerSign::State>(state);
    peer.heard = core::monotonic_clock().now();
    peer.missed = 0;
  }
}

}  // namespace resolute::workers
