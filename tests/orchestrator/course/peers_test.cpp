#include "orchestrator/course/peers.h"

#include <gtest/gtest.h>

namespace resolute::tests::peers_test {
namespace {

using namespace orchestrator;
using namespace std::chrono_literals;

const core::MonotonicTime kBegin{1h};

TEST(Peers, knows_an_agent_by_its_latest_stay) {
  Peers peers({1});
  EXPECT_EQ(peers.hear(1, kBegin), std::nullopt);
  EXPECT_EQ(0U, peers.joined());
  peers.join(1, {0}, kBegin);
  EXPECT_EQ(peers.hear(1, kBegin), AgentNumber{0});
  EXPECT_EQ(peers.address_of({0}), 1);
  EXPECT_EQ(peers.lose(1), AgentNumber{0});
  EXPECT_EQ(peers.lose(1), std::nullopt);
  EXPECT_EQ(1U, peers.joined());
  EXPECT_EQ(peers.address_of({0}), -1);
  peers.join(1, {5}, kBegin);
  EXPECT_EQ(peers.hear(1, kBegin), AgentNumber{5});
  EXPECT_EQ(peers.address_of({0}), -1);
  EXPECT_EQ(peers.address_of({5}), 1);
}

TEST(Peers, takes_an_agent_for_silent_beyond_the_limit_and_not_at_it) {
  Peers peers({1, 2});
  peers.join(1, {0}, kBegin);
  peers.join(2, {1}, kBegin);
  peers.hear(2, kBegin + 1s);
  EXPECT_EQ(peers.silent(kBegin + 10s, 10s), std::vector<Address>());
  EXPECT_EQ(peers.silent(kBegin + 10001ms, 10s), std::vector<Address>{1});
  EXPECT_EQ(peers.silent(kBegin + 11001ms, 10s), (std::vector<Address>{1, 2}));
}

TEST(Peers, forgives_what_could_not_be_heard) {
  Peers peers({1});
  peers.join(1, {0}, kBegin);
  peers.forgive(1min);
  EXPECT_EQ(peers.silent(kBegin + 70s, 10s), std::vector<Address>());
  EXPECT_EQ(peers.silent(kBegin + 70001ms, 10s), std::vector<Address>{1});
}

TEST(Peers, waits_until_all_expected_have_joined) {
  Peers peers({1, 2});
  peers.join(1, {0}, kBegin);
  peers.join(3, {1}, kBegin);
  EXPECT_EQ(peers.joined(), peers.expected());
  EXPECT_FALSE(peers.all_joined()) << "one of them was not expected";
  EXPECT_FALSE(peers.stop_waiting(false));
  EXPECT_TRUE(peers.pending());
  peers.join(2, {2}, kBegin);
  EXPECT_TRUE(peers.stop_waiting(false));
  EXPECT_FALSE(peers.pending());
  EXPECT_FALSE(peers.stop_waiting(true)) << "said once";
  EXPECT_TRUE(peers.orderly());
}

TEST(Peers, counts_an_agent_that_joined_and_was_lost_as_joined) {
  Peers peers({1});
  peers.join(1, {0}, kBegin);
  peers.lose(1);
  EXPECT_TRUE(peers.stop_waiting(false));
  EXPECT_FALSE(peers.orderly()) << "it was lost all the same";
}

TEST(Peers, is_not_orderly_when_it_waited_in_vain) {
  Peers peers({1, 2});
  peers.join(1, {0}, kBegin);
  EXPECT_TRUE(peers.orderly());
  EXPECT_TRUE(peers.stop_waiting(true));
  EXPECT_FALSE(peers.orderly());
  EXPECT_FALSE(peers.stop_waiting(true));
}

}  // namespace
}  // namespace resolute::tests::peers_test
