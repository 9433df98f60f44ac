//! \file
//! `script/bench ranking`: of ranking a file's features, all of them in memory, what the matrix product takes. It works
//! in turns: it says "ready", then for each line on its standard input ranks once and prints the seconds that passed
//! and those of the product, as JSON.
//!
//! bench_rank_parts FEATURES.h5 [--threads T]

#include <iostream>
#include <mutex>
#include <string>

#include "bench/guarded_main.h"
#include "bench/options.h"
#include "bench/turns.h"
#include "datasets/hdf5/array_file.h"
#include "results/kernel/gemm_openblas.h"
#include "results/scores/ranking.h"

namespace resolute {
namespace {

struct Side {
  datasets::NamedArray<float> features;
  datasets::NamedArray<std::int64_t> identities, cameras;
  Side(const datasets::ArrayFileReader& file, const std::string& group)
      : features(file.read_float32(group + "/features", 2)),
        identities(file.read_int64(group + "/identities", 1)),
        cameras(file.read_int64(group + "/cameras", 1)) {}
  results::FeatureMatrix matrix() const { return {features.values, features.shape[0], features.shape[1]}; }
  results::Labels labels() const { return {identities.values, cameras.values}; }
};

void run(int argc, char** argv) {
  std::string path;
  int threads = 1;
  read_options(argc, argv, {{"--threads", &threads}}, {&path});
  const datasets::ArrayFileReader file(path);
  const Side query(file, "query"), gallery(file, "gallery");
  std::mutex mutex;
  double product = 0;  // of all threads together
  const results::Gemm gemm = results::openblas_gemm();
  const results::Gemm timed = [&](const results::GemmBlock& block) {
    const double seconds = seconds_of([&] { gemm(block); });
    const std::lock_guard lock(mutex);
    product += seconds;
  };
  results::RankingOptions options;
  options.work.threads = threads;
  take_turns([&] {
    product = 0;
    const double seconds = seconds_of([&] {
      const auto scores = results::rank_features(query.matrix(), query.labels(), gallery.matrix(), gallery.labels(), {},
                                                 timed, options);
      RESOLUTE_EXPECT(scores.queries > 0, "queries have matches");
    });
    std::cout << fmt::format("{{\"seconds\": {}, \"product\": {}}}", seconds, product / threads) << std::endl;
  });
}

}  // namespace
}  // namespace resolute

int main(int argc, char** argv) {
  return resolute::guarded_main("bench_rank_parts", [&] { resolute::run(argc, argv); });
}
