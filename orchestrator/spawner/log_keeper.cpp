#include "orchestrator/spawner/log_keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "core/error.h"
#include "core/file_system.h"
#include "orchestrator/spawner/logs.h"

namespace resolute::orchestrator {
namespace {

constexpr char kOpen = 'o';
constexpr char kCut = 'c';
constexpr char kFinish = 'f';

// What stands before the texts of a packet, each of which ends with a zero byte: of a request both logs and the
// program, of an answer the problem and the last line. Both ends are one program.
struct Head {
  std::uint64_t request = 0;
  std::uint64_t limit = 0;
  char what = 0;
};
constexpr std::size_t kMaxPacket = 65536;  // three paths of 4096 bytes and more

std::string packet_of(const Head& head, std::initializer_list<std::string_view> texts) {
  std::string packet(sizeof head, '\0');
  std::memcpy(packet.data(), &head, sizeof head);
  for (const std::string_view text : texts) packet.append(text.substr(0, text.find('\0'))).push_back('\0');
  return packet;
}

struct Packet {
  Head head;
  std::vector<std::string> texts;
  std::vector<core::FileDescriptor> descriptors;
};

bool send_packet(int socket, const std::string& bytes, const std::vector<int>& descriptors, int flags) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    const std::size_t length = descriptors.size() * sizeof(int);
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(length);
    cmsghdr* head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(length);
    std::memcpy(CMSG_DATA(head), descriptors.data(), length);
  }
  ssize_t sent = 0;
  do sent = ::sendmsg(socket, &message, flags | MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

// Nothing with errno EAGAIN where none has come, with 0 where the other end is gone.
std::optional<Packet> receive_packet(int socket, int flags) {
  static std::array<char, kMaxPacket> bytes;
  iovec part{bytes.data(), bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t count = 0;
  do count = ::recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
  while (count < 0 && errno == EINTR);
  if (count < static_cast<ssize_t>(sizeof(Head))) {
    if (count >= 0) errno = 0;
    return std::nullopt;
  }
  Packet packet;
  for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr; head = CMSG_NXTHDR(&message, head)) {
    if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t at = 0; CMSG_LEN(at + sizeof(int)) <= head->cmsg_len; at += sizeof(int)) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(head) + at, sizeof descriptor);
      packet.descriptors.emplace_back(descriptor);
    }
  }
  std::memcpy(&packet.head, bytes.data(), sizeof packet.head);
  for (const char* at = bytes.data() + sizeof(Head); at < bytes.data() + count;) {
    packet.texts.emplace_back(at);
    at += packet.texts.back().size() + 1;
  }
  packet.texts.resize(3);
  return packet;
}

void look_at_program(const std::string& program) {
  if (program.find('/') == std::string::npos) return;
  const core::FileDescriptor file(::open(program.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  std::array<char, 4096> first;
  [[maybe_unused]] const ssize_t ignored = file.valid() ? ::read(file.get(), first.data(), first.size()) : 0;
}

// \return whether the other end is still there
bool serve(int socket, const Packet& request) {
  const std::string& out = request.texts[0];
  const std::string& err = request.texts[1];
  const Head head{request.head.request, 0, request.head.what};
  if (head.what == kOpen) {
    try {
      const core::FileDescriptor first = open_log(out);
      const core::FileDescriptor second = open_log(err);
      look_at_program(request.texts[2]);
      return send_packet(socket, packet_of(head, {}), {first.get(), second.get()}, 0);
    } catch (const core::RuntimeError& error) {
      return send_packet(socket, packet_of(head, {error.what()}), {}, 0);
    }
  }
  for (const std::string& log : {out, err}) cut_log(log, request.head.limit);
  return send_packet(socket, packet_of(head, {"", head.what == kFinish ? last_line_of(err) : ""}), {}, 0);
}

}  // namespace

LogKeeperSockets make_log_keeper_sockets() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    throw core::system_error("cannot make a socket pair for the logs", errno);
  return {core::FileDescriptor(ends[0]), core::FileDescriptor(ends[1])};
}

void run_log_keeper(int socket) {
  while (const auto request = receive_packet(socket, 0))
    if (!serve(socket, *request)) break;
  ::_exit(0);
}

LogKeeper::Request LogKeeper::ask(char what, const RankLogs& logs, const std::string& program) {
  unsent_.push_back(packet_of({++last_, limit_, what}, {logs.out, logs.err, program}));
  return last_;
}

LogKeeper::Request LogKeeper::open(const RankLogs& logs, const std::string& program) {
  return ask(kOpen, logs, program);
}

void LogKeeper::cut(const RankLogs& logs) { cuts_.insert(ask(kCut, logs, "")); }

LogKeeper::Request LogKeeper::finish(const RankLogs& logs) { return ask(kFinish, logs, ""); }

short LogKeeper::events() const { return static_cast<short>(unsent_.empty() ? POLLIN : POLLIN | POLLOUT); }

std::vector<LogKeeper::Answer> LogKeeper::exchange() {
  const auto gone = [] { return core::system_error("the process that keeps logs is gone", errno); };
  while (!unsent_.empty()) {
    if (!send_packet(socket_.get(), unsent_.front(), {}, MSG_DONTWAIT)) {
      if (errno != EAGAIN) throw gone();
      break;
    }
    unsent_.pop_front();
  }
  std::vector<Answer> answers;
  while (auto packet = receive_packet(socket_.get(), MSG_DONTWAIT)) {
    if (cuts_.erase(packet->head.request) > 0) continue;
    Answer answer;
    answer.request = packet->head.request;
    answer.problem = packet->texts[0];
    answer.last_line = packet->texts[1];
    if (packet->descriptors.size() == 2) {
      answer.out = std::move(packet->descriptors[0]);
      answer.err = std::move(packet->descriptors[1]);
    } else if (packet->head.what == kOpen && answer.problem.empty()) {
      answer.problem = "no file descriptors are left";
    }
    answers.push_back(std::move(answer));
  }
  if (errno != EAGAIN) throw gone();
  return answers;
}

}  // namespace resolute::orchestrator
