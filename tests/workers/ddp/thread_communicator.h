#pragma once
//! \file
//! A communicator whose ranks are threads of one process, for tests of who sends what and of the order of additions.

#include <gtest/gtest.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "workers/ddp/communicator.h"

namespace resolute::workers {

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

class ThreadCommunicator : public Communicator {
 public:
  //! \param machines as Communicator::machines()
  ThreadCommunicator(Exchange& exchange, int rank, std::vector<int> machines = {})
      : exchange_(exchange), rank_(rank), machines_(std::move(machines)) {}
  int process_rank() const override { return rank_; }
  int process_ranks() const override { return exchange_.ranks(); }
  std::vector<int> machines() const override { return machines_; }
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
  // Every rank has to take part, if only with nothing.
  void deliver(const std::vector<Parcel>& in, const std::vector<Parcel>& out) override {
    const auto counts_of = [&](const std::vector<Parcel>& parcels) {
      std::vector<std::int64_t> counts(static_cast<std::size_t>(process_ranks()));
      for (const auto& [rank, elements] : parcels) {
        EXPECT_NE(rank_, rank);
        EXPECT_EQ(0, std::exchange(counts[static_cast<std::size_t>(rank)], elements.numel()));
      }
      return counts;
    };
    std::vector<at::Tensor> sent{at::empty({0})};
    for (const Parcel& parcel : out) sent.push_back(parcel.elements);
    const auto received = counts_of(in);
    at::Tensor to = at::empty({std::reduce(received.begin(), received.end())});
    all_to_all(to, at::cat(sent), received, counts_of(out));
    std::int64_t at = 0;
    for (const auto& [rank, elements] : in) {
      elements.copy_(to.narrow(0, at, elements.numel()));
      at += elements.numel();
    }
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
  std::vector<int> machines_;
};

//! `body(rank)` for each rank, all at once, each on a thread of its own.
inline void on_ranks(int ranks, const std::function<void(int)>& body) {
  std::vector<std::jthread> threads;
  threads.reserve(static_cast<std::size_t>(ranks));
  for (int rank = 0; rank < ranks; ++rank) threads.emplace_back([&body, rank] { body(rank); });
}

}  // namespace resolute::workers
