#pragma once
//! \file
//! Two networks of a test's own, as of two hosts: joined by one cable that it can pull, and by a second one as of a
//! cluster's other network. Needs the right to make network namespaces.

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/process/process.h"
#include "tests/support/wait.h"

namespace resolute::tests {

class TwoNetworks {
 public:
  //! By cable0 and cable1, the first interfaces that they have.
  static constexpr std::array<const char*, 2> kHosts{"10.77.0.1", "10.77.0.2"};
  //! By the same interfaces, after speak_ipv6_alone().
  static constexpr std::array<const char*, 2> kIpv6Hosts{"fd00:77::1", "fd00:77::2"};
  //! By other0 and other1.
  static constexpr std::array<const char*, 2> kOtherAddresses{"10.78.0.1", "10.78.0.2"};

  TwoNetworks() : own_(current()) {
    for (core::FileDescriptor& network : networks_) {
      if (::unshare(CLONE_NEWNET) != 0) {
        refusal_ = fmt::format("no network namespaces here ({})", std::strerror(errno));
        return;
      }
      network = current();
    }
    // This thread is in the second network now.
    const std::string first = fmt::format("/proc/{}/fd/{}", ::getpid(), networks_[0].get());
    for (const std::string cable : {"cable", "other"})
      run({"link", "add", cable + "1", "type", "veth", "peer", "name", cable + "0", "netns", first});
    for (std::size_t i = 0; i < networks_.size(); ++i) {
      enter(i);
      run({"link", "set", "lo", "up"});
      plug_in(fmt::format("cable{}", i), kHosts[i]);
      plug_in(fmt::format("other{}", i), kOtherAddresses[i]);
    }
    leave();
  }
  ~TwoNetworks() { leave(); }
  TwoNetworks(const TwoNetworks&) = delete;
  TwoNetworks& operator=(const TwoNetworks&) = delete;

  //! Why there are none; empty when all is well.
  const std::string& refusal() const { return refusal_; }
  //! What this thread starts from here on stands in network 0 or 1.
  void enter(std::size_t network) { set(networks_[network]); }
  //! Back to the network that the test came from.
  void leave() { set(own_); }
  //! Takes all addresses of IPv4 from both cables.
  void speak_ipv6_alone() {
    for (std::size_t i = 0; i < networks_.size(); ++i) {
      enter(i);
      run({"-4", "addr", "flush", "dev", fmt::format("cable{}", i)});
      run({"-4", "addr", "flush", "dev", fmt::format("other{}", i)});
      run({"addr", "add", std::string(kIpv6Hosts[i]) + "/64", "dev", fmt::format("cable{}", i), "nodad"});
    }
    leave();
  }
  //! Whatever one network sends to the other is lost, and neither is told.
  void pull_cable() {
    enter(1);
    run({"link", "set", "cable1", "down"});
    leave();
  }

 private:
  static core::FileDescriptor current() {
    return core::FileDescriptor(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  }
  void set(const core::FileDescriptor& network) {
    if (::setns(network.get(), CLONE_NEWNET) != 0 && refusal_.empty())
      refusal_ = fmt::format("a network cannot be entered ({})", std::strerror(errno));
  }
  void plug_in(const std::string& interface, const std::string& address) {
    run({"addr", "add", address + "/24", "dev", interface});
    run({"link", "set", interface, "up"});
  }
  void run(std::vector<std::string> arguments) {
    if (!refusal_.empty()) return;
    arguments.insert(arguments.begin(), "/usr/sbin/ip");
    core::SpawnRequest request{.arguments = std::move(arguments)};
    try {
      const auto output = core::run_command(request, tests::kPatience);
      if (core::describe(output.status) != "exit code 0") refusal_ = "ip: " + output.err;
    } catch (const core::RuntimeError& error) {
      refusal_ = error.what();
    }
  }

  core::FileDescriptor own_;
  std::array<core::FileDescriptor, 2> networks_;
  std::string refusal_;
};

}  // namespace resolute::tests
