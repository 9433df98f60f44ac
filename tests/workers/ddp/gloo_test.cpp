//! \file
//! A stranger who is quicker than a rank: Gloo takes whoever connects with a small number for a rank.

#include "workers/ddp/gloo.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <barrier>
#include <cstring>
#include <filesystem>
#include <future>
#include <set>

#include "core/error.h"
#include "core/process/listener.h"
#include "core/process/secret.h"
#include "tests/support/refusal.h"
#include "workers/ddp/lane_routes.h"
#include "workers/ddp/lane_sum.h"

namespace resolute::workers::gloo_test {
namespace {

using namespace std::chrono_literals;

core::FileDescriptor connect_to(std::uint16_t port, std::chrono::milliseconds limit) {
  core::FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval wait{limit.count() / 1000, limit.count() % 1000 * 1000};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) socket.reset();
  return socket;
}

// Ports at which this process listens.
std::set<std::uint16_t> listening_ports() {
  std::set<std::uint16_t> ports;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    const int descriptor = std::stoi(entry.path().filename());
    int listens = 0;
    socklen_t size = sizeof listens;
    sockaddr_in address{};
    socklen_t length = sizeof address;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0 &&
        ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &length) == 0)
      ports.insert(ntohs(address.sin_port));
  }
  return ports;
}

class GlooTest : public testing::Test {
 protected:
  GlooTest() : listener_(core::listen_on_free_port(core::Reach::kLoopback)) {
    at_host_.host = "127.0.0.1";
    at_host_.port = listener_.port;
    at_host_.secret = core::random_token(32);
    at_host_.connect_limit = 3s;
  }
  // Both ranks' ends of connect_gloo(), process rank 1 by way of `port`.
  std::array<std::future<std::unique_ptr<Communicator>>, 2> connect(std::uint16_t port) {
    Rendezvous host = at_host_;
    host.listen_descriptor = listener_.socket.release();
    Rendezvous member = at_host_;
    member.port = port;
    return {std::async(std::launch::async, [host] { return connect_gloo(host, 0, 2); }),
            std::async(std::launch::async, [member] { return connect_gloo(member, 1, 2); })};
  }
  core::Listener listener_;
  Rendezvous at_host_;
};

// Between process rank 1 and the rendezvous. It cannot change a note, but hold it back: both ranks' addresses for Gloo
// until `meanwhile` has been done.
class SlowCable {
 public:
  SlowCable(std::uint16_t host, std::function<void()> meanwhile)
      : door_(core::listen_on_free_port(core::Reach::kLoopback)),
        meanwhile_(std::move(meanwhile)),
        both_(2, [this]() noexcept { meanwhile_(); }) {
    one_ = std::jthread([this, host] {
      near_ = core::FileDescriptor(::accept(door_.socket.get(), nullptr, nullptr));
      far_ = connect_to(host, 5s);
      std::jthread back([this] { carry(far_.get(), near_.get(), 64); });
      carry(near_.get(), far_.get(), 64);
    });
  }
  std::uint16_t port() const { return door_.port; }

 private:
  // `proof`: bytes before the first note.
  void carry(int from, int to, std::size_t proof) {
    std::string seen;
    bool held = false;
    char block[4096];
    for (ssize_t count = 0; (count = ::recv(from, block, sizeof block, 0)) > 0;) {
      seen.append(block, static_cast<std::size_t>(count));
      std::size_t whole = std::min(proof, seen.size());
      proof -= whole;
      while (proof == 0 && seen.size() >= whole + 8) {
        std::uint32_t sizes[2];
        std::memcpy(sizes, seen.data() + whole, sizeof sizes);
        const std::size_t length = 8 + sizes[0] + sizes[1] + 32;
        if (seen.size() < whole + length) break;
        if (!held && seen.compare(whole + 8, 5, "gloo/") == 0) {
          ::send(to, seen.data(), whole, MSG_NOSIGNAL);
          seen.erase(0, whole);
          whole = 0;
          both_.arrive_and_wait();
          held = true;
        }
        whole += length;
      }
      ::send(to, seen.data(), whole, MSG_NOSIGNAL);
      seen.erase(0, whole);
    }
    if (!held) both_.arrive_and_drop();
    ::shutdown(to, SHUT_RDWR);
    ::shutdown(from, SHUT_RDWR);
  }

  core::Listener door_;
  std::function<void()> meanwhile_;
  std::barrier<std::function<void()>> both_;
  core::FileDescriptor near_;
  core::FileDescriptor far_;
  std::jthread one_;
};

TEST_F(GlooTest, a_stranger_in_the_place_of_a_rank_is_found_out) {
  std::vector<core::FileDescriptor> strangers;
  std::set<std::uint16_t> known;
  SlowCable cable(at_host_.port, [&] {
    // What listens now and did not before is Gloo's, of either rank.
    for (const std::uint16_t port : listening_ports())
      if (!known.contains(port))
        for (std::int64_t number = 0; number < 4; ++number) {
          strangers.push_back(connect_to(port, 1s));
          ::send(strangers.back().get(), &number, sizeof number, MSG_NOSIGNAL);
        }
    std::this_thread::sleep_for(100ms);  // until Gloo has read that
  });
  known = listening_ports();
  auto ends = connect(cable.port());
  for (auto& end : ends) EXPECT_THROW(end.get(), core::RuntimeError);
  EXPECT_EQ(8U, strangers.size()) << "each of two ranks was to listen";
}

TEST_F(GlooTest, nobody_connects_to_a_group_that_is_connected) {
  const std::set<std::uint16_t> before = listening_ports();
  auto ends = connect(at_host_.port);
  const std::unique_ptr<Communicator> one = ends[0].get();
  const std::unique_ptr<Communicator> two = ends[1].get();
  std::set<std::uint16_t> after = listening_ports();
  EXPECT_FALSE(after.contains(at_host_.port)) << "the rendezvous still listens";
  std::erase_if(after, [&](std::uint16_t port) { return before.contains(port); });
  EXPECT_EQ(2U, after.size()) << "Gloo's own";
  for (const std::uint16_t port : after) EXPECT_FALSE(connect_to(port, 300ms).valid()) << port;
  auto other = std::async(std::launch::async, [&] { two->barrier(); });
  one->barrier();
  other.get();
}

// What each of some ranks has of `body`, rank r being on machines[r].
std::vector<at::Tensor> on_machines(const Rendezvous& at_host, int descriptor, const std::vector<std::string>& machines,
                                    const std::function<at::Tensor(Communicator&)>& body) {
  std::vector<std::future<at::Tensor>> ranks;
  for (std::size_t rank = 0; rank < machines.size(); ++rank)
    ranks.push_back(std::async(std::launch::async, [&, rank] {
      Rendezvous meeting = at_host;
      meeting.listen_descriptor = rank == 0 ? descriptor : -1;
      meeting.machine = machines[rank];
      const auto communicator = connect_gloo(meeting, static_cast<int>(rank), static_cast<int>(machines.size()));
      const at::Tensor found = body(*communicator);
      communicator->barrier();
      return found;
    }));
  std::vector<at::Tensor> found;
  for (auto& rank : ranks) found.push_back(rank.get());
  return found;
}

TEST_F(GlooTest, two_machines_of_two_ranks_sum_lanes_to_the_bits_of_one) {
  constexpr int kLanes = 8;
  constexpr std::int64_t kElements = 1003;
  const auto lane_tensor = [](int lane) {
    const at::Tensor steps = at::arange(kElements, at::kFloat);
    return TensorList{(steps * static_cast<float>(lane + 1)).sin() * (steps / 50).exp2()};
  };
  LaneSum whole;
  for (int lane = 0; lane < kLanes; ++lane) whole.add(lane, lane_tensor(lane));
  const at::Tensor alone = sum_in_one_process(std::move(whole)).front();
  const auto sums = on_machines(at_host_, listener_.socket.release(), {"a", "a", "b", "b"}, [&](Communicator& group) {
    EXPECT_EQ((std::vector<int>{0, 0, 2, 2}), group.machines());
    EXPECT_TRUE(lane_routes(group.process_rank(), group.machines(), kLanes)) << "this is about two levels";
    const LaneRange range = lanes_of(group.process_rank(), 4, kLanes);
    ExchangeBuffers buffers;
    at::Tensor flat;
    TensorList sum;
    for (int round = 0; round < 3; ++round) {
      LaneSum meeting;
      for (int lane = range.first; lane < range.first + range.count; ++lane) meeting.add(lane, lane_tensor(lane));
      sum = sum_over_lanes(std::move(meeting), kLanes, group, buffers, flat);
    }
    return sum.front();
  });
  for (const at::Tensor& sum : sums) EXPECT_TRUE(at::equal(alone, sum));
}

TEST_F(GlooTest, ranks_of_one_machine_know_it) {
  auto ends = connect(at_host_.port);
  const std::unique_ptr<Communicator> one = ends[0].get();
  const std::unique_ptr<Communicator> two = ends[1].get();
  EXPECT_EQ((std::vector<int>{0, 0}), one->machines());
  EXPECT_EQ(one->machines(), two->machines());
}

// A delivery that never comes names who is missing, as every exchange does.
TEST_F(GlooTest, a_delivery_without_a_sender_fails) {
  at_host_.collective_limit = 500ms;
  auto ends = connect(at_host_.port);
  const std::unique_ptr<Communicator> one = ends[0].get();
  const std::unique_ptr<Communicator> two = ends[1].get();
  EXPECT_THAT(
      [&] {
        one->deliver({{1, at::zeros({4})}}, {});
      },
      tests::fails(core::ErrorKind::kTransient, testing::HasSubstr("process rank 1 did not arrive")));
}

}  // namespace
}  // namespace resolute::workers::gloo_test
