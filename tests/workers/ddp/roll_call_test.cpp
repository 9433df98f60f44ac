//! \file
//! Who did not arrive, without any exchange: roll calls of several ranks in one process.

#include "workers/ddp/roll_call.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <memory>
#include <thread>

namespace resolute::workers::roll_call_test {
namespace {

using State = PeerSign::State;

class RollCallTest : public testing::Test {
 protected:
  // Ranks that know each other; those in `mute` never speak.
  void meet(int ranks, const std::vector<int>& mute = {}, const std::string& secret_of_last = "secret") {
    std::vector<std::string> contacts;
    for (int rank = 0; rank < ranks; ++rank) {
      calls_.push_back(
          std::make_unique<RollCall>("127.0.0.1", rank == ranks - 1 ? secret_of_last : "secret", rank, ranks));
      contacts.push_back(calls_.back()->contact());
    }
    for (int rank = 0; rank < ranks; ++rank)
      if (std::find(mute.begin(), mute.end(), rank) == mute.end())
        calls_[static_cast<std::size_t>(rank)]->begin(contacts);
  }
  static std::vector<State> states(const std::vector<PeerSign>& peers) {
    std::vector<State> states;
    for (const PeerSign& peer : peers) states.push_back(peer.state);
    return states;
  }
  std::vector<std::unique_ptr<RollCall>> calls_;
};

TEST_F(RollCallTest, counts_reach_the_others) {
  meet(3);
  EXPECT_EQ(1U, calls_[1]->enter());
  EXPECT_EQ(2U, calls_[1]->enter());
  EXPECT_EQ(1U, calls_[2]->enter());
  const auto peers = calls_[0]->look();
  ASSERT_EQ((std::vector<State>{State::kRunning, State::kRunning}), states(peers));
  EXPECT_EQ(2U, peers[0].exchange);
  EXPECT_EQ(1U, peers[1].exchange);
  EXPECT_EQ("127.0.0.1", peers[0].host);
}

TEST_F(RollCallTest, a_silent_rank_is_told_from_one_that_leaves_and_one_that_failed_too) {
  meet(4, {2});
  calls_[3]->look();  // its exchange failed, on account of rank 2
  calls_[1].reset();  // ends though nothing has failed
  EXPECT_EQ((std::vector<State>{State::kEnded, State::kSilent, State::kFailed}), states(calls_[0]->look()));
  calls_[3].reset();  // leaving changes nothing about why
  EXPECT_EQ((std::vector<State>{State::kEnded, State::kSilent, State::kFailed}), states(calls_[0]->look()));
}

// Some networks carry no datagrams between machines: then the exchange's own limit is left.
TEST_F(RollCallTest, a_rank_that_was_never_heard_is_not_gone) {
  meet(2, {1});
  std::this_thread::sleep_for(std::chrono::milliseconds(3500));
  EXPECT_EQ(std::nullopt, calls_[0]->gone());
}

TEST_F(RollCallTest, ranks_of_another_attempt_are_not_heard) {
  meet(2, {}, "other secret");
  const auto peers = calls_[0]->look();
  EXPECT_EQ(std::vector<State>{State::kSilent}, states(peers));
  EXPECT_FALSE(peers[0].silent_for);
}

TEST_F(RollCallTest, strangers_who_know_all_but_the_secret_are_not_heard) {
  meet(2);
  const std::string& contact = calls_[0]->contact();
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(contact.substr(contact.find(' ')))));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const core::FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  for (std::uint64_t beat = 1; beat < 5000; ++beat) {
    std::string datagram;
    for (const std::uint32_t part : {1U, static_cast<std::uint32_t>(State::kEnded)})
      datagram.append(reinterpret_cast<const char*>(&part), sizeof part);
    for (const std::uint64_t part : {std::uint64_t{7}, (beat << 40), beat, beat})
      datagram.append(reinterpret_cast<const char*>(&part), sizeof part);
    ASSERT_EQ(40, ::sendto(socket.get(), datagram.data(), datagram.size(), 0,
                           reinterpret_cast<const sockaddr*>(&address), sizeof address));
  }
  const auto peers = calls_[0]->look();
  EXPECT_EQ(std::vector<State>{State::kRunning}, states(peers));
  EXPECT_EQ(0U, peers[0].exchange);
}

TEST_F(RollCallTest, a_contact_that_is_none_is_refused) {
  RollCall call("127.0.0.1", "secret", 0, 2);
  for (const char* contact : {"", "127.0.0.1", "127.0.0.1 x", "localhost 80", " 80"})
    EXPECT_THROW(call.begin({call.contact(), contact}), core::RuntimeError) << contact;
}

TEST(AbsenceError, names_who_is_silent_before_who_is_behind) {
  const std::vector<PeerSign> peers{{0, "10.0.0.1", State::kFailed, 19, 0.1},
                                    {2, "10.0.0.3", State::kSilent, 17, 30.4},
                                    {3, "10.0.0.4", State::kRunning, 18, 0.0}};
  const auto error = absence_error(1, 19, 30.0, "all-gather: timed out", peers);
  EXPECT_EQ(core::ErrorKind::kTransient, error.kind());
  EXPECT_STREQ(
      "process rank 2 did not arrive (last seen in exchange 17 on 10.0.0.3, silent for 30.4 s; process rank 1 waited "
      "30.0 s in exchange 19); look at its log",
      error.what());
}

TEST(AbsenceError, names_who_ended) {
  EXPECT_STREQ(
      "process rank 0 did not arrive (ended after exchange 17 on 10.0.0.1; process rank 1 waited 0.1 s in exchange "
      "18); look at its log",
      absence_error(1, 18, 0.1, "", {{0, "10.0.0.1", State::kEnded, 17, 0.1}}).what());
}

TEST(AbsenceError, names_who_is_behind_when_all_are_alive) {
  EXPECT_STREQ(
      "process rank 2 did not arrive (alive, but still in exchange 17 on 10.0.0.3; process rank 1 waited 300.0 s in "
      "exchange 19); look at its log, or allow a longer wait with --exchange-timeout",
      absence_error(1, 19, 300, "",
                    {{0, "10.0.0.1", State::kRunning, 19, 0.0}, {2, "10.0.0.3", State::kRunning, 17, 0.0}})
          .what());
}

TEST(AbsenceError, says_that_this_host_may_be_cut_off_when_nobody_is_heard) {
  EXPECT_STREQ(
      "process ranks 0, 1 did not arrive (0 last seen in exchange 19 on 10.0.0.1, silent for 5.0 s; 1 never heard from "
      "10.0.0.2; process rank 2 waited 5.0 s in exchange 19); look at their logs, and at the network of this one's "
      "host",
      absence_error(2, 19, 5, "",
                    {{0, "10.0.0.1", State::kSilent, 19, 5.0}, {1, "10.0.0.2", State::kSilent, 0, std::nullopt}})
          .what());
}

TEST(AbsenceError, says_what_the_library_said_when_all_are_there) {
  EXPECT_STREQ(
      "exchange 19 of process rank 1 failed (all-gather: no memory; all process ranks are there); look at the other "
      "process ranks' logs",
      absence_error(1, 19, 5, "all-gather: no memory", {{0, "10.0.0.1", State::kRunning, 19, 0.0}}).what());
}

}  // namespace
}  // namespace resolute::workers::roll_call_test
