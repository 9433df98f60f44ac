#pragma once
//! \file
//! One process rank of many whose exchanges bring nothing: it counts what the rank sends, to its own machine and to
//! others.

#include <utility>
#include <vector>

#include "workers/ddp/communicator.h"

namespace resolute::workers {

//! The machine of each rank where `count` machines have `ranks` ranks each, numbered machine by machine.
inline std::vector<int> machine_blocks(int count, int ranks) {
  std::vector<int> machines;
  for (int rank = 0; rank < count * ranks; ++rank) machines.push_back(rank / ranks);
  return machines;
}

//! Bytes that a rank sends.
struct SentBytes {
  std::int64_t within = 0;   //!< to ranks of its machine
  std::int64_t between = 0;  //!< to ranks of other machines
  int exchanges = 0;
};

class CountingCommunicator final : public Communicator {
 public:
  //! \param machines of each rank \param told whether machines() tells them
  CountingCommunicator(int rank, std::vector<int> machines, bool knows_machines)
      : rank_(rank), machines_(std::move(machines)), told_(knows_machines) {}
  const SentBytes& sent() const { return sent_; }

  int process_rank() const override { return rank_; }
  int process_ranks() const override { return static_cast<int>(machines_.size()); }
  std::vector<int> machines() const override { return told_ ? machines_ : std::vector<int>(); }
  void all_to_all(at::Tensor&, const at::Tensor& from, const std::vector<std::int64_t>&,
                  const std::vector<std::int64_t>& send_counts) override {
    ++sent_.exchanges;
    for (int rank = 0; rank < process_ranks(); ++rank)
      send(rank, send_counts[static_cast<std::size_t>(rank)] * from.element_size());
  }
  void deliver(const std::vector<Parcel>&, const std::vector<Parcel>& out) override {
    ++sent_.exchanges;
    for (const auto& [rank, elements] : out) send(rank, static_cast<std::int64_t>(elements.nbytes()));
  }
  //! As a ring in the order of ranks, which crosses between machines least: each rank hands all but one part on.
  void all_gather(at::Tensor&, const at::Tensor& from) override {
    ++sent_.exchanges;
    send((rank_ + 1) % process_ranks(), static_cast<std::int64_t>(from.nbytes()) * (process_ranks() - 1));
  }
  void broadcast(at::Tensor&) override {}
  void barrier() override {}

 private:
  void send(int rank, std::int64_t bytes) {
    if (rank == rank_) return;
    const bool here = machines_[static_cast<std::size_t>(rank)] == machines_[static_cast<std::size_t>(rank_)];
    (here ? sent_.within : sent_.between) += bytes;
  }
  int rank_;
  std::vector<int> machines_;
  bool told_;
  SentBytes sent_;
};

}  // namespace resolute::workers
