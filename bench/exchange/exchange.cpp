//! \file
//! What each rank of one machine sends in one step of a baseline on ResNet-50, by the buckets and the way of so many
//! ranks. Exchanges bring nothing, they are counted; every other machine sends as much. Prints, as JSON, bytes: of the
//! parameters, what leaves the machine, and what the busiest rank sends within it; and the number of exchanges.
//!
//! With --rank it is a process rank of a group over Gloo, which takes itself to be on machine M, and sums lanes; the
//! first prints the seconds of each sum.
//!
//! bench_exchange --machines N --ranks RANKS_A_MACHINE [--straight]
//! bench_exchange --rank R --of W --host HOST --port PORT --machine M [--mib MIB] [--turns N]

#include <algorithm>
#include <iostream>
#include <string>
#include <utility>

#include "bench/guarded_main.h"
#include "bench/options.h"
#include "bench/turns.h"
#include "core/error.h"
#include "methods/networks/method.h"
#include "tests/workers/ddp/counting_communicator.h"
#include "workers/ddp/gloo.h"
#include "workers/ddp/gradient_exchange.h"
#include "workers/device/numeric_class.h"
#include "workers/training/make_method.h"

namespace resolute::workers {
namespace {

constexpr int kIdentities = 751;  // Market-1501's

struct Options {
  int machines = 2, ranks = 4, rank = -1, of = 4, port = 0, mib = 32, turns = 3;
  bool straight = false;
  std::string host = "127.0.0.1", machine;
};

void count(const Options& options) {
  const auto [machines, ranks] = std::pair(options.machines, options.ranks);
  experiments::TrainingSpecification specification;
  specification.method = experiments::BaselineOptions{};
  specification.network.backbone = settings::Trunk::kResnet50;
  const std::unique_ptr<methods::Method> method = make_method(specification, kIdentities);
  const std::vector<methods::ParameterGroup> groups = method->parameter_groups();
  std::int64_t bytes = 0;
  for (const auto& [name, parameter] : groups.at(0).parameters) bytes += static_cast<std::int64_t>(parameter.nbytes());

  const int all = machines * ranks;
  std::int64_t between = 0, within = 0;
  int exchanges = 0;
  for (int rank = 0; rank < ranks; ++rank) {
    CountingCommunicator communicator(rank, machine_blocks(machines, ranks), !options.straight);
    // A pass that reaches no parameter: gradients of zero travel as any others.
    GradientExchange exchange({groups.at(0)}, all, lanes_of(rank, all, all), &communicator);
    exchange.begin({0});
    exchange.end_lane();
    exchange.finish();
    between += communicator.sent().between;
    within = std::max(within, communicator.sent().within);
    exchanges = communicator.sent().exchanges;
  }
  std::cout << fmt::format(
                   "{{\"parameters\": {}, \"out_of_the_machine\": {}, \"within_of_a_rank\": {}, \"exchanges\": {}}}",
                   bytes, between, within, exchanges)
            << std::endl;
}

void take_part(const Options& options) {
  const Rendezvous rendezvous{.host = options.host,
                              .port = static_cast<std::uint16_t>(options.port),
                              .secret = "of a benchmark",
                              .machine = options.machine};
  const auto communicator = connect_gloo(rendezvous, options.rank, options.of);
  ExchangeBuffers buffers;
  at::Tensor flat;
  // The first touches memory.
  for (int turn = 0; turn <= options.turns; ++turn) {
    LaneSum own;
    own.add(options.rank, {at::ones({std::int64_t{options.mib} << 18})});
    communicator->barrier();
    const double seconds = seconds_of([&] {
      const TensorList sum = sum_over_lanes(std::move(own), options.of, *communicator, buffers, flat);
      RESOLUTE_EXPECT(sum.front()[-1].item<float>() == static_cast<float>(options.of), "ones add up");
      communicator->barrier();
    });
    if (options.rank == 0 && turn > 0) std::cout << seconds << std::endl;
  }
}

void run(int argc, char** argv) {
  Options options;
  read_options(argc, argv,
               {{"--machines", &options.machines},
                {"--ranks", &options.ranks},
                {"--straight", &options.straight},
                {"--rank", &options.rank},
                {"--of", &options.of},
                {"--host", &options.host},
                {"--port", &options.port},
                {"--machine", &options.machine},
                {"--mib", &options.mib},
                {"--turns", &options.turns}});
  enter_numeric_class(1);
  if (options.rank < 0)
    count(options);
  else
    take_part(options);
}

}  // namespace
}  // namespace resolute::workers

int main(int argc, char** argv) {
  return resolute::guarded_main("bench_exchange", [&] { resolute::workers::run(argc, argv); });
}
