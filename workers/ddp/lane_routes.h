#pragma once
//! \file
//! Which way a lane sum takes between process ranks: straight between all of them, or in two levels, first within each
//! machine and then between machines, where that makes the same additions in the same order. Pure: no rank needs to ask
//! another.

#include <optional>
#include <vector>

namespace resolute::workers {

//! The two levels as one process rank sees them.
struct LaneRoutes {
  std::vector<int> machine;  //!< the process ranks of its machine, consecutive, itself among them
  std::vector<int> rail;  //!< those that have its place in their machines: one a machine, ascending, itself among them
};

//! Two levels where there are several machines of equally many ranks, at least two, numbered machine by machine, and
//! the lanes of a machine are one complete subtree (lane_sum.h). Nothing otherwise: the sum goes straight. Every rank
//! comes to the same answer.
//! \param machines of each process rank (communicator.h); empty: not known \param lanes a multiple of their number
std::optional<LaneRoutes> lane_routes(int process_rank, const std::vector<int>& machines, int lanes);

}  // namespace resolute::workers
