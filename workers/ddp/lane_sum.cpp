#include "workers/ddp/lane_sum.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "core/error.h"
#include "workers/ddp/lane_routes.h"

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

void add_in_place(LaneNode& left, const LaneNode& right) { at::_foreach_add_(left.sum, right.sum); }

// The whole sum from the nodes of all lanes in order: aligned halves first, what is left over from the last to the
// first.
TensorList fold(std::vector<LaneNode> nodes) {
  std::vector<LaneNode> merged;
  for (LaneNode& node : nodes) push(merged, std::move(node), add_in_place);
  while (merged.size() > 1) {
    add_in_place(merged[merged.size() - 2], merged.back());
    merged.pop_back();
  }
  return std::move(merged.back().sum);
}

// A dense tensor's elements in the order in which they lie in memory.
at::Tensor in_memory_order(const at::Tensor& tensor) {
  RESOLUTE_EXPECT(tensor.is_non_overlapping_and_dense(), "a tensor with gaps in memory");
  return tensor.as_strided({tensor.numel()}, {1});
}

at::Tensor first_elements(at::Tensor& buffer, std::int64_t elements, const at::TensorOptions& options) {
  if (!buffer.defined() || buffer.numel() < elements) buffer = at::empty({elements}, options);
  return buffer.narrow(0, 0, elements);
}

// Copies a node's tensors, end to end, into the chunks of the ranks: `to` is ranks × nodes × chunk, this node's row of
// each rank's part is written. No one reads the rest of the last chunk, but it is sent: it must be a number.
void scatter(const TensorList& tensors, std::int64_t node, at::Tensor to) {
  const std::int64_t chunk = to.size(2);
  std::int64_t at = 0;
  TensorList parts, places;
  const auto add = [&](const at::Tensor& elements) {
    for (std::int64_t done = 0; done < elements.numel();) {
      const std::int64_t size = std::min(elements.numel() - done, chunk - at % chunk);
      parts.push_back(elements.narrow(0, done, size));
      places.push_back(to[at / chunk][node].narrow(0, at % chunk, size));
      done += size;
      at += size;
    }
  };
  for (const at::Tensor& tensor : tensors) add(in_memory_order(tensor));
  if (const std::int64_t rest = to.size(0) * chunk - at; rest > 0) add(at::zeros({rest}, to.options()));
  at::_foreach_copy_(places, parts);  // a few launches on a GPU, not one per tensor
}

// The tools of a sum.
struct Means {
  Communicator& communicator;
  ExchangeBuffers& buffers;
  at::Tensor& flat;
  std::int64_t chunk = 0;
  at::TensorOptions options;
};

// How `send` is cut: for each rank that is sent something the same share of each node.
struct Cut {
  std::int64_t ranks = 0, nodes = 0, share = 0;
};

std::optional<LaneRoutes> routes_of(const Communicator& communicator, int lanes) {
  return lane_routes(communicator.process_rank(), communicator.machines(), lanes);
}

// All ranks at once: all-to-all, ordered sum of this rank's share, all-gather.
at::Tensor sum_straight(int lanes, const Means& with) {
  const int ranks = with.communicator.process_ranks();
  const std::int64_t chunk = with.chunk;
  std::vector<LaneNode> all;
  std::vector<std::int64_t> receive_counts;
  for (int rank = 0; rank < ranks; ++rank) {
    const auto nodes = nodes_of(lanes_of(rank, ranks, lanes));
    receive_counts.push_back(static_cast<std::int64_t>(nodes.size()) * chunk);
    all.insert(all.end(), nodes.begin(), nodes.end());
  }
  const std::int64_t to_each = receive_counts[static_cast<std::size_t>(with.communicator.process_rank())];
  const std::vector<std::int64_t> send_counts(static_cast<std::size_t>(ranks), to_each);

  const at::Tensor send = with.buffers.send.narrow(0, 0, ranks * to_each);
  at::Tensor received =
      first_elements(with.buffers.received, static_cast<std::int64_t>(all.size()) * chunk, with.options);
  with.communicator.all_to_all(received, send, receive_counts, send_counts);
  for (std::size_t node = 0; node < all.size(); ++node)
    all[node].sum = {received.narrow(0, static_cast<std::int64_t>(node) * chunk, chunk)};
  at::Tensor gathered = first_elements(with.flat, ranks * chunk, with.options);
  with.communicator.all_gather(gathered, fold(std::move(all)).front());
  return gathered;
}

// Sends out[i] to ranks[i] and receives in[i] from it.
void deliver_among(Communicator& communicator, const std::vector<int>& ranks, const TensorList& in,
                   const TensorList& out) {
  std::vector<Parcel> receive, send;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    if (ranks[i] != communicator.process_rank()) {
      receive.push_back({ranks[i], in[i]});
      send.push_back({ranks[i], out[i]});
    } else if (in[i].const_data_ptr() != out[i].const_data_ptr()) {
      in[i].copy_(out[i]);
    }
  }
  communicator.deliver(receive, send);
}

// All-to-all among some ranks, then the ordered sum of this one's share. \param send, received ranks × share
// \param nodes of the tree that the ranks send, in their order
at::Tensor reduce_among(Communicator& communicator, const std::vector<int>& ranks, std::vector<LaneNode> nodes,
                        const at::Tensor& send, const at::Tensor& received) {
  const TensorList parts = received.unbind();
  deliver_among(communicator, ranks, parts, send.unbind());
  for (std::size_t i = 0; i < nodes.size(); ++i) nodes[i].sum = {parts[i]};
  return fold(std::move(nodes)).front();
}

// Within the machine each rank sums its share of the machine's node of the tree, along its rail its share of that over
// all machines; then shares go back the same way.
at::Tensor sum_in_two_levels(int lanes, const LaneRoutes& routes, const Means& with) {
  Communicator& communicator = with.communicator;
  const auto ranks = static_cast<std::int64_t>(routes.machine.size());
  const auto machines = static_cast<std::int64_t>(routes.rail.size());
  const std::int64_t share = machines * with.chunk;
  std::vector<LaneNode> of_ranks, of_machines;
  const int rank_lanes = lanes / communicator.process_ranks();
  const int place = communicator.process_rank() - routes.machine.front();
  for (const int rank : routes.machine) of_ranks.push_back({rank * rank_lanes, rank_lanes, {}});
  for (const int rank : routes.rail)
    of_machines.push_back({(rank - place) * rank_lanes, static_cast<int>(ranks) * rank_lanes, {}});

  const at::Tensor send = with.buffers.send.narrow(0, 0, ranks * share);
  const at::Tensor received = first_elements(with.buffers.received, ranks * share, with.options);
  const at::Tensor of_machine = reduce_among(communicator, routes.machine, std::move(of_ranks),
                                             send.view({ranks, share}), received.view({ranks, share}));
  // The sent bytes have arrived: their place is free for what comes along the rail.
  const at::Tensor sum =
      reduce_among(communicator, routes.rail, std::move(of_machines), of_machine.view({machines, with.chunk}),
                   send.narrow(0, 0, share).view({machines, with.chunk}));

  at::Tensor gathered = first_elements(with.flat, ranks * share, with.options);
  const TensorList shares = gathered.view({ranks, share}).unbind();
  const at::Tensor own_share = shares[static_cast<std::size_t>(place)];
  deliver_among(communicator, routes.rail, own_share.view({machines, with.chunk}).unbind(),
                TensorList(routes.rail.size(), sum));
  deliver_among(communicator, routes.machine, shares, TensorList(routes.machine.size(), own_share));
  return gathered;
}

}  // namespace

LaneRange lanes_of(int process_rank, int process_ranks, int lanes) {
  if (process_ranks < 1 || lanes % process_ranks != 0)
    throw core::input_error(fmt::format("{} process ranks do not divide {} lanes", process_ranks, lanes),
                            "every rank runs the same number of lanes", "choose a divisor of the number of lanes");
  const int count = lanes / process_ranks;
  return {process_rank * count, count};
}

void LaneSum::add(int lane, TensorList tensors) {
  if (!nodes_.empty())
    RESOLUTE_EXPECT(nodes_.back().first + nodes_.back().size == lane, "lanes are added in ascending order");
  const at::NoGradGuard no_grad;
  push(nodes_, {lane, 1, std::move(tensors)}, add_in_place);
}

std::vector<LaneNode> nodes_of(LaneRange range) {
  std::vector<LaneNode> nodes;
  for (int lane = range.first; lane < range.first + range.count; ++lane)
    push(nodes, {lane, 1, {}}, [](LaneNode&, const LaneNode&) {});
  return nodes;
}

GatheredLanes gather_lanes(LaneSum&& lane_sum, int lanes, const Communicator& communicator, ExchangeBuffers& buffers) {
  RESOLUTE_EXPECT(!lane_sum.nodes().empty() && !lane_sum.nodes().front().sum.empty(), "a sum over nothing");
  const at::NoGradGuard no_grad;
  const std::vector<LaneNode>& nodes = lane_sum.nodes();
  GatheredLanes gathered{{}, 0, nodes.front().sum.front().options()};
  std::int64_t elements = 0;
  for (const at::Tensor& tensor : nodes.front().sum) {
    gathered.shapes.push_back({tensor.sizes().vec(), tensor.strides().vec(), tensor.numel()});
    elements += tensor.numel();
  }
  const int ranks = communicator.process_ranks();
  gathered.chunk = (elements + ranks - 1) / ranks;
  Cut cut{ranks, static_cast<std::int64_t>(nodes.size()), gathered.chunk};
  if (const auto routes = routes_of(communicator, lanes))
    cut = {static_cast<std::int64_t>(routes->machine.size()), 1,
           static_cast<std::int64_t>(routes->rail.size()) * gathered.chunk};
  const at::Tensor send = first_elements(buffers.send, cut.ranks * cut.nodes * cut.share, gathered.options);
  for (std::int64_t node = 0; node < cut.nodes; ++node)
    scatter(nodes[static_cast<std::size_t>(node)].sum, node, send.view({cut.ranks, cut.nodes, cut.share}));
  return gathered;
}

TensorList exchange_lanes(const GatheredLanes& gathered_lanes, int lanes, Communicator& communicator,
                          ExchangeBuffers& buffers, at::Tensor& flat) {
  const at::NoGradGuard no_grad;
  const Means with{communicator, buffers, flat, gathered_lanes.chunk, gathered_lanes.options};
  const auto routes = routes_of(communicator, lanes);
  const at::Tensor gathered = routes ? sum_in_two_levels(lanes, *routes, with) : sum_straight(lanes, with);
  TensorList sums;
  std::int64_t at = gathered.storage_offset();
  for (const GatheredLanes::Shape& shape : gathered_lanes.shapes) {
    sums.push_back(gathered.as_strided(shape.sizes, shape.strides, at));
    at += shape.elements;
  }
  return sums;
}

TensorList sum_over_lanes(LaneSum&& lane_sum, int lanes, Communicator& communicator, ExchangeBuffers& buffers,
                          at::Tensor& flat) {
  return exchange_lanes(gather_lanes(std::move(lane_sum), lanes, communicator, buffers), lanes, communicator, buffers,
                        flat);
}

TensorList sum_in_one_process(LaneSum&& all) {
  RESOLUTE_EXPECT(!all.nodes().empty() && !all.nodes().front().sum.empty(), "a sum over nothing");
  const at::NoGradGuard no_grad;
  return fold(all.nodes());
}

}  // namespace resolute::workers
