#include "workers/ddp/lane_sum.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/error.h"
#include "core/random.h"

namespace resolute::workers {
namespace {

// Ranks as threads of this process: what is tested is who sends what, and the order of additions.
class Exchange {
 public:
  explicit Exchange(int ranks) : from_(static_cast<std::size_t>(ranks)), sizes_(from_.size()) {}
  int ranks() const { return static_cast<int>(from_.size()); }
  // Puts this rank's tensor in, waits for all, lets `take` read them, waits again.
  template <class Take>
  void round(int rank, const at::Tensor& from, const std::vector<std::int64_t>& sizes, Take take) {
    from_[static_cast<std::size_t>(rank)] = from;
    sizes_[static_cast<std::size_t>(rank)] = sizes;
    wait();
    take(from_, sizes_);
    wait();
  }

 private:
  void wait() {
    std::unique_lock lock(mutex_);
    const int round = round_;
    if (++waiting_ == ranks()) {
      waiting_ = 0;
      ++round_;
      all_here_.notify_all();
      return;
    }
    all_here_.wait(lock, [&] { return round_ != round; });
  }
  std::vector<at::Tensor> from_;
  std::vector<std::vector<std::int64_t>> sizes_;
  std::mutex mutex_;
  std::condition_variable all_here_;
  int waiting_ = 0;
  int round_ = 0;
};

class ThreadCommunicator final : public Communicator {
 public:
  ThreadCommunicator(Exchange& exchange, int rank) : exchange_(exchange), rank_(rank) {}
  int process_rank() const override { return rank_; }
  int process_ranks() const override { return exchange_.ranks(); }
  void all_to_all(at::Tensor& to, const at::Tensor& from, const std::vector<std::int64_t>& receive_counts,
                  const std::vector<std::int64_t>& send_counts) override {
    exchange_.round(rank_, from, send_counts, [&](const auto& tensors, const auto& sizes) {
      std::int64_t at = 0;
      for (std::size_t r = 0; r < tensors.size(); ++r) {
        std::int64_t begin = 0;
        for (int i = 0; i < rank_; ++i) begin += sizes[r][static_cast<std::size_t>(i)];
        const std::int64_t count = sizes[r][static_cast<std::size_t>(rank_)];
        EXPECT_EQ(count, receive_counts[r]);
        to.narrow(0, at, count).copy_(tensors[r].narrow(0, begin, count));
        at += count;
      }
      EXPECT_EQ(to.numel(), at);
    });
  }
  void all_gather(at::Tensor& to, const at::Tensor& from) override {
    exchange_.round(rank_, from, {}, [&](const auto& tensors, const auto&) { to.copy_(at::cat(tensors)); });
  }
  void broadcast(at::Tensor& tensor) override {
    exchange_.round(rank_, tensor, {}, [&](const auto& tensors, const auto&) {
      if (rank_ != 0) tensor.copy_(tensors[0]);
    });
  }
  void barrier() override {
    exchange_.round(rank_, {}, {}, [](const auto&, const auto&) {});
  }

 private:
  Exchange& exchange_;
  int rank_;
};

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

at::Tensor vector_of(int lane, std::int64_t elements) { return end_to_end(tensors_of(lane, elements)); }

at::Tensor sum_with(int ranks, int lanes, std::int64_t elements) {
  const auto run = [&](int rank, Communicator* communicator) {
    const LaneRange range = lanes_of(rank, ranks, lanes);
    ExchangeBuffers buffers;
    at::Tensor flat, sum;
    // Twice: buffers are used again.
    for (int round = 0; round < 2; ++round) {
      LaneSum own;
      for (int lane = range.first; lane < range.first + range.count; ++lane) own.add(lane, tensors_of(lane, elements));
      const TensorList sums = sum_over_lanes(std::move(own), lanes, communicator, buffers, flat);
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
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank)
    threads.emplace_back([&, rank] {
      ThreadCommunicator communicator(exchange, rank);
      sums[static_cast<std::size_t>(rank)] = run(rank, &communicator);
    });
  for (std::thread& thread : threads) thread.join();
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
  try {
    lanes_of(0, 3, 4);
    FAIL();
  } catch (const core::RuntimeError& error) {
    EXPECT_EQ(core::ErrorKind::kInput, error.kind());
    EXPECT_NE(std::string::npos, std::string(error.what()).find("3 process ranks do not divide 4 lanes"));
  }
}

}  // namespace
}  // namespace resolute::workers
