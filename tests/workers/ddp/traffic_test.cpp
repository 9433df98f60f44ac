//! \file
//! What a lane sum sends between machines, against what no all-reduce can do without: of P bytes in N machines, at
//! least 2·P·(N - 1)/N leave each machine in a ring.

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/workers/ddp/counting_communicator.h"
#include "workers/ddp/lane_sum.h"

namespace resolute::workers::traffic_test {
namespace {

constexpr std::int64_t kElements = 100'003;  // a prime: shares are rounded up

SentBytes sent_by(int rank, const std::vector<int>& machines, bool knows_machines) {
  CountingCommunicator communicator(rank, machines, knows_machines);
  LaneSum own;
  own.add(rank, {at::zeros({kElements})});
  ExchangeBuffers buffers;
  at::Tensor flat;
  sum_over_lanes(std::move(own), communicator.process_ranks(), communicator, buffers, flat);
  return communicator.sent();
}

// The bytes that leave the machine that most leave, of a ring's.
double over_a_ring(int count, int ranks, bool knows_machines) {
  const std::vector<int> machines = machine_blocks(count, ranks);
  std::vector<std::int64_t> leave(static_cast<std::size_t>(count));
  for (int rank = 0; rank < count * ranks; ++rank)
    leave[static_cast<std::size_t>(rank / ranks)] += sent_by(rank, machines, knows_machines).between;
  const double ring = 2.0 * sizeof(float) * kElements * (count - 1) / count;
  return static_cast<double>(*std::max_element(leave.begin(), leave.end())) / ring;
}

TEST(Traffic, between_machines_is_a_rings_in_two_levels) {
  for (const auto& [count, ranks] : {std::pair(2, 4), std::pair(2, 8), std::pair(8, 8)}) {
    EXPECT_LE(over_a_ring(count, ranks, true), 1.05) << count << " machines of " << ranks;
    EXPECT_GE(over_a_ring(count, ranks, true), 1.0) << "less cannot be";
    EXPECT_GE(over_a_ring(count, ranks, false), 2.5) << "straight";
  }
}

TEST(Traffic, within_a_machine_is_a_rings_of_its_ranks) {
  const SentBytes sent = sent_by(3, machine_blocks(2, 4), true);
  EXPECT_EQ(4, sent.exchanges);
  EXPECT_NEAR(2.0 * sizeof(float) * kElements * 3 / 4, static_cast<double>(sent.within), 100);
}

}  // namespace
}  // namespace resolute::workers::traffic_test
