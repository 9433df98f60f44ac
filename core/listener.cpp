#include "core/listener.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <memory>
#include <optional>

#include "core/error.h"

namespace resolute::core {
namespace {

// \throws RuntimeError where `address` is none of this host
Listener listen_at(in_addr address) {
  constexpr int kWaiting = 128;
  Listener listener;
  listener.socket = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in bound{};
  bound.sin_family = AF_INET;
  bound.sin_addr = address;
  socklen_t size = sizeof bound;
  auto* generic = reinterpret_cast<sockaddr*>(&bound);
  if (!listener.socket.valid() || ::bind(listener.socket.get(), generic, size) != 0 ||
      ::listen(listener.socket.get(), kWaiting) != 0 || ::getsockname(listener.socket.get(), generic, &size) != 0)
    throw system_error("cannot listen on a free port", errno);
  std::array<char, INET_ADDRSTRLEN> text{};
  if (address.s_addr != htonl(INADDR_ANY)) listener.address = ::inet_ntop(AF_INET, &address, text.data(), text.size());
  listener.port = ntohs(bound.sin_port);
  return listener;
}

std::optional<Listener> listen_at_name_of_host() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::gethostname(name.data(), name.size() - 1) != 0 || ::getaddrinfo(name.data(), nullptr, &hints, &found) != 0)
    return std::nullopt;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> release(found, &::freeaddrinfo);
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    const in_addr address = reinterpret_cast<const sockaddr_in*>(each->ai_addr)->sin_addr;
    if (ntohl(address.s_addr) >> IN_CLASSA_NSHIFT == IN_LOOPBACKNET) continue;
    try {
      return listen_at(address);
    } catch (const RuntimeError&) {
      // The name stands for an address that this host does not have itself (behind a translation of addresses).
    }
  }
  return std::nullopt;
}

}  // namespace

Listener listen_on_free_port(Reach reach) {
  if (reach == Reach::kHost)
    if (std::optional<Listener> listener = listen_at_name_of_host()) return std::move(*listener);
  return listen_at({htonl(reach == Reach::kLoopback ? INADDR_LOOPBACK : INADDR_ANY)});
}

}  // namespace resolute::core
