#pragma once
//! \file
//! For the tests of an evaluation by levels of resolution: a pack of images stored at several sizes, none the pack's
//! own, its trial, and the method of formulas.

#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <vector>

#include "datasets/loader/loader.h"
#include "tests/workers/evaluation/levelled_method.h"
#include "tests/workers/evaluation/packed_trial.h"
#include "tests/workers/jobs/go_on.h"
#include "workers/evaluation/evaluator.h"

namespace resolute::workers {

// 40 identities, half of them to test: 80 queries and as many gallery images, so 2 batches each.
class ResolutionLevelsTest : public PackedTrial {
 protected:
  static constexpr int kHeight = 16, kWidth = 8;
  static void SetUpTestSuite() {
    // 24 to 26 × 13 or 14 pixels: about 2.5 times the pack's area.
    datasets::PackSettings options = of_size(kHeight, kWidth);
    options.rates = {2, 3, 4};
    pack_images(40, 4, options, 24, 12);
  }
  void SetUp() override {
    PackedTrial::SetUp();
    split_ = split({2, 3, 4});
    ASSERT_GT(split_.query.size(), kEmbeddingBatch);
    ASSERT_GT(split_.gallery.size(), kEmbeddingBatch);
  }
  FeatureEmbedding embed(methods::Method& method, const Comparison& how = {},
                         const EmbeddingOptions& options = {}) const {
    return std::get<FeatureEmbedding>(embed_split(method, *pack_, split_, how, options, kGoOn).value());
  }
  // One image alone through a network of the level, without embed_images().
  std::vector<float> row_of(methods::Method& method, std::size_t row, int rate, int level) const {
    datasets::LoaderOptions any{.train_rates = {1}};
    datasets::Loader loader(*pack_, any);
    at::Tensor image = at::empty({1, kHeight, kWidth, 3});
    loader.fill_view(row, rate, {image.mutable_data_ptr<float>(), loader.image_floats()});
    const at::Tensor made =
        method.embedder({.height = kHeight, .width = kWidth, .level = level})(image.permute({0, 3, 1, 2}));
    const float* values = made.const_data_ptr<float>();
    return {values, values + made.numel()};
  }

  LevelledMethod method_;
};

// Squared distance of a query and a gallery image by their first dimensions, summed plainly.
inline double plain_distance(const FeatureEmbedding& embedding, std::size_t query, std::size_t image,
                             std::int64_t dimensions) {
  double sum = 0;
  for (std::size_t k = 0; k < static_cast<std::size_t>(dimensions); ++k)
    sum += std::pow(double{embedding.query.features[query * embedding.query.dimension + k]} -
                        embedding.gallery.features[image * embedding.gallery.dimension + k],
                    2);
  return sum;
}

// What a gallery image is to a query, by the definition.
enum class Pair { kMatch, kWrong, kLeftOut };
inline Pair pair_of(const FeatureEmbedding& embedding, std::size_t query, std::size_t image) {
  if (embedding.query.identities[query] != embedding.gallery.identities[image]) return Pair::kWrong;
  return embedding.query.cameras[query] == embedding.gallery.cameras[image] ? Pair::kLeftOut : Pair::kMatch;
}

// Rank-1 (0 or 1) and average precision of a query by its first dimensions; nothing without a match.
struct PlainScore {
  double rank1 = 0, precision = 0;
};
inline std::optional<PlainScore> plain_score(const FeatureEmbedding& embedding, std::size_t query,
                                             std::int64_t dimensions) {
  std::vector<double> matches, wrong;
  for (std::size_t g = 0; g < embedding.gallery.rows(); ++g) {
    const Pair pair = pair_of(embedding, query, g);
    if (pair == Pair::kLeftOut) continue;
    (pair == Pair::kMatch ? matches : wrong).push_back(plain_distance(embedding, query, g, dimensions));
  }
  if (matches.empty()) return std::nullopt;
  std::sort(matches.begin(), matches.end());
  PlainScore score;
  for (std::size_t i = 0; i < matches.size(); ++i) {
    const auto nearer = std::count_if(wrong.begin(), wrong.end(), [&](double other) { return other <= matches[i]; });
    if (i == 0) score.rank1 = nearer == 0 ? 1 : 0;
    score.precision += static_cast<double>(i + 1) / static_cast<double>(i + 1 + static_cast<std::size_t>(nearer));
  }
  score.precision /= static_cast<double>(matches.size());
  return score;
}

}  // namespace resolute::workers
