//! \file
//! A process rank that is killed, stopped or cut off in mid-training: the others end within the time an exchange may
//! take, and name it.

#include <chrono>

#include "tests/support/two_networks.h"
#include "tests/workers/jobs/worker_fixture.h"

namespace resolute::workers::absence_test {
namespace {

using namespace std::chrono_literals;

constexpr auto kExchangeLimit = 3s;
// To look for the culprit, and to end, on a machine with more ranks than cores.
constexpr auto kMargin = 7s;

class AbsenceTest : public WorkerTest {
 protected:
  // Long enough never to end by itself.
  static experiments::TrainingSpecification endless() {
    auto training = small_training(experiments::BaselineOptions{});
    training.recipe.steps = 1'000'000;
    return training;
  }
  static std::vector<std::string> limit() { return {"--exchange-timeout", std::to_string(kExchangeLimit.count())}; }
  // Every rank but `missing` ends in time and names it; then the one that is missing is killed.
  static void expect_named(ProcessGang& gang, int ranks, int missing) {
    const std::string name =
        fmt::format("resolute-worker: process rank {} did not arrive (last seen in exchange ", missing);
    for (int rank = 0; rank < ranks; ++rank) {
      if (rank == missing) continue;
      const Ended end = gang.wait_for(static_cast<std::size_t>(rank), kExchangeLimit + kMargin);
      EXPECT_EQ("exit code 1", end.how);
      EXPECT_EQ(0U, end.last_line.find(name)) << end.last_line;
      EXPECT_NE(std::string::npos, end.last_line.find(fmt::format("; process rank {} waited ", rank))) << end.last_line;
    }
    gang.signal(static_cast<std::size_t>(missing), SIGKILL);
    EXPECT_EQ("killed by signal 9", gang.wait_for(static_cast<std::size_t>(missing), 5s).how);
  }
};

class SignalledRankTest : public AbsenceTest, public testing::WithParamInterface<std::tuple<int, int>> {};
INSTANTIATE_TEST_SUITE_P(Signals, SignalledRankTest,
                         testing::Combine(testing::Values(SIGKILL, SIGSTOP), testing::Values(0, 2)),
                         [](const auto& info) {
                           return fmt::format("{}_rank_{}", std::get<0>(info.param) == SIGKILL ? "kill" : "stop",
                                              std::get<1>(info.param));
                         });

TEST_P(SignalledRankTest, is_named_by_all_others_in_time) {
  const auto [number, missing] = GetParam();
  const fs::path folder = store(fmt::format("signalled-{}-{}", number, missing));
  Attempt attempt(folder, write_specification(folder, endless()), 4, limit());
  attempt.wait_for_checkpoint();
  attempt.signal(static_cast<std::size_t>(missing), number);
  expect_named(attempt, 4, missing);
}

TEST_F(AbsenceTest, ranks_that_are_cut_off_are_named_by_the_others_and_name_them) {
  tests::TwoNetworks networks;
  if (!networks.refusal().empty()) GTEST_SKIP() << networks.refusal();
  const fs::path folder = store("cut-off");
  // This machine's name stands for no address of theirs.
  networks.enter(0);
  const std::string host = core::listen_on_free_port(core::Reach::kHost).address;
  const auto arguments = Attempt::arguments(folder, write_specification(folder, endless()), 4, limit(), host);
  ProcessGang gang(4, arguments, core::Reach::kHost, [&](int rank) { networks.enter(rank == 3 ? 1 : 0); });
  networks.leave();
  ASSERT_EQ(tests::TwoNetworks::kHosts[0], host);
  gang.wait_for_checkpoint();
  networks.pull_cable();
  ASSERT_EQ("", networks.refusal());
  const Ended alone = gang.wait_for(3, kExchangeLimit + kMargin);
  EXPECT_EQ("exit code 1", alone.how);
  EXPECT_EQ(0U, alone.last_line.find("resolute-worker: process ranks 0, 1, 2 did not arrive (")) << alone.last_line;
  EXPECT_NE(std::string::npos, alone.last_line.find("and at the network of this one's host")) << alone.last_line;
  for (std::size_t rank = 0; rank < 3; ++rank) {
    const Ended end = gang.wait_for(rank, kExchangeLimit + kMargin);
    EXPECT_EQ("exit code 1", end.how);
    EXPECT_EQ(0U, end.last_line.find("resolute-worker: process rank 3 did not arrive (last seen in exchange "))
        << end.last_line;
    EXPECT_NE(std::string::npos, end.last_line.find(tests::TwoNetworks::kHosts[1])) << end.last_line;
  }
}

TEST_F(AbsenceTest, ranks_meet_on_hosts_that_have_ipv6_alone) {
  tests::TwoNetworks networks;
  networks.speak_ipv6_alone();
  if (!networks.refusal().empty()) GTEST_SKIP() << networks.refusal();
  const fs::path folder = store("ipv6");
  const std::string host = fmt::format("[{}]", tests::TwoNetworks::kIpv6Hosts[0]);
  const auto arguments = Attempt::arguments(folder, write_specification(folder, endless()), 2, limit(), host);
  ProcessGang gang(2, arguments, core::Reach::kHost, [&](int rank) { networks.enter(static_cast<std::size_t>(rank)); });
  networks.leave();
  gang.wait_for_checkpoint();
}

TEST_F(AbsenceTest, a_stopped_process_rank_0_keeps_nobody_waiting_at_the_rendezvous) {
  // Whoever listens there takes connections and never answers.
  const core::Listener silent = core::listen_on_free_port(core::Reach::kLoopback);
  const fs::path folder = store("silent");
  auto arguments = Attempt::arguments(folder, write_specification(folder, endless()), 2, {})(1, silent.port);
  *(std::find(arguments.begin(), arguments.end(), "--rendezvous-timeout") + 1) = "1";
  ProcessGang gang(1, [&](int, int) { return arguments; });
  const Ended end = gang.wait_for(0, 1s + kMargin);
  EXPECT_EQ("exit code 1", end.how);
  EXPECT_EQ(0U, end.last_line.find("resolute-worker: process rank 0 did not answer at 127.0.0.1:")) << end.last_line;
}

}  // namespace
}  // namespace resolute::workers::absence_test
