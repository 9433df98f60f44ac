#include "orchestrator/agent/framing.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace resolute::orchestrator {

void append_frame(std::string& to, const Message& message) {
  const std::string payload = encode(message);
  const auto length = static_cast<std::uint32_t>(payload.size());
  std::array<char, sizeof length> opening{};
  std::memcpy(opening.data(), &length, sizeof length);
  to.append(opening.data(), opening.size());
  to += payload;
}

bool write_available(int socket, std::string& buffer) {
  std::size_t sent = 0;
  bool open = true;
  while (sent < buffer.size()) {
    const ssize_t count = ::send(socket, buffer.data() + sent, buffer.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) {
      sent += static_cast<std::size_t>(count);
    } else if (errno != EINTR) {
      open = errno == EAGAIN;
      break;
    }
  }
  buffer.erase(0, sent);
  return open;
}

bool write_frame(int socket, const Message& message) {
  std::string frame;
  append_frame(frame, message);
  while (write_available(socket, frame)) {
    if (frame.empty()) return true;
    pollfd writable{socket, POLLOUT, 0};
    ::poll(&writable, 1, 1000);
  }
  return false;
}

bool read_available(int socket, std::string& buffer) {
  std::array<char, 65536> block;
  while (true) {
    const ssize_t count = ::recv(socket, block.data(), block.size(), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return count < 0 && errno == EAGAIN;
    buffer.append(block.data(), static_cast<std::size_t>(count));
    if (static_cast<std::size_t>(count) < block.size()) return true;
  }
}

std::optional<Message> take_frame(std::string& buffer, std::size_t& at) {
  std::uint32_t length = 0;
  if (buffer.size() - at < sizeof length) return std::nullopt;
  std::memcpy(&length, buffer.data() + at, sizeof length);
  if (length > kMaxMessage)
    throw core::input_error(fmt::format("a frame of {} bytes", length), "that is over the limit");
  if (buffer.size() - at - sizeof length < length) return std::nullopt;
  Message message = decode(std::string_view(buffer).substr(at + sizeof length, length));
  at += sizeof length + length;
  return message;
}

}  // namespace resolute::orchestrator
