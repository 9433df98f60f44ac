#include "workers/ddp/lane_sum.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/error.h"

namespace resolute::workers {
namespace {

// Pushes a node and merges while the two last are the two halves of an aligned parent.
template <class Merge>
void push(std::vector<LaneNode>& nodes, LaneNode node, Merge merge) {
  nodes.push_back(std::move(node));
  while (nodes.size() > 1) {
    LaneNode& left = nodes[nodes.size() - 2];
    LaneNode& right = nodes.back();
    if (left.size != right.size || left.first % (2 * left.size) != 0) break;
    RESOLUTE_EXPECT(left.first + left.size == right.first, "lanes are added in ascending order");
    merge(left, right);
    left.size *= 2;
    nodes.pop_back();
  }
}

void add_in_place(LaneNode& left, const LaneNode& right) { left.sum.add_(right.sum); }

// The whole sum from the nodes of all lanes in order: aligned halves first, what is left over from the last to the
// first.
at::Tensor fold(std::vector<LaneNode> nodes) {
  std::vector<LaneNode> merged;
  for (LaneNode& node : nodes) push(merged, std::move(node), add_in_place);
  at::Tensor sum = merged.back().sum;
  for (std::size_t i = merged.size() - 1; i-- > 0;) sum = merged[i].sum.add_(sum);
  return sum;
}

// One bucket: `own` are this rank's nodes cut to the bucket. Every rank sums one chunk; the last chunk is padded with
// zeros, which no one reads.
at::Tensor exchange_bucket(const std::vector<LaneNode>& own, int lanes, Communicator& communicator) {
  const int ranks = communicator.process_ranks();
  const std::int64_t elements = own.front().sum.numel();
  const std::int64_t chunk = (elements + ranks - 1) / ranks;
  const auto own_count = static_cast<std::int64_t>(own.size());

  std::vector<LaneNode> all;
  std::vector<std::int64_t> receive_counts;
  for (int r = 0; r < ranks; ++r) {
    const auto nodes = nodes_of(lanes_of(r, ranks, lanes));
    receive_counts.push_back(static_cast<std::int64_t>(nodes.size()) * chunk);
    all.insert(all.end(), nodes.begin(), nodes.end());
  }
  const std::vector<std::int64_t> send_counts(static_cast<std::size_t>(ranks), own_count * chunk);

  at::Tensor send = at::zeros({ranks, own_count, chunk}, own.front().sum.options());
  for (std::int64_t n = 0; n < own_count; ++n) {
    for (int r = 0; r < ranks; ++r) {
      const std::int64_t begin = std::min(elements, r * chunk);
      const std::int64_t size = std::min(elements, begin + chunk) - begin;
      send[r][n].narrow(0, 0, size).copy_(own[static_cast<std::size_t>(n)].sum.narrow(0, begin, size));
    }
  }
  at::Tensor received = at::empty({static_cast<std::int64_t>(all.size()) * chunk}, send.options());
  communicator.all_to_all(received, send.view({-1}), receive_counts, send_counts);
  for (std::size_t n = 0; n < all.size(); ++n)
    all[n].sum = received.narrow(0, static_cast<std::int64_t>(n) * chunk, chunk);
  const at::Tensor share = fold(std::move(all));
  at::Tensor gathered = at::empty({ranks * chunk}, send.options());
  communicator.all_gather(gathered, share.contiguous());
  return gathered.narrow(0, 0, elements);
}

}  // namespace

LaneRange lanes_of(int process_rank, int process_ranks, int lanes) {
  if (process_ranks < 1 || lanes % process_ranks != 0)
    throw core::input_error(fmt::format("{} process ranks do not divide {} lanes", process_ranks, lanes),
                            "every rank runs the same number of lanes", "choose a divisor of the number of lanes");
  const int count = lanes / process_ranks;
  return {process_rank * count, count};
}

void LaneSum::add(int lane, at::Tensor vector) {
  if (!nodes_.empty())
    RESOLUTE_EXPECT(nodes_.back().first + nodes_.back().size == lane, "lanes are added in ascending order");
  push(nodes_, {lane, 1, std::move(vector)}, add_in_place);
}

std::vector<LaneNode> nodes_of(LaneRange range) {
  std::vector<LaneNode> nodes;
  for (int lane = range.first; lane < range.first + range.count; ++lane)
    push(nodes, {lane, 1, {}}, [](LaneNode&, const LaneNode&) {});
  return nodes;
}

at::Tensor sum_over_lanes(LaneSum&& own, int lanes, Communicator* communicator, std::int64_t bucket_elements) {
  RESOLUTE_EXPECT(!own.nodes().empty(), "a sum over no lanes");
  const at::NoGradGuard no_grad;
  if (communicator == nullptr) return fold(own.nodes());
  const std::int64_t elements = own.nodes().front().sum.numel();
  at::Tensor total = at::empty({elements}, own.nodes().front().sum.options());
  for (std::int64_t begin = 0; begin < elements; begin += bucket_elements) {
    const std::int64_t size = std::min(bucket_elements, elements - begin);
    std::vector<LaneNode> cut;
    for (const LaneNode& node : own.nodes()) cut.push_back({node.first, node.size, node.sum.narrow(0, begin, size)});
    total.narrow(0, begin, size).copy_(exchange_bucket(cut, lanes, *communicator));
  }
  return total;
}

}  // namespace resolute::workers
