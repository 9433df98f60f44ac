//! \file
//! What lanes and ranks give of gradients, summed: of one group, and of two in one backward pass.
#include "workers/ddp/gradient_exchange.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <thread>

#include "core/random/random.h"
#include "tests/support/refusal.h"
#include "tests/workers/ddp/counting_communicator.h"
#include "tests/workers/ddp/thread_communicator.h"

namespace resolute::workers::gradient_exchange_test {
namespace {

constexpr int kSteps = 3;

at::Tensor drawn(const char* what, std::initializer_list<std::uint64_t> key, at::IntArrayRef shape) {
  core::RandomStream stream(what, key);
  at::Tensor values = at::empty(shape, at::kFloat);
  for (std::int64_t i = 0; i < values.numel(); ++i)
    values.mutable_data_ptr<float>()[i] = static_cast<float>(stream.normal() * std::pow(10.0, stream.uniform(-3, 3)));
  return values;
}

// Parameters of odd sizes, one of them channels-last, one that only some lanes reach; used from the first to the last.
struct Network {
  Network() {
    const auto add = [&](const char* name, const at::Tensor& value) {
      group.parameters.emplace_back(name, value.detach().clone().requires_grad_());
    };
    add("kernel", drawn("kernel", {}, {5, 3, 2, 2}).contiguous(at::MemoryFormat::ChannelsLast));
    add("scale", drawn("scale", {}, {7}));
    add("rare", drawn("rare", {}, {3}));
    add("table", drawn("table", {}, {7, 11}));
    group.name = "all";
  }
  at::Tensor loss(int step, int lane) const {
    const auto key = {static_cast<std::uint64_t>(step), static_cast<std::uint64_t>(lane)};
    const auto& p = group.parameters;
    at::Tensor loss = (p[0].second * drawn("a", key, {5, 3, 2, 2})).sum() +
                      (p[1].second * drawn("b", key, {7})).square().sum() +
                      at::matmul(drawn("c", key, {2, 7}), p[3].second).sin().sum();
    if (lane % 2 == 1) loss = loss + p[2].second.sum();
    return loss;
  }
  methods::ParameterGroup group;
};

// Everything that a step's exchange gives, as bytes: of the gradients in memory order, the norm, this rank's digests.
struct Exchanged {
  std::string summed;
  std::vector<std::string> lane_digests;
};

std::string bytes_of(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.as_strided({tensor.numel()}, {1});
  return {static_cast<const char*>(flat.const_data_ptr()), flat.nbytes()};
}

std::vector<Exchanged> exchange(int rank, int ranks, int lanes, std::optional<std::int64_t> bucket_bytes,
                                Communicator* communicator) {
  const Network network;
  const LaneRange lanes_here = lanes_of(rank, ranks, lanes);
  GradientExchange exchange({network.group}, lanes, lanes_here, communicator, bucket_bytes);
  std::vector<Exchanged> steps;
  for (int step = 0; step < kSteps; ++step) {
    exchange.begin({0});
    for (int lane = lanes_here.first; lane < lanes_here.first + lanes_here.count; ++lane) {
      network.loss(step, lane).backward();
      exchange.end_lane();
    }
    const SummedGradients summed = exchange.finish().at(0);
    Exchanged& found = steps.emplace_back();
    for (std::size_t i = 0; i < summed.gradients.size(); ++i) {
      EXPECT_EQ(network.group.parameters[i].second.strides(), summed.gradients[i].strides());
      EXPECT_FALSE(network.group.parameters[i].second.grad().defined());
      found.summed += bytes_of(summed.gradients[i]);
    }
    found.summed += bytes_of(summed.norm);
    for (std::int64_t lane = 0; lane < lanes_here.count; ++lane)
      found.lane_digests.push_back(bytes_of(summed.lane_digests[lane].contiguous()));
  }
  return steps;
}

std::vector<std::vector<Exchanged>> with_ranks(int ranks, int lanes, std::optional<std::int64_t> bucket_bytes,
                                               const std::vector<int>& machines = {}) {
  std::vector<std::vector<Exchanged>> found(static_cast<std::size_t>(ranks));
  Exchange meeting(ranks);
  on_ranks(ranks, [&](int rank) {
    ThreadCommunicator communicator(meeting, rank, machines);
    found[static_cast<std::size_t>(rank)] = exchange(rank, ranks, lanes, bucket_bytes, &communicator);
  });
  return found;
}

// Small ones are exchanged sooner, but cost a GPU as many launches as large ones.
TEST(GradientExchange, buckets_grow_with_the_number_of_ranks_so_that_a_share_is_half_a_mebibyte_or_more) {
  for (int ranks = 1; ranks <= 128; ++ranks) {
    const std::int64_t bucket = GradientExchange::bucket_bytes_of(ranks);
    EXPECT_GE(bucket / ranks, 1 << 19) << ranks;
    EXPECT_GE(bucket, GradientExchange::bucket_bytes_of(std::max(1, ranks - 1))) << ranks;
    EXPECT_LE(bucket, 64 << 20) << ranks;
  }
}

TEST(GradientExchange, gives_the_same_bits_for_every_number_of_ranks_buckets_and_threads) {
  for (int lanes : {1, 2, 3, 4, 6}) {
    at::set_num_threads(1);
    const std::vector<Exchanged> alone = exchange(0, 1, lanes, 1 << 20, nullptr);
    EXPECT_NE(alone[0].summed, alone[1].summed);
    at::set_num_threads(2);
    EXPECT_EQ(alone[2].summed, exchange(0, 1, lanes, 1, nullptr)[2].summed);
    for (int ranks = 2; ranks <= lanes; ++ranks) {
      if (lanes % ranks != 0) continue;
      // A bucket a parameter, two parameters a bucket, all in one.
      for (std::int64_t bucket_bytes : {1, 320, 1 << 20}) {
        const auto found = with_ranks(ranks, lanes, bucket_bytes);
        for (std::size_t step = 0; step < kSteps; ++step) {
          std::vector<std::string> digests;
          for (const auto& rank : found) {
            EXPECT_EQ(alone[step].summed, rank[step].summed) << lanes << " lanes, " << ranks << " ranks";
            digests.insert(digests.end(), rank[step].lane_digests.begin(), rank[step].lane_digests.end());
          }
          EXPECT_EQ(alone[step].lane_digests, digests);
        }
      }
    }
  }
  at::set_num_threads(1);
}

TEST(GradientExchange, gives_the_same_bits_on_every_number_of_machines) {
  at::set_num_threads(1);
  const std::vector<Exchanged> alone = exchange(0, 1, 16, {}, nullptr);
  for (int ranks : {4, 16})
    for (int machine_ranks : {1, 2, ranks / 2, ranks})
      for (const std::optional<std::int64_t> bucket_bytes : {std::optional<std::int64_t>(320), {}}) {
        const auto found = with_ranks(ranks, 16, bucket_bytes, machine_blocks(ranks / machine_ranks, machine_ranks));
        for (std::size_t step = 0; step < kSteps; ++step)
          for (const auto& rank : found)
            EXPECT_EQ(alone[step].summed, rank[step].summed) << ranks << " ranks, " << machine_ranks << " a machine";
      }
}

TEST(GradientExchange, sums_what_the_lanes_gave) {
  at::set_num_threads(1);
  Network network;
  std::vector<at::Tensor> parameters;
  for (const auto& [name, parameter] : network.group.parameters) parameters.push_back(parameter);
  const auto of_lane = [&](int lane) {
    auto gradients = torch::autograd::grad({network.loss(0, lane)}, parameters, {}, false, false, true);
    if (!gradients[2].defined()) gradients[2] = at::zeros({3});
    return gradients;
  };
  const auto first = of_lane(0), second = of_lane(1);
  std::string expected;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    expected += bytes_of(at::empty_like(parameters[i].detach()).copy_(first[i] + second[i]));
  const std::string found = exchange(0, 1, 2, 1 << 20, nullptr)[0].summed;
  EXPECT_EQ(expected, found.substr(0, expected.size()));
}

// The same parameters as two groups, a backward pass into the second alone before each into both.
std::vector<std::string> exchange_two_groups(int rank, int ranks, int lanes, std::int64_t bucket_bytes,
                                             Communicator* communicator) {
  const Network network;
  const auto& all = network.group.parameters;
  const std::vector<methods::ParameterGroup> groups{{"first", {all[0], all[2]}, {}}, {"second", {all[1], all[3]}, {}}};
  const LaneRange lanes_here = lanes_of(rank, ranks, lanes);
  GradientExchange exchange(groups, lanes, lanes_here, communicator, bucket_bytes);
  std::vector<std::string> found;
  std::vector<SummedGradients> held;  // of the pass before, and its bytes
  std::vector<std::string> held_bytes;
  for (int step = 0; step < kSteps; ++step)
    for (const std::vector<std::size_t>& order : {std::vector<std::size_t>{1}, {1, 0}}) {
      std::vector<at::Tensor> inputs;
      for (std::size_t group : order)
        for (const auto& [name, parameter] : groups[group].parameters) inputs.push_back(parameter);
      exchange.begin(order);
      for (int lane = lanes_here.first; lane < lanes_here.first + lanes_here.count; ++lane) {
        torch::autograd::backward({network.loss(step, lane)}, {}, false, false, inputs);
        exchange.end_lane();
      }
      std::vector<SummedGradients> summed = exchange.finish();
      EXPECT_EQ(order.size(), summed.size());
      std::vector<std::string> still;
      for (const SummedGradients& group : held)
        for (const at::Tensor& gradient : group.gradients) still.push_back(bytes_of(gradient));
      EXPECT_EQ(held_bytes, still) << "what is held changed";
      held_bytes.clear();
      for (const SummedGradients& group : summed) {
        for (const at::Tensor& gradient : group.gradients) {
          found.push_back(bytes_of(gradient));
          held_bytes.push_back(found.back());
        }
        found.push_back(bytes_of(group.norm));
      }
      held = std::move(summed);
    }
  return found;
}

TEST(GradientExchange, two_groups_of_one_backward_pass_are_summed_as_one_is_whatever_ranks_and_buckets) {
  at::set_num_threads(1);
  const auto alone = exchange_two_groups(0, 1, 4, 1 << 20, nullptr);
  const auto of_one_group = exchange(0, 1, 4, 1 << 20, nullptr);
  ASSERT_EQ(kSteps * 9U, alone.size());  // of a step scale, table, norm; scale, table, norm, kernel, rare, norm
  for (std::size_t step = 0; step < kSteps; ++step) {
    const auto at = [&](std::size_t i) { return alone[step * 9 + i]; };
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(at(i), at(3 + i)) << i;
    const std::string together = at(6) + at(3) + at(7) + at(4);  // in the order of the one group
    EXPECT_EQ(of_one_group[step].summed.substr(0, together.size()), together);
  }
  for (int ranks : {2, 4})
    for (std::int64_t bucket_bytes : {1, 320, 1 << 20}) {
      Exchange meeting(ranks);
      std::vector<std::vector<std::string>> found(static_cast<std::size_t>(ranks));
      on_ranks(ranks, [&](int rank) {
        ThreadCommunicator communicator(meeting, rank);
        found[static_cast<std::size_t>(rank)] = exchange_two_groups(rank, ranks, 4, bucket_bytes, &communicator);
      });
      for (const auto& of_rank : found) EXPECT_EQ(alone, of_rank) << ranks << " ranks, " << bucket_bytes << " bytes";
    }
}

// Rank 0 of two, whose exchanges last until the next bucket stands ready, and then as long as a third would take to.
class SlowCommunicator final : public Communicator {
 public:
  int process_rank() const override { return 0; }
  int process_ranks() const override { return 2; }
  void all_to_all(at::Tensor& to, const at::Tensor& from, const std::vector<std::int64_t>&,
                  const std::vector<std::int64_t>&) override {
    const std::string sent = bytes_of(from);
    ++exchanges_;
    for (int turn = 0; exchanges_ < buckets && exchange->under_way() < 2 && turn < 10'000; ++turn)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    under_way.push_back(exchange->under_way());
    EXPECT_EQ(sent, bytes_of(from)) << "what is under way was written to";
    to.zero_();
  }
  void deliver(const std::vector<Parcel>&, const std::vector<Parcel>&) override { ADD_FAILURE(); }
  void all_gather(at::Tensor& to, const at::Tensor&) override { to.zero_(); }
  void broadcast(at::Tensor&) override {}
  void barrier() override {}

  GradientExchange* exchange = nullptr;
  int buckets = 0;
  std::vector<int> under_way;  // while each was exchanged

 private:
  int exchanges_ = 0;
};

TEST(GradientExchange, one_bucket_is_gathered_while_another_is_exchanged_and_never_a_third) {
  const Network network;
  SlowCommunicator slow;
  GradientExchange exchange({network.group}, 2, {0, 1}, &slow, 1);
  slow.exchange = &exchange;
  slow.buckets = 4;  // a parameter each
  exchange.begin({0});
  network.loss(0, 0).backward();
  exchange.end_lane();
  exchange.finish();
  EXPECT_EQ((std::vector<int>{2, 2, 2, 1}), slow.under_way);
  EXPECT_EQ(0, exchange.under_way());
}

TEST(GradientExchange, other_ranks_have_nothing_of_a_phase_until_the_last_lane_has_given_a_bucket) {
  const Network network;
  SlowCommunicator slow;
  GradientExchange exchange({network.group}, 4, {0, 2}, &slow, 1);
  slow.exchange = &exchange;
  EXPECT_TRUE(exchange.gives_to_others()) << "no phase has begun";
  exchange.begin({0});
  EXPECT_FALSE(exchange.gives_to_others());
  network.loss(0, 0).backward();
  EXPECT_FALSE(exchange.gives_to_others());
  exchange.end_lane();
  EXPECT_FALSE(exchange.gives_to_others()) << "lanes are added up here first";
  network.loss(0, 1).backward();
  EXPECT_TRUE(exchange.gives_to_others());
  exchange.end_lane();
  EXPECT_TRUE(exchange.gives_to_others());
  exchange.finish();
}

// Answers nothing: every exchange fails, as when a peer has gone.
class LostCommunicator final : public Communicator {
 public:
  int process_rank() const override { return 0; }
  int process_ranks() const override { return 2; }
  void all_to_all(at::Tensor&, const at::Tensor&, const std::vector<std::int64_t>&,
                  const std::vector<std::int64_t>&) override {
    throw core::RuntimeError(core::ErrorKind::kTransient, "process rank 1 did not arrive");
  }
  void deliver(const std::vector<Parcel>&, const std::vector<Parcel>&) override { ADD_FAILURE(); }
  void all_gather(at::Tensor&, const at::Tensor&) override { ADD_FAILURE() << "nothing follows a failed exchange"; }
  void broadcast(at::Tensor&) override {}
  void barrier() override {}
};

TEST(GradientExchange, a_failed_exchange_ends_the_step_and_nothing_hangs) {
  const Network network;
  LostCommunicator lost;
  GradientExchange exchange({network.group}, 2, {0, 1}, &lost, 1);
  exchange.begin({0});
  network.loss(0, 0).backward();
  exchange.end_lane();
  EXPECT_THAT([&] { exchange.finish(); }, tests::fails("process rank 1 did not arrive"));
  EXPECT_EQ(0, exchange.under_way());
}

}  // namespace
}  // namespace resolute::workers::gradient_exchange_test
