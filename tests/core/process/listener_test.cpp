#include "core/process/listener.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "core/error.h"
#include "tests/support/refusal.h"
#include "tests/support/two_networks.h"

namespace resolute::core::listener_test {
namespace {

// True if a connection to this address at the listener's port is taken.
bool reachable(const Listener& listener, const char* address) {
  FileDescriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(listener.port);
  ::inet_pton(AF_INET, address, &to.sin_addr);
  return ::connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
}

TEST(Listener, takes_connections_before_anybody_accepts) {
  const Listener listener = listen_on_free_port(Reach::kLoopback);
  EXPECT_NE(0, listener.port);
  EXPECT_TRUE(reachable(listener, "127.0.0.1"));
}

// All of 127.0.0.0/8 is this host: an address that a socket bound to 127.0.0.1 does not answer at.
TEST(Listener, the_loopback_alone_is_narrower_than_everywhere) {
  EXPECT_FALSE(reachable(listen_on_free_port(Reach::kLoopback), "127.0.0.2"));
  EXPECT_TRUE(reachable(listen_on_free_port(Reach::kEverywhere), "127.0.0.2"));
}

TEST(Listener, at_the_hosts_name_nobody_comes_by_the_loopback_unless_that_is_all_it_stands_for) {
  const Listener listener = listen_on_free_port(Reach::kHost);
  EXPECT_EQ(listener.address.empty(), reachable(listener, "127.0.0.1"));
  EXPECT_TRUE(listener.address.empty() || reachable(listener, listener.address.c_str()));
  EXPECT_EQ("127.0.0.1", listen_on_free_port(Reach::kLoopback).address);
  EXPECT_EQ("", listen_on_free_port(Reach::kEverywhere).address);
}

TEST(Listener, an_address_tells_its_interface) {
  EXPECT_EQ("lo", interface_with("127.0.0.1"));
  EXPECT_EQ(std::nullopt, interface_with("192.0.2.1")) << "of documents: nobody's";
  EXPECT_EQ(std::nullopt, interface_with("no address"));
}

// The name of this machine stands for the loopback, or for an address that the test's networks do not have.
TEST(Listener, where_the_hosts_name_is_of_no_use_it_is_the_first_interface_that_others_reach) {
  tests::TwoNetworks networks;
  if (!networks.refusal().empty()) GTEST_SKIP() << networks.refusal();
  networks.enter(0);
  const Listener listener = listen_on_free_port(Reach::kHost);
  const Listener chosen = listen_on_free_port(Reach::kHost, "other0");
  const auto problem = tests::error_of([] { listen_on_free_port(Reach::kHost, "other1"); });
  const Listener alone = listen_on_free_port(Reach::kLoopback, "other0");
  networks.enter(1);
  EXPECT_EQ(tests::TwoNetworks::kHosts[0], listener.address);
  EXPECT_TRUE(reachable(listener, tests::TwoNetworks::kHosts[0]));
  EXPECT_FALSE(reachable(listener, tests::TwoNetworks::kOtherAddresses[0])) << "of the other network nobody comes";
  EXPECT_EQ(tests::TwoNetworks::kOtherAddresses[0], chosen.address);
  EXPECT_TRUE(reachable(chosen, tests::TwoNetworks::kOtherAddresses[0]));
  EXPECT_FALSE(reachable(chosen, tests::TwoNetworks::kHosts[0]));
  EXPECT_EQ("127.0.0.1", alone.address) << "a gang on one host needs no interface";
  networks.leave();
  EXPECT_EQ("", networks.refusal());
  ASSERT_TRUE(problem);
  EXPECT_THAT(problem->what(), testing::StartsWith("cannot listen on network interface 'other1' ("));
}

TEST(Listener, without_ipv4_it_is_an_address_of_ipv6_that_counts_on_every_host) {
  tests::TwoNetworks networks;
  networks.speak_ipv6_alone();
  if (!networks.refusal().empty()) GTEST_SKIP() << networks.refusal();
  networks.enter(1);
  const Listener first = listen_on_free_port(Reach::kHost);
  const Listener chosen = listen_on_free_port(Reach::kHost, "cable1");
  // It has an address of its own cable alone.
  const auto problem = tests::error_of([] { listen_on_free_port(Reach::kHost, "other1"); });
  const auto interface = interface_with(tests::TwoNetworks::kIpv6Hosts[1]);
  const Listener alone = listen_on_free_port(Reach::kLoopback);
  networks.leave();
  EXPECT_EQ("", networks.refusal());
  EXPECT_EQ(tests::TwoNetworks::kIpv6Hosts[1], first.address);
  EXPECT_EQ(tests::TwoNetworks::kIpv6Hosts[1], chosen.address);
  EXPECT_NE(0, first.port);
  EXPECT_NE(first.port, chosen.port);
  EXPECT_EQ("cable1", interface);
  EXPECT_EQ("127.0.0.1", alone.address);
  ASSERT_TRUE(problem);
  EXPECT_THAT(problem->what(), testing::HasSubstr("is up with an address that other hosts reach"));
}

TEST(Listener, two_get_two_ports) {
  const Listener one = listen_on_free_port(Reach::kLoopback);
  const Listener other = listen_on_free_port(Reach::kLoopback);
  EXPECT_NE(one.port, other.port);
}

}  // namespace
}  // namespace resolute::core::listener_test
