#include "core/listener.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "core/error.h"

namespace resolute::core {

Listener listen_on_free_port(Reach reach) {
  constexpr int kWaiting = 128;
  Listener listener;
  listener.socket = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(reach == Reach::kEverywhere ? INADDR_ANY : INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (!listener.socket.valid() || ::bind(listener.socket.get(), generic, size) != 0 ||
      ::listen(listener.socket.get(), kWaiting) != 0 || ::getsockname(listener.socket.get(), generic, &size) != 0)
    throw system_error("cannot listen on a free port", errno);
  listener.port = ntohs(address.sin_port);
  return listener;
}

}  // namespace resolute::core
