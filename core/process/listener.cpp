#include "core/process/listener.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
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

// The address that a datagram to another network would bear; none is sent. Nothing without a default route.
std::optional<in_addr> address_towards_others() {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9);
  ::inet_pton(AF_INET, "192.0.2.1", &address.sin_addr);  // of documents: nobody's
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::connect(socket.get(), generic, size) != 0 || ::getsockname(socket.get(), generic, &size) != 0)
    return std::nullopt;
  return address.sin_addr;
}

struct Interface {
  std::string name;
  in_addr address{};
  bool loopback = false;
};

// The first that is up, has an IPv4 address and is wanted.
template <class Wanted>
std::optional<Interface> find_interface(const Wanted& wanted) {
  ifaddrs* found = nullptr;
  if (::getifaddrs(&found) != 0) throw system_error("cannot list the network interfaces", errno);
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> release(found, &::freeifaddrs);
  for (const ifaddrs* each = found; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != AF_INET || (each->ifa_flags & IFF_UP) == 0) continue;
    const Interface one{each->ifa_name, reinterpret_cast<const sockaddr_in*>(each->ifa_addr)->sin_addr,
                        (each->ifa_flags & IFF_LOOPBACK) != 0};
    if (wanted(one)) return one;
  }
  return std::nullopt;
}

// The first that is not the loopback, the one of that name if there is a name.
std::optional<in_addr> address_of_interface(const std::string& name) {
  const auto one =
      find_interface([&](const Interface& each) { return name.empty() ? !each.loopback : name == each.name; });
  return one ? std::optional(one->address) : std::nullopt;
}

Listener listen_at_interface(const std::string& name) {
  if (const auto address = address_of_interface(name)) return listen_at(*address);
  throw input_error(fmt::format("cannot listen on network interface '{}'", name),
                    "no interface of that name on this host is up with an IPv4 address", "`ip -4 address` lists them");
}

}  // namespace

std::optional<std::string> interface_with(const std::string& address) {
  in_addr wanted{};
  if (::inet_pton(AF_INET, address.c_str(), &wanted) != 1) return std::nullopt;
  const auto one = find_interface([&](const Interface& each) { return each.address.s_addr == wanted.s_addr; });
  return one ? std::optional(one->name) : std::nullopt;
}

Listener listen_on_free_port(Reach reach, const std::string& interface) {
  if (reach == Reach::kHost) {
    if (!interface.empty()) return listen_at_interface(interface);
    if (std::optional<Listener> listener = listen_at_name_of_host()) return std::move(*listener);
    std::optional<in_addr> address = address_towards_others();
    if (!address) address = address_of_interface({});
    if (address) return listen_at(*address);
  }
  return listen_at({htonl(reach == Reach::kLoopback ? INADDR_LOOPBACK : INADDR_ANY)});
}

}  // namespace resolute::core
