// Exchanges between process ranks of tensors on the device and on the CPU: who gets what, bit for bit.

#include <bit>
#include <numeric>

#include "core/random/random.h"
#include "tests/workers/gpu/gpu_gang.h"
#include "workers/ddp/lane_routes.h"
#include "workers/ddp/lane_sum.h"
#include "workers/ddp/tensor_digest.h"

namespace resolute::workers::gpu_test::exchange_test {
namespace {

// The values that `rank` sends to `to`: as many elements as both say, with values of every size.
at::Tensor parcel(int rank, int to, std::int64_t count) {
  core::RandomStream stream("parcel", {static_cast<std::uint64_t>(rank), static_cast<std::uint64_t>(to)});
  at::Tensor values = at::empty({count}, at::kFloat);
  for (std::int64_t i = 0; i < count; ++i)
    values.mutable_data_ptr<float>()[i] = static_cast<float>(stream.normal() * std::pow(10.0, stream.uniform(-6, 6)));
  return values;
}

// Uneven, and none at all for some.
std::int64_t count_between(int rank, int to) { return (rank * 3 + to * 5) % 7 * 1001; }

void expect_equal(const at::Tensor& expected, const at::Tensor& found, std::string_view what) {
  if (!at::equal(expected, found.cpu()))
    throw core::RuntimeError(core::ErrorKind::kEnvironment, fmt::format("{} brought other bits", what));
}

void exchange_at(at::Device place, Communicator& communicator) {
  const int here = communicator.process_rank(), ranks = communicator.process_ranks();
  std::vector<at::Tensor> out, in, gathered;
  std::vector<std::int64_t> sent, received;
  for (int rank = 0; rank < ranks; ++rank) {
    sent.push_back(count_between(here, rank));
    received.push_back(count_between(rank, here));
    out.push_back(parcel(here, rank, sent.back()));
    in.push_back(parcel(rank, here, received.back()));
    gathered.push_back(parcel(rank, 0, 77));
  }
  at::Tensor to =
      at::zeros({std::reduce(received.begin(), received.end())}, at::TensorOptions(at::kFloat).device(place));
  communicator.all_to_all(to, at::cat(out).to(place), received, sent);
  expect_equal(at::cat(in), to, "all-to-all");

  std::vector<Parcel> from_all, to_all;
  for (int rank = 0; rank < ranks; ++rank)
    if (rank != here) {
      from_all.push_back({rank, at::zeros({33 + here}, at::TensorOptions(at::kFloat).device(place))});
      to_all.push_back({rank, parcel(here, rank, 33 + rank).to(place)});
    }
  communicator.deliver(from_all, to_all);
  for (const auto& [rank, elements] : from_all) expect_equal(parcel(rank, here, 33 + here), elements, "delivery");

  at::Tensor all = at::zeros({77 * ranks}, at::TensorOptions(at::kFloat).device(place));
  communicator.all_gather(all, parcel(here, 0, 77).to(place));
  expect_equal(at::cat(gathered), all, "all-gather");

  at::Tensor bytes = at::full({513}, here + 1, at::TensorOptions(at::kByte).device(place));
  communicator.broadcast(bytes);
  expect_equal(at::full({513}, 1, at::kByte), bytes, "broadcast");
  communicator.barrier();
}

// Two lanes a rank, summed over all ranks and by this one alone.
void sum_lanes_at(at::Device place, Communicator& communicator) {
  const int lanes = 2 * communicator.process_ranks();
  const auto sum_of = [&](LaneRange range, Communicator* others) {
    LaneSum here;
    for (int lane = range.first; lane < range.first + range.count; ++lane)
      here.add(lane, {parcel(lane, lane, 1003).to(place)});
    if (others == nullptr) return sum_in_one_process(std::move(here)).front().cpu();
    ExchangeBuffers buffers;
    at::Tensor flat;
    return sum_over_lanes(std::move(here), lanes, *others, buffers, flat).front().cpu();
  };
  const LaneRange here = lanes_of(communicator.process_rank(), communicator.process_ranks(), lanes);
  expect_equal(sum_of({0, lanes}, nullptr), sum_of(here, &communicator), "the sum over lanes");
}

void run(Rank& rank) {
  const bool levels = lane_routes(0, rank.communicator.machines(), rank.communicator.process_ranks()).has_value();
  const bool expected = std::find(rank.arguments.begin(), rank.arguments.end(), kTwoMachines) != rank.arguments.end();
  if (levels != expected) throw core::RuntimeError(core::ErrorKind::kEnvironment, "the lane sum takes the other way");
  for (int round = 0; round < 3; ++round)
    for (const at::Device place : {rank.device.place(), at::Device(at::kCPU)}) {
      exchange_at(place, rank.communicator);
      sum_lanes_at(place, rank.communicator);
    }
}

const tests::ProgramRole kRank("exchange", [](int count, char** arguments) { return run_rank(count, arguments, run); });

TEST(Exchange, brings_every_rank_its_own_bits) {
  for (int ranks = 2; ranks <= std::max(4, most_ranks()); ++ranks)
    expect_success(run_gang(kRank, "", ranks, sharing(ranks)));
}

TEST(Exchange, sums_lanes_to_the_same_bits_on_two_machines) {
  expect_success(run_gang(kRank, "", 4, sharing(4, {kTwoMachines})));
}

TEST(Exchange, through_the_host_brings_the_same_bits) { expect_success(run_gang(kRank, "", 3, {kThroughHost})); }

TEST(Exchange, two_ranks_on_one_gpu_are_told_so) {
  if (!on_gpu() || most_ranks() != 1) GTEST_SKIP() << "only where there is one GPU";
  for (const Ended& end : run_gang(kRank, "", 2)) {
    EXPECT_EQ("exit code 1", end.how);
    EXPECT_NE(std::string::npos, end.errors.find("process ranks 0 and 1 have the same GPU")) << end.errors;
  }
}

// The device forms running sums in place, and takes differences where tensors end.
TEST(Digests, of_a_device_are_sums_of_bits_by_place) {
  if (device().place().is_cpu()) GTEST_SKIP() << "a CPU hashes";
  std::vector<at::Tensor> tensors;
  for (const int count : {3, 100'003, 1, 64}) tensors.push_back(parcel(0, count, count).to(device().place()));
  DigestKeys keys;
  for (int turn = 0; turn < 2; ++turn) {  // the second with the keys of the first
    const std::vector<at::Tensor> digests = tensor_digests(tensors, keys);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const at::Tensor here = tensors[i].cpu();
      std::uint64_t expected = 0, odd = 1;
      for (std::int64_t element = 0; element < here.numel(); ++element, odd += 2) {
        const std::int64_t bits = std::bit_cast<std::int32_t>(here.const_data_ptr<float>()[element]);
        expected += static_cast<std::uint64_t>(bits) * odd * odd * 0x1E3779B97F4A7C15U;
      }
      EXPECT_EQ(expected, static_cast<std::uint64_t>(digests[i].item<std::int64_t>())) << i;
    }
  }
}

}  // namespace
}  // namespace resolute::workers::gpu_test::exchange_test
