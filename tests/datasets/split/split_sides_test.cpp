// Whose images are low-resolution, who is tested: what a camera, a draw, a published test set or the images themselves
// decide.

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/datasets/pack/raw_images.h"
#include "tests/datasets/split/split_rows.h"

namespace resolute::datasets::split_sides_test {
namespace {

using namespace tests;

SplitSettings of_side(LrSide side, std::uint64_t seed = 0) { return {.seed = seed, .lr_side = side}; }

// Of each identity, the cameras of its queries and of its training images that are LR.
std::map<std::int64_t, std::set<std::int64_t>> low_cameras(const Split& split) {
  std::map<std::int64_t, std::set<std::int64_t>> cameras;
  for (const auto& item : split.query) cameras[item.identity].insert(item.camera);
  for (const auto& item : split.train)
    if (!item.has_hr) cameras[item.identity].insert(item.camera);
  return cameras;
}

TEST(SplitSides, a_drawn_camera_is_the_same_for_all_and_another_by_seed) {
  const auto rows = rows_of(std::vector<std::vector<std::int64_t>>(12, {1, 2, 3, 4}));
  std::map<std::int64_t, int> count;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::set<std::int64_t> all;
    for (const auto& [identity, cameras] : low_cameras(split_of(rows, of_side(LrSide::kDrawn, seed))))
      all.insert(cameras.begin(), cameras.end());
    ASSERT_EQ(1U, all.size());
    ++count[*all.begin()];
  }
  for (const std::int64_t camera : {1, 2, 3, 4}) EXPECT_NEAR(50, count[camera], 25);
}

// CUHK03: five pairs of cameras, each identity in one of them.
TEST(SplitSides, of_each_pair_of_cameras_one_is_drawn) {
  std::vector<std::vector<std::int64_t>> cameras;
  for (std::int64_t i = 0; i < 50; ++i) cameras.push_back({2 * (i % 5) + 1, 2 * (i % 5) + 2});
  const auto rows = rows_of(cameras);
  std::set<std::set<std::int64_t>> sides;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Split split = split_of(rows, of_side(LrSide::kPair, seed));
    EXPECT_EQ(0, split.left_out);
    std::set<std::int64_t> all;
    for (const auto& [identity, own] : low_cameras(split)) all.insert(own.begin(), own.end());
    ASSERT_EQ(5U, all.size());
    std::set<std::int64_t> pairs;
    for (const std::int64_t camera : all) pairs.insert((camera + 1) / 2);
    EXPECT_EQ((std::set<std::int64_t>{1, 2, 3, 4, 5}), pairs);
    sides.insert(all);
  }
  EXPECT_GT(sides.size(), 15U);  // of 32
  expect_error(core::ErrorKind::kInput, {"has camera 3 and no camera 4", "lr_side"}, [&] {
    split_of(rows_of(std::vector<std::vector<std::int64_t>>(9, {1, 2, 3})), of_side(LrSide::kPair));
  });
  // Whom that camera alone took asks for nobody, whichever of the two is drawn.
  std::vector<std::vector<std::int64_t>> alone(9, {1, 2});
  alone.push_back({3, 3});
  EXPECT_EQ(1, split_of(rows_of(alone), of_side(LrSide::kPair)).left_out);
}

TEST(SplitSides, of_an_identity_one_of_its_own_cameras_is_drawn_whoever_else_is_there) {
  std::vector<std::vector<std::int64_t>> cameras;
  for (std::int64_t i = 0; i < 300; ++i) cameras.push_back({i % 3 + 1, i % 3 + 1, i % 3 + 2, 6});
  auto rows = rows_of(cameras);
  const auto all = low_cameras(split_of(rows, of_side(LrSide::kIdentity, 7)));
  std::map<std::int64_t, int> count;  // which of its cameras, in ascending order
  for (const auto& [identity, own] : all) {
    ASSERT_EQ(1U, own.size());
    const std::int64_t first = (identity - 1) % 3 + 1;
    ++count[*own.begin() == 6 ? 2 : *own.begin() - first];
  }
  for (const std::int64_t place : {0, 1, 2}) EXPECT_NEAR(100, count[place], 35);
  rows.erase(rows.begin(), rows.begin() + 4 * 100);
  for (const auto& [identity, own] : low_cameras(split_of(rows, of_side(LrSide::kIdentity, 7))))
    EXPECT_EQ(all.at(identity), own);
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

// MLR-CUHK03's 1,367 and 100, and larger tests hold the smaller ones.
TEST(SplitSides, so_many_identities_are_tested_as_were_asked_for) {
  const auto rows = regular_rows(1467);
  SplitSettings options{.test_identities = 100};
  const Split split = split_of(rows, options);
  EXPECT_EQ(1367, split.train_identities);
  const auto tested = [&](int count) {
    options.test_identities = count;
    std::set<std::int64_t> identities;
    for (const auto& item : split_of(rows, options).query) identities.insert(item.identity);
    return identities;
  };
  const auto few = tested(100);
  const auto more = tested(150);
  EXPECT_EQ(100U, few.size());
  EXPECT_TRUE(std::includes(more.begin(), more.end(), few.begin(), few.end()));
  EXPECT_EQ(tested(0), tested(734));  // half, rounded up
}

TEST(SplitSides, published_test_sets_are_numbered_by_the_seed) {
  auto rows = regular_rows(20);
  for (PackRow& row : rows)
    row.sample.test_sets = std::uint64_t{1} << (row.sample.identity % 4);  // identity i in set i mod 4
  SplitSettings options{.partition = Partition::kPublished};
  for (options.seed = 0; options.seed < 4; ++options.seed) {
    const Split split = split_of(rows, options);
    EXPECT_EQ(15, split.train_identities);
    std::set<std::uint64_t> sets;
    for (const auto& item : split.gallery) sets.insert(static_cast<std::uint64_t>(item.identity) % 4);
    EXPECT_EQ(std::set<std::uint64_t>{options.seed}, sets);
  }
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

TEST(SplitSides, images_that_came_in_low_resolution_are_the_lr_side) {
  const auto rows = genuine_rows(20, 0);
  const Split split = split_of(rows, {});
  EXPECT_EQ(10, split.train_identities);
  EXPECT_EQ(20U, split.query.size());
  for (const auto& item : split.train) {
    EXPECT_EQ(item.camera == 1, item.has_hr);
    EXPECT_EQ(item.camera == 2, item.came_low);
  }
  for (const auto& item : split.query) EXPECT_TRUE(item.came_low && item.camera == 2);
  for (const auto& item : split.gallery) EXPECT_EQ(1, item.camera);
  SplitSettings options{.train_pool = TrainPool::kHrViewOnly};
  for (const auto& item : split_of(rows, options).train) EXPECT_EQ(1, item.camera);
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
