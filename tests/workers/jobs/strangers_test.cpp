//! \file
//! Another user during a training on two ranks, on the node and in another network: what there is to be read, to be
//! connected to and to be filled.

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <set>
#include <sstream>
#include <thread>
#include <utility>

#include "tests/support/two_networks.h"
#include "tests/workers/jobs/worker_fixture.h"

namespace resolute::workers::strangers_test {
namespace {

using namespace std::chrono_literals;

constexpr uid_t kNobody = 65534;

class StrangersTest : public WorkerTest {
 protected:
  // Another user's process, in the network that this thread is in.
  class Nobody {
   public:
    // \param look what it does and says; its argument tells whether it is to end
    explicit Nobody(const std::function<std::string(const std::function<bool()>& done)>& look) {
      core::Pipe pipe = core::make_pipe();
      process_ = ::fork();
      if (process_ == 0) {
        const auto done = [&] {
          pollfd polled{wanted_.read_end.get(), POLLIN, 0};
          return ::poll(&polled, 1, 0) > 0;
        };
        std::string text = "cannot become another user";
        if (::setgid(kNobody) == 0 && ::setuid(kNobody) == 0) text = look(done);
        [[maybe_unused]] const ssize_t ignored = ::write(pipe.write_end.get(), text.data(), text.size());
        ::_exit(0);
      }
      said_ = std::move(pipe.read_end);
    }
    ~Nobody() { end(); }
    Nobody(const Nobody&) = delete;
    Nobody& operator=(const Nobody&) = delete;
    // \return what it says
    std::string end() {
      // Not by closing it: another of them may have inherited it.
      if (process_ > 0 && ::write(wanted_.write_end.get(), "x", 1) != 1) ADD_FAILURE() << "nobody listens";
      std::string text;
      char block[4096];
      for (ssize_t count = 0; (count = ::read(said_.get(), block, sizeof block)) > 0;)
        text.append(block, static_cast<std::size_t>(count));
      if (process_ > 0) ::waitpid(std::exchange(process_, -1), nullptr, 0);
      return text;
    }

   private:
    pid_t process_ = -1;
    core::FileDescriptor said_;
    core::Pipe wanted_ = core::make_pipe();  // both ends stay: it may have gone when it is told
  };
  static std::string as_nobody(const std::function<std::string()>& look) {
    return Nobody([&](const auto&) { return look(); }).end();
  }
  static std::string file(const std::string& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  struct Door {
    std::string address;  // of IPv4, as in /proc/net/tcp: hexadecimal, the last byte first
    std::uint16_t port = 0;
  };
  // A process's sockets as /proc/PID/fd names them, "socket:[INODE]". Files that it writes come and go and are left
  // out.
  static std::set<std::string> sockets_of(pid_t process) {
    std::set<std::string> sockets;
    for (const auto& entry : fs::directory_iterator(fmt::format("/proc/{}/fd", process))) {
      std::error_code gone;
      const std::string target = fs::read_symlink(entry.path(), gone).string();
      if (target.starts_with("socket:")) sockets.insert(target);
    }
    return sockets;
  }
  // Where a process listens: its sockets' lines in /proc/PID/net/tcp, or udp.
  static std::vector<Door> doors_of(pid_t process, const std::string& protocol) {
    const std::set<std::string> sockets = sockets_of(process);
    std::vector<Door> found;
    std::istringstream table(file(fmt::format("/proc/{}/net/{}", process, protocol)));
    for (std::string line; std::getline(table, line);) {
      std::istringstream fields(line);
      std::string number, local, remote, state, queues, timer, retransmits, user, timeout, inode;
      fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
      const bool open = state == (protocol == "tcp" ? "0A" : "07");
      if (open && sockets.contains("socket:[" + inode + "]"))
        found.push_back({local.substr(0, 8), static_cast<std::uint16_t>(std::stoul(local.substr(9), nullptr, 16))});
    }
    return found;
  }
  static std::int64_t resident_kib(pid_t process) {
    const std::string status = file(fmt::format("/proc/{}/status", process));
    return std::stoll(status.substr(status.find("VmRSS:") + 6));
  }
  static sockaddr_in address_of(const std::string& host, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
    return address;
  }
  static core::FileDescriptor open_socket(int type, std::chrono::milliseconds limit) {
    core::FileDescriptor socket(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    const timeval wait{limit.count() / 1000, limit.count() % 1000 * 1000};
    for (const int option : {SO_SNDTIMEO, SO_RCVTIMEO})
      ::setsockopt(socket.get(), SOL_SOCKET, option, &wait, sizeof wait);
    return socket;
  }
  // "connected" or why not, within `limit`.
  static std::string try_to_connect(const core::FileDescriptor& socket, const std::string& host, std::uint16_t port) {
    const sockaddr_in address = address_of(host, port);
    const bool connected = ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    return connected ? "connected" : std::strerror(errno);
  }

  // What one who comes uninvited gets of a port again and again until he is `done`: how often he was let in, and the
  // most bytes that one connection said. He offers what a key-value store without a door would
  // take: a list of its keys, a value of megabytes, a length of 2^62, noise.
  struct Loot {
    std::int64_t connected = 0, heard = 0;
  };
  static Loot pester(const std::string& host, std::uint16_t port, const std::function<bool()>& done) {
    ::signal(SIGPIPE, SIG_IGN);
    const std::string length{'\x02', 0, 0, 0, 0, 0, 0, 0, 0x40};
    const std::vector<std::string> offers{"\x11", length, std::string(1000, 'x'), std::string(8 << 20, '\0')};
    Loot loot;
    for (std::size_t turn = 0; !done(); ++turn) {
      const core::FileDescriptor socket = open_socket(SOCK_STREAM, 200ms);
      if (try_to_connect(socket, host, port) != "connected") {
        std::this_thread::sleep_for(5ms);
        continue;
      }
      ++loot.connected;
      const std::string& offer = offers[turn % offers.size()];
      std::size_t taken = 0;
      while (taken < offer.size()) {
        const ssize_t count = ::send(socket.get(), offer.data() + taken, offer.size() - taken, 0);
        if (count <= 0) break;
        taken += static_cast<std::size_t>(count);
      }
      std::int64_t heard = 0;
      char block[4096];
      for (ssize_t count = 0; (count = ::recv(socket.get(), block, sizeof block, 0)) > 0;) heard += count;
      loot.heard = std::max(loot.heard, heard);
    }
    return loot;
  }
  static std::string text_of(const Loot& loot) { return fmt::format("{} {}", loot.connected, loot.heard); }
  static Loot loot_in(const std::string& text) {
    Loot loot;
    std::istringstream(text) >> loot.connected >> loot.heard;
    return loot;
  }
};

TEST_F(StrangersTest, read_no_secret_and_find_no_open_door) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can become another user";
  const fs::path folder = store("strangers");
  auto training = small_training(experiments::BaselineOptions{});
  training.recipe.steps = 1'000'000;
  Attempt attempt(folder, write_specification(folder, training), 2);
  attempt.wait_for_checkpoint();
  for (std::size_t rank = 0; rank < 2; ++rank) {
    const std::string process = fmt::format("/proc/{}", attempt.process(rank));
    EXPECT_NE("", file(process + "/environ"));
    EXPECT_EQ(std::string::npos, file(process + "/environ").find(attempt.secret()));
    EXPECT_EQ("--secret-fd", as_nobody([&]() -> std::string {
                const std::string line = file(process + "/cmdline");
                if (line.find(attempt.secret()) != std::string::npos) return "the secret itself";
                return line.find("--secret-fd") == std::string::npos ? "" : "--secret-fd";
              }));
    for (const char* what : {"/environ", "/fd", "/mem", "/maps"})
      EXPECT_EQ("Permission denied", as_nobody([&]() -> std::string {
                  const core::FileDescriptor opened(::open((process + what).c_str(), O_RDONLY | O_CLOEXEC));
                  return opened.valid() ? "readable" : std::strerror(errno);
                }))
          << what;

    // What is left of those that listened is Gloo's own, on the loopback, and takes no one.
    const std::vector<Door> doors = doors_of(attempt.process(rank), "tcp");
    ASSERT_EQ(1U, doors.size());
    EXPECT_EQ("0100007F", doors[0].address);
    const std::set<std::string> before = sockets_of(attempt.process(rank));
    EXPECT_NE("connected",
              as_nobody([&] { return try_to_connect(open_socket(SOCK_STREAM, 500ms), "127.0.0.1", doors[0].port); }));
    EXPECT_EQ(before, sockets_of(attempt.process(rank)));
  }
  EXPECT_NE("", attempt.wait_for_progress("checkpoint")) << "the training goes on";
  attempt.signal(0, SIGTERM);
  EXPECT_EQ(std::vector<std::string>(2, "exit code 75"), attempt.wait_codes());
}

// The stranger lives in a network that reaches the gang's host by both of its addresses.
class ForeignStrangersTest : public StrangersTest, public testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(Gangs, ForeignStrangersTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "on_two_hosts" : "on_one_host"; });

TEST_P(ForeignStrangersTest, get_nothing_from_another_network) {
  if (::getuid() != 0) GTEST_SKIP() << "only root can become another user";
  tests::TwoNetworks networks;
  if (!networks.refusal().empty()) GTEST_SKIP() << networks.refusal();
  const bool two_hosts = GetParam();
  const std::string host = tests::TwoNetworks::kHosts[0], other = tests::TwoNetworks::kOtherAddresses[0];
  const fs::path folder = store(two_hosts ? "foreign-two" : "foreign-one");
  auto training = small_training(experiments::BaselineOptions{});
  training.recipe.steps = 1'000'000;
  const JobId job = write_specification(folder, training);

  // From before the ranks are born until they train: two of them, at the address where the gang meets and at the other.
  std::unique_ptr<Nobody> at_host, at_other;
  const auto arguments = [&](int rank, int port) {
    if (rank == 0) {
      networks.enter(1);
      const auto stranger = [port](const std::string& where) {
        return std::make_unique<Nobody>([=](const std::function<bool()>& done) {
          return text_of(pester(where, static_cast<std::uint16_t>(port), done));
        });
      };
      at_host = stranger(host);
      at_other = stranger(other);
      networks.enter(0);
    }
    return Attempt::arguments(folder, job, 2, {}, two_hosts ? host : "127.0.0.1")(rank, port);
  };
  ProcessGang gang(2, arguments, two_hosts ? core::Reach::kHost : core::Reach::kLoopback,
                   [&](int rank) { networks.enter(rank == 1 && two_hosts ? 1 : 0); });
  networks.enter(1);
  gang.wait_for_checkpoint();
  const Loot met = loot_in(at_host->end());
  EXPECT_EQ(two_hosts, met.connected > 0) << "a gang on one host cannot be reached";
  EXPECT_LE(met.heard, 32) << "random bytes, of which a proof would have to be";
  EXPECT_EQ(0, loot_in(at_other->end()).connected) << "it listens at one address";

  // What listens in mid-training: Gloo's sockets, which take no one, and the roll call, which takes and says nothing.
  const std::string listens_at = two_hosts ? "01004D0A" : "0100007F";
  const pid_t process = gang.process(0);
  const std::vector<Door> doors = doors_of(process, "tcp"), calls = doors_of(process, "udp");
  ASSERT_EQ(1U, doors.size());
  ASSERT_EQ(1U, calls.size());
  EXPECT_EQ(listens_at, doors[0].address);
  EXPECT_EQ(listens_at, calls[0].address);
  const std::int64_t memory = resident_kib(process);
  const std::set<std::string> open = sockets_of(process);
  for (const std::string& where : {host, other}) {
    EXPECT_NE("connected",
              as_nobody([&] { return try_to_connect(open_socket(SOCK_STREAM, 500ms), where, doors[0].port); }));
    EXPECT_EQ("nothing", as_nobody([&]() -> std::string {
                const core::FileDescriptor socket = open_socket(SOCK_DGRAM, 500ms);
                const sockaddr_in to = address_of(where, calls[0].port);
                for (int i = 0; i < 3000; ++i) {
                  const std::string datagram(i % 3 == 0 ? 40 : 1400, static_cast<char>(i));
                  ::sendto(socket.get(), datagram.data(), datagram.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                           sizeof to);
                }
                char answer[64];
                return ::recv(socket.get(), answer, sizeof answer, 0) < 0 ? "nothing" : "something";
              }));
  }
  EXPECT_EQ(open, sockets_of(process));
  EXPECT_NE("", gang.wait_for_progress("checkpoint")) << "the training goes on";
  EXPECT_LT(resident_kib(process) - memory, 16 << 10);
  gang.signal(0, SIGTERM);
  EXPECT_EQ(std::vector<std::string>(2, "exit code 75"), gang.wait_codes());
  networks.leave();
  EXPECT_EQ("", networks.refusal());
}

}  // namespace
}  // namespace resolute::workers::strangers_test
