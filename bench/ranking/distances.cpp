//! \file
//! Our side of `script/bench distances`: distances over two weighted branches (results/scores/branched_distance.h) of
//! made-up features. It works in turns, so that a driver can let two programs alternate on one machine: it says
//! "ready", then for each line on its standard input computes all of them and prints the seconds that passed and those
//! of processors, as JSON. Or, on one thread, as many steps of the innermost loop on numbers that stay in the first
//! cache: what the processor's subtractions and multiply-adds allow.
//!
//! bench_distances --threads T --queries Q --gallery G --dimension D [--inner 1]

#include <string_view>
#include <vector>

#include "bench/guarded_main.h"
#include "bench/options.h"
#include "bench/turns.h"
#include "core/random/random.h"
#include "results/kernel/pairwise.h"
#include "results/scores/branched_distance.h"

namespace resolute::results {
namespace {

struct Options {
  int threads = 1, queries = 3368, gallery = 1000, dimension = 2048, inner = 0;
};

Options parse(int argc, char** argv) {
  Options options;
  read_options(argc, argv,
               {{"--threads", &options.threads},
                {"--queries", &options.queries},
                {"--gallery", &options.gallery},
                {"--dimension", &options.dimension},
                {"--inner", &options.inner}});
  return options;
}

std::vector<float> uniform(std::string_view purpose, std::uint64_t branch, std::size_t count, double low) {
  core::RandomStream random(purpose, {branch});
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(random.uniform(low, 1));
  return values;
}

struct Branch {
  std::vector<float> query, gallery, query_weights, gallery_weights;
};

void run_inner_loop(const Options& options) {
  using kernel::kPanelColumns, kernel::kTileRows;
  constexpr std::size_t kDepth = 64;
  const double pairs = static_cast<double>(options.queries) * options.gallery / (kTileRows * kPanelColumns);
  const auto calls = static_cast<std::size_t>(2 * pairs * options.dimension / kDepth);
  const std::vector<double> rows(kTileRows * kDepth, 0.25), panel(kPanelColumns * kDepth, 0.5);
  std::vector<double> sums(kTileRows * kPanelColumns);
  take_timed_turns([&] {
    for (std::size_t i = 0; i < calls; ++i)
      kernel::pairwise_kernels().front().add_squares(rows.data(), kDepth, panel.data(), kDepth, sums.data(),
                                                     kPanelColumns);
  });
}

void run_distances(const Options& options) {
  const auto queries = static_cast<std::size_t>(options.queries), gallery = static_cast<std::size_t>(options.gallery),
             dimension = static_cast<std::size_t>(options.dimension);
  std::vector<Branch> branches;
  for (std::uint64_t b = 0; b < 2; ++b)
    branches.push_back({uniform("query", b, queries * dimension, 0), uniform("gallery", b, gallery * dimension, 0),
                        uniform("query weights", b, queries, 0.1), uniform("gallery weights", b, gallery, 0.1)});
  std::vector<DistanceBranch> views;
  for (const Branch& branch : branches)
    views.push_back({{branch.query, queries, dimension},
                     {branch.gallery, gallery, dimension},
                     branch.query_weights,
                     branch.gallery_weights});
  std::vector<double> distances(queries * gallery);
  take_timed_turns([&] { branched_distances(views, distances, {options.threads}); });
}

void run(const Options& options) {
  if (options.inner != 0)
    run_inner_loop(options);
  else
    run_distances(options);
}

}  // namespace
}  // namespace resolute::results

int main(int argc, char** argv) {
  return resolute::guarded_main("bench_distances",
                                [&] { resolute::results::run(resolute::results::parse(argc, argv)); });
}
