#pragma once
//! \file
//! A method that tells levels of resolution apart by formulas, for tests of the evaluation alone: sums an image, so
//! that no bit of its row depends on its batch.

#include <algorithm>
#include <memory>
#include <vector>

#include "core/random/random.h"
#include "tests/workers/evaluation/untrained_method.h"

namespace resolute::workers {

//! A row's dimension d is a weighted sum of the image's pixels, the weights keyed by d and the level; dimensions that
//! the level lacks are zeros.
class LevelledMethod final : public UntrainedMethod {
 public:
  //! \param prefixes leading dimensions of each level, ascending
  explicit LevelledMethod(const std::vector<int>& rates = {4, 3, 2, 1}, const std::vector<int>& prefixes = {2, 3, 5, 9})
      : UntrainedMethod({.needs = {},
                         // Equal ones are none: every query has all dimensions.
                         .tells = {.level_rates = rates,
                                   .prefixes = prefixes.front() == prefixes.back() ? std::vector<int>{} : prefixes,
                                   .masks = true},
                         .cost = {}}),
        dimensions_(prefixes.back()) {}
  at::Tensor embed(const at::Tensor& images) override {
    return rows(images, static_cast<int>(tells().level_rates.size()));
  }
  //! Made for one level, which stands in `made`; no other may be alive.
  methods::Embedder embedder(const methods::EmbedderOptions& options) override {
    made.emplace_back(options.level);
    const auto alive = std::shared_ptr<int>(new int(++alive_), [this](int* count) {
      --alive_;
      delete count;
    });
    most_alive = std::max<int>(most_alive, alive_);
    return [this, alive, level = options.level](const at::Tensor& images) { return rows(images, level); };
  }
  int embedding_size() const override { return dimensions_; }
  std::vector<methods::MaskValues> mask_values() const override { return masks; }

  std::vector<int> made;  // levels of the embedders so far
  int most_alive = 0;     // embedders at a time
  std::vector<methods::MaskValues> masks;

 private:
  at::Tensor rows(const at::Tensor& images, int level) const {
    const at::Tensor pixels = images.contiguous().flatten(1);
    std::vector<at::Tensor> columns;
    for (int d = 0; d < embedding_size(); ++d) {
      at::Tensor weights = at::zeros({pixels.size(1)});
      core::RandomStream stream("levelled", {static_cast<std::uint64_t>(level), static_cast<std::uint64_t>(d)});
      for (std::int64_t i = 0; d < compared_dimensions(level) && i < weights.numel(); ++i)
        weights.mutable_data_ptr<float>()[i] = static_cast<float>(stream.uniform(-0.1, 0.1));
      columns.push_back((pixels * weights).sum(1));
    }
    return at::stack(columns, 1);
  }

  int dimensions_;
  int alive_ = 0;
};

}  // namespace resolute::workers
