//! \file
//! `script/bench levels`: what it costs that queries are compared by different numbers of dimensions, and that images
//! pass a network a level. It works in turns, so that a driver can let two runs alternate on one machine: it says
//! "ready", then for each line on its standard input ranks, or embeds, once and prints the seconds that passed and
//! those of processors, as JSON.
//!
//! bench_ranking_levels --work rank --groups 4|1 [--queries Q --gallery G --dimension D --threads T]
//! bench_ranking_levels --work prefixes [--queries Q --gallery G --dimension D --threads T]
//! bench_ranking_levels --work embed --groups 4|1 [--images N --height H --width W --threads T]
//!
//! "rank", 4 groups: queries by a quarter, a half, three quarters and all of the dimensions in turn; 1: each by their
//! mean, 5/8, so that the products have as many multiplications. "prefixes": what prefixes.csv says of queries at rates
//! 2, 3 and 4. "embed", 4 groups: a quarter of the images at each level, ResNet-50 with joint masks, bf16; 1: all at
//! the highest.

#include <string>
#include <vector>

#include "bench/guarded_main.h"
#include "bench/images.h"
#include "bench/options.h"
#include "bench/turns.h"
#include "core/error.h"
#include "results/scores/ranking.h"
#include "workers/device/allocator.h"
#include "workers/device/numeric_class.h"
#include "workers/evaluation/evaluator.h"
#include "workers/evaluation/image_embedding.h"
#include "workers/evaluation/prefix_distances.h"
#include "workers/training/make_method.h"

namespace resolute::workers {
namespace {

constexpr int kLevels = 4;

struct Options {
  std::string work = "rank";
  int groups = kLevels, queries = 3368, gallery = 4000, dimension = 2048, images = 256, threads = 1;
  int height = 256, width = 128;
};

Options parse(int argc, char** argv) {
  Options options;
  read_options(argc, argv,
               {{"--work", &options.work},
                {"--groups", &options.groups},
                {"--queries", &options.queries},
                {"--gallery", &options.gallery},
                {"--dimension", &options.dimension},
                {"--images", &options.images},
                {"--height", &options.height},
                {"--width", &options.width},
                {"--threads", &options.threads}});
  if (options.groups != 1 && options.groups != kLevels) throw core::input_error("groups is neither 1 nor 4");
  return options;
}

// Images of 500 people by six cameras: a common part of each person and one of each image, as networks give them.
EmbeddedImages people(const std::string& purpose, int rows, int dimension) {
  constexpr std::uint64_t kPeople = 500, kCameras = 6;
  EmbeddedImages images;
  images.dimension = static_cast<std::size_t>(dimension);
  for (int row = 0; row < rows; ++row) {
    core::RandomStream own(purpose, {static_cast<std::uint64_t>(row)});
    const std::uint64_t person = own.below(kPeople);
    core::RandomStream common("bench person", {person});
    images.identities.push_back(static_cast<std::int64_t>(person) + 1);
    images.cameras.push_back(static_cast<std::int64_t>(own.below(kCameras)));
    for (int d = 0; d < dimension; ++d)
      images.features.push_back(static_cast<float>(common.normal() + 1.5 * own.normal()));
  }
  return images;
}

void rank(const Options& options) {
  const EmbeddedImages query = people("bench queries", options.queries, options.dimension),
                       gallery = people("bench gallery", options.gallery, options.dimension);
  std::vector<std::int64_t> prefix;
  for (int q = 0; q < options.queries; ++q)
    prefix.push_back(options.groups == 1 ? options.dimension * 5 / 8 : options.dimension * (q % kLevels + 1) / kLevels);
  take_timed_turns([&] {
    const results::RankingScores scores =
        results::rank_features({query.features, query.rows(), query.dimension}, {query.identities, query.cameras},
                               results::FeatureMatrix{gallery.features, gallery.rows(), gallery.dimension},
                               {gallery.identities, gallery.cameras}, prefix, libtorch_gemm(), {});
    RESOLUTE_EXPECT(scores.queries > 0, "queries have matches");
  });
}

void measure(const Options& options) {
  FeatureEmbedding embedding;
  embedding.query = people("bench queries", options.queries, options.dimension);
  embedding.gallery = people("bench gallery", options.gallery, options.dimension);
  std::vector<int> dimensions;
  for (int level = 1; level <= kLevels; ++level) dimensions.push_back(options.dimension * level / kLevels);
  std::vector<int> rates;
  for (int q = 0; q < options.queries; ++q) {
    rates.push_back(2 + q % 3);
    embedding.levels.push_back(kLevels + 1 - rates.back());
  }
  take_timed_turns([&] {
    const auto lines = measure_prefixes(embedding, rates, dimensions, [] { return true; });
    RESOLUTE_EXPECT(lines && lines->size() == 6, "three groups of three, two and one prefixes");
  });
}

void embed(const Options& options) {
  experiments::ResolutionAdaptiveOptions method;
  method.masks = methods::Masks::kJoint;
  experiments::TrainingSpecification specification;
  specification.method = method;
  specification.network.backbone = settings::Trunk::kResnet50;
  const std::unique_ptr<methods::Method> made = make_method(specification, 10);
  const auto batch = static_cast<std::int64_t>(kEmbeddingBatch);
  const at::Tensor images = random_images(0, batch, options.height, options.width);
  take_timed_turns([&] {
    for (int group = 0; group < options.groups; ++group) {
      const methods::Embedder network = made->embedder(
          {.height = options.height, .width = options.width, .precision = at::kBFloat16, .level = kLevels - group});
      for (std::int64_t left = options.images / options.groups; left > 0; left -= batch)
        network(images.narrow(0, 0, std::min(left, batch)));
    }
  });
}

void run(const Options& options) {
  keep_freed_memory();
  enter_numeric_class(options.threads);
  if (options.work == "rank")
    rank(options);
  else if (options.work == "prefixes")
    measure(options);
  else if (options.work == "embed")
    embed(options);
  else
    throw core::input_error("unknown work '" + options.work + "'");
}

}  // namespace
}  // namespace resolute::workers

int main(int argc, char** argv) {
  return resolute::guarded_main("bench_ranking_levels",
                                [&] { resolute::workers::run(resolute::workers::parse(argc, argv)); });
}
