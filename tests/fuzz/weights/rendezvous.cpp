// What comes over a connection of the rendezvous whose both ends have proven themselves: notes in their order, or the
// end of the connection; what nobody sealed is never a note.
#include "workers/ddp/rendezvous.h"

#include <sys/socket.h>

#include <array>

#include "core/process/process.h"
#include "tests/fuzz/targets.h"

namespace resolute::tests::rendezvous_fuzzer {
namespace {

using workers::SealedStream;

const std::string kSession(32, 's');

struct Ends {
  core::FileDescriptor ours, theirs;
};

Ends connected() {
  std::array<int, 2> ends{};
  require(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0, "no sockets");
  return {core::FileDescriptor(ends[0]), core::FileDescriptor(ends[1])};
}

std::vector<std::string> examples() {
  const Ends ends = connected();
  SealedStream member(SealedStream::Side::kMember, kSession);
  member.put("address", "10.0.0.1");
  member.put("rank", "");
  require(member.write(ends.theirs.get()), "a socket is closed");
  std::string bytes(4096, '\0');
  const ssize_t count = ::recv(ends.ours.get(), bytes.data(), bytes.size(), 0);
  require(count > 0, "nothing came");
  return {bytes.substr(0, static_cast<std::size_t>(count))};
}

}  // namespace

RESOLUTE_FUZZER(rendezvous, .rounds = 20'000, .examples = examples)(std::string_view bytes) {
  const Ends ends = connected();
  const std::string_view sent = bytes.substr(0, 65536);  // what a socket takes at once
  if (::send(ends.theirs.get(), sent.data(), sent.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(sent.size()))
    return false;
  SealedStream host(SealedStream::Side::kHost, kSession);
  return understood([&] {
    host.read(ends.ours.get());
    std::size_t notes = 0;
    while (host.take()) ++notes;
    require(notes <= 2 || !kFewChanges, "a note that nobody sealed");
  });
}

}  // namespace resolute::tests::rendezvous_fuzzer
