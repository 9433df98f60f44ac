//! \file
//! What each rank of one machine sends in one step of a baseline on ResNet-50, by the buckets and the way of so many
//! ranks. Exchanges bring nothing, they are counted; every other machine sends as much. Prints, as JSON, bytes: of the
//! parameters, what leaves the machine, and what the busiest rank sends within it; and the number of exchanges.
//!
//! bench_exchange --machines N --ranks RANKS_A_MACHINE [--straight]

#include <algorithm>
#include <iostream>

#include "bench/guarded_main.h"
#include "bench/options.h"
#include "tests/workers/ddp/counting_communicator.h"
#include "workers/ddp/gradient_exchange.h"
#include "workers/device/numeric_class.h"
#include "workers/methods/method.h"

namespace resolute::workers {
namespace {

constexpr int kIdentities = 751;  // Market-1501's

void run(int argc, char** argv) {
  int machines = 2, ranks = 4;
  bool straight = false;
  read_options(argc, argv, {{"--machines", &machines}, {"--ranks", &ranks}, {"--straight", &straight}});
  enter_numeric_class(1);
  experiments::TrainingSpecification specification;
  specification.method = experiments::BaselineOptions{};
  specification.network.backbone = settings::Trunk::kResnet50;
  const std::unique_ptr<Method> method = make_method(specification, kIdentities);
  const std::vector<ParameterGroup> groups = method->parameter_groups();
  std::int64_t bytes = 0;
  for (const auto& [name, parameter] : groups.at(0).parameters) bytes += static_cast<std::int64_t>(parameter.nbytes());

  const int all = machines * ranks;
  std::int64_t between = 0, within = 0;
  int exchanges = 0;
  for (int rank = 0; rank < ranks; ++rank) {
    CountingCommunicator communicator(rank, machine_blocks(machines, ranks), !straight);
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

}  // namespace
}  // namespace resolute::workers

int main(int argc, char** argv) {
  return resolute::guarded_main("bench_exchange", [&] { resolute::workers::run(argc, argv); });
}
