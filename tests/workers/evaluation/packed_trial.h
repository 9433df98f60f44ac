#pragma once
//! \file
//! A pack of noise and a trial of it, for tests of evaluations.

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

#include "tests/datasets/pack/raw_images.h"
#include "workers/evaluation/evaluator.h"

namespace resolute::workers {

//! One pack for all tests of a suite: its SetUpTestSuite() calls pack_images().
class PackedTrial : public ::testing::Test {
 protected:
  //! \param images of an identity and camera, as large as the pack's unless native sizes are given
  static void pack_images(int identities, int images, const datasets::PackSettings& options, int native_height = 0,
                          int native_width = 0) {
    raw_ = std::make_unique<tests::RawImages>(identities, images, native_height > 0 ? native_height : options.height,
                                              native_width > 0 ? native_width : options.width);
    tests::make_pack(*raw_, options, raw_->pack());
  }
  static datasets::PackSettings of_size(int height, int width) {
    datasets::PackSettings options = tests::small_options();
    options.height = height;
    options.width = width;
    return options;
  }
  static void TearDownTestSuite() { raw_.reset(); }
  void SetUp() override {
    at::set_num_threads(1);
    pack_.emplace(datasets::PackReader::open(raw_->pack()));
    split_ = split({2, 3});
  }
  datasets::Split split(const std::vector<int>& query_rates, std::uint64_t seed = 0) const {
    return datasets::make_split(*pack_, {.seed = seed, .query_rates = query_rates});
  }

  static inline std::unique_ptr<tests::RawImages> raw_;
  std::optional<datasets::PackReader> pack_;
  datasets::Split split_;
};

}  // namespace resolute::workers
