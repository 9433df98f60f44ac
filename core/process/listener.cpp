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
#include <cstring>
#include <memory>

#include "core/error.h"

namespace resolute::core {
namespace {

// Numeric, of either family, without a port.
struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
};

sockaddr* generic(Address& address) { return reinterpret_cast<sockaddr*>(&address.bytes); }

// \param found of IPv4 or IPv6
Address address_of(const sockaddr* found) {
  Address address;
  address.size = found->sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  std::memcpy(&address.bytes, found, address.size);
  return address;
}

// \param text numeric; nothing if it is none
std::optional<Address> parse_address(const std::string& text) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (text.empty() || ::getaddrinfo(text.c_str(), nullptr, &hints, &found) != 0) return std::nullopt;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> release(found, &::freeaddrinfo);
  return address_of(found->ai_addr);
}

std::string text_of(Address address) {
  std::array<char, NI_MAXHOST> text{};
  if (::getnameinfo(generic(address), address.size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0)
    throw system_error("an address cannot be written", errno);
  return text.data();
}

// An IPv6 address that counts on one cable alone is of no use to others: each would add the name of its interface.
bool is_for_others(const Address& address) {
  if (address.bytes.ss_family == AF_INET)
    return ntohl(reinterpret_cast<const sockaddr_in&>(address.bytes).sin_addr.s_addr) >> IN_CLASSA_NSHIFT !=
           IN_LOOPBACKNET;
  const in6_addr& bytes = reinterpret_cast<const sockaddr_in6&>(address.bytes).sin6_addr;
  return !IN6_IS_ADDR_LOOPBACK(&bytes) && !IN6_IS_ADDR_LINKLOCAL(&bytes);
}

constexpr std::array kFamilies{AF_INET, AF_INET6};  // in the order in which they are taken

// \throws RuntimeError where `address` is none of this host
Listener listen_at(Address address) {
  constexpr int kWaiting = 128;
  Listener listener;
  listener.socket = FileDescriptor(::socket(address.bytes.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!listener.socket.valid() || ::bind(listener.socket.get(), generic(address), address.size) != 0 ||
      ::listen(listener.socket.get(), kWaiting) != 0 ||
      ::getsockname(listener.socket.get(), generic(address), &address.size) != 0)
    throw system_error("cannot listen on a free port", errno);
  listener.address = text_of(address);
  // Both families have the port at the same place.
  listener.port = ntohs(reinterpret_cast<const sockaddr_in&>(address.bytes).sin_port);
  return listener;
}

std::optional<Listener> listen_at_name_of_host(int family) {
  std::array<char, HOST_NAME_MAX + 1> name{};
  addrinfo hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::gethostname(name.data(), name.size() - 1) != 0 || ::getaddrinfo(name.data(), nullptr, &hints, &found) != 0)
    return std::nullopt;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> release(found, &::freeaddrinfo);
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    const Address address = address_of(each->ai_addr);
    if (!is_for_others(address)) continue;
    try {
      return listen_at(address);
    } catch (const RuntimeError&) {
      // The name stands for an address that this host does not have itself (behind a translation of addresses).
    }
  }
  return std::nullopt;
}

// The address that a datagram to another network would bear; none is sent. Nothing without a default route.
std::optional<Address> address_towards_others(int family) {
  // For documents: nobody has them.
  Address address = *parse_address(family == AF_INET ? "192.0.2.1" : "2001:db8::1");
  reinterpret_cast<sockaddr_in&>(address.bytes).sin_port = htons(9);
  const FileDescriptor socket(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (::connect(socket.get(), generic(address), address.size) != 0 ||
      ::getsockname(socket.get(), generic(address), &address.size) != 0 || !is_for_others(address))
    return std::nullopt;
  return address;
}

struct Interface {
  std::string name;
  Address address;
};

// The first that is up, has an address of the family and is wanted.
template <class Wanted>
std::optional<Interface> find_interface(int family, const Wanted& wanted) {
  ifaddrs* found = nullptr;
  if (::getifaddrs(&found) != 0) throw system_error("cannot list the network interfaces", errno);
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> release(found, &::freeifaddrs);
  for (const ifaddrs* each = found; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || each->ifa_addr->sa_family != family || (each->ifa_flags & IFF_UP) == 0) continue;
    const Interface one{each->ifa_name, address_of(each->ifa_addr)};
    if (wanted(one)) return one;
  }
  return std::nullopt;
}

Listener listen_at_interface(const std::string& name) {
  for (const int family : kFamilies)
    if (const auto one = find_interface(family, [&](const Interface& each) {
          return name == each.name && (family == AF_INET || is_for_others(each.address));
        }))
      return listen_at(one->address);
  throw input_error(fmt::format("cannot listen on network interface '{}'", name),
                    "no interface of that name on this host is up with an address that other hosts reach",
                    "`ip address` lists them");
}

std::optional<Listener> listen_for_others(int family) {
  if (std::optional<Listener> listener = listen_at_name_of_host(family)) return listener;
  if (const auto address = address_towards_others(family)) return listen_at(*address);
  const auto one = find_interface(family, [](const Interface& each) { return is_for_others(each.address); });
  return one ? std::optional(listen_at(one->address)) : std::nullopt;
}

}  // namespace

std::optional<std::string> interface_with(const std::string& address) {
  const auto wanted = parse_address(address);
  if (!wanted) return std::nullopt;
  const std::string text = text_of(*wanted);
  const auto one =
      find_interface(wanted->bytes.ss_family, [&](const Interface& each) { return text_of(each.address) == text; });
  return one ? std::optional(one->name) : std::nullopt;
}

Listener listen_on_free_port(Reach reach, const std::string& interface) {
  if (reach == Reach::kHost) {
    if (!interface.empty()) return listen_at_interface(interface);
    for (const int family : kFamilies)
      if (std::optional<Listener> listener = listen_for_others(family)) return std::move(*listener);
  }
  Listener listener = listen_at(*parse_address(reach == Reach::kLoopback ? "127.0.0.1" : "0.0.0.0"));
  if (reach != Reach::kLoopback) listener.address.clear();
  return listener;
}

}  // namespace resolute::core
