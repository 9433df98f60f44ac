#pragma once
//! \file
//! For the tests of an evaluation by branches: a pack, its trial, and a method whose rows can be had image by image.

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "datasets/loader/loader.h"
#include "tests/workers/evaluation/packed_trial.h"
#include "tests/workers/evaluation/two_sided_method.h"
#include "tests/workers/jobs/go_on.h"
#include "workers/evaluation/evaluator.h"

namespace resolute::workers {

constexpr std::size_t kDimension = kTwoSidedDimension;

// What the method makes of one image on one side.
struct ImageRow {
  std::vector<double> hr, lr;
  double hr_weight = 0, lr_weight = 0;
};

// 40 identities, half of them to test: 80 queries and as many gallery images, so 2 batches each.
class BranchedEvaluationTest : public PackedTrial {
 protected:
  static void SetUpTestSuite() { pack_images(40, 4, of_size(16, 8)); }
  void SetUp() override {
    PackedTrial::SetUp();
    at::set_num_threads(2);
    ASSERT_GT(split_.query.size(), kEmbeddingBatch);
    ASSERT_GT(split_.gallery.size(), kEmbeddingBatch);
  }
  DistanceEmbedding embed(const std::string& distance, int copy_rate = 3, const EmbeddingOptions& options = {}) {
    const Comparison how{.distance = distance, .gallery_copy_rate = copy_rate};
    return std::get<DistanceEmbedding>(embed_split(*method_, *pack_, split_, how, options, kGoOn).value());
  }
  // Another method than the one of formulas.
  void use(methods::Method& method) {
    method_ = &method;
    embedders_.clear();
    rows_.clear();
  }
  // One image alone, without embed_branches().
  const ImageRow& row_of(const ImageView& view) {
    const auto [found, inserted] = rows_.try_emplace({view.row, view.rate, view.side == methods::Side::kLow});
    if (inserted) found->second = computed_row(view);
    return found->second;
  }
  ImageRow computed_row(const ImageView& view) {
    datasets::LoaderOptions any{.train_rates = {1}};
    datasets::Loader loader(*pack_, any);
    at::Tensor image = at::empty({1, 16, 8, 3});
    loader.fill_view(view.row, view.rate, {image.mutable_data_ptr<float>(), loader.image_floats()});
    methods::Embedder& embed = embedders_[view.side == methods::Side::kLow];
    if (!embed) embed = method_->branch_embedder({16, 8, at::kFloat, view.side});
    const at::Tensor row = embed(image.permute({0, 3, 1, 2}));
    const int dimension = method_->embedding_size();
    const float* values = row.const_data_ptr<float>();
    const float* lr = values + dimension + 1;
    return {{values, values + dimension}, {lr, lr + dimension}, values[dimension], lr[dimension]};
  }
  // Row-major, queries × gallery.
  std::vector<double> double_loop(const std::string& distance, int copy_rate) {
    std::vector<double> distances;
    std::vector<ImageRow> originals;
    std::map<int, std::vector<ImageRow>> copies;
    for (const auto& item : split_.gallery) {
      originals.push_back(row_of({item.row, 1, methods::Side::kHigh}));
      for (int rate : {2, 3}) copies[rate].push_back(row_of({item.row, rate, methods::Side::kLow}));
    }
    for (const auto& item : split_.query) {
      const ImageRow query = row_of({item.row, item.rate, methods::Side::kLow});
      for (std::size_t g = 0; g < originals.size(); ++g) {
        const ImageRow &original = originals[g], &copy = copies[copy_rate == 0 ? item.rate : copy_rate][g];
        double hr = 0, lr = 0;
        for (std::size_t k = 0; k < query.hr.size(); ++k) {
          hr += std::pow(query.hr[k] - original.hr[k], 2);
          lr += std::pow(query.lr[k] - copy.lr[k], 2);
        }
        double hr_weight = query.hr_weight * original.hr_weight, lr_weight = query.lr_weight * copy.lr_weight;
        if (distance != "weighted") hr_weight = lr_weight = 1;
        if (distance == "hr") lr_weight = 0;
        if (distance == "lr") hr_weight = 0;
        distances.push_back((hr_weight * std::sqrt(hr) + lr_weight * std::sqrt(lr)) / (hr_weight + lr_weight));
      }
    }
    return distances;
  }

  TwoSidedMethod two_sided_;
  methods::Method* method_ = &two_sided_;
  std::map<bool, methods::Embedder> embedders_;
  std::map<std::tuple<std::size_t, int, bool>, ImageRow> rows_;
};

}  // namespace resolute::workers
