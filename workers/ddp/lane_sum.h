#pragma once
//! \file
//! The sum of one list of tensors a lane over all lanes of a training, in one fixed binary tree: the same bits for
//! every number of process ranks (docs/inside/worker.md).
//!
//! Node (height h, index i) of the tree is the sum of lanes i·2^h … (i+1)·2^h - 1 and always node (h-1, 2i) + node
//! (h-1, 2i+1). A number of lanes that is no power of two leaves a few nodes without a partner; they are added from the
//! last to the first. Which rank computes a node changes nothing.

#include <cstdint>
#include <vector>

#include "workers/ddp/communicator.h"

namespace resolute::workers {

//! Lanes first, first + 1, …, first + count - 1.
struct LaneRange {
  int first = 0;
  int count = 0;
};

//! The lanes of one process rank. \throws RuntimeError (kInput) if `process_ranks` does not divide `lanes`
LaneRange lanes_of(int process_rank, int process_ranks, int lanes);

//! float32 tensors of one device, each dense in memory in any dimension order (channels-last); a lane's list has the
//! shapes and strides of every other lane's.
using TensorList = std::vector<at::Tensor>;

//! A complete subtree and its sum; `sum` is empty where only the shape of the tree is asked for.
struct LaneNode {
  int first = 0;  //!< its first lane, a multiple of size
  int size = 1;   //!< a power of two
  TensorList sum;
};

//! Collects the lanes of a range in ascending order, merging like a binary counter: at most log2(count) + 1 lists live
//! at a time where the range is aligned, twice that otherwise.
class LaneSum {
 public:
  //! Takes the next lane's tensors; they may be written to.
  void add(int lane, TensorList tensors);
  //! The sums that could not be merged within the range, in lane order.
  const std::vector<LaneNode>& nodes() const { return nodes_; }

 private:
  std::vector<LaneNode> nodes_;
};

//! The shape of the nodes that a LaneSum over `range` ends with; sums empty.
std::vector<LaneNode> nodes_of(LaneRange range);

//! Memory that exchanges of one size or less use again; grows as needed.
struct ExchangeBuffers {
  at::Tensor send, received;
};

//! The lanes of a rank as they stand ready to be exchanged: in `buffers.send`, cut into the shares of ranks.
struct GatheredLanes {
  //! One tensor of the sum: as each lane's.
  struct Shape {
    std::vector<std::int64_t> sizes, strides;
    std::int64_t elements = 0;
  };
  std::vector<Shape> shapes;
  std::int64_t chunk = 0;  //!< elements of a rank's share, rounded up
  at::TensorOptions options;
};

//! The first half of a sum over the lanes of several ranks, which asks no other rank; uses up `lane_sum`, whose tensors
//! are read no more. \param lanes L
GatheredLanes gather_lanes(LaneSum&& lane_sum, int lanes, const Communicator& communicator, ExchangeBuffers& buffers);

//! The second half: all-to-all, ordered sum of this rank's share, all-gather: a ring's bandwidth, and the order of
//! additions that the tree prescribes. In two levels where machines are nodes of the tree (lane_routes.h), with the
//! same additions: a ring's bandwidth between machines too. \return the sum, the same bits on every rank \param buffers
//! those that the lanes were gathered in \param flat where the sum is put, its tensors being views of it; grows as
//! needed
TensorList exchange_lanes(const GatheredLanes& gathered_lanes, int lanes, Communicator& communicator,
                          ExchangeBuffers& buffers, at::Tensor& flat);

//! Both halves.
TensorList sum_over_lanes(LaneSum&& lane_sum, int lanes, Communicator& communicator, ExchangeBuffers& buffers,
                          at::Tensor& flat);

//! The sum over all lanes in one process, in a lane's own tensors: the same bits.
TensorList sum_in_one_process(LaneSum&& all);

}  // namespace resolute::workers
