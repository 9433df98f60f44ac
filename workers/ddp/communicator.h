#pragma once
//! \file
//! The process ranks of one training, as the lane sum needs them. A single process has no communicator (nullptr): every
//! user of this interface says what it does then. Gloo stands behind it on CPUs (gloo.h), NCCL on GPUs (nccl.h).

#include <vector>

#include "networks/torch.h"

namespace resolute::workers {

class RollCall;

//! Elements for a process rank, or from one.
struct Parcel {
  int process_rank = 0;
  at::Tensor elements;
};

//! Calls are made by all process ranks in the same order, from one thread each. Tensors are contiguous,
//! one-dimensional. Each throws RuntimeError (kTransient) that names the culprit when a peer has gone or does not
//! answer in time; the group is unusable then.
class Communicator {
 public:
  virtual ~Communicator() = default;
  virtual int process_rank() const = 0;
  virtual int process_ranks() const = 0;
  //! The machine of each process rank, as numbers that are equal for ranks of one machine; empty where nobody knows.
  //! The same on every rank.
  virtual std::vector<int> machines() const { return {}; }
  //! Sends `send_counts[r]` elements of `from` to rank r, in rank order, and receives `receive_counts[r]` from it into
  //! `to`.
  virtual void all_to_all(at::Tensor& to, const at::Tensor& from, const std::vector<std::int64_t>& receive_counts,
                          const std::vector<std::int64_t>& send_counts) = 0;
  //! Sends the parcels of `out` to some ranks and fills those of `in` from some: in ascending order, at most one of
  //! each list a rank, none for this one, none empty. A receiver expects as much as it is sent.
  virtual void deliver(const std::vector<Parcel>& in, const std::vector<Parcel>& out) = 0;
  //! `to` becomes every rank's `from` (equal sizes), in rank order.
  virtual void all_gather(at::Tensor& to, const at::Tensor& from) = 0;
  //! Process rank 0's tensor reaches all.
  virtual void broadcast(at::Tensor& tensor) = 0;
  virtual void barrier() = 0;
  //! The roll call, for another transport between the same ranks that has to say who failed it; null if nobody asks.
  virtual RollCall* roll_call() { return nullptr; }
};

}  // namespace resolute::workers
