#include "workers/ddp/lane_routes.h"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace resolute::workers {
namespace {

// Ranks a machine where machines are blocks of equally many consecutive ranks; 0 where they are not.
int ranks_a_machine(const std::vector<int>& machines) {
  const auto first_ends =
      std::find_if(machines.begin(), machines.end(), [&](int it) { return it != machines.front(); });
  const auto size = static_cast<std::size_t>(first_ends - machines.begin());
  if (size == 0 || machines.size() % size != 0) return 0;
  std::vector<int> blocks;
  for (std::size_t rank = 0; rank < machines.size(); ++rank) {
    if (rank % size == 0) blocks.push_back(machines[rank]);
    if (machines[rank] != blocks.back()) return 0;
  }
  std::sort(blocks.begin(), blocks.end());
  return std::adjacent_find(blocks.begin(), blocks.end()) == blocks.end() ? static_cast<int>(size) : 0;
}

}  // namespace

std::optional<LaneRoutes> lane_routes(int process_rank, const std::vector<int>& machines, int lanes) {
  const int ranks = static_cast<int>(machines.size());
  const int size = ranks_a_machine(machines);
  if (size < 2 || size == ranks) return std::nullopt;
  // Blocks of equally many lanes begin at multiples of their size: as a power of two each is a node of the tree.
  const int machine_lanes = lanes / ranks * size;
  if (!std::has_single_bit(static_cast<unsigned>(machine_lanes))) return std::nullopt;
  LaneRoutes routes;
  const int place = process_rank % size;
  for (int i = 0; i < size; ++i) routes.machine.push_back(process_rank - place + i);
  for (int rank = place; rank < ranks; rank += size) routes.rail.push_back(rank);
  return routes;
}

}  // namespace resolute::workers
