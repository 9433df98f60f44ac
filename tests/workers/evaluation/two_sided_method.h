#pragma once
//! \file
//! A method of two sides and two branches by formulas, for tests of the evaluation alone: sums and quotients an image,
//! so that no bit of its row depends on its batch.

#include <string>
#include <vector>

#include "core/random/random.h"
#include "tests/workers/evaluation/untrained_method.h"

namespace resolute::workers {

constexpr int kTwoSidedDimension = 5;

class TwoSidedMethod final : public UntrainedMethod {
 public:
  explicit TwoSidedMethod(bool weights = true)
      : UntrainedMethod({.needs = {},
                         .tells = {.sides = true,
                                   .branches = {{"hr", false}, {"lr", true}},
                                   .distances = distances(weights),
                                   .branch_weights = weights},
                         .cost = {}}),
        weights_(weights) {}
  at::Tensor embed(const at::Tensor& images) override { return feature("high", images); }
  methods::Embedder embedder(const methods::EmbedderOptions& options) override {
    const std::string name = options.side == methods::Side::kHigh ? "high" : "transformed";
    return [name](const at::Tensor& images) { return feature(name, images); };
  }
  int embedding_size() const override { return kTwoSidedDimension; }
  methods::Embedder branch_embedder(const methods::EmbedderOptions& options) override {
    const bool high = options.side == methods::Side::kHigh;
    return [this, high](const at::Tensor& images) {
      std::vector<at::Tensor> columns{feature(high ? "high" : "transformed", images)};
      columns.push_back(weight(columns[0]));
      at::Tensor low = feature("low", images), low_weight = weight(low);
      if (high) {
        low.zero_();
        low_weight.zero_();
      }
      columns.push_back(low);
      columns.push_back(low_weight);
      return at::cat(columns, 1);
    };
  }

 private:
  static std::vector<methods::Distance> distances(bool weights) {
    std::vector<methods::Distance> all{{"equal", {0, 1}}, {"hr", {0}}, {"lr", {1}}};
    if (weights) all.insert(all.begin(), {"weighted", {0, 1}, true});
    return all;
  }

  // A weighted sum of all pixels for each dimension, the weights keyed by the name.
  static at::Tensor feature(const std::string& name, const at::Tensor& images) {
    const at::Tensor pixels = images.contiguous().flatten(1);
    std::vector<at::Tensor> columns;
    for (std::uint64_t d = 0; d < kTwoSidedDimension; ++d) {
      core::RandomStream stream("two-sided " + name, {d});
      at::Tensor weights = at::empty({pixels.size(1)});
      for (std::int64_t i = 0; i < weights.numel(); ++i)
        weights.mutable_data_ptr<float>()[i] = static_cast<float>(stream.uniform(-0.1, 0.1));
      columns.push_back((pixels * weights).sum(1));
    }
    return at::stack(columns, 1);
  }
  at::Tensor weight(const at::Tensor& features) const {
    at::Tensor sum = features.select(1, 0);
    for (std::int64_t d = 1; d < kTwoSidedDimension; ++d) sum = sum + features.select(1, d);
    // 0.001 to 1.001.
    const at::Tensor share = (sum / (1 + sum.abs()) + 1) * 0.5 + 1e-3;
    return (weights_ ? share : at::ones_like(share)).unsqueeze(1);
  }
  bool weights_;
};

}  // namespace resolute::workers
