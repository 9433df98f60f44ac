#pragma once
//! \file
//! A pack of noise and a trial of it, for tests of evaluations.

#include <gtest/gtest.h>

#include <algorithm>
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

  //! The raw images of the pack's rows.
  datasets::FileImages raw_files() const {
    std::vector<datasets::FileImage> images;
    for (const datasets::PackRow& row : pack_->rows()) images.push_back({raw_->root() / row.sample.path});
    return {core::real_file_system(), std::move(images), pack_->options()};
  }

  static inline std::unique_ptr<tests::RawImages> raw_;
  std::optional<datasets::PackReader> pack_;
  datasets::Split split_;
};

//! Panels, a sample and the probe.
inline experiments::EvaluationProtocol everything_asked(int panels) {
  return {
      .query_rates = {}, .panels = panels, .sample_rates = {1, 2, 3}, .sample_identities = 3, .resolution_probe = true};
}

//! `make` makes an evaluation's outputs, which look at so many images, and is given the progress that they tell.
template <class Make>
void expect_end_where_progress_says_so(std::uint64_t images, Make make) {
  std::vector<std::uint64_t> all;
  ASSERT_TRUE(make([&](std::uint64_t done, std::uint64_t total) {
    EXPECT_EQ(images, total);
    all.push_back(done);
    return true;
  }));
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
  EXPECT_EQ(images, all.back());
  for (std::size_t last = 0; last < all.size(); ++last) {
    std::size_t calls = 0;
    EXPECT_FALSE(make([&](std::uint64_t, std::uint64_t) { return ++calls <= last; })) << last;
  }
}

}  // namespace resolute::workers
