//! \file
//! The rendezvous by itself: who is let in, what a stranger gets, what a note is worth that nobody has sealed.

#include "workers/ddp/rendezvous.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <fstream>
#include <memory>

#include "core/error.h"
#include "core/process/listener.h"
#include "tests/support/refusal.h"

namespace resolute::workers::rendezvous_test {
namespace {

using namespace std::chrono_literals;

constexpr auto kSoon = 10s;

core::FileDescriptor connect_to(std::uint16_t port) {
  core::FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(0, ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address));
  return socket;
}

// Everything that the other end says until it closes; "still open" at the end where it does not close in time.
std::string all_of(int socket) {
  std::string text;
  char block[4096];
  while (true) {
    pollfd polled{socket, POLLIN, 0};
    if (::poll(&polled, 1, std::chrono::milliseconds(kSoon).count()) == 0) return text + "still open";
    const ssize_t count = ::recv(socket, block, sizeof block, 0);
    if (count <= 0) return text;
    text.append(block, static_cast<std::size_t>(count));
  }
}

// As many as are taken before the other end closes.
std::size_t send_all(int socket, std::string_view bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t count = ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) break;
    sent += static_cast<std::size_t>(count);
  }
  return sent;
}

std::string integer(std::uint64_t value, std::size_t bytes) { return {reinterpret_cast<const char*>(&value), bytes}; }

// As libtorch's TCPStore is spoken to: a byte for what is wanted, texts with their length before them.
std::string of_tcp_store(char query, const std::string& key, const std::string& value = {}) {
  return std::string(1, query) + integer(key.size(), 8) + key + integer(value.size(), 8) + value;
}

std::size_t resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
  return 0;
}

class RendezvousTest : public testing::Test {
 protected:
  RendezvousTest() {
    core::Listener listener = core::listen_on_free_port(core::Reach::kLoopback);
    rendezvous_.host = "127.0.0.1";
    rendezvous_.port = listener.port;
    rendezvous_.secret = "secret";
    rendezvous_.connect_limit = kSoon;
    Rendezvous meeting = rendezvous_;
    meeting.listen_descriptor = listener.socket.release();
    host_ = std::make_unique<RendezvousHost>(meeting);
  }
  // That members meet in time, whatever else goes on.
  void expect_a_meeting() {
    const auto begun = std::chrono::steady_clock::now();
    RendezvousMember one(rendezvous_);
    RendezvousMember two(rendezvous_);
    one.set("contact/1", "127.0.0.1 80");
    EXPECT_EQ("127.0.0.1 80", two.get("contact/1", kSoon));
    EXPECT_LT(std::chrono::steady_clock::now() - begun, kSoon);
  }
  Rendezvous rendezvous_;
  std::unique_ptr<RendezvousHost> host_;
};

TEST_F(RendezvousTest, notes_reach_all_members_those_that_come_later_too) {
  RendezvousMember one(rendezvous_);
  RendezvousMember two(rendezvous_);
  one.set("a", std::string(100'000, 'x'));
  two.set("b", "");
  EXPECT_EQ(std::string(100'000, 'x'), two.get("a", kSoon));
  EXPECT_EQ("", one.get("b", kSoon));
  RendezvousMember late(rendezvous_);
  EXPECT_EQ("", late.get("b", kSoon));
  EXPECT_FALSE(late.look("c"));
  EXPECT_THROW(late.get("c", 10ms), core::RuntimeError);
  EXPECT_EQ("127.0.0.1", late.address());
}

TEST_F(RendezvousTest, what_is_said_last_arrives) {
  RendezvousMember one(rendezvous_);
  {
    RendezvousMember two(rendezvous_);
    two.set("absentees", "3");
  }
  host_.reset();
  EXPECT_EQ("3", one.get("absentees", kSoon));
  EXPECT_FALSE(one.listen(core::monotonic_clock().now()));
  EXPECT_THROW(one.set("a", "b"), core::RuntimeError);
}

TEST_F(RendezvousTest, who_has_another_secret_is_not_let_in) {
  Rendezvous other = rendezvous_;
  other.connect_limit = 300ms;
  for (const char* secret : {"Secret", "secre", "secret "}) {
    other.secret = secret;
    EXPECT_THAT([&] { RendezvousMember member(other); },
                tests::fails(core::ErrorKind::kTransient, testing::HasSubstr("it closed the connection")))
        << "let in with '" << secret << "'";
  }
  expect_a_meeting();
}

TEST_F(RendezvousTest, a_host_that_does_not_know_the_secret_is_not_believed) {
  const core::Listener false_host = core::listen_on_free_port(core::Reach::kLoopback);
  std::jthread talk([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const core::FileDescriptor guest(::accept(false_host.socket.get(), nullptr, nullptr));
      char block[64];
      send_all(guest.get(), std::string(32, 'n'));
      ::recv(guest.get(), block, sizeof block, MSG_WAITALL);
      send_all(guest.get(), std::string(32, 'm'));
    }
  });
  Rendezvous elsewhere = rendezvous_;
  elsewhere.port = false_host.port;
  elsewhere.connect_limit = 200ms;
  EXPECT_THAT([&] { RendezvousMember member(elsewhere); },
              tests::fails(testing::HasSubstr("it does not know the secret")))
      << "a false host was believed";
  talk.request_stop();
  connect_to(false_host.port);  // ends its wait
}

TEST_F(RendezvousTest, a_stranger_gets_random_bytes_and_nothing_else) {
  RendezvousMember member(rendezvous_);
  member.set("contact/0", "127.0.0.1 4711");
  const std::size_t before = resident_kib();
  std::vector<std::string> moves{
      of_tcp_store(17, ""),                                         // list all keys
      of_tcp_store(3, "contact/0"),                                 // get
      of_tcp_store(1, "contact/0", "6.6.6.6 666"),                  // set
      std::string(1, '\x01') + integer(std::uint64_t{1} << 62, 8),  // a text of 2^62 bytes
      integer(std::uint64_t{1} << 62, 8),
      integer(9, 4) + integer(11, 4) + "contact/06.6.6.6 666" + std::string(32, '\0'),  // a note without a seal
      std::string(1000, '\xff'),
      "GET / HTTP/1.1\r\n\r\n"};
  for (std::string& move : moves) {
    const core::FileDescriptor stranger = connect_to(rendezvous_.port);
    send_all(stranger.get(), move + std::string(64, '\0'));
    const std::string heard = all_of(stranger.get());
    EXPECT_EQ(32U, heard.size()) << heard;
  }
  for (int i = 0; i < 40; ++i) {
    const core::FileDescriptor stranger = connect_to(rendezvous_.port);
    EXPECT_LT(send_all(stranger.get(), of_tcp_store(1, "contact/0", std::string(std::size_t{8} << 20, 'x'))),
              std::size_t{8} << 20);
  }
  EXPECT_LT(resident_kib(), before + (32 << 10));
  EXPECT_EQ("127.0.0.1 4711", RendezvousMember(rendezvous_).get("contact/0", kSoon));
}

TEST_F(RendezvousTest, strangers_who_stay_and_drip_hold_nobody_up) {
  std::vector<core::FileDescriptor> crowd;
  for (int i = 0; i < 300; ++i) crowd.push_back(connect_to(rendezvous_.port));
  std::jthread drip([&](const std::stop_token& stop) {
    while (!stop.stop_requested())
      for (core::FileDescriptor& each : crowd) {
        ::send(each.get(), "x", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        std::this_thread::sleep_for(100us);
      }
  });
  expect_a_meeting();
  drip.request_stop();
}

TEST_F(RendezvousTest, a_crowd_that_comes_again_and_again_holds_nobody_up) {
  std::jthread crowd([&](const std::stop_token& stop) {
    std::vector<core::FileDescriptor> guests(200);
    for (std::size_t i = 0; !stop.stop_requested(); ++i) {
      guests[i % guests.size()] = connect_to(rendezvous_.port);
      send_all(guests[i % guests.size()].get(), "x");
    }
  });
  for (int i = 0; i < 5; ++i) expect_a_meeting();
  crowd.request_stop();
}

class SealedStreamTest : public testing::Test {
 protected:
  SealedStreamTest() {
    int ends[2];
    EXPECT_EQ(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends));
    near_ = core::FileDescriptor(ends[0]);
    far_ = core::FileDescriptor(ends[1]);
  }
  static constexpr auto kHost = SealedStream::Side::kHost;
  static constexpr auto kMember = SealedStream::Side::kMember;
  // The bytes of a member's first note.
  std::string note(const std::string& key, const std::string& value) {
    SealedStream member(kMember, "session");
    member.put(key, value);
    EXPECT_TRUE(member.write(near_.get()));
    std::string bytes(4096, '\0');
    bytes.resize(static_cast<std::size_t>(::recv(far_.get(), bytes.data(), bytes.size(), 0)));
    return bytes;
  }
  // How many notes `stream` takes of `bytes` before it refuses; -1 - that many where it does.
  int taken(SealedStream stream, const std::string& bytes) {
    send_all(near_.get(), bytes);
    EXPECT_TRUE(stream.read(far_.get()));
    int count = 0;
    try {
      while (stream.take()) ++count;
    } catch (const core::RuntimeError&) {
      return -1 - count;
    }
    return count;
  }
  core::FileDescriptor near_;
  core::FileDescriptor far_;
};

TEST_F(SealedStreamTest, a_note_is_taken_once_from_its_writer_and_unchanged) {
  const std::string good = note("key", "value");
  EXPECT_EQ(1, taken({kHost, "session"}, good));
  EXPECT_EQ(0, taken({kHost, "session"}, good.substr(0, good.size() - 1)));
  EXPECT_EQ(-2, taken({kHost, "session"}, good + good)) << "said again";
  EXPECT_EQ(-1, taken({kMember, "session"}, good)) << "thrown back";
  EXPECT_EQ(-1, taken({kHost, "another"}, good)) << "of another session";
  for (std::size_t at = 8; at < good.size(); ++at) {
    std::string changed = good;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_EQ(-1, taken({kHost, "session"}, changed)) << at;
  }
  EXPECT_EQ(-1, taken({kHost, "session"}, integer(~0U, 4) + good));
}

}  // namespace
}  // namespace resolute::workers::rendezvous_test
