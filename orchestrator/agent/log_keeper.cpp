#include "orchestrator/agent/log_keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>

#include "core/clock.h"
#include "core/error.h"
#include "core/files/file_system.h"
#include "orchestrator/agent/logs.h"

namespace resolute::orchestrator {
namespace {

constexpr char kKeep = 'k';
constexpr std::string_view kHasRoom = "room";

// The head of a packet, whose texts follow, each with a zero byte at its end: of kKeep both logs and the program, of
// an answer the problem and kHasRoom. Both ends are one program.
struct Head {
  LogKeeper::Number rank = 0;
  char kind = 0;  // kKeep, or a Question
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

std::string problem_of_store(const std::filesystem::path& log) {
  try {
    core::probe_storage(core::real_file_system(), log.parent_path());
    return {};
  } catch (const core::RuntimeError& error) {
    return error.what();
  }
}

// Free blocks alone would say nothing of a quota. The file has no name from the start: a kill leaves nothing.
bool has_room_beside(const std::filesystem::path& log) {
  const std::filesystem::path name = core::temporary_beside(log);
  const core::FileDescriptor file(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) return false;
  ::unlink(name.c_str());
  return ::fallocate(file.get(), 0, 0, static_cast<off_t>(LogKeeper::kRoomOfAJob)) == 0;
}

// The keeper's side of a rank's logs.
class KeptLogs {
 public:
  KeptLogs(std::uint64_t limit, std::chrono::milliseconds interval)
      : limit_(limit), interval_(interval), next_(core::monotonic_clock().now() + interval) {}

  // \return the answer
  std::string serve(Packet request) {
    const Head head = request.head;
    if (head.kind != kKeep) {
      keep(head.rank);
      const auto kept = files_.extract(head.rank);
      const auto question = static_cast<LogKeeper::Question>(head.kind);
      if (question == LogKeeper::Question::kNone || kept.empty()) return packet_of(head, {});
      const std::filesystem::path log = kept.mapped().front().path();
      const std::string problem = problem_of_store(log);
      const bool has_room = problem.empty() && question == LogKeeper::Question::kRoom && has_room_beside(log);
      return packet_of(head, {problem, has_room ? kHasRoom : std::string_view()});
    }
    look_at_program(request.texts[2]);
    if (request.descriptors.size() != 2) return packet_of(head, {"no file descriptors are left"});
    for (std::size_t i = 0; i < 2; ++i)
      files_[head.rank].emplace_back(request.texts[i], std::move(request.descriptors[i]));
    return packet_of(head, {});
  }

  void keep_all() {
    for (const auto& [rank, files] : files_) keep(rank);
    next_ = core::monotonic_clock().now() + interval_;
  }
  // Until there is something to keep; -1: that is not known.
  int milliseconds_left() const {
    if (files_.empty()) return -1;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(next_ - core::monotonic_clock().now());
    return static_cast<int>(std::clamp<long>(left.count() + 1, 0, 60'000));
  }
  bool due() const { return core::monotonic_clock().now() >= next_; }

 private:
  void keep(LogKeeper::Number rank) {
    if (const auto found = files_.find(rank); found != files_.end())
      for (LogFile& file : found->second) file.keep(limit_);
  }
  std::uint64_t limit_;
  std::chrono::milliseconds interval_;
  core::MonotonicTime next_;
  std::map<LogKeeper::Number, std::vector<LogFile>> files_;
};

}  // namespace

LogKeeperSockets make_log_keeper_sockets() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    throw core::system_error("cannot make a socket pair for the logs", errno);
  return {core::FileDescriptor(ends[0]), core::FileDescriptor(ends[1])};
}

void run_log_keeper(core::FileDescriptor socket, std::uint64_t limit, std::chrono::milliseconds interval) {
  KeptLogs logs(limit, interval);
  while (true) {
    pollfd polled{socket.get(), POLLIN, 0};
    ::poll(&polled, 1, logs.milliseconds_left());
    auto request = receive_packet(socket.get(), MSG_DONTWAIT);
    if (!request && errno != EAGAIN) break;
    if (request && !send_packet(socket.get(), logs.serve(std::move(*request)), {}, 0)) break;
    if (logs.due()) logs.keep_all();
  }
  logs.keep_all();
  ::_exit(0);
}

LogKeeper::Number LogKeeper::keep(const std::string& out, int out_memory, const std::string& err, int err_memory,
                                  const std::string& program) {
  Request request{packet_of({last_ + 1, kKeep}, {out, err, program}), {}};
  for (const int memory : {out_memory, err_memory}) {
    request.memories.emplace_back(::fcntl(memory, F_DUPFD_CLOEXEC, 3));
    if (!request.memories.back().valid()) throw core::system_error("cannot hand a rank's output on", errno);
  }
  unsent_.push_back(std::move(request));
  return ++last_;
}

void LogKeeper::finish(Number rank, Question question) {
  unsent_.push_back({packet_of({rank, static_cast<char>(question)}, {}), {}});
}

short LogKeeper::events() const { return static_cast<short>(unsent_.empty() ? POLLIN : POLLIN | POLLOUT); }

std::vector<LogKeeper::Answer> LogKeeper::exchange() {
  const auto gone = [] { return core::system_error("the process that keeps logs is gone", errno); };
  while (!unsent_.empty()) {
    std::vector<int> descriptors;
    for (const auto& memory : unsent_.front().memories) descriptors.push_back(memory.get());
    if (!send_packet(socket_.get(), unsent_.front().packet, descriptors, MSG_DONTWAIT)) {
      if (errno != EAGAIN) throw gone();
      break;
    }
    unsent_.pop_front();
  }
  std::vector<Answer> answers;
  while (const auto packet = receive_packet(socket_.get(), MSG_DONTWAIT))
    answers.push_back({packet->head.rank, packet->texts[0], packet->texts[1] == kHasRoom});
  if (errno != EAGAIN) throw gone();
  return answers;
}

}  // namespace resolute::orchestrator
