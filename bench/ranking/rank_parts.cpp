//! \file
//! `script/bench ranking`: of ranking a file's features, all of them in memory, what the matrix product takes; or, with
//! --bare, OpenBLAS's product of all queries with the whole gallery, which nothing interrupts. It works in turns: it
//! says "ready", then for each line on its standard input ranks or multiplies once and prints the seconds of the
//! product and those of the rest, as JSON.
//!
//! bench_rank_parts FEATURES.h5 [--threads T] [--bare]

#include <iostream>
#include <mutex>
#include <string>

#include "bench/guarded_main.h"
#include "bench/options.h"
#include "bench/turns.h"
#include "core/process/side_by_side.h"
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

void say(double product, double rest) {
  std::cout << fmt::format("{{\"product\": {}, \"rest\": {}}}", product, rest) << std::endl;
}

void multiply(const results::FeatureMatrix& query, const results::FeatureMatrix& gallery, std::size_t threads) {
  const results::Gemm gemm = results::openblas_gemm();
  std::vector<float> products(query.rows * gallery.rows);
  take_turns([&] {
    const double product = seconds_of([&] {
      core::side_by_side(threads, threads, [&](std::size_t thread) {
        const std::size_t first = query.rows * thread / threads, end = query.rows * (thread + 1) / threads;
        gemm({query.values.data() + first * query.dimension, query.dimension, gallery.values.data(), gallery.dimension,
              products.data() + first * gallery.rows, gallery.rows, end - first, gallery.rows, query.dimension});
      });
    });
    say(product, 0);
  });
}

void run(int argc, char** argv) {
  std::string path;
  int threads = 1;
  bool bare = false;
  read_options(argc, argv, {{"--threads", &threads}, {"--bare", &bare}}, {&path});
  const datasets::ArrayFileReader file(path);
  const Side query(file, "query"), gallery(file, "gallery");
  if (bare) return multiply(query.matrix(), gallery.matrix(), static_cast<std::size_t>(threads));
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
    say(product / threads, seconds - product / threads);
  });
}

}  // namespace
}  // namespace resolute

int main(int argc, char** argv) {
  return resolute::guarded_main("bench_rank_parts", [&] { resolute::run(argc, argv); });
}
