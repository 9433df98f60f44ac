#pragma once
//! \file
//! Gradients of a phase's parameter groups, lane by lane, to their sum over all lanes, beside the backward pass that
//! makes them. A hook on every parameter hands its gradient over as soon as it is complete; bucket by bucket the lanes
//! are added up in the order of the tree (lane_sum.h) and, once this rank's last lane has given a bucket, exchanged
//! with the other ranks. A thread of its own waits for them, and while it exchanges one bucket another thread gathers
//! the next: two are under way at most. Without others, one thread does both, and on the CPU it is done on
//! the spot, by all threads of the process. Bits depend neither on W nor on when anything arrives.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "methods/networks/method.h"
#include "workers/ddp/lane_sum.h"
#include "workers/ddp/task_thread.h"

namespace resolute::workers {

//! One group's: what its optimiser steps with, and what tells one step from another. On the parameters' device.
struct SummedGradients {
  TensorList gradients;     //!< in the group's order, each with its parameter's shape and strides
  at::Tensor norm;          //!< float64 scalar: of all elements; not finite if one of them is not
  at::Tensor lane_digests;  //!< int64, own lanes × parameters: tensor_digests() of each lane's weighted gradient;
                            //!< undefined where begin() wanted none
};

//! float64 scalar: of all elements of the tensors. The same bits for every W. \param tensors at least one, dense
at::Tensor gradient_norm(const TensorList& tensors);

class GradientExchange {
 public:
  //! \param bucket_bytes gradients that travel together, at least one parameter's; by device and number of ranks if not
  //! given
  GradientExchange(const std::vector<methods::ParameterGroup>& groups, int lanes, LaneRange range,
                   Communicator* communicator, std::optional<std::int64_t> bucket_bytes = {});
  //! Waits for what is under way; parameters are without hooks then.
  ~GradientExchange();
  GradientExchange(const GradientExchange&) = delete;
  GradientExchange& operator=(const GradientExchange&) = delete;

  //! From here to finish() backward passes give the gradients of these groups, of this rank's lanes in ascending
  //! order. No one else may use the communicator meanwhile. \param groups indices, in the order in which a backward
  //! pass reaches them, the same on every rank; none twice \param digests of each lane's gradients are wanted
  void begin(const std::vector<std::size_t>& groups, bool digests = true);
  //! A lane's backward pass is over. A parameter that it did not reach has a gradient of zero.
  void end_lane();
  //! The sums, one a group in begin()'s order, once all of this rank's lanes have ended. They stay as they are
  //! whatever begins next. Blocks for what has not overlapped. \throws what the exchange failed with, kTransient for a
  //! lost peer
  std::vector<SummedGradients> finish();

  //! False where no other rank can have anything of this phase from this one: it may be begun anew with another
  //! exchange.
  bool gives_to_others() const;
  //! Buckets that are gathered or exchanged just now, with the memory for it: at most kMostUnderWay; 0 where there are
  //! no other ranks. From any thread.
  int under_way() const;
  static constexpr int kMostUnderWay = 2;

  //! On a GPU without other ranks a bucket costs launches and shortens no wait: as a rule there is one for each group.
  //! While a bucket is digested, that takes three times its bytes.
  static constexpr std::int64_t kBucketBytesAlone = std::int64_t{128} << 20;
  //! A rank is sent a bucket's bytes by the number of ranks. Many ranks have larger buckets, so that this does not get
  //! small.
  static constexpr std::int64_t bucket_bytes_of(int process_ranks) {
    return (process_ranks < 16 ? std::int64_t{8} : process_ranks < 64 ? std::int64_t{32} : std::int64_t{64}) << 20;
  }

 private:
  struct Bucket;
  struct Group;
  struct SideStream;
  class Flights;
  class Hook;
  void arrived(std::size_t group, std::size_t parameter);
  void hand_over(Bucket& bucket);
  void add_lane(Bucket& bucket, int lane, TensorList gradients);
  void gather(Bucket& bucket);
  void post(std::function<void()> task);
  std::unique_ptr<TaskThread> make_thread(SideStream* side) const;

  int lanes_;
  LaneRange own_;
  Communicator* communicator_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::vector<std::size_t> active_;  // the groups between begin() and finish()
  std::vector<Bucket*> order_;       // theirs, as they are handed over
  std::size_t next_bucket_ = 0;      // of order_: the first that the running lane has not handed over
  int lane_ = 0;                     // whose backward pass is running
  bool digests_ = true;              // since begin()
  // Streams of a GPU: where lanes are added up and gathered, and where they are exchanged.
  std::unique_ptr<SideStream> side_, exchange_side_;
  std::unique_ptr<Flights> flights_;  // null where there are no other ranks
  // The gatherer gives the exchanger its tasks, so it ends first.
  std::unique_ptr<TaskThread> exchanger_, gatherer_;
};

}  // namespace resolute::workers
