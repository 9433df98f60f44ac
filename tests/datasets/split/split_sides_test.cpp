// Sides that cannot be, and rates of images that came low; split_twin_test.cpp has the sides that can.

#include <gtest/gtest.h>

#include "tests/datasets/pack/raw_images.h"
#include "tests/datasets/split/split_rows.h"

namespace resolute::datasets::split_sides_test {
namespace {

using namespace tests;

SplitSettings of_side(LrSide side) { return {.lr_side = side}; }

TEST(SplitSides, a_camera_without_its_pair_is_refused_unless_it_alone_took_its_people) {
  expect_error(core::ErrorKind::kInput, {"has camera 3 and no camera 4", "lr_side"}, [&] {
    split_of(rows_of(std::vector<std::vector<std::int64_t>>(9, {1, 2, 3})), of_side(LrSide::kPair));
  });
  // People whom that camera alone took ask for nobody, whichever of the two is drawn.
  std::vector<std::vector<std::int64_t>> alone(9, {1, 2});
  alone.push_back({3, 3});
  EXPECT_EQ(1, split_of(rows_of(alone), of_side(LrSide::kPair)).left_out);
}

TEST(SplitSides, what_has_no_effect_is_refused) {
  const auto rows = regular_rows(10);
  const auto refused = [&](SplitSettings options, const std::string& part) {
    expect_error(core::ErrorKind::kInput, {part}, [&] { split_of(rows, options); });
  };
  SplitSettings options = of_side(LrSide::kDrawn);
  options.lr_camera = 1;
  refused(options, "key 'lr_camera' has the value 1 (with 'lr_side' \"drawn\" nothing looks at it)");
  options = {};
  options.test_identities = 9;
  refused(options, "test_identities is 9 (10 identities of pack 'made-up'");
}

TEST(SplitSides, test_sets_that_no_source_published_are_refused) {
  auto rows = regular_rows(20);
  for (PackRow& row : rows)
    row.sample.test_sets = std::uint64_t{1} << (row.sample.identity % 4);  // identity i in set i mod 4
  SplitSettings options{.partition = Partition::kPublished};
  options.seed = 4;
  const auto refused = [&](const std::string& part) {
    expect_error(core::ErrorKind::kInput, {part}, [&] { split_of(rows, options); });
  };
  refused("no published test set 4 (its source publishes 4, counted from 0); use seeds 0 to 3");
  options.seed = 1000;
  refused("no published test set 1000");
  options.seed = 0;
  rows.front().sample.test_sets = 1;  // its other images are in set 1
  refused("identity 1 of pack 'made-up' is in test set 0 with some of its images");
  for (PackRow& row : rows) row.sample.test_sets = 0;
  refused("no published test set 0 (its source publishes none)");
}

TEST(SplitSides, settings_that_mean_nothing_to_images_that_came_low_are_refused) {
  const auto rows = genuine_rows(20, 0);
  SplitSettings options;
  const auto refused = [&](const std::string& part) {
    expect_error(core::ErrorKind::kInput, {part, "on pack 'made-up', where images came in low resolution"},
                 [&] { split_of(rows, options); });
  };
  options.train_pool = TrainPool::kHrBothViews;
  refused("train_pool 'hr-both-views'");
  options.train_pool = TrainPool::kMlrWithOriginals;
  refused("train_pool 'mlr-with-originals'");
  for (const int camera : {0, 1, 3}) {
    options = {};
    options.lr_camera = camera;
    refused(fmt::format("lr_camera {} and lr_side 'camera'", camera));
  }
  options = of_side(LrSide::kIdentity);
  refused("lr_camera 2 and lr_side 'identity'");
}

// A query's camera took no gallery image of its identity: a ranking would leave that out.
TEST(SplitSides, an_hr_image_from_a_camera_with_lr_ones_stands_in_no_gallery) {
  auto rows = genuine_rows(20, 0);
  for (PackRow& row : rows)
    if (row.sample.identity == 1 && row.sample.path.ends_with("_0.jpg")) row.sample.rate = 3;  // of camera 1
  const Split split = split_of(rows, {});
  EXPECT_EQ(1, split.left_out);  // identity 1: an HR image is left, and none that its queries may be shown
  for (PackRow& row : rows) row.sample.camera = 1;
  expect_error(core::ErrorKind::kInput,
               {"cannot be split", "an HR one from a camera that took none of it in low resolution"},
               [&] { split_of(rows, {}); });
}

TEST(SplitSides, a_known_rate_stays_and_an_unknown_one_is_judged_by_the_size) {
  auto rows = genuine_rows(20, 0);
  const auto rate_at = [&](int rate, int height, int width) {
    for (PackRow& row : rows)
      if (row.sample.camera == 2) {
        row.sample.rate = rate;
        row.native_height = height;
        row.native_width = width;
      }
    return make_split(rows, "made-up", std::string(64, '0'), {}, {{2, 3, 4, 5}, 256, 128}).query.front().rate;
  };
  EXPECT_EQ(3, rate_at(3, 128, 64));
  EXPECT_EQ(5, rate_at(5, 128, 64));   // the pack has it, though no query rate is
  EXPECT_EQ(2, rate_at(6, 128, 64));   // the pack has not: judged
  EXPECT_EQ(2, rate_at(0, 512, 256));  // larger than the network's: the smallest
  EXPECT_EQ(2, rate_at(0, 128, 64));
  EXPECT_EQ(3, rate_at(0, 85, 43));
  EXPECT_EQ(4, rate_at(0, 64, 32));
  EXPECT_EQ(4, rate_at(0, 16, 8));
  // 256·128 / (h·w) = 12 lies between 3 and 4 by its root; 256·128 / 12 is no area, 256·126 / 12 is 2688.
  for (PackRow& row : rows)
    if (row.sample.camera == 2) {
      row.native_height = 64;
      row.native_width = 42;
    }
  const auto near = [&](int width) {
    return make_split(rows, "made-up", std::string(64, '0'), {}, {{2, 3, 4}, 256, width}).query.front().rate;
  };
  EXPECT_EQ(3, near(126));  // a tie: the smaller
  EXPECT_EQ(4, near(127));
}

}  // namespace
}  // namespace resolute::datasets::split_sides_test
