#include "workers/ddp/lane_sum.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "core/random/random.h"
#include "tests/support/refusal.h"
#include "tests/workers/ddp/counting_communicator.h"
#include "tests/workers/ddp/thread_communicator.h"
#include "workers/ddp/lane_routes.h"

namespace resolute::workers::lane_sum_test {
namespace {

// Some tensors of `elements` in all, one of them channels-last; what is compared is their memory, end to end.
TensorList tensors_of(int lane, std::int64_t elements) {
  core::RandomStream stream("lane sum test", {static_cast<std::uint64_t>(lane)});
  at::Tensor vector = at::empty({elements}, at::kFloat);
  for (std::int64_t i = 0; i < elements; ++i)
    vector.mutable_data_ptr<float>()[i] = static_cast<float>(stream.normal() * std::pow(10.0, stream.uniform(-6, 6)));
  if (elements < 13) return {vector};
  return {vector.narrow(0, 0, 1), vector.as_strided({1, 3, 2, 2}, {12, 1, 6, 3}, 1), vector.slice(0, 13)};
}

at::Tensor end_to_end(const TensorList& tensors) {
  std::vector<at::Tensor> flat;
  for (const at::Tensor& tensor : tensors) flat.push_back(tensor.as_strided({tensor.numel()}, {1}));
  return at::cat(flat);
}

// at::equal() takes 0 for -0.
bool same_bits(const at::Tensor& one, const at::Tensor& other) {
  return at::equal(one.view(at::kInt), other.view(at::kInt));
}

at::Tensor vector_of(int lane, std::int64_t elements) { return end_to_end(tensors_of(lane, elements)); }

// \param machines of each rank; none known by default
at::Tensor sum_with(int ranks, int lanes, std::int64_t elements, const std::vector<int>& machines = {}) {
  const auto run = [&](int rank, Communicator* communicator) {
    const LaneRange range = lanes_of(rank, ranks, lanes);
    ExchangeBuffers buffers;
    at::Tensor flat, sum;
    // Twice: buffers are used again.
    for (int round = 0; round < 2; ++round) {
      LaneSum own;
      for (int lane = range.first; lane < range.first + range.count; ++lane) own.add(lane, tensors_of(lane, elements));
      const TensorList sums = communicator == nullptr
                                  ? sum_in_one_process(std::move(own))
                                  : sum_over_lanes(std::move(own), lanes, *communicator, buffers, flat);
      EXPECT_EQ(tensors_of(0, elements).size(), sums.size());
      for (std::size_t i = 0; i < sums.size(); ++i) EXPECT_EQ(tensors_of(0, elements)[i].strides(), sums[i].strides());
      EXPECT_TRUE(round == 0 || at::equal(sum, end_to_end(sums)));
      sum = end_to_end(sums);
    }
    return sum;
  };
  if (ranks == 1) return run(0, nullptr);
  Exchange exchange(ranks);
  std::vector<at::Tensor> sums(static_cast<std::size_t>(ranks));
  on_ranks(ranks, [&](int rank) {
    ThreadCommunicator communicator(exchange, rank, machines);
    sums[static_cast<std::size_t>(rank)] = run(rank, &communicator);
  });
  for (const at::Tensor& sum : sums) EXPECT_TRUE(at::equal(sums[0], sum));
  return sums[0];
}

TEST(LaneSum, has_the_same_bits_for_every_number_of_ranks) {
  for (int lanes : {1, 2, 3, 4, 5, 6, 7, 8, 12})
    for (std::int64_t elements : {1, 5, 37, 64}) {
      const at::Tensor alone = sum_with(1, lanes, elements);
      for (int ranks = 2; ranks <= lanes; ++ranks) {
        if (lanes % ranks != 0) continue;
        EXPECT_TRUE(at::equal(alone, sum_with(ranks, lanes, elements))) << lanes << " lanes, " << ranks << " ranks";
      }
    }
}

// Whatever the numbers of lanes, ranks and ranks a machine: two levels where they are possible, straight elsewhere.
TEST(LaneSum, has_the_same_bits_on_every_number_of_machines) {
  core::RandomStream random("lane sum test, elements", {0});
  int in_two_levels = 0;
  for (int lanes : {1, 2, 4, 6, 8, 12, 16})
    for (int ranks = 1; ranks <= lanes; ++ranks)
      for (int machine_ranks = 1; lanes % ranks == 0 && machine_ranks <= ranks; ++machine_ranks) {
        const auto elements = static_cast<std::int64_t>(random.uniform(1, 300));
        std::vector<int> machines;
        for (int rank = 0; rank < ranks; ++rank) machines.push_back(rank / machine_ranks);
        in_two_levels += lane_routes(0, machines, lanes) ? 1 : 0;
        EXPECT_TRUE(same_bits(sum_with(1, lanes, elements), sum_with(ranks, lanes, elements, machines)))
            << lanes << " lanes, " << ranks << " ranks, " << machine_ranks << " a machine, " << elements << " elements";
      }
  // 4 ranks of 4, 8 and 16 lanes; 6 of 6 and 12; 8 of 8 and 16 on two machines and four; 12 of 12; 16 of 16.
  EXPECT_EQ(3 + 2 + 4 + 2 + 3, in_two_levels);
}

TEST(LaneSum, of_64_ranks_has_the_bits_of_one) {
  const at::Tensor alone = sum_with(1, 64, 1000);
  EXPECT_TRUE(same_bits(alone, sum_with(64, 64, 1000, machine_blocks(8, 8))));
  EXPECT_TRUE(same_bits(alone, sum_with(16, 64, 1000, machine_blocks(2, 8))));
  EXPECT_TRUE(same_bits(alone, sum_with(64, 64, 1000)));
}

TEST(LaneSum, follows_the_tree) {
  const auto lane = [](int i) { return vector_of(i, 9); };
  EXPECT_TRUE(at::equal((lane(0) + lane(1)) + (lane(2) + lane(3)), sum_with(1, 4, 9)));
  EXPECT_TRUE(at::equal((lane(0) + lane(1)) + lane(2), sum_with(1, 3, 9)));
  EXPECT_TRUE(
      at::equal(((lane(0) + lane(1)) + (lane(2) + lane(3))) + ((lane(4) + lane(5)) + lane(6)), sum_with(7, 7, 9)));
}

TEST(LaneSum, order_matters_to_these_vectors) {
  EXPECT_FALSE(
      at::equal(((vector_of(0, 99) + vector_of(1, 99)) + vector_of(2, 99)) + vector_of(3, 99), sum_with(1, 4, 99)));
}

TEST(LaneSum, holds_few_vectors) {
  LaneSum sum;
  for (int lane = 0; lane < 8; ++lane) {
    sum.add(lane, {at::ones({1})});
    EXPECT_LE(sum.nodes().size(), 3U);
  }
  EXPECT_EQ(1U, sum.nodes().size());
}

TEST(LanesOf, cuts_evenly_or_refuses) {
  EXPECT_EQ(2, lanes_of(1, 2, 4).first);
  EXPECT_EQ(2, lanes_of(1, 2, 4).count);
  EXPECT_THAT([&] { lanes_of(0, 3, 4); },
              tests::fails(core::ErrorKind::kInput, testing::HasSubstr("3 process ranks do not divide 4 lanes")));
}

}  // namespace
}  // namespace resolute::workers::lane_sum_test
